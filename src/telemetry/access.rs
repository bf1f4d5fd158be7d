//! The access log: one line per request under the target `hecate::access`.

use std::cell::RefCell;
use std::fmt::Write;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use super::line::{Line, push_number};
use super::logs::{self, Lines};
use super::{RequestId, TraceId, bound::bounded};

/// Bytes of a path that are logged.
const MAX_PATH: usize = 1024;
/// Bytes of a name (user, provider, address) that are logged.
const MAX_NAME: usize = 256;

/// Writes access lines, or nothing if `telemetry.access_log` is off.
#[derive(Clone)]
pub struct AccessLog {
    lines: Option<Lines>,
}

thread_local! {
    /// The line of the request that ends on this thread: every request writes one, none of them allocates for it.
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
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
    /// The client's address, empty if it has none.
    pub client: Option<IpAddr>,
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
    /// From `telemetry.access_log`. Lines go where [`init`](super::init) sends logs, and nowhere before it was called.
    pub fn new(enabled: bool) -> AccessLog {
        AccessLog { lines: logs::lines().filter(|_| enabled).cloned() }
    }

    /// Writes the line. Text of others goes in as quoted values, which both formats escape.
    pub fn record(&self, record: &AccessRecord<'_>) {
        let Some(lines) = &self.lines else { return };
        if !tracing::enabled!(target: "hecate::access", tracing::Level::INFO) {
            return;
        }
        LINE.with_borrow_mut(|text| {
            let mut line = Line::begin(text, lines.format, SystemTime::now(), "hecate::access", "request");
            record.write(&mut line);
            lines.output.send(line.end().as_bytes());
        });
    }
}

impl AccessRecord<'_> {
    fn write(&self, line: &mut Line<'_>) {
        line.text("method", &bounded(self.method, 32));
        line.text("route", self.route);
        line.text("path", &bounded(self.path, MAX_PATH));
        line.number("status", self.status.into());
        line.number("bytes", self.bytes);
        line.millis("duration_ms", self.duration);
        if let Some(user) = self.user {
            line.text("user", &bounded(user, MAX_NAME));
        }
        if let Some(provider) = self.provider {
            line.text("provider", &bounded(provider, MAX_NAME));
        }
        match self.namespaces {
            Namespaces::Unknown => {}
            Namespaces::Cluster => line.text("namespaces", "cluster"),
            Namespaces::Count(count) => line.plain("namespaces", |text| push_number(text, count as u64)),
        }
        line.plain("client", |text| {
            if let Some(address) = self.client {
                let _ = write!(text, "{address}");
            }
        });
        line.text("request_id", self.request_id.as_str());
        line.plain("trace_id", |text| self.trace_id.push_to(text));
        if let Some(upstream) = self.upstream {
            line.millis("upstream_ms", upstream);
        }
        line.text("protocol", self.protocol);
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

    fn record<'a>(request_id: &'a RequestId, path: &'a str, user: Option<&'a str>) -> AccessRecord<'a> {
        let trace = crate::telemetry::TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        AccessRecord {
            method: "GET",
            route: "/api/v1/query",
            path,
            status: 200,
            bytes: 12,
            duration: Duration::from_micros(1500),
            user,
            provider: user.map(|_| "jwt"),
            namespaces: Namespaces::Count(3),
            client: Some([10, 0, 0, 1].into()),
            request_id,
            trace_id: trace.trace_id(),
            upstream: Some(Duration::from_millis(1)),
            protocol: "HTTP/1.1",
        }
    }

    fn logged(directives: &str, format: LogFormat, path: &str, user: Option<&str>) -> Vec<String> {
        let request_id = RequestId::accept(Some(b"req-1"));
        capture(directives, format, |lines| AccessLog { lines: Some(lines) }.record(&record(&request_id, path, user)))
    }

    #[test]
    fn one_line_with_every_field() {
        let lines = logged("info", LogFormat::Json, "/api/v1/query", Some("ann"));
        let mut event: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert!(event.as_object_mut().unwrap().remove("timestamp").is_some());
        let expected = serde_json::json!({
            "level": "INFO", "target": "hecate::access", "message": "request", "method": "GET", "route": "/api/v1/query",
            "path": "/api/v1/query", "status": 200, "bytes": 12, "duration_ms": 1.5, "user": "ann", "provider": "jwt", "namespaces": "3",
            "client": "10.0.0.1", "request_id": "req-1", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "upstream_ms": 1.0,
            "protocol": "HTTP/1.1",
        });
        assert_eq!(event, expected);
    }

    /// Lines of the access log are read by the same programs as all others.
    #[test]
    fn a_line_is_what_the_logging_library_would_write() {
        for (path, user) in [
            ("/api/v1/query", Some("ann")),
            ("/", None),
            ("/a\"b\\c'd{}", Some("a b=c")),
            ("/caf\u{e9}/\u{6f22}/\u{1f980}", Some("\u{fc}")),
            ("/\n\r\t\u{1b}[2J\u{7f}\u{85}\u{2028}\u{202e}\u{200b}\u{301}", Some("\u{0}")),
        ] {
            for format in [LogFormat::Text, LogFormat::Json] {
                let own = logged("info", format, path, user);
                let of_library = capture("info", format, |_| {
                    tracing::info!(
                        target: "hecate::access", method = "GET", route = "/api/v1/query", path, status = 200, bytes = 12, duration_ms = 1.5, user,
                        provider = user.map(|_| "jwt"), namespaces = "3", client = "10.0.0.1", request_id = "req-1",
                        trace_id = "4bf92f3577b34da6a3ce929d0e0e4736", upstream_ms = 1.0, protocol = "HTTP/1.1", "request"
                    );
                });
                let timeless = |lines: &[String]| -> Vec<String> {
                    let digits =
                        |line: &String| line.char_indices().map(|(at, c)| if at < 45 && c.is_ascii_digit() { '0' } else { c }).collect();
                    lines.iter().map(digits).collect()
                };
                assert_eq!(timeless(&own), timeless(&of_library), "{path:?}");
            }
        }
    }

    #[test]
    fn a_path_can_forge_neither_a_line_nor_a_field_and_is_shortened() {
        let forged = format!("/a\n\" status=500 user=\"root\" {}", "x".repeat(5000));
        let lines = logged("info", LogFormat::Text, &forged, None);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains(r#"path="/a\n\" status=500 user=\"root\" xxx"#), "{}", lines[0]);
        assert!(lines[0].len() < MAX_PATH + 500, "{}", lines[0].len());
    }

    #[test]
    fn off_means_off() {
        assert_eq!(logged("warn", LogFormat::Text, "/", None), Vec::<String>::new());
        assert_eq!(logged("info,hecate::access=off", LogFormat::Json, "/", None), Vec::<String>::new());
        assert!(AccessLog::new(false).lines.is_none());
    }
}
