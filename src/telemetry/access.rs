//! The access log: one line per request under the target `hecate::access`.

use std::time::Duration;

use super::{RequestId, TraceId, bound::bounded};

/// Bytes of a path that are logged.
const MAX_PATH: usize = 1024;
/// Bytes of a name (user, provider, address) that are logged.
const MAX_NAME: usize = 256;

/// Writes access lines, or nothing if `telemetry.access_log` is off.
#[derive(Clone, Copy, Debug)]
pub struct AccessLog {
    enabled: bool,
}

/// How far the caller may see, as the access log says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// Not known: nobody was authenticated.
    Unknown,
    /// Everything.
    Cluster,
    /// This many namespaces.
    Count(usize),
}

/// One answered request.
#[derive(Clone, Debug)]
pub struct AccessRecord<'a> {
    /// The method as sent.
    pub method: &'a str,
    /// The route template.
    pub route: &'a str,
    /// The path as sent, without the query string; logged to 1 KiB.
    pub path: &'a str,
    /// The status code that was sent.
    pub status: u16,
    /// Bytes of the answer's body as sent.
    pub bytes: u64,
    /// From the first byte of the request to the last byte of the answer.
    pub duration: Duration,
    /// The caller, if known.
    pub user: Option<&'a str>,
    /// What kind of provider knew the caller.
    pub provider: Option<&'a str>,
    /// How far the caller may see.
    pub namespaces: Namespaces,
    /// The client's address.
    pub client: &'a str,
    /// The name of the request.
    pub request_id: &'a RequestId,
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Time spent waiting for upstreams, if any was asked.
    pub upstream: Option<Duration>,
    /// `HTTP/1.1`, `HTTP/2`.
    pub protocol: &'a str,
}

impl AccessLog {
    /// From `telemetry.access_log`.
    pub fn new(enabled: bool) -> AccessLog {
        AccessLog { enabled }
    }

    /// Writes the line. Text goes in as string values, which both formats quote and escape.
    pub fn record(&self, record: &AccessRecord<'_>) {
        if !self.enabled || !tracing::enabled!(target: "hecate::access", tracing::Level::INFO) {
            return;
        }
        let namespaces = match record.namespaces {
            Namespaces::Unknown => None,
            Namespaces::Cluster => Some("cluster".to_owned()),
            Namespaces::Count(count) => Some(count.to_string()),
        };
        tracing::info!(
            target: "hecate::access",
            method = &*bounded(record.method, 32),
            route = record.route,
            path = &*bounded(record.path, MAX_PATH),
            status = record.status,
            bytes = record.bytes,
            duration_ms = millis(record.duration),
            user = record.user.map(|user| bounded(user, MAX_NAME)).as_deref(),
            provider = record.provider.map(|provider| bounded(provider, MAX_NAME)).as_deref(),
            namespaces = namespaces.as_deref(),
            client = &*bounded(record.client, MAX_NAME),
            request_id = record.request_id.as_str(),
            trace_id = record.trace_id.to_string().as_str(),
            upstream_ms = record.upstream.map(millis),
            protocol = record.protocol,
            "request"
        );
    }
}

/// Milliseconds with three places: microseconds are as fine as it gets.
pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::LogFormat, telemetry::logs::tests::capture};

    fn logged(enabled: bool, format: LogFormat, path: &str, user: Option<&str>) -> Vec<String> {
        let request_id = RequestId::accept(Some(b"req-1"));
        let trace = crate::telemetry::TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        capture("info", format, || {
            AccessLog::new(enabled).record(&AccessRecord {
                method: "GET",
                route: "/api/v1/query",
                path,
                status: 200,
                bytes: 12,
                duration: Duration::from_micros(1500),
                user,
                provider: user.map(|_| "jwt"),
                namespaces: Namespaces::Count(3),
                client: "10.0.0.1:4711",
                request_id: &request_id,
                trace_id: trace.trace_id(),
                upstream: Some(Duration::from_millis(1)),
                protocol: "HTTP/1.1",
            });
        })
    }

    #[test]
    fn one_line_with_every_field() {
        let lines = logged(true, LogFormat::Json, "/api/v1/query", Some("ann"));
        let mut event: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert!(event.as_object_mut().unwrap().remove("timestamp").is_some());
        let expected = serde_json::json!({
            "level": "INFO", "target": "hecate::access", "message": "request", "method": "GET", "route": "/api/v1/query",
            "path": "/api/v1/query", "status": 200, "bytes": 12, "duration_ms": 1.5, "user": "ann", "provider": "jwt", "namespaces": "3",
            "client": "10.0.0.1:4711", "request_id": "req-1", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "upstream_ms": 1.0,
            "protocol": "HTTP/1.1",
        });
        assert_eq!(event, expected);
    }

    #[test]
    fn a_path_can_forge_neither_a_line_nor_a_field_and_is_shortened() {
        let forged = format!("/a\n\" status=500 user=\"root\" {}", "x".repeat(5000));
        let lines = logged(true, LogFormat::Text, &forged, None);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains(r#"path="/a\n\" status=500 user=\"root\" xxx"#), "{}", lines[0]);
        assert!(lines[0].len() < MAX_PATH + 500, "{}", lines[0].len());
    }

    #[test]
    fn off_means_off() {
        assert_eq!(logged(false, LogFormat::Text, "/", None), Vec::<String>::new());
    }
}
