//! One error with a place in the user's text.

use std::fmt;

/// Byte offsets into the user's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

impl Span {
    /// From the start of this one to the end of the other.
    pub(super) fn to(self, other: Span) -> Span {
        Span { start: self.start, end: other.end }
    }

    /// The part of the text that it means; empty when the text is another one.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end.min(text.len())).unwrap_or("")
    }
}

/// Where a span starts, for people: both count from 1, columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line of the text.
    pub line: usize,
    /// Character of the line.
    pub column: usize,
}

impl Place {
    /// Where byte `offset` of the text is.
    pub fn of(text: &str, offset: usize) -> Place {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        let column = before[line_start..].iter().filter(|&&b| b & 0xC0 != 0x80).count() + 1;
        Place { line, column }
    }
}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Over one of our bounds, which are in [`Options`](super::Options).
    Bound {
        /// What there is too much of, such as "selectors".
        what: &'static str,
        /// What there may be.
        limit: usize,
        /// What there is; reading stops at the bound, so there may be more.
        measured: usize,
    },
    /// Not PromQL.
    Syntax,
    /// PromQL whose types or values do not fit.
    Meaning,
    /// PromQL behind a feature that is switched off.
    Disabled {
        /// Its name in Prometheus' `--enable-feature` list.
        feature: &'static str,
    },
    /// A bug of ours was noticed; the query must not go upstream.
    Internal,
}

/// Why a text was not accepted, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ParseError {
    /// What kind of error it is.
    pub kind: ErrorKind,
    /// What is wrong, without the place.
    pub message: String,
    /// The part of the text that is wrong.
    pub span: Span,
    /// 1-based line of its start.
    pub line: usize,
    /// 1-based column of its start, in characters.
    pub column: usize,
}

pub(super) type Result<T> = std::result::Result<T, ParseError>;

impl ParseError {
    pub(super) fn new(kind: ErrorKind, span: Span, message: impl Into<String>) -> ParseError {
        ParseError { kind, message: message.into(), span, line: 1, column: 1 }
    }

    pub(super) fn syntax(span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(ErrorKind::Syntax, span, message)
    }

    pub(super) fn meaning(span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(ErrorKind::Meaning, span, message)
    }

    /// `what` is a count of something, such as "operators".
    pub(super) fn bound(span: Span, what: &'static str, limit: usize, measured: usize) -> ParseError {
        let message = format!("too many {what}: {measured} or more, the limit is {limit}");
        ParseError::new(ErrorKind::Bound { what, limit, measured }, span, message)
    }

    pub(super) fn disabled(span: Span, what: &str, feature: &'static str) -> ParseError {
        let message = format!("{what} is experimental and not enabled; it needs the feature {feature:?}");
        ParseError::new(ErrorKind::Disabled { feature }, span, message)
    }

    /// Fills in line and column from the text that the span belongs to.
    pub(super) fn locate(mut self, text: &str) -> ParseError {
        let place = Place::of(text, self.span.start);
        (self.line, self.column) = (place.line, place.column);
        self
    }

    /// The message, the line of the text that it is about, and a caret below the place.
    ///
    /// Long lines are cut around the place. `text` is the one that was parsed.
    pub fn pretty(&self, text: &str) -> String {
        format!("{self}\n{}", caret(text, self.span))
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: parse error: {}", self.line, self.column, self.message)
    }
}

/// The line of the text that the span starts in, and carets below the span.
pub(super) fn caret(text: &str, span: Span) -> String {
    const BEFORE: usize = 60;
    const AFTER: usize = 40;
    let Place { line, column } = Place::of(text, span.start);
    let content = text.split('\n').nth(line - 1).unwrap_or("").trim_end_matches('\r');
    let first = (column - 1).saturating_sub(BEFORE);
    let shown: String = content.chars().skip(first).take(BEFORE + AFTER).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let left = if first > 0 { "…" } else { "" };
    let right = if content.chars().count() > first + BEFORE + AFTER { "…" } else { "" };
    let indent = column - 1 - first + left.chars().count();
    let room = (shown.chars().count() + left.chars().count()).saturating_sub(indent).max(1);
    let width = span.of(text).split('\n').next().unwrap_or("").chars().count().clamp(1, room);
    format!("  {left}{shown}{right}\n  {}{}", " ".repeat(indent), "^".repeat(width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_stands_below_the_place() {
        let text = "sum(é) +\n  rat(y)";
        let error = ParseError::syntax(Span { start: 12, end: 15 }, "unknown function").locate(text);
        assert_eq!(error.to_string(), "2:3: parse error: unknown function");
        assert_eq!(error.pretty(text), "2:3: parse error: unknown function\n    rat(y)\n    ^^^");
    }

    #[test]
    fn long_lines_are_cut() {
        let text = format!("{} ? {}", "x".repeat(500), "y".repeat(500));
        let pretty = ParseError::syntax(Span { start: 501, end: 502 }, "?").locate(&text).pretty(&text);
        let lines: Vec<&str> = pretty.lines().collect();
        assert_eq!(lines[1].chars().count(), 2 + 1 + 100 + 1);
        assert_eq!(lines[1].chars().position(|c| c == '?'), lines[2].chars().position(|c| c == '^'));
    }

    #[test]
    fn a_place_outside_the_text_does_not_panic() {
        assert_eq!(caret("", Span { start: 7, end: 9 }), "  \n  ^");
    }
}
