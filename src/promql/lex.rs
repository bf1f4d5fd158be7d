//! Tokens of the PromQL of Prometheus 3.16, with their places.
use super::error::{ParseError, Result, Span};
use super::{Options, literal, regexes};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tok<'a> {
    /// Identifier, metric name or keyword: which one depends on where it stands.
    Word(&'a str),
    Number(f64, &'a str),
    Duration(f64, &'a str),
    Str(Vec<u8>),
    /// Operators and punctuation, spelt as in the text.
    Sign(&'static str),
    End,
}

#[derive(Clone, Debug)]
pub(super) struct Token<'a> {
    pub(super) tok: Tok<'a>,
    pub(super) span: Span,
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    pos: usize,
    in_braces: bool,
    in_brackets: bool,
    /// Prometheus reads no comment between `[` and the first number.
    comments: bool,
    /// Letters of every script, and dots, in unquoted names.
    utf8: bool,
}

/// Longest first.
const SIGNS: [&str; 24] =
    ["==", "!=", "<=", "</", ">=", ">/", "=~", "!~", "<", ">", "=", "+", "-", "*", "/", "%", "^", "(", ")", "[", "]", ",", "@", "{"];
const BRACE_SIGNS: [&str; 6] = ["=~", "!~", "!=", "=", ",", "}"];

pub(super) fn tokens<'a>(text: &'a str, options: &Options) -> Result<Vec<Token<'a>>> {
    if text.len() > options.bytes {
        return Err(ParseError::bound(Span { start: options.bytes, end: text.len() }, "bytes in the query", options.bytes, text.len()));
    }
    let utf8 = options.features.unquoted_names;
    let mut lexer = Lexer { text, bytes: text.as_bytes(), pos: 0, in_braces: false, in_brackets: false, comments: true, utf8 };
    let (mut out, mut depth) = (Vec::with_capacity(text.len() / 3 + 1), 0usize);
    loop {
        let token = lexer.next()?;
        match token.tok {
            Tok::Sign("(") => depth += 1,
            Tok::Sign(")") => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > options.depth() {
            return Err(ParseError::bound(token.span, "levels of parentheses", options.depth(), depth));
        }
        if out.len() >= options.tokens {
            return Err(ParseError::bound(token.span, "tokens", options.tokens, out.len() + 1));
        }
        let end = token.tok == Tok::End;
        out.push(token);
        if end {
            return Ok(out);
        }
    }
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

impl<'a> Lexer<'a> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.pos).copied().unwrap_or(0)
    }

    /// The length of the non-ASCII letter here, where such letters are allowed; else 0.
    fn letter(&self) -> usize {
        if !self.utf8 || self.peek().is_ascii() {
            return 0;
        }
        self.text[self.pos..].chars().next().filter(|&c| regexes::is_letter(c)).map_or(0, char::len_utf8)
    }

    /// The length of what continues a name here; else 0.
    fn name_part(&self, colons: bool) -> usize {
        match self.peek() {
            b if is_word(b) || (colons && b == b':') || (self.utf8 && b == b'.') => 1,
            _ => self.letter(),
        }
    }

    fn accept(&mut self, set: &[u8]) -> bool {
        let hit = self.pos < self.bytes.len() && set.contains(&self.peek());
        self.pos += usize::from(hit);
        hit
    }

    fn fail<T>(&self, start: usize, message: impl Into<String>) -> Result<T> {
        Err(ParseError::syntax(Span { start, end: self.pos.max(start + 1).min(self.bytes.len().max(start)) }, message))
    }

    fn skip_blank(&mut self) {
        loop {
            match self.peek() {
                b' ' | b'\t' | b'\n' | b'\r' if self.pos < self.bytes.len() => self.pos += 1,
                b'#' if self.comments => {
                    while self.pos < self.bytes.len() && !matches!(self.peek(), b'\n' | b'\r') {
                        self.pos += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn next(&mut self) -> Result<Token<'a>> {
        self.skip_blank();
        let start = self.pos;
        if start == self.bytes.len() {
            if self.in_braces || self.in_brackets {
                return self.fail(start, "unexpected end of input inside braces or brackets");
            }
            return Ok(Token { tok: Tok::End, span: Span { start, end: start } });
        }
        let tok = match self.peek() {
            b'"' | b'\'' | b'`' => self.string()?,
            b'0'..=b'9' if !self.in_braces => self.number()?,
            b'.' if !self.in_braces && self.bytes.get(start + 1).is_some_and(u8::is_ascii_digit) => self.number()?,
            b':' if self.in_brackets => {
                self.pos += 1;
                Tok::Sign(":")
            }
            b if (is_word(b) && !b.is_ascii_digit()) || (b == b':' && !self.in_braces) || self.letter() > 0 => {
                let colons = !self.in_braces && !self.in_brackets;
                while let step @ 1.. = self.name_part(colons) {
                    self.pos += step;
                }
                match &self.text[start..self.pos] {
                    w if colons && (w.eq_ignore_ascii_case("inf") || w.eq_ignore_ascii_case("nan")) => {
                        Tok::Number(literal::number(w).unwrap_or(f64::NAN), w)
                    }
                    w => Tok::Word(w),
                }
            }
            _ => {
                let signs: &[&'static str] = if self.in_braces { &BRACE_SIGNS } else { &SIGNS };
                let Some(sign) = signs.iter().find(|s| self.text.as_bytes()[start..].starts_with(s.as_bytes())) else {
                    let c = self.text[start..].chars().next().unwrap_or(' ');
                    return self.fail(start, format!("unexpected character {c:?}"));
                };
                self.pos += sign.len();
                match *sign {
                    "{" => self.in_braces = true,
                    "}" => self.in_braces = false,
                    "[" if self.in_brackets => return self.fail(start, "unexpected left bracket"),
                    "[" => (self.in_brackets, self.comments) = (true, false),
                    "]" if !self.in_brackets => return self.fail(start, "unexpected right bracket"),
                    "]" => (self.in_brackets, self.comments) = (false, true),
                    _ => {}
                }
                Tok::Sign(sign)
            }
        };
        Ok(Token { tok, span: Span { start, end: self.pos } })
    }

    fn string(&mut self) -> Result<Tok<'a>> {
        let (start, quote) = (self.pos, self.peek());
        self.pos += 1;
        loop {
            match self.bytes.get(self.pos) {
                None => return self.fail(start, "unterminated string"),
                Some(b'\n') if quote != b'`' => return self.fail(start, "unterminated quoted string"),
                Some(b'\\') if quote != b'`' => self.pos += 2,
                Some(&b) => {
                    self.pos += 1;
                    if b == quote {
                        break;
                    }
                }
            }
        }
        let content = &self.text[start + 1..self.pos - 1];
        if let Some(at) = content.find('\u{FFFD}') {
            return self.fail(start + 1 + at, "invalid UTF-8 rune");
        }
        if quote == b'`' {
            return Ok(Tok::Str(content.as_bytes().to_vec()));
        }
        match literal::unquote(content, quote) {
            Ok(bytes) => Ok(Tok::Str(bytes)),
            Err((at, message)) => self.fail(start + 1 + at, message),
        }
    }

    fn number(&mut self) -> Result<Tok<'a>> {
        let start = self.pos;
        self.comments = true;
        if self.scan_number() {
            let text = &self.text[start..self.pos];
            return match literal::number(text) {
                Some(value) => Ok(Tok::Number(value, text)),
                None => self.fail(start, format!("error parsing number {text:?}")),
            };
        }
        if self.scan_duration() {
            let text = &self.text[start..self.pos];
            return match literal::duration(text) {
                Some(value) => Ok(Tok::Duration(value, text)),
                None => self.fail(start, format!("not a valid duration: {text:?}")),
            };
        }
        self.fail(start, "bad number or duration syntax")
    }

    /// The shape of numbers in Prometheus' lexer, oddities included (`0x1ee` is none).
    fn scan_number(&mut self) -> bool {
        let hex = self.accept(b"0") && self.accept(b"xX");
        let digits: &[u8] = if hex { b"0123456789abcdefABCDEF" } else { b"0123456789" };
        if hex {
            self.accept(b"_");
        }
        self.accept(b".");
        self.accept(digits);
        let (mut dot, mut exponent) = (false, false);
        let at_end = |l: &Self| l.pos == l.bytes.len();
        loop {
            if at_end(self) || !(digits.contains(&self.peek()) || b"._eE".contains(&self.peek())) {
                return at_end(self) || !is_word(self.peek());
            }
            if (dot && self.peek() == b'.') || (exponent && b"eE".contains(&self.peek())) {
                return false;
            }
            if self.accept(b".") {
                dot = true;
                if hex || self.accept(b"_.") {
                    return false;
                }
            } else if self.accept(b"eE") {
                exponent = true;
                self.accept(b"+-");
                if self.accept(b"._eE") || at_end(self) {
                    return false;
                }
            } else if self.accept(b"_") {
                if self.accept(b"._eE") || at_end(self) {
                    return false;
                }
            } else {
                while self.accept(digits) {}
            }
        }
    }

    /// The rest of a duration, after the number that could not be one.
    fn scan_duration(&mut self) -> bool {
        if !self.accept(b"smhdwy") {
            return false;
        }
        self.accept(b"s");
        while self.accept(b"0123456789") {
            while self.accept(b"0123456789") {}
            if !self.accept(b"smhdw") {
                return false;
            }
            self.accept(b"s");
        }
        self.pos == self.bytes.len() || !is_word(self.peek())
    }
}
