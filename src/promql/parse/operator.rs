//! A binary operator and everything between it and its right side.

use super::Parser;
use super::Pending;
use crate::promql::ast::{Group, Matching, Operator};
use crate::promql::error::{ParseError, Result};
use crate::promql::features;
use crate::promql::lex::Tok;
use crate::promql::operators::{self, Family};

impl Parser<'_, '_> {
    pub(super) fn binary(&mut self) -> Result<()> {
        let sign = match self.tok() {
            Tok::Sign(text) => operators::find(text),
            Tok::Word(text) => operators::find(text),
            _ => None,
        };
        let Some(sign) = sign else { return self.unexpected("expression, expected operator") };
        let span = self.span();
        self.at += 1;
        let mut operator = Operator { sign, returns_bool: false, matching: None, fill_left: None, fill_right: None, span };
        if self.is_word("bool") {
            if sign.family != Family::Comparison {
                return Err(ParseError::meaning(self.span(), "bool modifier can only be used on comparison operators"));
            }
            operator.returns_bool = true;
            self.at += 1;
        }
        self.matching(&mut operator)?;
        self.fill(&mut operator)?;
        self.count_operator(span, sign.groups_right())?;
        self.reduce(sign.power)?;
        self.pending.push(Pending::Binary(operator));
        Ok(())
    }

    fn matching(&mut self, operator: &mut Operator) -> Result<()> {
        let Some(word) = self.one_of(&["on", "ignoring"]) else {
            return if self.one_of(&["group_left", "group_right"]).is_some() { self.unexpected("expression") } else { Ok(()) };
        };
        self.at += 1;
        let mut matching = Matching { on: word == "on", labels: self.labels()?, group: None };
        if let Some(side) = self.one_of(&["group_left", "group_right"]) {
            let span = self.span();
            self.at += 1;
            let include = if self.is("(") { self.labels()? } else { Vec::new() };
            if let Some(both) = matching.labels.iter().find(|l| matching.on && include.contains(l)) {
                return Err(ParseError::meaning(span, format!("label {both:?} must not occur in ON and GROUP clause at once")));
            }
            matching.group = Some(Group { left: side == "group_left", include });
        }
        operator.matching = Some(matching);
        Ok(())
    }

    /// `fill(…)`, or `fill_left(…)` and `fill_right(…)` in any order. Without a parenthesis they are metric names.
    fn fill(&mut self, operator: &mut Operator) -> Result<()> {
        for round in 0..2 {
            let Some(word) = self.one_of(&["fill", "fill_left", "fill_right"]).filter(|_| self.next_is("(")) else { return Ok(()) };
            if !self.options.features.fill_modifiers {
                return Err(ParseError::disabled(self.span(), "binop fill modifier", features::FILL_MODIFIERS));
            }
            let (left, right) = (word != "fill_right", word != "fill_left");
            let taken = operator.fill_left.is_some() && left || operator.fill_right.is_some() && right;
            if taken || (round == 1 && word == "fill") {
                return self.unexpected("expression");
            }
            self.at += 2;
            let negative = self.is("-");
            self.at += usize::from(negative || self.is("+"));
            let (Tok::Number(value, _) | Tok::Duration(value, _)) = *self.tok() else { return self.unexpected("fill, expected number") };
            let value = if negative { -value } else { value };
            self.at += 1;
            self.expect(")", "fill")?;
            if left {
                operator.fill_left = Some(value);
            }
            if right {
                operator.fill_right = Some(value);
            }
        }
        Ok(())
    }

    /// `( label, "label", … )`.
    pub(super) fn labels(&mut self) -> Result<Vec<String>> {
        self.expect("(", "grouping opts")?;
        let mut labels = Vec::new();
        while !self.is(")") {
            let label = match self.tok() {
                Tok::Word(word) if !word.eq_ignore_ascii_case("without") => Some((*word).to_owned()),
                Tok::Str(bytes) => String::from_utf8(bytes.clone()).ok().filter(|l| !l.is_empty()),
                _ => None,
            };
            let Some(label) = label else { return self.unexpected("grouping opts, expected label") };
            // Prometheus takes unquoted labels with a colon, unless it takes unquoted names of every script.
            if self.options.features.unquoted_names && label.contains(':') && matches!(self.tok(), Tok::Word(_)) {
                return Err(ParseError::syntax(self.span(), format!("invalid label name for grouping: {label:?}")));
            }
            labels.push(label);
            self.at += 1;
            if !self.is(")") {
                self.expect(",", "grouping opts")?;
            }
        }
        self.at += 1;
        Ok(labels)
    }
}
