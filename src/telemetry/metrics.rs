//! The numbers of this process: one registry, every metric with a bounded set of labels.
//!
//! No user, no namespace and no text of a query ever becomes a label. docs/operations.md lists every metric; a test
//! holds the two together.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
    process_collector::ProcessCollector,
};

use super::{
    labels::{AuthOutcome, AuthProvider, CacheOutcome, RejectReason, ScopeKind},
    route::RouteMetrics,
};

/// More routes than this are counted as `other`: a route is a template from a fixed list, so this is never reached.
pub const MAX_ROUTES: usize = 256;

/// Upper bounds of the request time buckets in seconds: 0.5 ms to 60 s.
const DURATION_BUCKETS: [f64; 16] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// The metrics of the process. Cheap to clone: every clone counts into the same numbers.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    requests: IntCounterVec,
    duration: HistogramVec,
    response_bytes: IntCounterVec,
    routes: Mutex<BTreeMap<&'static str, Arc<RouteMetrics>>>,
    inflight: IntGauge,
    connections: IntGauge,
    connections_rejected: IntCounter,
    rejected: Vec<IntCounter>,
    auth: IntCounterVec,
    /// By provider and outcome, each made when it first happens so that `/metrics` shows only that.
    auth_by_place: Box<[OnceLock<IntCounter>]>,
    queries_enforced: Vec<IntCounter>,
    rewrite_cache: Vec<IntCounter>,
    slow_queries: IntCounter,
    ready: IntGauge,
    log_lines_dropped: IntCounter,
    spans_exported: IntCounter,
    spans_dropped: IntCounterVec,
}

/// A metric could not be registered: its name was taken or is not a name.
#[derive(Debug, thiserror::Error)]
#[error("metric `{name}` cannot be registered: {source}")]
pub struct RegisterError {
    name: String,
    source: prometheus::Error,
}

/// Registers a metric and hands it back.
fn register<M: Collector + Clone + 'static>(
    registry: &Registry,
    name: &str,
    metric: Result<M, prometheus::Error>,
) -> Result<M, RegisterError> {
    metric
        .and_then(|made| registry.register(Box::new(made.clone())).map(|()| made))
        .map_err(|source| RegisterError { name: name.to_owned(), source })
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, RegisterError> {
    register(registry, name, IntCounter::new(name, help))
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, RegisterError> {
    register(registry, name, IntCounterVec::new(Opts::new(name, help), labels))
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, RegisterError> {
    register(registry, name, IntGauge::new(name, help))
}

impl Metrics {
    /// A fresh registry with every metric of the edge and of the process (CPU, memory, file descriptors).
    ///
    /// # Errors
    /// Never with the names as they stand; a name given twice would say so here.
    pub fn new() -> Result<Metrics, RegisterError> {
        let registry = Registry::new();
        let reg = &registry;
        let process = ProcessCollector::for_self();
        reg.register(Box::new(process)).map_err(|source| RegisterError { name: "process".into(), source })?;

        let build_name = "hecate_build_info";
        let build_opts = Opts::new(build_name, "The version that runs; always 1.");
        register(reg, build_name, IntGaugeVec::new(build_opts, &["version"]))?.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);

        let rejected = counters(reg, "hecate_rejected_total", "Requests that were turned away, by reason.", &["reason"])?;
        let enforced = counters(reg, "hecate_queries_enforced_total", "Queries that went through enforcement.", &["scope"])?;
        let rewrites = counters(reg, "hecate_rewrite_cache_total", "Looks into the cache of enforced queries.", &["outcome"])?;
        let duration_name = "hecate_http_request_duration_seconds";
        let duration_opts = HistogramOpts::new(duration_name, "Seconds from the first byte of the request to the last byte of the answer.");
        let spans_dropped =
            counters(reg, "hecate_trace_spans_dropped_total", "Trace spans that never reached the collector.", &["reason"])?;
        for reason in ["queue", "export"] {
            spans_dropped.with_label_values(&[reason]);
        }

        let inner = Inner {
            requests: counters(reg, "hecate_http_requests_total", "Requests that were answered.", &["route", "method", "code"])?,
            duration: register(reg, duration_name, HistogramVec::new(duration_opts.buckets(DURATION_BUCKETS.to_vec()), &["route"]))?,
            response_bytes: counters(reg, "hecate_http_response_bytes_total", "Bytes of answer bodies as sent.", &["route"])?,
            routes: Mutex::new(BTreeMap::new()),
            inflight: gauge(reg, "hecate_http_inflight", "Requests that are being answered now.")?,
            connections: gauge(reg, "hecate_connections", "Client connections that are open now.")?,
            connections_rejected: counter(reg, "hecate_connections_rejected_total", "Connections refused because too many were open.")?,
            // In the order of `ALL`, so that counting is an index: every label is there with 0 from the start.
            rejected: RejectReason::ALL.iter().map(|reason| rejected.with_label_values(&[reason.as_str()])).collect(),
            auth: counters(reg, "hecate_auth_total", "Credentials looked at, by provider and outcome.", &["provider", "outcome"])?,
            auth_by_place: (0..AuthProvider::ALL.len() * AuthOutcome::ALL.len()).map(|_| OnceLock::new()).collect(),
            queries_enforced: ScopeKind::ALL.iter().map(|scope| enforced.with_label_values(&[scope.as_str()])).collect(),
            rewrite_cache: CacheOutcome::ALL.iter().map(|outcome| rewrites.with_label_values(&[outcome.as_str()])).collect(),
            slow_queries: counter(reg, "hecate_slow_queries_total", "Queries that took longer than telemetry.slow_query.")?,
            ready: gauge(reg, "hecate_ready", "1 while the process takes requests, 0 while it starts or drains.")?,
            log_lines_dropped: counter(
                reg,
                "hecate_log_lines_dropped_total",
                "Log lines thrown away because standard error was too slow.",
            )?,
            spans_exported: counter(reg, "hecate_trace_spans_exported_total", "Trace spans that the collector took.")?,
            spans_dropped,
            registry,
        };
        Ok(Metrics { inner: Arc::new(inner) })
    }

    /// The registry, for metrics that other rooms keep themselves (their labels must be bounded too).
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// The counters of one route template. Ask once when the router is built and keep the answer: this takes a lock.
    pub fn route(&self, template: &'static str) -> Arc<RouteMetrics> {
        let inner = &self.inner;
        let mut routes = inner.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let name = if routes.contains_key(template) || routes.len() < MAX_ROUTES { template } else { "other" };
        let made = || Arc::new(RouteMetrics::new(name, &inner.requests, &inner.duration, &inner.response_bytes));
        routes.entry(name).or_insert_with(made).clone()
    }

    /// A request has begun; it counts as in flight until the answer is dropped.
    pub fn request_started(&self) -> GaugeGuard {
        GaugeGuard::new(&self.inner.inflight)
    }

    /// A client connection was accepted; it counts as open until the answer is dropped.
    pub fn connection_opened(&self) -> GaugeGuard {
        GaugeGuard::new(&self.inner.connections)
    }

    /// The gauge of open connections, for an acceptor that has no place to keep a guard.
    pub fn connections(&self) -> &IntGauge {
        &self.inner.connections
    }

    /// A connection was refused because too many are open.
    pub fn connection_rejected(&self) {
        self.inner.connections_rejected.inc();
    }

    /// A request was turned away.
    pub fn rejected(&self, reason: RejectReason) {
        self.inner.rejected[reason as usize].inc();
    }

    /// Credentials were looked at.
    pub fn authenticated(&self, provider: AuthProvider, outcome: AuthOutcome) {
        let place = provider as usize * AuthOutcome::ALL.len() + outcome as usize;
        self.inner.auth_by_place[place].get_or_init(|| self.inner.auth.with_label_values(&[provider.as_str(), outcome.as_str()])).inc();
    }

    /// A query went through enforcement.
    pub fn query_enforced(&self, scope: ScopeKind) {
        self.inner.queries_enforced[scope as usize].inc();
    }

    /// The cache of enforced queries was asked.
    pub fn rewrite_cache(&self, outcome: CacheOutcome) {
        self.inner.rewrite_cache[outcome as usize].inc();
    }

    /// A query was over the slow-query bound.
    pub(super) fn slow_query(&self) {
        self.inner.slow_queries.inc();
    }

    pub(super) fn ready(&self) -> &IntGauge {
        &self.inner.ready
    }

    pub(super) fn log_lines_dropped(&self) -> &IntCounter {
        &self.inner.log_lines_dropped
    }

    pub(super) fn spans_exported(&self) -> &IntCounter {
        &self.inner.spans_exported
    }

    /// Spans lost: `queue` (it was full) or `export` (the collector did not take them).
    pub(super) fn spans_dropped(&self, reason: &'static str) -> IntCounter {
        self.inner.spans_dropped.with_label_values(&[reason])
    }

    /// Everything in the Prometheus text format, for `/metrics`; send it with [`Metrics::CONTENT_TYPE`].
    ///
    /// # Errors
    /// Only if a metric of another room is broken (no name, mixed types).
    pub fn render(&self) -> Result<bytes::Bytes, RenderError> {
        let mut text = Vec::with_capacity(16 * 1024);
        TextEncoder::new().encode(&self.inner.registry.gather(), &mut text).map_err(RenderError)?;
        Ok(text.into())
    }

    /// The content type of [`Metrics::render`].
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";
}

/// The metrics could not be written down.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be rendered: {0}")]
pub struct RenderError(prometheus::Error);

/// One on a gauge for as long as it lives.
#[derive(Debug)]
#[must_use = "the gauge goes down again when this is dropped"]
pub struct GaugeGuard(IntGauge);

impl GaugeGuard {
    fn new(gauge: &IntGauge) -> GaugeGuard {
        gauge.inc();
        GaugeGuard(gauge.clone())
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
