//! The two questions we ask about a regular expression, without compiling or running it:
//! is it surely broken, and does it match the empty string? Neither decides who sees what.
use std::borrow::Cow;
use std::cmp::Ordering::{Equal, Greater, Less};
use std::sync::LazyLock;

use regex_syntax::ast::{self, Assertion, AssertionKind, Ast, RepetitionKind, RepetitionRange};
use regex_syntax::hir::{Class, ClassUnicode, HirKind};

/// An error that holds in RE2 as well as in Rust's dialect.
pub(super) fn broken(pattern: &str) -> Option<String> {
    match parse(pattern) {
        Err(error) if dialects_agree(pattern) => Some(error),
        Ok(tree) if repeats_too_often(&tree) => Some("invalid repeat count".into()),
        _ => None,
    }
}

/// None when we cannot tell.
pub(super) fn matches_empty(pattern: &str) -> Option<bool> {
    parse(pattern).ok().map(|tree| empty(&tree))
}

/// Is it a letter in Unicode's sense (category L), as unquoted names may have?
pub(super) fn is_letter(c: char) -> bool {
    static LETTERS: LazyLock<Option<ClassUnicode>> = LazyLock::new(|| match regex_syntax::parse(r"\pL").ok()?.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        _ => None,
    });
    LETTERS.as_ref().is_some_and(|class| {
        class
            .ranges()
            .binary_search_by(|r| {
                if r.end() < c {
                    Less
                } else if r.start() > c {
                    Greater
                } else {
                    Equal
                }
            })
            .is_ok()
    })
}

fn parse(pattern: &str) -> Result<Ast, String> {
    ast::parse::ParserBuilder::new().nest_limit(100).build().parse(&as_rust(pattern)).map_err(|e| e.kind().to_string())
}

/// RE2's `\Q…\E` and loose braces, as Rust spells them.
fn as_rust(pattern: &str) -> Cow<'_, str> {
    if !pattern.contains("\\Q") && !pattern.contains('{') {
        return pattern.into();
    }
    let (mut out, mut rest) = (String::with_capacity(pattern.len() + 8), pattern);
    while let Some(c) = rest.chars().next() {
        let (taken, text): (usize, Cow<'_, str>) = if let Some(quoted) = rest.strip_prefix("\\Q") {
            let end = quoted.find("\\E").unwrap_or(quoted.len());
            ((2 + end + 2).min(rest.len()), regex_syntax::escape(&quoted[..end]).into())
        } else if c == '\\' {
            let escaped = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
            let braces = matches!(&rest[..escaped], "\\p" | "\\P" | "\\x") && rest[escaped..].starts_with('{');
            let end = if braces { rest.find('}').map_or(rest.len(), |i| i + 1) } else { escaped };
            (end, rest[..end].into())
        } else if c == '{' && !is_repetition(rest) {
            (1, "\\{".into())
        } else {
            (c.len_utf8(), rest[..c.len_utf8()].into())
        };
        out.push_str(&text);
        rest = &rest[taken..];
    }
    out.into()
}

/// `{n}`, `{n,}` or `{n,m}`.
fn is_repetition(text: &str) -> bool {
    let Some(inner) = text.find('}').map(|end| &text[1..end]) else { return false };
    let mut parts = inner.splitn(2, ',');
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    parts.next().is_some_and(|n| !n.is_empty() && digits(n)) && parts.next().is_none_or(digits)
}

/// `\C`, and brackets and doubled signs inside classes, mean something else to Rust.
fn dialects_agree(pattern: &str) -> bool {
    let classes: Vec<&str> = pattern.split('[').skip(1).collect();
    let nested_class = classes.iter().rev().skip(1).any(|class| !class.contains(']'));
    !nested_class && !["\\C", "&&", "--", "~~"].iter().any(|s| pattern.contains(s))
}

fn repeats_too_often(tree: &Ast) -> bool {
    match tree {
        Ast::Repetition(r) => {
            let big = match &r.op.kind {
                RepetitionKind::Range(RepetitionRange::Exactly(n) | RepetitionRange::AtLeast(n)) => *n > 1000,
                RepetitionKind::Range(RepetitionRange::Bounded(_, n)) => *n > 1000,
                _ => false,
            };
            big || matches!(&*r.ast, Ast::Repetition(_)) || repeats_too_often(&r.ast)
        }
        Ast::Group(g) => repeats_too_often(&g.ast),
        Ast::Alternation(a) => a.asts.iter().any(repeats_too_often),
        Ast::Concat(c) => c.asts.iter().any(repeats_too_often),
        _ => false,
    }
}

fn empty(tree: &Ast) -> bool {
    match tree {
        Ast::Empty(_) | Ast::Flags(_) => true,
        Ast::Literal(_) | Ast::Dot(_) | Ast::ClassUnicode(_) | Ast::ClassPerl(_) | Ast::ClassBracketed(_) => false,
        Ast::Assertion(a) => anchored(a),
        Ast::Repetition(r) => {
            let optional = match &r.op.kind {
                RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore => true,
                RepetitionKind::OneOrMore => false,
                RepetitionKind::Range(RepetitionRange::Exactly(n) | RepetitionRange::AtLeast(n) | RepetitionRange::Bounded(n, _)) => {
                    *n == 0
                }
            };
            optional || empty(&r.ast)
        }
        Ast::Group(g) => empty(&g.ast),
        Ast::Alternation(a) => a.asts.iter().any(empty),
        Ast::Concat(c) => c.asts.iter().all(empty),
    }
}

fn anchored(assertion: &Assertion) -> bool {
    matches!(
        assertion.kind,
        AssertionKind::StartLine
            | AssertionKind::EndLine
            | AssertionKind::StartText
            | AssertionKind::EndText
            | AssertionKind::NotWordBoundary
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empties() {
        for (pattern, want) in [
            ("", true),
            (".*", true),
            ("a*|b", true),
            ("a+", false),
            ("^$", true),
            (r"\b", false),
            ("(?i)", true),
            ("(a|)b", false),
            ("a{0,3}", true),
        ] {
            assert_eq!(matches_empty(pattern), Some(want), "{pattern}");
        }
        for (pattern, want) in [
            (r"\Qa.b\E", Some(false)),
            (r"\Q\E", Some(true)),
            ("a{", Some(false)),
            (r"\p{Greek}*", Some(true)),
            (r"\x{41}", Some(false)),
            (r"\C", None),
        ] {
            assert_eq!(matches_empty(pattern), want, "{pattern}");
        }
    }

    #[test]
    fn brokenness() {
        assert!(
            broken("a(").is_some()
                && broken("*").is_some()
                && broken("a{1001}").is_some()
                && broken("a**").is_some()
                && broken("[a-z").is_some()
        );
        assert!(broken(r"\Qa(b\E").is_none() && broken("[[:alpha:]]+").is_none() && broken("[[a]").is_none());
    }
}
