//! The way of spans to a collector: a bounded queue, one thread, batches over OTLP/HTTP.
//!
//! The thread has a runtime of its own, so that spans go out whatever the runtimes of the server do, and until after
//! they have ended. A batch that the collector does not take within [`EXPORT_LIMIT`] is lost and counted.

use std::{
    io,
    sync::mpsc::{Receiver, sync_channel},
    time::Duration,
};

use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanExporter as _},
};
use prometheus::IntCounter;
use tokio::sync::{mpsc, oneshot};
use url::Url;

use crate::config;

use super::{Metrics, Tracer, bound::bounded};

/// Spans that wait at most.
const QUEUE: usize = 4096;
/// Spans in one request at most.
const BATCH: usize = 512;
/// How long a batch is filled.
const LINGER: Duration = Duration::from_secs(1);
/// One request to the collector, from connecting to the end of its answer.
const EXPORT_LIMIT: Duration = Duration::from_secs(5);
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// Bytes of what went wrong that are logged: the collector's answer may be in it.
const MAX_ERROR: usize = 1024;

/// The export of traces could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The collector's address.
    #[error("telemetry.otlp_endpoint: `{0}` is not the base URL of an OTLP/HTTP collector; expected something like http://collector:4318")]
    Endpoint(Url),
    /// The collector's address holds a user or a password, which would stand in our log.
    #[error("telemetry.otlp_endpoint holds credentials; leave them out and set OTEL_EXPORTER_OTLP_HEADERS=authorization=... instead")]
    Credentials,
    /// The ratio of traces.
    #[error("telemetry.otlp_sample: {0} is not a ratio; expected a number from 0.0 (no trace) to 1.0 (every trace)")]
    Sample(f64),
    /// The HTTP client or the exporter.
    #[error("telemetry.otlp_endpoint: the exporter cannot be made: {0}")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No thread or no runtime.
    #[error("telemetry.otlp_endpoint: the exporter cannot be started: {0}")]
    Thread(#[source] io::Error),
}

/// The thread that exports.
pub(super) struct Worker {
    stop: oneshot::Sender<()>,
    finished: Receiver<()>,
}

impl Worker {
    /// Sends what is queued and ends; waits at most `limit`. Returns whether it ended in time.
    pub(super) fn finish(self, limit: Duration) -> bool {
        let _ = self.stop.send(());
        self.finished.recv_timeout(limit).is_ok()
    }
}

/// A tracer that does nothing without `otlp_endpoint`; else one whose spans go there.
pub(super) fn start(settings: &config::Telemetry, metrics: &Metrics) -> Result<(Tracer, Option<Worker>), ExportError> {
    if !(0.0..=1.0).contains(&settings.otlp_sample) {
        return Err(ExportError::Sample(settings.otlp_sample));
    }
    let Some(endpoint) = &settings.otlp_endpoint else { return Ok((Tracer::disabled(), None)) };
    let exporter = exporter(endpoint)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ExportError::Thread)?;

    let (queue, spans) = mpsc::channel(QUEUE);
    let (stop, stopped) = oneshot::channel();
    let (done, finished) = sync_channel(1);
    let mut pump = Pump {
        exporter,
        spans,
        exported: metrics.spans_exported().clone(),
        lost: metrics.spans_dropped("export"),
        endpoint: endpoint.clone(),
        failing: false,
    };
    std::thread::Builder::new()
        .name("hecate-otlp".into())
        .spawn(move || {
            runtime.block_on(pump.run(stopped));
            let _ = done.try_send(());
        })
        .map_err(ExportError::Thread)?;
    Ok((Tracer::new(queue, metrics.spans_dropped("queue"), settings.otlp_sample), Some(Worker { stop, finished })))
}

fn exporter(endpoint: &Url) -> Result<SpanExporter, ExportError> {
    if !endpoint.username().is_empty() || endpoint.password().is_some() {
        return Err(ExportError::Credentials);
    }
    if !matches!(endpoint.scheme(), "http" | "https") || endpoint.query().is_some() || endpoint.fragment().is_some() {
        return Err(ExportError::Endpoint(endpoint.clone()));
    }
    // The client needs a TLS provider for https; if the process has one already, that one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_LIMIT)
        .timeout(EXPORT_LIMIT)
        .pool_max_idle_per_host(1)
        .build()
        .map_err(|error| ExportError::Client(error.into()))?;
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/')))
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(EXPORT_LIMIT)
        .build()
        .map_err(|error| ExportError::Client(error.into()))?;
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    exporter.set_resource(&Resource::builder_empty().with_service_name("hecate").with_attribute(version).build());
    Ok(exporter)
}

/// What the thread works with.
struct Pump {
    exporter: SpanExporter,
    spans: mpsc::Receiver<SpanData>,
    exported: IntCounter,
    lost: IntCounter,
    endpoint: Url,
    /// Whether the last batch was lost: trouble is logged when it begins and when it ends, not per batch.
    failing: bool,
}

impl Pump {
    /// Until `stopped` or the last tracer is gone; then what is queued.
    async fn run(&mut self, mut stopped: oneshot::Receiver<()>) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut running = true;
        while running {
            running = tokio::select! {
                _ = &mut stopped => false,
                more = fill(&mut self.spans, &mut batch) => more,
            };
            self.send(&mut batch).await;
        }
        self.spans.close();
        while self.spans.recv_many(&mut batch, BATCH).await > 0 {
            self.send(&mut batch).await;
        }
    }

    async fn send(&mut self, batch: &mut Vec<SpanData>) {
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        let answer = tokio::time::timeout(EXPORT_LIMIT, self.exporter.export(std::mem::take(batch))).await;
        let failure = match answer {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(bounded(&error.to_string(), MAX_ERROR).into_owned()),
            Err(_) => Some(format!("no answer within {} s", EXPORT_LIMIT.as_secs())),
        };
        match &failure {
            None => self.exported.inc_by(count),
            Some(_) => self.lost.inc_by(count),
        }
        match (&failure, self.failing) {
            (Some(error), false) => {
                tracing::warn!(target: "hecate::telemetry", endpoint = self.endpoint.as_str(), error, "the trace collector does not take spans; they are lost until it does");
            }
            (None, true) => {
                tracing::info!(target: "hecate::telemetry", endpoint = self.endpoint.as_str(), "the trace collector takes spans again")
            }
            _ => {}
        }
        self.failing = failure.is_some();
    }
}

/// Waits for a span, then for more until the batch is full or [`LINGER`] is over. Returns whether more can come.
async fn fill(spans: &mut mpsc::Receiver<SpanData>, batch: &mut Vec<SpanData>) -> bool {
    if spans.recv_many(batch, BATCH).await == 0 {
        return false;
    }
    let until = tokio::time::Instant::now() + LINGER;
    while batch.len() < BATCH {
        let room = BATCH - batch.len();
        match tokio::time::timeout_at(until, spans.recv_many(batch, room)).await {
            Ok(0) => return false,
            Ok(_) => {}
            Err(_) => break,
        }
    }
    true
}
