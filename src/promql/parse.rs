//! From tokens to a tree. One stack of operands and one of operators, no recursion: nothing a user writes makes the stack deep here.

use super::ast::{Aggregate, Expr, Grouping, Node, Operator, Type};
use super::error::{ParseError, Result, Span};
use super::features;
use super::functions::{self, Function};
use super::lex::{self, Tok, Token};
use super::operators::{RIGHT_POWER, UNARY_POWER};
use super::types;
use super::{Options, durations};

mod modifiers;
mod operator;
mod selector;

pub(super) use selector::excludes_empty;

/// Reads one expression.
pub(super) fn parse(text: &str, options: &Options) -> Result<Expr> {
    read(text, options).map_err(|error| error.locate(text))
}

fn read(text: &str, options: &Options) -> Result<Expr> {
    let tokens = lex::tokens(text, options)?;
    let parser = Parser {
        tokens: &tokens,
        at: 0,
        options,
        operands: Vec::with_capacity(8),
        pending: Vec::with_capacity(8),
        operators: 0,
        right_operators: 0,
        matchers: 0,
        selectors: 0,
    };
    parser.expression()
}

/// What waits for the operands after it.
enum Pending {
    Unary { minus: bool, span: Span },
    Binary(Operator),
    Open { opener: Opener, span: Span, base: usize },
}

enum Opener {
    Paren,
    Call(&'static Function),
    /// With its grouping when that came before the parenthesis.
    Aggregation(&'static str, Option<Grouping>),
}

struct Parser<'t, 'a> {
    tokens: &'t [Token<'a>],
    at: usize,
    options: &'t Options,
    operands: Vec<Expr>,
    pending: Vec<Pending>,
    operators: usize,
    right_operators: usize,
    matchers: usize,
    selectors: usize,
}

impl<'t, 'a> Parser<'t, 'a> {
    fn tok(&self) -> &'t Tok<'a> {
        &self.tokens[self.at].tok
    }

    fn next_is(&self, sign: &'static str) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|t| t.tok == Tok::Sign(sign))
    }

    fn span(&self) -> Span {
        self.tokens[self.at].span
    }

    /// From the token at index `from` to the last one read.
    fn span_from(&self, from: usize) -> Span {
        self.tokens[from].span.to(self.tokens[self.at.max(from + 1) - 1].span)
    }

    /// Is the token this word, in any case?
    fn is_word(&self, word: &str) -> bool {
        matches!(self.tok(), Tok::Word(w) if w.eq_ignore_ascii_case(word))
    }

    /// The one of the words that the token is, in any case.
    fn one_of(&self, words: &[&'static str]) -> Option<&'static str> {
        let Tok::Word(word) = self.tok() else { return None };
        words.iter().find(|w| w.eq_ignore_ascii_case(word)).copied()
    }

    fn is(&self, sign: &'static str) -> bool {
        self.tok() == &Tok::Sign(sign)
    }

    fn accept(&mut self, sign: &'static str) -> bool {
        let hit = self.is(sign);
        self.at += usize::from(hit);
        hit
    }

    fn expect(&mut self, sign: &'static str, context: &str) -> Result<()> {
        if self.accept(sign) { Ok(()) } else { self.unexpected(&format!("{context}, expected {sign:?}")) }
    }

    fn unexpected<T>(&self, context: &str) -> Result<T> {
        let what = match self.tok() {
            Tok::Word(word) => format!("{word:?}"),
            Tok::Number(_, text) | Tok::Duration(_, text) => format!("number {text:?}"),
            Tok::Str(_) => "string".into(),
            Tok::Sign(sign) => format!("{sign:?}"),
            Tok::End => "end of input".into(),
        };
        Err(ParseError::syntax(self.span(), format!("unexpected {what} in {context}")))
    }

    /// Walks the whole text; says at each token whether an operand or an operator has to come.
    fn expression(mut self) -> Result<Expr> {
        if self.tok() == &Tok::End {
            return Err(ParseError::syntax(self.span(), "no expression found in input"));
        }
        loop {
            if !self.operand()? {
                continue;
            }
            // Closing brackets and modifiers, until an operator or a comma asks for the next operand.
            loop {
                match self.tok() {
                    Tok::End => return self.end(),
                    Tok::Sign(")") => self.close()?,
                    Tok::Sign(",") if self.in_arguments() => {
                        self.at += 1;
                        if self.is(")") {
                            return Err(ParseError::syntax(self.span(), "trailing commas not allowed in function call args"));
                        }
                        self.reduce(0)?;
                        break;
                    }
                    _ if self.modifier()? => {}
                    _ => {
                        self.binary()?;
                        break;
                    }
                }
            }
        }
    }

    fn end(mut self) -> Result<Expr> {
        self.reduce(0)?;
        if let Some(Pending::Open { span, .. }) = self.pending.last() {
            return Err(ParseError::syntax(*span, "unclosed left parenthesis"));
        }
        match (self.operands.pop(), self.operands.is_empty(), self.pending.is_empty()) {
            (Some(tree), true, true) => Ok(tree),
            _ => Err(internal(self.span())),
        }
    }

    fn in_arguments(&self) -> bool {
        let opener = self.pending.iter().rev().find_map(|p| match p {
            Pending::Open { opener, .. } => Some(opener),
            _ => None,
        });
        matches!(opener, Some(Opener::Call(_) | Opener::Aggregation(..)))
    }

    /// One operand or the beginning of one. False: the operand goes on, after a sign or a parenthesis.
    fn operand(&mut self) -> Result<bool> {
        let span = self.span();
        match self.tok() {
            Tok::Number(value, _) | Tok::Duration(value, _) => {
                self.operands.push(Expr { node: Node::Number(*value), kind: Type::Scalar, span });
            }
            Tok::Str(bytes) => self.operands.push(Expr { node: Node::Str(bytes.clone()), kind: Type::String, span }),
            Tok::Sign(sign @ ("+" | "-")) => {
                self.count_operator(span, true)?;
                self.at += 1;
                self.pending.push(Pending::Unary { minus: *sign == "-", span });
                return Ok(false);
            }
            Tok::Sign("(") => {
                self.at += 1;
                self.open(Opener::Paren, span);
                return Ok(false);
            }
            Tok::Sign("{") => return self.selector(None).map(|()| true),
            Tok::Word(word) => return self.named(word),
            _ => return self.unexpected("expression"),
        }
        self.at += 1;
        Ok(true)
    }

    /// A word where an operand must come: aggregation, function or metric name.
    fn named(&mut self, word: &'a str) -> Result<bool> {
        let called = self.next_is("(");
        if let Some(name) = functions::aggregator(word) {
            let next = self.tokens.get(self.at + 1).map(|t| &t.tok);
            let grouped = matches!(next, Some(Tok::Word(w)) if w.eq_ignore_ascii_case("by") || w.eq_ignore_ascii_case("without"));
            if called || grouped {
                return self.aggregation(name, grouped);
            }
        } else if called {
            return self.call(word);
        }
        if self.one_of(&["bool", "on", "ignoring", "group_left", "group_right", "atan2"]).is_some() {
            return self.unexpected("expression");
        }
        self.selector(Some(word)).map(|()| true)
    }

    fn aggregation(&mut self, name: &'static str, grouped: bool) -> Result<bool> {
        let span = self.span();
        if functions::is_experimental_aggregator(name) && !self.options.features.experimental_functions {
            return Err(ParseError::disabled(span, name, features::EXPERIMENTAL_FUNCTIONS));
        }
        self.at += 1;
        let grouping = if grouped { Some(self.grouping()?) } else { None };
        self.expect("(", "aggregation")?;
        if self.is(")") {
            return Err(ParseError::syntax(self.span(), "no arguments for aggregate expression provided"));
        }
        self.open(Opener::Aggregation(name, grouping), span);
        Ok(false)
    }

    fn call(&mut self, word: &str) -> Result<bool> {
        let from = self.at;
        let span = self.span();
        let Some(function) = functions::function(word) else {
            return Err(ParseError::syntax(span, format!("unknown function with name {word:?}")));
        };
        if function.experimental && !self.options.features.experimental_functions {
            return Err(ParseError::disabled(span, &format!("function {word:?}"), features::EXPERIMENTAL_FUNCTIONS));
        }
        self.at += 2;
        if self.accept(")") {
            let call = types::call(function, Vec::new(), self.span_from(from))?;
            self.operands.push(call);
            return Ok(true);
        }
        self.open(Opener::Call(function), span);
        Ok(false)
    }

    fn open(&mut self, opener: Opener, span: Span) {
        self.pending.push(Pending::Open { opener, span, base: self.operands.len() });
    }

    /// Takes the innermost parenthesis, with all that was read since, as one operand.
    fn close(&mut self) -> Result<()> {
        self.reduce(0)?;
        let Some(Pending::Open { opener, span, base }) = self.pending.pop() else {
            return self.unexpected("expression: no parenthesis is open");
        };
        let span = span.to(self.span());
        self.at += 1;
        let mut args = self.operands.split_off(base);
        let operand = match opener {
            Opener::Paren => {
                let inner = args.pop().ok_or_else(|| internal(span))?;
                let kind = inner.kind;
                Expr { node: Node::Paren(Box::new(inner)), kind, span }
            }
            Opener::Call(function) => types::call(function, args, span)?,
            Opener::Aggregation(name, grouping) => types::aggregate(name, grouping, args, span)?,
        };
        self.operands.push(operand);
        Ok(())
    }

    /// Ends every pending operation that binds at least as tightly as `power`, up to the innermost parenthesis.
    fn reduce(&mut self, power: u8) -> Result<()> {
        loop {
            let ends = match self.pending.last() {
                Some(Pending::Unary { .. }) => UNARY_POWER >= power,
                // The same power again: `^` goes on to the right, all others end here.
                Some(Pending::Binary(operator)) => operator.sign.power > power || (operator.sign.power == power && power != RIGHT_POWER),
                Some(Pending::Open { .. }) | None => false,
            };
            if !ends {
                return Ok(());
            }
            let right = self.operands.pop().ok_or_else(|| internal(self.span()))?;
            let operand = match self.pending.pop() {
                Some(Pending::Unary { minus, span }) => types::unary(minus, right, span)?,
                Some(Pending::Binary(operator)) => {
                    let left = self.operands.pop().ok_or_else(|| internal(self.span()))?;
                    types::binary(operator, left, right)?
                }
                _ => return Err(internal(self.span())),
            };
            self.operands.push(operand);
        }
    }

    fn count_operator(&mut self, span: Span, right: bool) -> Result<()> {
        self.operators += 1;
        self.right_operators += usize::from(right);
        let (limit, right_limit) = (self.options.operators, self.options.right_operators);
        if self.operators > limit {
            return Err(ParseError::bound(span, "operators", limit, self.operators));
        }
        if self.right_operators > right_limit {
            return Err(ParseError::bound(span, "signs and powers", right_limit, self.right_operators));
        }
        Ok(())
    }

    fn duration(&mut self, read: fn(&mut durations::Reader<'t, 'a>) -> Result<durations::Duration>) -> Result<durations::Duration> {
        let mut reader = durations::Reader::new(self.tokens, self.at);
        let duration = read(&mut reader)?;
        self.at = reader.at;
        Ok(duration)
    }

    /// `by (…)` or `without (…)`.
    fn grouping(&mut self) -> Result<Grouping> {
        let without = self.is_word("without");
        self.at += 1;
        Ok(Grouping { without, labels: self.labels()? })
    }

    /// Is the innermost pending thing the start of the second argument of `info()`?
    fn in_info_selector(&self) -> bool {
        matches!(self.pending.last(), Some(Pending::Open { opener: Opener::Call(f), base, .. }) if f.name == "info" && self.operands.len() == base + 1)
    }

    /// The aggregation that has just been closed and may still take `by` or `without`.
    fn open_grouping(&mut self) -> Option<&mut Aggregate> {
        match self.operands.last_mut() {
            Some(Expr { node: Node::Aggregate(aggregate), .. }) if aggregate.grouping.is_none() => Some(aggregate),
            _ => None,
        }
    }
}

fn internal(span: Span) -> ParseError {
    ParseError::new(super::ErrorKind::Internal, span, "operands and operators do not add up")
}
