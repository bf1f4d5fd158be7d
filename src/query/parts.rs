//! What requests and the fetches that outlive them share.

use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;
use tokio::sync::Semaphore;

use super::ask::Asking;
use super::estimates::Estimates;
use super::invalidation::Tombstones;
use super::kept::Memory;
use super::metrics::QueryMetrics;
use super::range::Freshness;
use super::range::Horizon;
use super::whole::WholeFlights;
use crate::cache::{KeyBuilder, Local, Remote};
use crate::config;
use crate::telemetry::Tracer;
use crate::upstream::{NativeScope, Upstreams};

/// The engine's insides.
pub(super) struct Parts {
    pub(super) asking: Asking,
    /// None when keeping is switched off.
    pub(super) memory: Option<Memory>,
    /// None when there is no Redis.
    pub(super) remote: Option<Arc<Remote>>,
    pub(super) settings: config::Cache,
    pub(super) metrics: QueryMetrics,
    pub(super) whole_flights: Arc<WholeFlights>,
    pub(super) estimates: Estimates,
    pub(super) tombstones: Tombstones,
    /// Comparisons of hits with the origin that may run at once.
    pub(super) checking: Semaphore,
    /// All tiers in one word: entries are joined from several.
    pub(super) backends: Arc<str>,
    policy: u64,
}

impl Parts {
    pub(super) fn new(
        upstreams: Arc<Upstreams>,
        limits: config::Limits,
        settings: config::Cache,
        remote: Option<Arc<Remote>>,
        tracer: Tracer,
        registry: &Registry,
        policy: u64,
    ) -> Result<Parts, prometheus::Error> {
        let names: Vec<&str> = upstreams.all().iter().map(|backend| backend.name()).collect();
        let backends = names.join("+").into();
        Ok(Parts {
            asking: Asking::new(upstreams, limits, tracer),
            memory: settings.enabled.then(|| Local::new(settings.memory as u64)),
            remote: remote.filter(|_| settings.enabled),
            settings,
            metrics: QueryMetrics::register(registry)?,
            whole_flights: Arc::default(),
            estimates: Estimates::default(),
            tombstones: Tombstones::default(),
            checking: Semaphore::new(1),
            backends,
            policy,
        })
    }

    /// The beginning of every key: whose data, seen through which policy. Never a user.
    pub(super) fn key(&self, kind: &'static str, native: Option<&NativeScope>) -> KeyBuilder {
        KeyBuilder::new(kind).text(&self.backends).number(self.policy.cast_signed()).text(native.map_or("", NativeScope::as_text))
    }

    /// How long the points of an expression are good for; `step_ms` is none for what has no steps.
    pub(super) fn freshness(&self, horizon: Horizon, step_ms: Option<i64>) -> Freshness {
        // What comes from the cold tier is older than any time to settle.
        let settle = self.asking.upstreams.hot().settle();
        let fresh_ttl_ms = i64::try_from(self.settings.fresh_ttl.as_millis()).unwrap_or(i64::MAX);
        Freshness {
            settle_ms: i64::try_from(settle.as_millis()).unwrap_or(i64::MAX),
            fresh_ttl_ms: step_ms.map_or(fresh_ttl_ms, |step| step.min(fresh_ttl_ms)),
            horizon,
        }
    }

    /// How long all work with Redis for one request may take.
    pub(super) fn redis_budget(&self) -> Duration {
        self.settings.redis.as_ref().map_or(Duration::ZERO, |redis| redis.budget)
    }

    /// Weighs what is in memory, for the metrics.
    pub(super) fn weigh(&self) {
        if let Some(memory) = &self.memory {
            self.metrics.memory(memory.bytes(), memory.len(), memory.evicted());
        }
    }
}
