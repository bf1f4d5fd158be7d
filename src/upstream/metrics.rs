//! What Prometheus learns about our upstreams. Labels are bounded: configured names, path templates, known codes.

use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, core::Collector,
};

use super::path::ApiPath;

/// Seconds; instant queries take about a millisecond, long ranges minutes.
const BUCKETS_SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0, 120.0];

/// The metric families, shared by all upstreams.
#[derive(Clone)]
pub(super) struct Families {
    requests: IntCounterVec,
    duration: HistogramVec,
    retries: IntCounterVec,
    failovers: IntCounterVec,
    left_out: IntCounterVec,
    inflight: IntGaugeVec,
    queued: IntGaugeVec,
    bytes: IntCounterVec,
    up: IntGaugeVec,
    errors: IntCounterVec,
}

impl Families {
    pub(super) fn register(registry: &Registry) -> Result<Families, prometheus::Error> {
        let duration = HistogramOpts::new(
            "hecate_upstream_request_duration_seconds",
            "Time until an upstream's answer began, waiting for a place and retries included.",
        );
        Ok(Families {
            requests: counters(
                registry,
                "hecate_upstream_requests_total",
                "Upstream requests by HTTP status; `error` is no answer.",
                &["upstream", "path", "code"],
            )?,
            duration: registered(registry, HistogramVec::new(duration.buckets(BUCKETS_SECONDS.to_vec()), &["upstream", "path"])?)?,
            retries: counters(registry, "hecate_upstream_retries_total", "Upstream requests that were sent again.", &["upstream"])?,
            failovers: counters(
                registry,
                "hecate_upstream_failovers_total",
                "Upstream requests that an equal upstream was asked too, by reason: `failed`, `hedge`, `silent`.",
                &["upstream", "reason"],
            )?,
            left_out: counters(
                registry,
                "hecate_upstream_native_enforcement_left_out_total",
                "Upstream requests for which the scope was too long for the upstream's own enforcement; ours was in the query.",
                &["upstream"],
            )?,
            inflight: gauges(registry, "hecate_upstream_inflight", "Upstream requests that hold a place, until their body ended.")?,
            queued: gauges(registry, "hecate_upstream_queued", "Requests that wait for a place.")?,
            bytes: counters(registry, "hecate_upstream_response_bytes_total", "Body bytes received.", &["upstream"])?,
            up: gauges(registry, "hecate_upstream_up", "1 when the upstream answers, 0 when not or not yet known.")?,
            errors: counters(
                registry,
                "hecate_upstream_errors_total",
                "Upstream requests that failed, by kind of failure.",
                &["upstream", "kind"],
            )?,
        })
    }
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    registered(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
}

fn gauges(registry: &Registry, name: &str, help: &str) -> Result<IntGaugeVec, prometheus::Error> {
    registered(registry, IntGaugeVec::new(Opts::new(name, help), &["upstream"])?)
}

/// The metrics of one upstream, looked up once.
#[derive(Clone)]
pub(super) struct Metrics {
    name: String,
    families: Families,
    pub(super) retries: IntCounter,
    pub(super) left_out: IntCounter,
    pub(super) inflight: IntGauge,
    pub(super) queued: IntGauge,
    pub(super) bytes: IntCounter,
    pub(super) up: IntGauge,
}

impl Metrics {
    pub(super) fn of(families: &Families, name: &str) -> Metrics {
        // There from the start, so that a rate over them sees the first one.
        for reason in ["failed", "hedge", "silent"] {
            families.failovers.with_label_values(&[name, reason]);
        }
        Metrics {
            name: name.to_owned(),
            families: families.clone(),
            retries: families.retries.with_label_values(&[name]),
            left_out: families.left_out.with_label_values(&[name]),
            inflight: families.inflight.with_label_values(&[name]),
            queued: families.queued.with_label_values(&[name]),
            bytes: families.bytes.with_label_values(&[name]),
            up: families.up.with_label_values(&[name]),
        }
    }

    /// One request ended its first part: `status` of the answer, or none.
    pub(super) fn answered(&self, path: &ApiPath, status: Option<u16>, after: Duration) {
        let path = path.template();
        self.families.requests.with_label_values(&[self.name.as_str(), path, code(status)]).inc();
        self.duration(path).observe(after.as_secs_f64());
    }

    pub(super) fn failed(&self, kind: &'static str) {
        self.families.errors.with_label_values(&[self.name.as_str(), kind]).inc();
    }

    /// An equal upstream is asked too, because this one did not do.
    pub(super) fn failed_over(&self, reason: &'static str) {
        self.families.failovers.with_label_values(&[self.name.as_str(), reason]).inc();
    }

    fn duration(&self, path: &str) -> Histogram {
        self.families.duration.with_label_values(&[self.name.as_str(), path])
    }
}

/// The statuses that a Prometheus or a proxy before it answers; an upstream cannot invent label values.
fn code(status: Option<u16>) -> &'static str {
    match status {
        None => "error",
        Some(200) => "200",
        Some(204) => "204",
        Some(400) => "400",
        Some(401) => "401",
        Some(403) => "403",
        Some(404) => "404",
        Some(405) => "405",
        Some(413) => "413",
        Some(414) => "414",
        Some(422) => "422",
        Some(429) => "429",
        Some(499) => "499",
        Some(500) => "500",
        Some(502) => "502",
        Some(503) => "503",
        Some(504) => "504",
        Some(_) => "other",
    }
}
