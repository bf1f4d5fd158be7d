//! `telemetry:` logs and traces.

use std::time::Duration;

use url::Url;

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
