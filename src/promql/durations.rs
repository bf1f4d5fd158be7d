//! Duration expressions: `[5m + step()]`, `offset -(1h / 2)`, `[max_of(range(), 5m)]`.
//! They stay trees; [`Duration::eval`] gives the value for one query window.
use std::fmt::Write;

use super::error::{ParseError, Result, Span};
use super::lex::{Tok, Token};
use super::literal::fits_duration;
use super::window::Window;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Literal {
        seconds: f64,
        text: String,
    },
    Step,
    Range,
    /// `min_of` or `max_of`.
    Pick {
        max: bool,
        left: Box<Node>,
        right: Box<Node>,
    },
    Sign {
        minus: bool,
        inner: Box<Node>,
    },
    Paren(Box<Node>),
    Binary {
        op: char,
        left: Box<Node>,
        right: Box<Node>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Duration {
    pub(super) node: Node,
    pub(super) span: Span,
    /// A range or a resolution must be greater than zero; an offset need not be.
    pub(super) positive: bool,
}

const NANOS_PER_MS: i64 = 1_000_000;

impl Duration {
    /// The value of a plain (possibly signed) number; None for an expression.
    fn literal(&self) -> Option<f64> {
        fn of(node: &Node) -> Option<f64> {
            match node {
                Node::Literal { seconds, .. } => Some(*seconds),
                Node::Sign { minus, inner } => of(inner).map(|v| if *minus { -v } else { v }),
                _ => None,
            }
        }
        // Upstream lets NaN pass here; it stays as written and has no value.
        of(&self.node).filter(|v| !v.is_nan())
    }

    pub(super) fn is_literal(&self) -> bool {
        self.literal().is_some()
    }

    /// Does the value change with the query's step or range?
    pub(super) fn depends_on_window(&self) -> bool {
        fn any(node: &Node) -> bool {
            match node {
                Node::Literal { .. } => false,
                Node::Step | Node::Range => true,
                Node::Sign { inner, .. } | Node::Paren(inner) => any(inner),
                Node::Pick { left, right, .. } | Node::Binary { left, right, .. } => any(left) || any(right),
            }
        }
        any(&self.node)
    }

    /// Nanoseconds. Literals are rounded to a nanosecond, expressions cut to a millisecond, as upstream.
    pub(super) fn eval(&self, window: Window) -> Result<i64> {
        let fail = |message: &str| Err(ParseError::meaning(self.span, message));
        let literal = self.literal();
        let seconds = match literal {
            Some(value) => value,
            None => value(&self.node, window).map_err(|message| ParseError::meaning(self.span, message))?,
        };
        if !seconds.is_finite() {
            return fail("duration is NaN or infinite");
        }
        if self.positive && seconds <= 0.0 {
            return fail("duration must be greater than 0");
        }
        if !fits_duration(seconds) {
            return fail("duration out of range");
        }
        let nanos = match literal {
            Some(value) => (value * 1e9).round() as i64,
            None => ((seconds * 1000.0) as i64).saturating_mul(NANOS_PER_MS),
        };
        // Upstream goes on with a zero here, which no text can say.
        if self.positive && nanos == 0 {
            return fail("duration is too short");
        }
        Ok(nanos)
    }

    /// Milliseconds, cut towards zero.
    pub(super) fn eval_ms(&self, window: Window) -> Result<i64> {
        Ok(self.eval(window)? / NANOS_PER_MS)
    }

    /// What can be checked without knowing the window.
    fn check(self) -> Result<Duration> {
        fn walk(node: &Node, span: Span) -> Result<()> {
            match node {
                Node::Literal { seconds, .. } if !fits_duration(*seconds) => Err(ParseError::meaning(span, "duration out of range")),
                Node::Literal { .. } | Node::Step | Node::Range => Ok(()),
                Node::Sign { inner, .. } | Node::Paren(inner) => walk(inner, span),
                Node::Pick { left, right, .. } => walk(left, span).and(walk(right, span)),
                Node::Binary { op, left, right } => match (op, &**right) {
                    ('/', Node::Literal { seconds, .. }) if *seconds == 0.0 => Err(ParseError::meaning(span, "division by zero")),
                    ('%', Node::Literal { seconds, .. }) if *seconds == 0.0 => Err(ParseError::meaning(span, "modulo by zero")),
                    _ => walk(left, span).and(walk(right, span)),
                },
            }
        }
        walk(&self.node, self.span)?;
        if self.is_literal() {
            self.eval(Window::default())?;
        }
        Ok(self)
    }

    /// As written, between brackets.
    pub(super) fn write(&self, out: &mut String) {
        write_node(&self.node, out);
    }

    /// As written, after `offset`: signed parentheses, unlike bare ones, do not take the operators that follow.
    pub(super) fn write_offset(&self, out: &mut String) {
        let term = |node: &Node| !matches!(node, Node::Sign { .. } | Node::Binary { .. });
        let inner = match &self.node {
            Node::Paren(inner) => inner,
            Node::Sign { inner, .. } if term(inner) => return self.write(out),
            node if term(node) => return self.write(out),
            node => node,
        };
        out.push_str("+(");
        write_node(inner, out);
        out.push(')');
    }
}

fn value(node: &Node, window: Window) -> std::result::Result<f64, &'static str> {
    Ok(match node {
        Node::Literal { seconds, .. } => *seconds,
        Node::Step => window.step_ms as f64 / 1000.0,
        Node::Range => window.range_ms as f64 / 1000.0,
        Node::Paren(inner) => value(inner, window)?,
        Node::Sign { minus, inner } => {
            let v = value(inner, window)?;
            if *minus { -v } else { v }
        }
        Node::Pick { max, left, right } => {
            let (l, r) = (value(left, window)?, value(right, window)?);
            if l.is_nan() || r.is_nan() {
                f64::NAN
            } else if *max {
                l.max(r)
            } else {
                l.min(r)
            }
        }
        Node::Binary { op, left, right } => {
            let (l, r) = (value(left, window)?, value(right, window)?);
            match op {
                '+' => l + r,
                '-' => l - r,
                '*' => l * r,
                '/' if r == 0.0 => return Err("division by zero"),
                '/' => l / r,
                '%' if r == 0.0 => return Err("modulo by zero"),
                '%' => l % r,
                _ => l.powf(r),
            }
        }
    })
}

fn write_node(node: &Node, out: &mut String) {
    match node {
        Node::Literal { text, .. } => out.push_str(text),
        Node::Step => out.push_str("step()"),
        Node::Range => out.push_str("range()"),
        Node::Paren(inner) => {
            out.push('(');
            write_node(inner, out);
            out.push(')');
        }
        Node::Sign { minus, inner } => {
            out.push(if *minus { '-' } else { '+' });
            write_node(inner, out);
        }
        Node::Pick { max, left, right } => {
            out.push_str(if *max { "max_of(" } else { "min_of(" });
            write_node(left, out);
            out.push_str(", ");
            write_node(right, out);
            out.push(')');
        }
        Node::Binary { op, left, right } => {
            write_node(left, out);
            let _ = write!(out, " {op} ");
            write_node(right, out);
        }
    }
}

/// One spelling for a number of nanoseconds: `1h30m`, `-5m`; odd ones as seconds, `0.0005`.
pub(super) fn write_nanos(nanos: i64, out: &mut String) {
    if nanos < 0 {
        out.push('-');
    }
    let mut rest = nanos.unsigned_abs();
    if rest == 0 {
        out.push_str("0s");
    } else if !rest.is_multiple_of(NANOS_PER_MS as u64) {
        let _ = write!(out, "{}.{:09}", rest / 1_000_000_000, rest % 1_000_000_000);
    } else {
        for (unit, size) in [("d", 86_400_000u64), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            let size = size * NANOS_PER_MS as u64;
            if rest >= size {
                let _ = write!(out, "{}{unit}", rest / size);
                rest %= size;
            }
        }
    }
}

/// Reads durations from a token stream.
pub(super) struct Reader<'t, 'a> {
    pub(super) tokens: &'t [Token<'a>],
    pub(super) at: usize,
    depth: usize,
}

impl<'t, 'a> Reader<'t, 'a> {
    pub(super) fn new(tokens: &'t [Token<'a>], at: usize) -> Self {
        Reader { tokens, at, depth: 0 }
    }

    /// A range or a resolution: a whole expression.
    pub(super) fn positive(&mut self) -> Result<Duration> {
        let from = self.at;
        let node = self.expression(0)?;
        Duration { node, span: self.span_from(from), positive: true }.check()
    }

    /// An offset. It ends after one term (`offset 5m * 2` multiplies the samples) unless it starts with a
    /// bare parenthesis or two signs: then Prometheus' grammar takes the operators that follow as well.
    pub(super) fn offset(&mut self) -> Result<Duration> {
        let from = self.at;
        let signed = matches!(self.tok(0), Tok::Sign("+" | "-"));
        let node = match self.tok(usize::from(signed)) {
            Tok::Sign("(") if !signed => self.expression(0)?,
            Tok::Sign("+" | "-") => self.expression(0)?,
            _ if signed => {
                let minus = self.tok(0) == &Tok::Sign("-");
                self.at += 1;
                Node::Sign { minus, inner: Box::new(self.term()?) }
            }
            _ => self.term()?,
        };
        Duration { node, span: self.span_from(from), positive: false }.check()
    }

    fn tok(&self, ahead: usize) -> &Tok<'a> {
        self.tokens.get(self.at + ahead).map_or(&Tok::End, |t| &t.tok)
    }

    fn span_from(&self, from: usize) -> Span {
        self.tokens[from].span.to(self.tokens[self.at.max(from + 1) - 1].span)
    }

    fn expect(&mut self, sign: &'static str) -> Result<()> {
        if self.tok(0) != &Tok::Sign(sign) {
            return Err(ParseError::syntax(self.tokens[self.at].span, format!("expected {sign:?} in duration")));
        }
        self.at += 1;
        Ok(())
    }

    fn expression(&mut self, min_power: u8) -> Result<Node> {
        self.depth += 1;
        if self.depth > 100 {
            return Err(ParseError::syntax(self.tokens[self.at].span, "duration is nested too deeply"));
        }
        const UNARY: u8 = 4;
        let mut left = if let Tok::Sign(sign @ ("+" | "-")) = *self.tok(0) {
            self.at += 1;
            Node::Sign { minus: sign == "-", inner: Box::new(self.expression(UNARY + 1)?) }
        } else {
            self.term()?
        };
        let mut links = 0;
        while let Tok::Sign(sign) = *self.tok(0) {
            // (binds at least, operand on the right binds at least)
            let (power, right_power) = match sign {
                "+" | "-" => (2, 3),
                "*" | "/" | "%" => (4, 5),
                "^" => (6, 6),
                _ => break,
            };
            if power < min_power {
                break;
            }
            links += 1;
            if links > 100 {
                return Err(ParseError::syntax(self.tokens[self.at].span, "duration has too many terms"));
            }
            self.at += 1;
            let right = self.expression(right_power)?;
            left = Node::Binary { op: sign.chars().next().unwrap_or('+'), left: Box::new(left), right: Box::new(right) };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn term(&mut self) -> Result<Node> {
        let span = self.tokens[self.at].span;
        let node = match self.tok(0) {
            Tok::Number(seconds, text) | Tok::Duration(seconds, text) => Node::Literal { seconds: *seconds, text: (*text).to_owned() },
            Tok::Sign("(") => {
                self.at += 1;
                let inner = self.expression(0)?;
                self.expect(")")?;
                return Ok(Node::Paren(Box::new(inner)));
            }
            Tok::Word(word) => {
                let word = word.to_ascii_lowercase();
                if !matches!(word.as_str(), "step" | "range" | "min_of" | "max_of") {
                    return Err(ParseError::syntax(span, "expected number, duration, step(), range(), min_of() or max_of()"));
                }
                self.at += 1;
                self.expect("(")?;
                match word.as_str() {
                    "step" | "range" => {
                        self.expect(")")?;
                        return Ok(if word == "step" { Node::Step } else { Node::Range });
                    }
                    _ => {
                        let left = Box::new(self.expression(0)?);
                        self.expect(",")?;
                        let right = Box::new(self.expression(0)?);
                        self.expect(")")?;
                        return Ok(Node::Pick { max: word == "max_of", left, right });
                    }
                }
            }
            _ => return Err(ParseError::syntax(span, "expected number, duration, step() or range()")),
        };
        self.at += 1;
        Ok(node)
    }
}
