//! `limits:` what one query and one user may cost.

use std::time::Duration;

use super::reader::Map;
use super::values;

/// Bounds on queries, answers and users.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Longest expression, in bytes.
    pub query_bytes: usize,
    /// Deepest nesting of an expression.
    pub depth: usize,
    /// Selectors in one expression, or `match[]` in one request.
    pub selectors: usize,
    /// Steps of one range query.
    pub points_per_series: u64,
    /// Longest window of a range query, and the furthest that a selector may look back.
    pub range: Duration,
    /// Series in one answer.
    pub series: u64,
    /// Samples that one query may touch.
    pub samples: u64,
    /// Largest upstream answer, in bytes.
    pub response_bytes: u64,
    /// Requests of one user, per second.
    pub rate_per_user: f64,
    /// Requests of one user at the same time.
    pub concurrent_per_user: usize,
    /// Live streams of one user.
    pub streams_per_user: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            query_bytes: 16 * 1024,
            depth: 40,
            selectors: 100,
            points_per_series: 11_000,
            range: Duration::from_secs(31 * 24 * 3600),
            series: 50_000,
            samples: 50_000_000,
            response_bytes: 64 * 1024 * 1024,
            rate_per_user: 100.0,
            concurrent_per_user: 32,
            streams_per_user: 20,
        }
    }
}

impl Limits {
    pub(super) fn read(map: &mut Map<'_>) -> Limits {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let shipped = Limits::default();
        Limits {
            query_bytes: map.value("query_bytes", values::memory(1..=1 << 20)).unwrap_or(shipped.query_bytes),
            depth: map.value("depth", values::count(1..=200)).unwrap_or(shipped.depth),
            selectors: map.value("selectors", values::count(1..=10_000)).unwrap_or(shipped.selectors),
            points_per_series: map.value("points_per_series", values::number(1..=10_000_000)).unwrap_or(shipped.points_per_series),
            range: map.value("range", values::duration(Duration::from_secs(1)..=DAY * 36_525)).unwrap_or(shipped.range),
            series: map.value("series", values::number(1..=1_000_000_000)).unwrap_or(shipped.series),
            samples: map.value("samples", values::number(1..=1_000_000_000_000)).unwrap_or(shipped.samples),
            response_bytes: map.value("response_bytes", values::size(1024..=1 << 40)).unwrap_or(shipped.response_bytes),
            rate_per_user: map.value("rate_per_user", values::rate).unwrap_or(shipped.rate_per_user),
            concurrent_per_user: map.value("concurrent_per_user", values::count(1..=1_000_000)).unwrap_or(shipped.concurrent_per_user),
            streams_per_user: map.value("streams_per_user", values::count(1..=1_000_000)).unwrap_or(shipped.streams_per_user),
        }
    }
}
