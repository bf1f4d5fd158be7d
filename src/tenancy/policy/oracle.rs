//! Slow and plainly right: what the tests compare the policy with.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::config::{RuleTarget, TenantLabels};
use crate::promql::NameGuard;

/// Whether the whole name fits the pattern.
pub(super) fn glob(pattern: &str, name: &str) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        Some('*') => (0..=name.len()).filter(|&i| name.is_char_boundary(i)).any(|i| glob(&pattern[1..], &name[i..])),
        Some(c) => name.strip_prefix(c).is_some_and(|rest| glob(&pattern[c.len_utf8()..], rest)),
    }
}

/// What the first rule that fits says.
pub(super) fn target(labels: &TenantLabels, name: &str) -> RuleTarget {
    let first = labels.rules.iter().find(|rule| rule.metrics.iter().any(|pattern| glob(pattern, name)));
    first.map_or_else(|| RuleTarget::Label(labels.default_label.clone()), |rule| rule.target.clone())
}

/// Whether the guard lets the name through.
pub(super) fn lets_through(guard: &NameGuard, name: &str) -> bool {
    guard.only.as_deref().is_none_or(|only| regex(only, name)) && !guard.except.as_deref().is_some_and(|except| regex(except, name))
}

/// Whether the anchored regular expression fits the whole text, by backtracking over the parsed expression.
pub(super) fn regex(expression: &str, text: &str) -> bool {
    let hir = regex_syntax::parse(expression).unwrap();
    ends(&hir, text.as_bytes(), 0).contains(&text.len())
}

/// Every place where a match that starts at `from` can end.
fn ends(hir: &Hir, text: &[u8], from: usize) -> Vec<usize> {
    match hir.kind() {
        HirKind::Empty => vec![from],
        HirKind::Literal(literal) => text[from..].starts_with(&literal.0).then(|| from + literal.0.len()).into_iter().collect(),
        HirKind::Class(Class::Unicode(class)) => {
            let next = std::str::from_utf8(&text[from..]).unwrap().chars().next();
            next.filter(|c| class.iter().any(|range| range.start() <= *c && *c <= range.end()))
                .map(|c| from + c.len_utf8())
                .into_iter()
                .collect()
        }
        HirKind::Class(Class::Bytes(class)) => {
            let next = text.get(from).filter(|b| class.iter().any(|range| range.start() <= **b && **b <= range.end()));
            next.map(|_| from + 1).into_iter().collect()
        }
        HirKind::Repetition(repetition) => {
            assert_eq!((repetition.min, repetition.max), (0, None), "patterns have `.*` only");
            let (mut all, mut i) = (vec![from], 0);
            while i < all.len() {
                for end in ends(&repetition.sub, text, all[i]) {
                    if !all.contains(&end) {
                        all.push(end);
                    }
                }
                i += 1;
            }
            all
        }
        HirKind::Concat(parts) => parts.iter().fold(vec![from], |places, part| {
            let mut next: Vec<usize> = places.into_iter().flat_map(|place| ends(part, text, place)).collect();
            next.sort_unstable();
            next.dedup();
            next
        }),
        HirKind::Alternation(parts) => parts.iter().flat_map(|part| ends(part, text, from)).collect(),
        HirKind::Capture(_) | HirKind::Look(_) => unreachable!("patterns have no {hir:?}"),
    }
}

/// All words of `a` and `b` up to this length.
pub(super) fn words(longest: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut i = 0;
    while i < all.len() {
        if all[i].len() < longest {
            let (a, b) = (format!("{}a", all[i]), format!("{}b", all[i]));
            all.extend([a, b]);
        }
        i += 1;
    }
    all
}
