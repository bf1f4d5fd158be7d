//! `telemetry:` logs and traces.

use std::time::Duration;

use url::Url;

use super::reader::Map;
use super::values;
use super::yaml::Node;

/// What is written down, and where.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// Levels, as `RUST_LOG` has them: `info`, or `info,hecate::upstream=debug`.
    pub log: String,
    /// For people or for machines.
    pub format: LogFormat,
    /// Base URL of an OTLP/HTTP collector; traces are sent to `/v1/traces` below it.
    pub otlp_endpoint: Option<Url>,
    /// Which part of the requests that come without a `traceparent` is traced: 0.0 none, 1.0 all.
    pub otlp_sample: f64,
    /// A query that takes longer is written to the slow-query log.
    pub slow_query: Duration,
    /// Write one line per request.
    pub access_log: bool,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Telemetry {
    fn default() -> Self {
        Telemetry {
            log: "info".into(),
            format: LogFormat::Text,
            otlp_endpoint: None,
            otlp_sample: 1.0,
            slow_query: Duration::from_secs(5),
            access_log: true,
        }
    }
}

impl Telemetry {
    pub(super) fn read(map: &mut Map<'_>) -> Telemetry {
        const FORMATS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];
        let shipped = Telemetry::default();
        let slow = values::duration(Duration::from_millis(1)..=Duration::from_secs(24 * 3600));
        Telemetry {
            log: map.value("log", log_filter).unwrap_or(shipped.log),
            format: map.value("format", values::word(FORMATS)).unwrap_or(shipped.format),
            otlp_endpoint: map.value("otlp_endpoint", values::http_url),
            otlp_sample: map.value("otlp_sample", values::share).unwrap_or(shipped.otlp_sample),
            slow_query: map.value("slow_query", slow).unwrap_or(shipped.slow_query),
            access_log: map.value("access_log", values::switch).unwrap_or(shipped.access_log),
        }
    }
}

fn log_filter(node: &Node) -> Result<String, String> {
    let written = values::text(node)?;
    match tracing_subscriber::EnvFilter::try_new(&written) {
        Ok(_) if written.len() <= 1024 => Ok(written),
        _ => Err(format!("{} is not a log filter; write info, or info,hecate::upstream=debug", values::quote(&written))),
    }
}
