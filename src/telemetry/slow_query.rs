//! The slow-query log: one line under the target `hecate::slow_query` for a query that took too long.

use std::time::Duration;

use super::{Metrics, RequestId, TraceId, access::millis, bound::bounded};

/// Bytes of each query that are logged.
const MAX_QUERY: usize = 4096;
const MAX_USER: usize = 256;

/// Counts and writes down queries over `telemetry.slow_query`.
#[derive(Clone, Debug)]
pub struct SlowQueryLog {
    threshold: Duration,
    metrics: Metrics,
}

/// The times a range query asks for, in milliseconds since 1970; an instant query has `start == end` and no step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First point.
    pub start_ms: i64,
    /// Last point.
    pub end_ms: i64,
    /// Distance of points.
    pub step_ms: Option<i64>,
}

/// One answered query.
#[derive(Clone, Debug)]
pub struct SlowQuery<'a> {
    /// What the user asked; logged to 4 KiB.
    pub original: &'a str,
    /// What was sent upstream; logged to 4 KiB.
    pub enforced: &'a str,
    /// The caller, if known.
    pub user: Option<&'a str>,
    /// From the first byte of the request to the last byte of the answer.
    pub duration: Duration,
    /// The route template.
    pub route: &'a str,
    /// The times asked for, if the query has any.
    pub window: Option<Window>,
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// The name of the request.
    pub request_id: &'a RequestId,
    /// Where the answer came from, in one word.
    pub cache: Option<&'static str>,
    /// Steps that an upstream was asked for.
    pub points_fetched: Option<u64>,
    /// Points of series that came from what was kept.
    pub points_saved: Option<u64>,
}

impl SlowQueryLog {
    /// With the bound of `telemetry.slow_query`.
    pub fn new(threshold: Duration, metrics: &Metrics) -> SlowQueryLog {
        SlowQueryLog { threshold, metrics: metrics.clone() }
    }

    /// Whether a query of this duration would be written down: ask before gathering what [`SlowQuery`] needs.
    pub fn is_slow(&self, duration: Duration) -> bool {
        duration > self.threshold
    }

    /// Counts and writes the query if it was slow.
    pub fn record(&self, query: &SlowQuery<'_>) {
        if !self.is_slow(query.duration) {
            return;
        }
        self.metrics.slow_query();
        tracing::warn!(
            target: "hecate::slow_query",
            query = &*bounded(query.original, MAX_QUERY),
            enforced = &*bounded(query.enforced, MAX_QUERY),
            user = query.user.map(|user| bounded(user, MAX_USER)).as_deref(),
            duration_ms = millis(query.duration),
            route = query.route,
            start_ms = query.window.map(|window| window.start_ms),
            end_ms = query.window.map(|window| window.end_ms),
            step_ms = query.window.and_then(|window| window.step_ms),
            trace_id = query.trace_id.to_string().as_str(),
            request_id = query.request_id.as_str(),
            cache = query.cache,
            steps_fetched = query.points_fetched,
            points_saved = query.points_saved,
            "slow query"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::LogFormat,
        telemetry::{TraceContext, logs::tests::capture},
    };

    fn logged(original: &str, duration: Duration) -> (Vec<String>, bool) {
        let metrics = Metrics::new().unwrap();
        let log = SlowQueryLog::new(Duration::from_secs(5), &metrics);
        let request_id = RequestId::accept(Some(b"req-1"));
        let lines = capture("info", LogFormat::Json, |_| {
            log.record(&SlowQuery {
                cache: Some("partial"),
                points_fetched: Some(5),
                points_saved: Some(4720),
                original,
                enforced: "up{namespace=\"a\"}",
                user: Some("ann"),
                duration,
                route: "/api/v1/query_range",
                window: Some(Window { start_ms: 1000, end_ms: 2000, step_ms: Some(500) }),
                trace_id: TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap().trace_id(),
                request_id: &request_id,
            });
        });
        let counted = String::from_utf8(metrics.render().unwrap().to_vec()).unwrap().contains("hecate_slow_queries_total 1");
        (lines, counted)
    }

    #[test]
    fn a_slow_query_is_counted_and_written_down_with_both_texts() {
        let (lines, counted) = logged("up\n", Duration::from_secs(6));
        let mut event: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert!(event.as_object_mut().unwrap().remove("timestamp").is_some());
        let expected = serde_json::json!({
            "level": "WARN", "target": "hecate::slow_query", "message": "slow query", "query": "up\n", "enforced": "up{namespace=\"a\"}",
            "user": "ann", "duration_ms": 6000.0, "route": "/api/v1/query_range", "start_ms": 1000, "end_ms": 2000, "step_ms": 500,
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "request_id": "req-1", "cache": "partial", "steps_fetched": 5, "points_saved": 4720,
        });
        assert_eq!(event, expected);
        assert!(counted);
    }

    #[test]
    fn a_quick_query_is_neither() {
        assert_eq!(logged("up", Duration::from_secs(5)), (vec![], false));
    }

    #[test]
    fn a_long_query_is_shortened() {
        let (lines, _) = logged(&"x".repeat(100_000), Duration::from_secs(6));
        assert!(lines[0].len() < MAX_QUERY + 1000, "{}", lines[0].len());
    }
}
