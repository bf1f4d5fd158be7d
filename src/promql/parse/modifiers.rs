//! What follows an operand: `[…]`, `@`, `offset`, `anchored`, `smoothed`, `by`, `without`. They bind tighter than any operator.

use super::Parser;
use crate::promql::ast::{At, Edges, Expr, Node, Subquery, Type};
use crate::promql::durations::{Duration, Reader};
use crate::promql::error::{ParseError, Result, Span};
use crate::promql::lex::Tok;

impl Parser<'_, '_> {
    /// False: the token is no modifier.
    pub(super) fn modifier(&mut self) -> Result<bool> {
        let word = self.one_of(&["offset", "anchored", "smoothed", "by", "without"]);
        match (self.tok(), word) {
            (Tok::Sign("["), _) => self.range()?,
            (Tok::Sign("@"), _) => self.at()?,
            (_, Some("offset")) => self.offset()?,
            (_, Some("anchored")) => self.edges(Edges::Anchored)?,
            (_, Some("smoothed")) => self.edges(Edges::Smoothed)?,
            (_, Some("by" | "without")) if self.open_grouping().is_some() => {
                let grouping = self.grouping()?;
                if let Some(aggregate) = self.open_grouping() {
                    aggregate.grouping = Some(grouping);
                }
                self.stretch();
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Makes the operand's span reach to the last token read.
    fn stretch(&mut self) {
        let end = self.tokens[self.at - 1].span.end;
        if let Some(operand) = self.operands.last_mut() {
            operand.span.end = end;
        }
    }

    fn range(&mut self) -> Result<()> {
        let from = self.at;
        self.at += 1;
        let range = self.duration(Reader::positive)?;
        if !self.accept(":") {
            self.expect("]", "subquery or range")?;
            let span = self.span_from(from);
            return self.matrix(range, span);
        }
        let step = if self.is("]") { None } else { Some(self.duration(Reader::positive)?) };
        self.expect("]", "subquery selector")?;
        let Some(inner) = self.operands.pop() else { return self.unexpected("expression") };
        if inner.kind != Type::Vector {
            let message = format!("subquery is only allowed on instant vector, got {} instead", inner.kind.name());
            return Err(ParseError::meaning(inner.span, message));
        }
        let span = Span { start: inner.span.start, end: self.tokens[self.at - 1].span.end };
        let subquery = Subquery { inner, range, step, offset: None, at: None };
        self.operands.push(Expr { node: Node::Subquery(Box::new(subquery)), kind: Type::Matrix, span });
        Ok(())
    }

    fn matrix(&mut self, range: Duration, brackets: Span) -> Result<()> {
        let problem = match self.operands.last_mut() {
            Some(Expr { node: Node::Selector(selector), kind, .. }) if selector.range.is_none() => {
                if selector.offset.is_some() {
                    "no offset modifiers allowed before range"
                } else if selector.at.is_some() {
                    "no @ modifiers allowed before range"
                } else {
                    selector.range = Some(range);
                    *kind = Type::Matrix;
                    self.stretch();
                    return Ok(());
                }
            }
            _ => "ranges only allowed for vector selectors",
        };
        Err(ParseError::meaning(brackets, problem))
    }

    fn offset(&mut self) -> Result<()> {
        let word = self.span();
        self.at += 1;
        let duration = self.duration(Reader::offset)?;
        let slot = match self.operands.last_mut().map(|e| &mut e.node) {
            Some(Node::Selector(selector)) => &mut selector.offset,
            Some(Node::Subquery(subquery)) => &mut subquery.offset,
            _ => {
                let message = "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery";
                return Err(ParseError::meaning(word, message));
            }
        };
        if slot.is_some() {
            return Err(ParseError::meaning(word, "offset may not be set multiple times"));
        }
        // Upstream, a plain zero leaves no trace (`foo offset 0s [5m]` is valid), an expression does.
        if !(duration.is_literal() && duration.eval(Default::default()) == Ok(0)) {
            *slot = Some(duration);
        }
        self.stretch();
        Ok(())
    }

    fn at(&mut self) -> Result<()> {
        let sign = self.span();
        self.at += 1;
        let at = self.moment()?;
        let slot = match self.operands.last_mut().map(|e| &mut e.node) {
            Some(Node::Selector(selector)) => &mut selector.at,
            Some(Node::Subquery(subquery)) => &mut subquery.at,
            _ => {
                let message = "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery";
                return Err(ParseError::meaning(sign, message));
            }
        };
        if slot.replace(at).is_some() {
            return Err(ParseError::meaning(sign, "@ <timestamp> may not be set multiple times"));
        }
        self.stretch();
        Ok(())
    }

    fn moment(&mut self) -> Result<At> {
        const LIMIT: f64 = i64::MAX as f64;
        let negative = self.is("-");
        let signed = negative || self.is("+");
        self.at += usize::from(signed);
        if let Tok::Number(value, _) | Tok::Duration(value, _) = self.tok() {
            let seconds = if negative { -value } else { *value };
            if !(-LIMIT..LIMIT).contains(&seconds) || seconds == -LIMIT {
                return Err(ParseError::meaning(self.span(), "timestamp out of bounds for @ modifier"));
            }
            self.at += 1;
            return Ok(At::Millis((seconds * 1000.0).round() as i64));
        }
        let at = match self.one_of(&["start", "end"]) {
            Some("start") if !signed && self.next_is("(") => At::Start,
            Some("end") if !signed && self.next_is("(") => At::End,
            _ => return self.unexpected("@, expected timestamp"),
        };
        self.at += 2;
        self.expect(")", "@")?;
        Ok(at)
    }

    fn edges(&mut self, edges: Edges) -> Result<()> {
        let name = if edges == Edges::Anchored { "anchored" } else { "smoothed" };
        let selector = match self.operands.last_mut().map(|e| &mut e.node) {
            Some(Node::Selector(selector)) => selector,
            _ => return Err(ParseError::meaning(self.span(), format!("{name} modifier must follow a selector"))),
        };
        if selector.edges.is_some_and(|e| e != edges) {
            return Err(ParseError::meaning(self.span(), "anchored and smoothed modifiers cannot be used together"));
        }
        selector.edges = Some(edges);
        self.at += 1;
        self.stretch();
        Ok(())
    }
}
