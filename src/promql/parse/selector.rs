//! Selectors: a name, matchers in braces.

use super::Parser;
use crate::promql::ast::{Expr, MatchOp, Matcher, Node, Selector, Type};
use crate::promql::error::{ParseError, Result};
use crate::promql::lex::Tok;
use crate::promql::regexes;

impl Parser<'_, '_> {
    pub(super) fn selector(&mut self, name: Option<&str>) -> Result<()> {
        let from = self.at;
        let may_be_empty = self.in_info_selector();
        self.at += usize::from(name.is_some());
        let matchers = if self.is("{") { self.matchers()? } else { Vec::new() };
        let span = self.span_from(from);
        self.selectors += 1;
        if self.selectors > self.options.selectors {
            return Err(ParseError::bound(span, "selectors", self.options.selectors, self.selectors));
        }
        if name.is_some() && matchers.iter().any(|m| m.label == b"__name__") {
            return Err(ParseError::meaning(span, "metric name must not be set twice"));
        }
        if name.is_none() && !may_be_empty && !matchers.iter().any(|m| excludes_empty(m.op, &m.value)) {
            return Err(ParseError::meaning(span, "vector selector must contain at least one non-empty matcher"));
        }
        let name = name.map(str::to_owned);
        let selector = Selector { name, matchers, range: None, offset: None, at: None, edges: None };
        self.operands.push(Expr { node: Node::Selector(Box::new(selector)), kind: Type::Vector, span });
        Ok(())
    }

    fn matchers(&mut self) -> Result<Vec<Matcher>> {
        self.expect("{", "selector")?;
        let mut out = Vec::new();
        while !self.is("}") {
            self.matchers += 1;
            if self.matchers > self.options.matchers {
                return Err(ParseError::bound(self.span(), "label matchers", self.options.matchers, self.matchers));
            }
            out.push(self.matcher()?);
            if !self.is("}") {
                self.expect(",", "label matching")?;
            }
        }
        self.at += 1;
        Ok(out)
    }

    fn matcher(&mut self) -> Result<Matcher> {
        let (label, quoted) = match self.tok() {
            Tok::Word(word) => (word.as_bytes().to_vec(), false),
            Tok::Str(bytes) => (bytes.clone(), true),
            _ => return self.unexpected("label matching, expected identifier or \"}\""),
        };
        self.at += 1;
        let op = match self.tok() {
            Tok::Sign("=") => MatchOp::Equal,
            Tok::Sign("!=") => MatchOp::NotEqual,
            Tok::Sign("=~") => MatchOp::Regex,
            Tok::Sign("!~") => MatchOp::NotRegex,
            _ if quoted => return Ok(Matcher { label: b"__name__".to_vec(), op: MatchOp::Equal, value: label }),
            _ => return self.unexpected("label matching, expected label matching operator"),
        };
        self.at += 1;
        let Tok::Str(value) = self.tok() else { return self.unexpected("label matching, expected string") };
        self.check_regex(op, value)?;
        self.at += 1;
        Ok(Matcher { label, op, value: value.clone() })
    }

    fn check_regex(&self, op: MatchOp, value: &[u8]) -> Result<()> {
        if !matches!(op, MatchOp::Regex | MatchOp::NotRegex) {
            return Ok(());
        }
        if value.len() > self.options.regex_bytes {
            return Err(ParseError::bound(self.span(), "bytes in a regular expression", self.options.regex_bytes, value.len()));
        }
        match std::str::from_utf8(value).map(regexes::broken) {
            Ok(None) => Ok(()),
            Ok(Some(error)) => Err(ParseError::meaning(self.span(), format!("error parsing regexp: {error}"))),
            Err(_) => Err(ParseError::meaning(self.span(), "error parsing regexp: invalid UTF-8")),
        }
    }
}

/// Not a decision about tenants: only whether Prometheus would find the selector too wide. When we cannot tell, it may pass.
pub(in crate::promql) fn excludes_empty(op: MatchOp, value: &[u8]) -> bool {
    let empty = || std::str::from_utf8(value).ok().and_then(regexes::matches_empty);
    match op {
        MatchOp::Equal => !value.is_empty(),
        MatchOp::NotEqual => value.is_empty(),
        MatchOp::Regex => empty() != Some(true),
        MatchOp::NotRegex => empty() != Some(false),
    }
}
