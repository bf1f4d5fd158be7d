//! The numbers of live streams. Labels are closed sets.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::frame::Kind;

/// How a tick of a query came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ticked {
    /// Evaluated here, for all replicas.
    Led,
    /// Evaluated by another replica.
    Followed,
    /// Evaluated here, for this replica alone.
    Alone,
    /// Not evaluated.
    Failed,
}

impl Ticked {
    const ALL: [Ticked; 4] = [Ticked::Led, Ticked::Followed, Ticked::Alone, Ticked::Failed];

    const fn as_str(self) -> &'static str {
        match self {
            Ticked::Led => "led",
            Ticked::Followed => "followed",
            Ticked::Alone => "alone",
            Ticked::Failed => "failed",
        }
    }
}

/// Why a stream was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefusedFor {
    Connections,
    User,
    Queries,
    Memory,
}

impl RefusedFor {
    const ALL: [RefusedFor; 4] = [RefusedFor::Connections, RefusedFor::User, RefusedFor::Queries, RefusedFor::Memory];

    const fn as_str(self) -> &'static str {
        match self {
            RefusedFor::Connections => "connections",
            RefusedFor::User => "user",
            RefusedFor::Queries => "queries",
            RefusedFor::Memory => "memory",
        }
    }
}

/// Counters and gauges; cheap to clone.
#[derive(Clone)]
pub(super) struct StreamMetrics(Arc<Inner>);

pub(super) struct Inner {
    pub(super) connections: IntGauge,
    pub(super) subscriptions: IntGauge,
    pub(super) topics: IntGauge,
    pub(super) memory: IntGauge,
    pub(super) listening: IntGauge,
    pub(super) bytes: IntCounter,
    pub(super) compressions: IntCounter,
    pub(super) conflations: IntCounter,
    pub(super) revoked: IntCounter,
    ticks: Vec<IntCounter>,
    lag: Histogram,
    frames: Vec<IntCounter>,
    refused: Vec<IntCounter>,
}

impl std::ops::Deref for StreamMetrics {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl StreamMetrics {
    pub(super) fn register(registry: &Registry) -> Result<StreamMetrics, prometheus::Error> {
        let ticks = counters(registry, "hecate_stream_ticks_total", "Ticks of streamed queries by how they came about.", "outcome")?;
        let frames = counters(registry, "hecate_stream_frames_total", "Events sent.", "event")?;
        let refused = counters(registry, "hecate_stream_refused_total", "Streams that were not opened, by the limit.", "limit")?;
        let lag = HistogramOpts::new("hecate_stream_tick_lag_seconds", "From a tick's time until its window was there.");
        let lag = Histogram::with_opts(lag.buckets(vec![0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]))?;
        registry.register(Box::new(lag.clone()))?;
        Ok(StreamMetrics(Arc::new(Inner {
            connections: gauge(registry, "hecate_stream_connections", "Open streams.")?,
            subscriptions: gauge(registry, "hecate_stream_subscriptions", "Queries of all open streams.")?,
            topics: gauge(registry, "hecate_stream_queries", "Distinct queries that are streamed: each is evaluated once per tick.")?,
            memory: gauge(
                registry,
                "hecate_stream_memory_bytes",
                "Bytes of the windows that are held, and of what was compressed of them.",
            )?,
            listening: gauge(registry, "hecate_stream_bus_connected", "1 while ticks of other replicas are heard.")?,
            bytes: counter(registry, "hecate_stream_bytes_total", "Bytes sent, compressed where the client takes it.")?,
            compressions: counter(
                registry,
                "hecate_stream_compressions_total",
                "Windows and deltas compressed: each once for all who take it.",
            )?,
            conflations: counter(registry, "hecate_stream_conflations_total", "Whole windows sent because a reader was behind.")?,
            revoked: counter(registry, "hecate_stream_revoked_total", "Streams ended because the rights were not what they were.")?,
            ticks: Ticked::ALL.iter().map(|ticked| ticks.with_label_values(&[ticked.as_str()])).collect(),
            frames: Kind::ALL.iter().map(|kind| frames.with_label_values(&[kind.as_str()])).collect(),
            refused: RefusedFor::ALL.iter().map(|limit| refused.with_label_values(&[limit.as_str()])).collect(),
            lag,
        })))
    }

    pub(super) fn ticked(&self, ticked: Ticked, lag: Option<Duration>) {
        self.ticks[ticked as usize].inc();
        if let Some(lag) = lag {
            self.lag.observe(lag.as_secs_f64());
        }
    }

    pub(super) fn sent(&self, kind: Kind) {
        self.frames[kind as usize].inc();
    }

    pub(super) fn refused(&self, limit: RefusedFor) {
        self.refused[limit as usize].inc();
    }
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    let made = IntCounter::new(name, help)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn counters(registry: &Registry, name: &str, help: &str, label: &str) -> Result<IntCounterVec, prometheus::Error> {
    let made = IntCounterVec::new(Opts::new(name, help), &[label])?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    let made = IntGauge::new(name, help)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_documented() {
        let registry = Registry::new();
        let metrics = StreamMetrics::register(&registry).unwrap();
        metrics.ticked(Ticked::Failed, Some(Duration::from_millis(3)));
        metrics.sent(Kind::Shutdown);
        metrics.bytes.inc_by(7);
        metrics.refused(RefusedFor::Memory);
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        for line in [
            r#"hecate_stream_ticks_total{outcome="failed"} 1"#,
            r#"hecate_stream_ticks_total{outcome="led"} 0"#,
            r#"hecate_stream_frames_total{event="shutdown"} 1"#,
            "hecate_stream_bytes_total 7",
            r#"hecate_stream_refused_total{limit="memory"} 1"#,
            r#"hecate_stream_tick_lag_seconds_bucket{le="0.01"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
        let manual = include_str!("../../docs/operations.md");
        for family in registry.gather() {
            assert!(manual.contains(&format!("| `{}", family.name())), "{} is missing in docs/operations.md", family.name());
        }
        let words = Kind::ALL.iter().map(|kind| kind.as_str()).chain(Ticked::ALL.iter().map(|ticked| ticked.as_str()));
        for word in words.chain(RefusedFor::ALL.iter().map(|limit| limit.as_str())) {
            assert!(manual.contains(&format!("`{word}`")), "{word} is missing in docs/operations.md");
        }
    }
}
