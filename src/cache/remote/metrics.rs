//! What Prometheus learns about Redis. Every label comes from a list in here.

use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, core::Collector,
};

use super::envelope::Rejected;

/// Seconds; a read takes a third of a millisecond, the budget is 20 ms.
const BUCKETS_SECONDS: [f64; 12] = [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0];

/// What is asked of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Read,
    Write,
    Claim,
    Renew,
    Publish,
    Release,
    Look,
    Notice,
    Announce,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    /// Redis answered with an error, or the connection broke.
    Error,
    /// No answer in time.
    Timeout,
    /// No connection: not asked.
    Away,
    /// The breaker is open: not asked.
    Open,
    /// The request's Redis time was used up: not asked.
    Budget,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leased {
    Lead,
    Follow,
    Alone,
    Published,
    Fenced,
    Failed,
    Lost,
}

/// Why a write was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    /// The queue was full.
    Full,
    /// Longer than what is kept.
    TooLarge,
    /// Redis was away, or the breaker open.
    Unavailable,
}

macro_rules! labels {
    ($of:ident { $($variant:ident => $name:literal),* }) => {
        impl $of {
            const ALL: &[$of] = &[$($of::$variant),*];

            fn as_str(self) -> &'static str {
                match self { $($of::$variant => $name),* }
            }
        }
    };
}

labels!(Operation { Read => "read", Write => "write", Claim => "claim", Renew => "renew", Publish => "publish", Release => "release", Look => "look", Notice => "notice", Announce => "announce" });
labels!(Outcome { Ok => "ok", Error => "error", Timeout => "timeout", Away => "away", Open => "open", Budget => "budget" });
labels!(Leased { Lead => "lead", Follow => "follow", Alone => "alone", Published => "published", Fenced => "fenced", Failed => "failed", Lost => "lost" });
labels!(Dropped { Full => "full", TooLarge => "too_large", Unavailable => "unavailable" });

/// The metrics of one Redis, looked up once: counting is an index.
#[derive(Debug)]
pub(super) struct Metrics {
    operations: Vec<Vec<IntCounter>>,
    durations: Vec<Histogram>,
    leases: Vec<IntCounter>,
    dropped: Vec<IntCounter>,
    rejected: Vec<IntCounter>,
    /// Payload bytes that were read and believed.
    pub(super) bytes_read: IntCounter,
    /// Bytes that Redis took.
    pub(super) bytes_written: IntCounter,
    /// Writes that wait, in bytes.
    pub(super) queued_bytes: IntGauge,
    /// 1 while open; of what requests wait for.
    pub(super) breaker_reads: IntGauge,
    /// 1 while open; of what goes on in the background.
    pub(super) breaker_writes: IntGauge,
    connected: IntGaugeVec,
}

impl Metrics {
    pub(super) fn register(registry: &Registry) -> Result<Metrics, prometheus::Error> {
        let operations = counters(registry, "hecate_redis_operations_total", "Operations on Redis.", &["operation", "outcome"])?;
        let duration = HistogramOpts::new("hecate_redis_operation_duration_seconds", "Time that operations on Redis took.");
        let durations = registered(registry, HistogramVec::new(duration.buckets(BUCKETS_SECONDS.to_vec()), &["operation"])?)?;
        let leases = counters(registry, "hecate_redis_leases_total", "Leases across replicas, by what became of them.", &["outcome"])?;
        let dropped = counters(registry, "hecate_redis_dropped_writes_total", "Values that were not written to Redis.", &["reason"])?;
        let rejected = counters(registry, "hecate_redis_rejected_values_total", "Values of Redis that were not believed.", &["reason"])?;
        let bytes = counters(registry, "hecate_redis_bytes_total", "Bytes of values read from and written to Redis.", &["direction"])?;
        let breakers = gauges(registry, "hecate_redis_breaker_open", "1 while Redis is not asked because it failed.", &["breaker"])?;
        let of_operation = |operation: &Operation| {
            Outcome::ALL.iter().map(|outcome| operations.with_label_values(&[operation.as_str(), outcome.as_str()])).collect()
        };
        Ok(Metrics {
            operations: Operation::ALL.iter().map(of_operation).collect(),
            durations: Operation::ALL.iter().map(|operation| durations.with_label_values(&[operation.as_str()])).collect(),
            leases: Leased::ALL.iter().map(|outcome| leases.with_label_values(&[outcome.as_str()])).collect(),
            dropped: Dropped::ALL.iter().map(|reason| dropped.with_label_values(&[reason.as_str()])).collect(),
            rejected: Rejected::ALL.iter().map(|reason| rejected.with_label_values(&[reason.as_str()])).collect(),
            bytes_read: bytes.with_label_values(&["read"]),
            bytes_written: bytes.with_label_values(&["written"]),
            queued_bytes: registered(registry, IntGauge::new("hecate_redis_queued_bytes", "Bytes that wait to be written to Redis.")?)?,
            breaker_reads: breakers.with_label_values(&["reads"]),
            breaker_writes: breakers.with_label_values(&["writes"]),
            connected: gauges(registry, "hecate_redis_connected", "1 while there is a connection to Redis.", &["connection"])?,
        })
    }

    /// An operation that was asked ended, or was not asked (`took` is `None`).
    pub(super) fn operation(&self, operation: Operation, outcome: Outcome, took: Option<Duration>) {
        self.operations[operation as usize][outcome as usize].inc();
        if let Some(took) = took {
            self.durations[operation as usize].observe(took.as_secs_f64());
        }
    }

    pub(super) fn leased(&self, outcome: Leased) {
        self.leases[outcome as usize].inc();
    }

    pub(super) fn dropped(&self, reason: Dropped, values: usize) {
        self.dropped[reason as usize].inc_by(values as u64);
    }

    pub(super) fn rejected(&self, reason: Rejected) {
        self.rejected[reason as usize].inc();
    }

    /// Whether there is a connection of this name.
    pub(super) fn connected(&self, name: &'static str) -> IntGauge {
        self.connected.with_label_values(&[name])
    }
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    registered(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, prometheus::Error> {
    registered(registry, IntGaugeVec::new(Opts::new(name, help), labels)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_is_there_from_the_start_and_documented() {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        metrics.connected("requests").set(1);
        metrics.operation(Operation::Notice, Outcome::Budget, Some(Duration::from_millis(3)));
        metrics.leased(Leased::Lost);
        metrics.dropped(Dropped::Unavailable, 2);
        Rejected::ALL.into_iter().for_each(|reason| metrics.rejected(reason));
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        for line in [
            r#"hecate_redis_operations_total{operation="notice",outcome="budget"} 1"#,
            r#"hecate_redis_operations_total{operation="read",outcome="ok"} 0"#,
            r#"hecate_redis_operation_duration_seconds_bucket{operation="notice",le="0.005"} 1"#,
            r#"hecate_redis_leases_total{outcome="lost"} 1"#,
            r#"hecate_redis_dropped_writes_total{reason="unavailable"} 2"#,
            r#"hecate_redis_rejected_values_total{reason="oversize"} 1"#,
            r#"hecate_redis_connected{connection="requests"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
        let manual = include_str!("../../../docs/operations.md");
        for family in registry.gather() {
            assert!(manual.contains(&format!("| `{}", family.name())), "{} is missing in docs/operations.md", family.name());
        }
        let words = Operation::ALL.iter().map(|label| label.as_str()).chain(Outcome::ALL.iter().map(|label| label.as_str()));
        let words = words.chain(Leased::ALL.iter().map(|label| label.as_str())).chain(Dropped::ALL.iter().map(|label| label.as_str()));
        for word in words.chain(Rejected::ALL.into_iter().map(Rejected::as_str)) {
            assert!(manual.contains(&format!("`{word}`")), "{word} is missing in docs/operations.md");
        }
    }
}
