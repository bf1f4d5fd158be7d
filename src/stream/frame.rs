//! How events are written: Server-Sent Events whose data is one line of JSON, version 1 (docs/stream.schema.json).
//!
//! What is the same for every client of a query is written once and shared; what differs, the id of the query in this stream and
//! the id of the event, stands in front of it.

use std::fmt::Write as _;

use bytes::Bytes;
use serde::Serialize;

use super::window::Window;
use crate::series::print_time;

/// Ends every event.
pub const END: &[u8] = b"\n\n";

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What was subscribed to, first of all.
    Connected,
    /// A whole window.
    Snapshot,
    /// What is new or changed since the last window.
    Delta,
    /// A query could not be evaluated, or the stream ends.
    Error,
    /// The stream is alive.
    Heartbeat,
    /// The server goes: come back.
    Shutdown,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 6] = [Kind::Connected, Kind::Snapshot, Kind::Delta, Kind::Error, Kind::Heartbeat, Kind::Shutdown];

    /// As events and metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Connected => "connected",
            Kind::Snapshot => "snapshot",
            Kind::Delta => "delta",
            Kind::Error => "error",
            Kind::Heartbeat => "heartbeat",
            Kind::Shutdown => "shutdown",
        }
    }
}

/// One query of a stream, as `connected` tells it.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// What the client calls it.
    pub id: String,
    /// As it was asked.
    pub query: String,
    /// Between two grid points.
    pub step_seconds: f64,
    /// From the first grid point to the last.
    pub window_seconds: f64,
}

/// The bounds that a client may want to know.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Bounds {
    /// Queries of one stream.
    pub queries: usize,
    /// Streams of one user.
    pub streams_per_user: usize,
    /// Shortest step.
    pub min_interval_seconds: f64,
    /// Longest step.
    pub max_interval_seconds: f64,
    /// Between two heartbeats.
    pub heartbeat_seconds: f64,
}

/// `connected`, with the time after which a client that lost its connection comes back.
pub fn connected(stream: &str, queries: &[Told], limits: &Bounds, shared: bool, retry_ms: u64) -> Bytes {
    #[derive(Serialize)]
    struct Connected<'a> {
        v: u8,
        stream: &'a str,
        queries: &'a [Told],
        limits: &'a Bounds,
        shared: bool,
    }
    let data = Connected { v: 1, stream, queries, limits, shared };
    whole(Kind::Connected, Some(retry_ms), &data)
}

/// `error` of one query, or of the stream when there is no id.
pub fn error(id: Option<&str>, error_type: &str, message: &str) -> Bytes {
    #[derive(Serialize)]
    struct Failed<'a> {
        v: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        #[serde(rename = "errorType")]
        error_type: &'a str,
        error: &'a str,
    }
    whole(Kind::Error, None, &Failed { v: 1, id, error_type, error: message })
}

/// `heartbeat` with the server's time.
pub fn heartbeat(now_ms: i64) -> Bytes {
    #[derive(Serialize)]
    struct Alive {
        v: u8,
        time: f64,
    }
    whole(Kind::Heartbeat, None, &Alive { v: 1, time: now_ms as f64 / 1000.0 })
}

/// `shutdown`; the client comes back after `retry_ms`.
pub fn shutdown(retry_ms: u64) -> Bytes {
    #[derive(Serialize)]
    struct Shutdown {
        v: u8,
        retry_ms: u64,
    }
    whole(Kind::Shutdown, Some(retry_ms), &Shutdown { v: 1, retry_ms })
}

fn whole(kind: Kind, retry_ms: Option<u64>, data: &impl Serialize) -> Bytes {
    let mut text = String::with_capacity(256);
    if let Some(retry_ms) = retry_ms {
        let _ = writeln!(text, "retry: {retry_ms}");
    }
    // Texts and numbers can always be written.
    let data = serde_json::to_string(data).unwrap_or_default();
    let _ = write!(text, "event: {}\ndata: {data}\n\n", kind.as_str());
    text.into()
}

/// What stands in front of the shared part of a `snapshot` or `delta`, up to and with the comma in front of it. `event_id` moves on
/// only with the last query of a tick; `id` is written as JSON already, with its quotes.
pub fn opening(kind: Kind, event_id: Option<&str>, id: &str) -> String {
    let moves_on = event_id.map_or([""; 3], |event_id| ["id: ", event_id, "\n"]);
    let pieces = ["event: ", kind.as_str(), "\ndata: {\"v\":1,\"id\":", id, ","];
    moves_on.into_iter().chain(pieces).collect()
}

/// What stands between the opening of a `snapshot` and the text of its window.
pub fn window_times(window: &Window) -> Vec<u8> {
    let mut times = Vec::with_capacity(80);
    for (name, ms) in [("\"start\":", window.start_ms), (",\"end\":", window.end_ms), (",\"step_seconds\":", window.step_ms)] {
        times.extend_from_slice(name.as_bytes());
        print_time(ms, &mut times);
    }
    times.push(b',');
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_one_line_of_json_each() {
        let queries = [Told { id: "q0".into(), query: "up\n> 0".into(), step_seconds: 15.0, window_seconds: 3600.0 }];
        let limits =
            Bounds { queries: 100, streams_per_user: 20, min_interval_seconds: 5.0, max_interval_seconds: 300.0, heartbeat_seconds: 30.0 };
        let text = connected("s1", &queries, &limits, true, 2000);
        assert_eq!(
            text,
            "retry: 2000\nevent: connected\ndata: {\"v\":1,\"stream\":\"s1\",\"queries\":[{\"id\":\"q0\",\"query\":\"up\\n> 0\",\
             \"step_seconds\":15.0,\"window_seconds\":3600.0}],\"limits\":{\"queries\":100,\"streams_per_user\":20,\
             \"min_interval_seconds\":5.0,\"max_interval_seconds\":300.0,\"heartbeat_seconds\":30.0},\"shared\":true}\n\n"
        );
        assert_eq!(
            error(Some("q0"), "timeout", "a\nb"),
            "event: error\ndata: {\"v\":1,\"id\":\"q0\",\"errorType\":\"timeout\",\"error\":\"a\\nb\"}\n\n"
        );
        assert_eq!(error(None, "revoked", "x"), "event: error\ndata: {\"v\":1,\"errorType\":\"revoked\",\"error\":\"x\"}\n\n");
        assert_eq!(heartbeat(1500), "event: heartbeat\ndata: {\"v\":1,\"time\":1.5}\n\n");
        assert_eq!(shutdown(1200), "retry: 1200\nevent: shutdown\ndata: {\"v\":1,\"retry_ms\":1200}\n\n");
    }

    #[test]
    fn what_differs_from_client_to_client_stands_in_front() {
        let out = opening(Kind::Delta, Some("1795424400000-1f"), "\"q0\"");
        assert_eq!(out, "id: 1795424400000-1f\nevent: delta\ndata: {\"v\":1,\"id\":\"q0\",");
        assert_eq!(opening(Kind::Snapshot, None, "\"q1\""), "event: snapshot\ndata: {\"v\":1,\"id\":\"q1\",");
        let answer = Bytes::from_static(br#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#);
        let times = window_times(&Window::new(1500, 61_500, 15_000, answer).unwrap());
        assert_eq!(times, b"\"start\":1.500,\"end\":61.500,\"step_seconds\":15,");
    }
}
