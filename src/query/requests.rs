//! Typed requests: what a client asked, decoded and checked, before anybody is asked.

use std::time::Duration;

/// How a query is to be evaluated, beside its text and times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evaluation {
    /// Give up after this long.
    pub timeout: Option<Duration>,
    /// Most series in the answer.
    pub limit: Option<u64>,
    /// How far a selector looks back for a sample.
    pub lookback_delta: Option<Duration>,
    /// Ask for statistics.
    pub stats: Option<Stats>,
}

/// `stats=…`: `all` has them step by step, any other text once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stats {
    /// Totals only.
    Totals,
    /// `all`.
    PerStep,
}

/// `/api/v1/query`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstantQuery {
    /// The user's PromQL.
    pub text: String,
    /// Milliseconds since 1970; none is the upstream's now.
    pub time_ms: Option<i64>,
    /// The rest.
    pub evaluation: Evaluation,
}

/// `/api/v1/query_range`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeQuery {
    /// The user's PromQL.
    pub text: String,
    /// First step, in milliseconds since 1970.
    pub start_ms: i64,
    /// No step after this, in milliseconds since 1970.
    pub end_ms: i64,
    /// Distance of steps, positive.
    pub step: Duration,
    /// The rest.
    pub evaluation: Evaluation,
}

/// `/api/v1/series`, `/api/v1/labels`, `/api/v1/label/…/values`, `/federate`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesSelection {
    /// The user's `match[]`; none stands for everything in the scope where the path allows it.
    pub matches: Vec<String>,
    /// Milliseconds since 1970.
    pub start_ms: Option<i64>,
    /// Milliseconds since 1970.
    pub end_ms: Option<i64>,
    /// Most items in the answer.
    pub limit: Option<u64>,
}

/// `/api/v1/query_exemplars`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExemplarQuery {
    /// The user's PromQL.
    pub text: String,
    /// Milliseconds since 1970.
    pub start_ms: Option<i64>,
    /// Milliseconds since 1970.
    pub end_ms: Option<i64>,
}

/// `/api/v1/rules`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSelection {
    /// `alert` or `record`.
    pub kind: Option<String>,
    /// `rule_name[]`.
    pub names: Vec<String>,
    /// `rule_group[]`.
    pub groups: Vec<String>,
    /// `file[]`.
    pub files: Vec<String>,
    /// `match[]` on the labels of rules. They choose rules, not series.
    pub matches: Vec<String>,
    /// `exclude_alerts`.
    pub exclude_alerts: bool,
    /// `group_limit` and `group_next_token`.
    pub page: super::Page,
}

/// `/api/v1/metadata`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataSelection {
    /// One metric only.
    pub metric: Option<String>,
    /// `limit` and `limit_per_metric`.
    pub limits: super::MetadataLimits,
}

/// Seconds as Prometheus' API takes them, exact to the millisecond.
pub(super) fn seconds(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let (whole, part) = (ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000);
    if part == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part:03}") }
}

/// Seconds of a duration, exact to the nanosecond.
pub(super) fn duration_seconds(duration: Duration) -> String {
    let (whole, nanos) = (duration.as_secs(), duration.subsec_nanos());
    if nanos == 0 {
        return whole.to_string();
    }
    format!("{whole}.{nanos:09}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_without_loss() {
        assert_eq!(seconds(1_435_781_430_781), "1435781430.781");
        assert_eq!(seconds(1_435_781_430_000), "1435781430");
        assert_eq!(seconds(-1500), "-1.500");
        assert_eq!(duration_seconds(Duration::from_millis(250)), "0.25");
        assert_eq!(duration_seconds(Duration::from_secs(15)), "15");
        assert_eq!(duration_seconds(Duration::from_nanos(1)), "0.000000001");
    }
}
