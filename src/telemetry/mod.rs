//! Logs, metrics, traces and health: what a person at 3 a.m. has to go by. Every floor may call this room; it calls only `config`.
//!
//! # Layout
//!
//! * [`init`]: settings → logs and trace export running, with a [`Guard`] that flushes them
//! * `logs`, `line`, `writer`: levels, formats, and the way to standard error that never blocks a request
//! * [`Metrics`], [`RouteMetrics`], `labels`: the registry and the closed sets of label values
//! * [`TraceContext`], [`RequestId`]: the names of a request across processes
//! * [`Tracer`], [`Span`], `export`: spans and their way to a collector (OTLP over HTTP)
//! * [`AccessLog`], [`SlowQueryLog`]: one line per request, one per slow query
//! * [`with_causes`]: an error with everything that led to it
//! * [`Health`], [`Readiness`]: what `/api/v1/health` and `/ready` say

mod access;
mod bound;
mod causes;
mod export;
mod health;
mod labels;
mod line;
mod logs;
mod metrics;
mod request_id;
mod route;
mod slow_query;
mod span;
mod trace_context;
mod trace_state;
mod writer;

use std::time::Duration;

use crate::config;

pub use access::{AccessLog, AccessRecord, Namespaces};
pub use causes::with_causes;
pub use export::ExportError;
pub use health::{Check, CheckRole, Health, Readiness, ReadinessState, State};
pub use labels::{AuthOutcome, AuthProvider, CacheOutcome, Method, RejectReason, ScopeKind};
pub use line::push_millis;
pub use logs::LogError;
pub use metrics::{GaugeGuard, MAX_ROUTES, Metrics, RegisterError, RenderError};
pub use request_id::RequestId;
pub use route::RouteMetrics;
pub use slow_query::{SlowQuery, SlowQueryLog, Window};
pub use span::{Attribute, Span, SpanKind, Tracer};
pub use trace_context::{BadTraceparent, SpanId, TRACEPARENT, TRACESTATE, TraceContext, TraceId};

/// How long a [`Guard`] that is dropped waits for what is still queued.
const FLUSH_ON_DROP: Duration = Duration::from_secs(2);

/// Starts logs and, if `telemetry.otlp_endpoint` is set, the export of traces. Call once, first thing in `main`; keep the answer to its end.
///
/// # Errors
/// A bad `telemetry.log`, a bad `telemetry.otlp_endpoint`, a thread that cannot be started, or a second call.
pub fn init(settings: &config::Telemetry, metrics: &Metrics) -> Result<Guard, InitError> {
    let logs = logs::start(settings, metrics)?;
    let (tracer, export) = export::start(settings, metrics)?;
    Ok(Guard { tracer, export, logs })
}

/// Telemetry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The logs.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The export of traces.
    #[error(transparent)]
    Export(#[from] ExportError),
}

/// Keeps logs and export running; flushes both when it is dropped, waiting at most 2 s for each.
#[must_use = "dropping it stops logs and traces"]
pub struct Guard {
    tracer: Tracer,
    export: Option<export::Worker>,
    logs: writer::Worker,
}

impl Guard {
    /// What makes spans: a no-op that costs nanoseconds when no collector is configured. Cheap to clone.
    pub fn tracer(&self) -> Tracer {
        self.tracer.clone()
    }

    /// Sends what is queued and ends the export; writes out the logs. Blocks the calling thread at most `limit` for each of the two.
    /// Returns whether everything went out in time. Called again, it only writes out the logs.
    pub fn flush(&mut self, limit: Duration) -> bool {
        let spans_out = self.export.take().is_none_or(|worker| worker.finish(limit));
        let lines_out = self.logs.flush(limit);
        spans_out && lines_out
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.flush(FLUSH_ON_DROP);
    }
}
