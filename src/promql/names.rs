//! What a selector says about metric names and label values, told without running a user's regular expression.

use std::borrow::Cow;

use super::ast::{MatchOp, Matcher, Selector};
use super::rules::MetricName;

pub(super) const NAME: &[u8] = b"__name__";

/// Characters with a meaning of their own in RE2, outside of classes.
const META: &[u8] = b"\\.+*?()|[]{}^$";

/// The words of a regular expression that is nothing but words: `a|b`, `(a|b)`, `a\.b`. None for every other pattern.
pub(super) fn words(pattern: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(pattern).ok()?;
    let inner = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(text);
    let mut out = vec![String::new()];
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        let literal = match c {
            '|' => {
                out.push(String::new());
                continue;
            }
            '\\' => chars.next().filter(|c| c.is_ascii() && META.contains(&(*c as u8)))?,
            c if c.is_ascii() && META.contains(&(c as u8)) => return None,
            c => c,
        };
        out.last_mut()?.push(literal);
    }
    Some(out)
}

/// What a regular expression starts with, whatever follows. Empty when that cannot be told.
fn prefix(pattern: &[u8]) -> &str {
    let plain = pattern.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':')).count();
    // An alternation elsewhere would make the prefix belong to its first branch only.
    if pattern.contains(&b'|') {
        return "";
    }
    // A repetition would take the last character along.
    let end = if pattern.get(plain).is_some_and(|b| b"*?{".contains(b)) { plain.saturating_sub(1) } else { plain };
    std::str::from_utf8(&pattern[..end]).unwrap_or("")
}

/// The words, joined to the regular expression that matches them and nothing else.
pub(super) fn alternation(values: &[String]) -> String {
    let mut out = String::with_capacity(values.iter().map(|v| v.len() + 1).sum());
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.push('|');
        }
        for c in value.chars() {
            if c.is_ascii() && META.contains(&(c as u8)) {
                out.push('\\');
            }
            out.push(c);
        }
    }
    out
}

/// The values that a matcher lets through, when it lists them.
pub(super) fn listed(matcher: &Matcher) -> Option<Vec<String>> {
    match matcher.op {
        MatchOp::Equal => String::from_utf8(matcher.value.clone()).ok().map(|v| vec![v]),
        MatchOp::Regex => words(&matcher.value),
        MatchOp::NotEqual | MatchOp::NotRegex => None,
    }
}

/// Does the matcher restrict the label to some of the allowed values? Those are sorted and not empty strings.
pub(super) fn within(matcher: &Matcher, label: &str, allowed: &[String]) -> bool {
    if matcher.label != label.as_bytes() {
        return false;
    }
    match matcher.op {
        MatchOp::Equal => allowed.iter().any(|v| v.as_bytes() == matcher.value),
        // Found by halves: the matcher of a scope with a thousand namespaces is looked at for every selector. Only one word
        // can be looked for twice, the first that is not there.
        MatchOp::Regex => {
            words(&matcher.value).is_some_and(|words| words.iter().all(|w| allowed.binary_search(w).is_ok() || allowed.contains(w)))
        }
        MatchOp::NotEqual | MatchOp::NotRegex => false,
    }
}

/// The name of a selector, owned where it had to be put together.
pub(super) enum Name<'s> {
    Literal(Cow<'s, str>),
    OneOf(Vec<String>),
    Prefix(&'s str),
    Any,
}

impl<'s> Name<'s> {
    pub(super) fn of(selector: &'s Selector) -> Name<'s> {
        if let Some(name) = &selector.name {
            return Name::Literal(Cow::Borrowed(name));
        }
        // Negative matchers only narrow: what holds for the positive one holds for what is left of it.
        let mut positive = selector.matchers.iter().filter(|m| m.label == NAME && matches!(m.op, MatchOp::Equal | MatchOp::Regex));
        match (positive.next(), positive.next()) {
            (Some(one), None) => Name::from_matcher(one),
            _ => Name::Any,
        }
    }

    fn from_matcher(matcher: &'s Matcher) -> Name<'s> {
        if matcher.op == MatchOp::Equal {
            return match std::str::from_utf8(&matcher.value) {
                Ok(name) if !name.is_empty() => Name::Literal(Cow::Borrowed(name)),
                _ => Name::Any,
            };
        }
        match words(&matcher.value) {
            Some(words) if words.iter().any(String::is_empty) => Name::Any,
            Some(mut words) if words.len() == 1 => Name::Literal(Cow::Owned(words.remove(0))),
            Some(words) => Name::OneOf(words),
            None => match prefix(&matcher.value) {
                "" => Name::Any,
                start => Name::Prefix(start),
            },
        }
    }

    pub(super) fn as_metric_name(&self) -> MetricName<'_> {
        match self {
            Name::Literal(name) => MetricName::Literal(name),
            Name::OneOf(names) => MetricName::OneOf(names),
            Name::Prefix(start) => MetricName::Prefix(start),
            Name::Any => MetricName::Any,
        }
    }

    pub(super) fn literal(&self) -> Option<&str> {
        match self {
            Name::Literal(name) => Some(name),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_words_are_words() {
        let want = |words: &[&str]| Some(words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        for (pattern, expected) in [
            ("a|b-c", want(&["a", "b-c"])),
            ("(a|b)", want(&["a", "b"])),
            (r"a\.b", want(&["a.b"])),
            ("", want(&[""])),
            ("a|", want(&["a", ""])),
            ("a.b", None),
            ("(a)|(b)", None),
            ("(?i)a", None),
            ("(?:a|b)", None),
            (r"\d", None),
            (r"\Qa\E", None),
            ("a*", None),
            ("^a$", None),
            (r"a\", None),
        ] {
            assert_eq!(words(pattern.as_bytes()), expected, "{pattern}");
        }
        assert_eq!(words(b"\xff"), None);
    }

    #[test]
    fn what_alternation_writes_words_reads() {
        let values = ["a.b", "c|d", r"e\f", "g-h", "(i)"].map(str::to_owned);
        assert_eq!(words(alternation(&values).as_bytes()), Some(values.to_vec()));
    }

    #[test]
    fn prefixes() {
        for (pattern, want) in [
            ("DCGM_.*", "DCGM_"),
            ("abc*", "ab"),
            ("abc?d", "ab"),
            ("ab{0}c", "a"),
            ("abc+", "abc"),
            ("a.*|b", ""),
            (".*a", ""),
            ("(?i)abc", ""),
        ] {
            assert_eq!(prefix(pattern.as_bytes()), want, "{pattern}");
        }
    }
}
