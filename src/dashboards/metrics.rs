//! What Prometheus learns about the database. Operations are names in the code, so the labels are bounded.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

use super::StoreError;

/// Seconds: reads take less than a millisecond, a storm of writes or a slow disk much more.
const BUCKETS_SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Calls, times and connections.
#[derive(Clone)]
pub(super) struct Metrics {
    calls: IntCounterVec,
    seconds: HistogramVec,
    pub(super) up: IntGauge,
    pub(super) open: IntGauge,
    pub(super) busy: IntGauge,
    stale: prometheus::IntCounter,
}

impl Metrics {
    pub(super) fn register(registry: &Registry) -> Result<Metrics, prometheus::Error> {
        let calls = Opts::new("hecate_database_calls_total", "Calls of the database of dashboards, by operation and outcome.");
        let seconds = HistogramOpts::new("hecate_database_call_seconds", "Time of one call, waiting for a connection included.");
        let metrics = Metrics {
            calls: IntCounterVec::new(calls, &["operation", "outcome"])?,
            seconds: HistogramVec::new(seconds.buckets(BUCKETS_SECONDS.to_vec()), &["operation"])?,
            up: IntGauge::new("hecate_database_up", "1 when the database of dashboards answers, 0 when not or not yet known.")?,
            open: IntGauge::new("hecate_database_connections", "Open connections to the database of dashboards.")?,
            busy: IntGauge::new("hecate_database_connections_busy", "Those of them that are in use.")?,
            stale: prometheus::IntCounter::new(
                "hecate_dashboards_stale_reads_total",
                "Dashboards that were answered from memory because the database was away.",
            )?,
        };
        registry.register(Box::new(metrics.calls.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        registry.register(Box::new(metrics.stale.clone()))?;
        for gauge in [&metrics.up, &metrics.open, &metrics.busy] {
            registry.register(Box::new(gauge.clone()))?;
        }
        Ok(metrics)
    }

    pub(super) fn done<T>(&self, operation: &str, result: &Result<T, StoreError>, took: Duration) {
        let outcome = match result {
            Ok(_) => "done",
            Err(StoreError::Away(_)) => "away",
            Err(StoreError::Broken(_)) => "broken",
            Err(_) => "refused",
        };
        self.calls.with_label_values(&[operation, outcome]).inc();
        self.seconds.with_label_values(&[operation]).observe(took.as_secs_f64());
        self.up.set(i64::from(outcome != "away"));
    }

    pub(super) fn stale_read(&self) {
        self.stale.inc();
    }
}
