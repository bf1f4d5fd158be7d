//! What is asked: the corpus of the isolation tests, and what caches of others got wrong.

use crate::corpus::{Entry, Era, Expect, entries, entries_of};

const FILES: &[(&str, &str)] = &[
    ("windows", include_str!("corpus/windows.promql")),
    ("times", include_str!("corpus/times.promql")),
    ("series", include_str!("corpus/series.promql")),
    ("histograms", include_str!("corpus/histograms.promql")),
];

/// All of them; what a tenant is refused is there for cluster-wide scope only.
pub fn all() -> Vec<Entry> {
    let own = FILES.iter().flat_map(|(file, text)| entries_of(file, Era::Live, text));
    entries().into_iter().chain(own).collect()
}

/// Whether tenants get an answer that Prometheus would give, too.
pub fn is_for_tenants(entry: &Entry) -> bool {
    !matches!(entry.expect, Expect::Refused(_))
}

#[test]
fn there_are_several_hundred() {
    let all = all();
    let recent = all.iter().filter(|entry| entry.era == Era::Live).count();
    assert!(all.len() > 1000 && recent > 400, "{} expressions, {recent} of them about the last hours", all.len());
}
