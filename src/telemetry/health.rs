//! What `/api/v1/health` and `/ready` say.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use prometheus::IntGauge;
use serde::Serialize;

use super::{Metrics, access::millis};

/// How a part, or the whole, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Works.
    Healthy,
    /// Works in part.
    Degraded,
    /// Does not work.
    Unhealthy,
}

/// What a part is to the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckRole {
    /// One of the backends: the whole is unhealthy if none of them answers, degraded if one does not.
    Upstream,
    /// Without it nothing works.
    Required,
    /// Without it something is missing, and the whole is degraded.
    Optional,
}

/// What was found about one part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// How it is.
    pub status: State,
    /// Why, for the person who reads it. It goes out to callers: no addresses, no credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How long it took to find out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// What it is to the whole.
    #[serde(skip)]
    pub role: CheckRole,
}

/// The health of the whole, as it is sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Health {
    /// From the checks: see [`CheckRole`]. Unhealthy with no upstream at all, for then none answers.
    pub status: State,
    /// Under names such as `upstream:prometheus`.
    pub checks: BTreeMap<String, Check>,
    /// The version that runs.
    pub version: &'static str,
    /// Whole seconds since the start.
    pub uptime_seconds: u64,
}

impl Check {
    /// A part that was just looked at.
    pub fn new(role: CheckRole, status: State) -> Check {
        Check { status, detail: None, latency_ms: None, role }
    }

    /// Adds why.
    pub fn detail(self, detail: impl Into<String>) -> Check {
        Check { detail: Some(detail.into()), ..self }
    }

    /// Adds how long it took.
    pub fn latency(self, took: Duration) -> Check {
        Check { latency_ms: Some(millis(took)), ..self }
    }
}

impl Health {
    /// Draws the whole from its parts.
    pub fn new(checks: BTreeMap<String, Check>, uptime: Duration) -> Health {
        Health { status: overall(checks.values()), checks, version: env!("CARGO_PKG_VERSION"), uptime_seconds: uptime.as_secs() }
    }
}

fn overall<'a>(checks: impl Iterator<Item = &'a Check> + Clone) -> State {
    let required_is_away = checks.clone().any(|check| check.role == CheckRole::Required && check.status == State::Unhealthy);
    let an_upstream_answers = checks.clone().any(|check| check.role == CheckRole::Upstream && check.status != State::Unhealthy);
    if required_is_away || !an_upstream_answers {
        return State::Unhealthy;
    }
    if checks.clone().all(|check| check.status == State::Healthy) { State::Healthy } else { State::Degraded }
}

/// Whether the process takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadinessState {
    /// Not yet.
    Starting = 0,
    /// Yes.
    Ready = 1,
    /// No more: it is shutting down.
    Draining = 2,
}

/// Starting, then ready, then draining; never back. Shared by reference; each question is one atomic read.
#[derive(Debug)]
pub struct Readiness {
    state: AtomicU8,
    gauge: IntGauge,
}

impl Readiness {
    /// Starting; shown as `hecate_ready`.
    pub fn new(metrics: &Metrics) -> Readiness {
        metrics.ready().set(0);
        Readiness { state: AtomicU8::new(ReadinessState::Starting as u8), gauge: metrics.ready().clone() }
    }

    /// Everything is up. Without effect once the process drains.
    pub fn set_ready(&self) {
        let (from, to) = (ReadinessState::Starting as u8, ReadinessState::Ready as u8);
        if self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.gauge.set(1);
            // A drain that came in between wins.
            if self.state() == ReadinessState::Draining {
                self.gauge.set(0);
            }
        }
    }

    /// Shutdown has begun.
    pub fn set_draining(&self) {
        self.state.store(ReadinessState::Draining as u8, Ordering::Release);
        self.gauge.set(0);
    }

    /// Where it stands.
    pub fn state(&self) -> ReadinessState {
        match self.state.load(Ordering::Acquire) {
            0 => ReadinessState::Starting,
            1 => ReadinessState::Ready,
            _ => ReadinessState::Draining,
        }
    }

    /// Whether requests are taken.
    pub fn is_ready(&self) -> bool {
        self.state() == ReadinessState::Ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CheckRole::{Optional, Required, Upstream};
    use State::{Degraded, Healthy, Unhealthy};

    #[test]
    fn the_whole_follows_from_its_parts() {
        let cases: &[(&[(CheckRole, State)], State)] = &[
            (&[], Unhealthy),
            (&[(Optional, Healthy)], Unhealthy),
            (&[(Upstream, Healthy)], Healthy),
            (&[(Upstream, Degraded)], Degraded),
            (&[(Upstream, Unhealthy)], Unhealthy),
            (&[(Upstream, Healthy), (Upstream, Unhealthy)], Degraded),
            (&[(Upstream, Unhealthy), (Upstream, Unhealthy), (Optional, Healthy)], Unhealthy),
            (&[(Upstream, Healthy), (Optional, Unhealthy)], Degraded),
            (&[(Upstream, Healthy), (Optional, Healthy)], Healthy),
            (&[(Upstream, Healthy), (Required, Unhealthy)], Unhealthy),
            (&[(Upstream, Healthy), (Required, Degraded)], Degraded),
        ];
        for (parts, expected) in cases {
            let checks = parts.iter().enumerate().map(|(place, (role, state))| (place.to_string(), Check::new(*role, *state))).collect();
            assert_eq!(Health::new(checks, Duration::ZERO).status, *expected, "{parts:?}");
        }
    }

    #[test]
    fn it_is_sent_as_documented() {
        let up = Check::new(Upstream, Healthy).latency(Duration::from_micros(1500));
        let away = Check::new(Optional, Unhealthy).detail("connection refused");
        let health = Health::new(
            BTreeMap::from([("upstream:prometheus".to_owned(), up), ("redis".to_owned(), away)]),
            Duration::from_millis(61_900),
        );
        let expected = serde_json::json!({
            "status": "degraded",
            "checks": {
                "redis": {"status": "unhealthy", "detail": "connection refused"},
                "upstream:prometheus": {"status": "healthy", "latency_ms": 1.5},
            },
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_seconds": 61,
        });
        assert_eq!(serde_json::to_value(health).unwrap(), expected);
    }

    #[test]
    fn readiness_goes_one_way() {
        let metrics = Metrics::new().unwrap();
        let readiness = Readiness::new(&metrics);
        assert_eq!((readiness.state(), metrics.ready().get()), (ReadinessState::Starting, 0));
        readiness.set_ready();
        assert_eq!((readiness.state(), metrics.ready().get()), (ReadinessState::Ready, 1));
        readiness.set_draining();
        readiness.set_ready();
        assert_eq!((readiness.state(), metrics.ready().get(), readiness.is_ready()), (ReadinessState::Draining, 0, false));
    }
}
