//! The least client of streams that can be had a thousand times: it looks at the heads of events and throws the rest away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// A window that arrived.
pub struct Arrived {
    /// Which of the client's queries.
    pub nth: usize,
    /// Its last step, in milliseconds.
    pub end_ms: i64,
    pub at: Instant,
    pub is_delta: bool,
}

/// What all clients count together.
#[derive(Default)]
pub struct Counts {
    pub bytes: AtomicUsize,
    pub snapshots: AtomicUsize,
    pub deltas: AtomicUsize,
    pub heartbeats: AtomicUsize,
}

/// Connected until the handle is aborted. Without chunks, so that what is read is what was said.
pub async fn connect(
    address: &str,
    queries: &[String],
    step: u64,
    counts: Arc<Counts>,
    told: Option<mpsc::Sender<Arrived>>,
) -> JoinHandle<()> {
    let mut target = form_urlencoded::Serializer::new(String::new());
    target.extend_pairs(queries.iter().map(|query| ("query", query)));
    target.append_pair("step", &step.to_string()).append_pair("window", &crate::stage::WINDOW.to_string());
    let head = format!("GET /api/v1/metrics/stream?{} HTTP/1.0\r\nAuthorization: Bearer token-a\r\n\r\n", target.finish());
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::spawn(read(stream, counts, told))
}

async fn read(mut stream: TcpStream, counts: Arc<Counts>, told: Option<mpsc::Sender<Arrived>>) {
    // An idle client holds no room; a window may have some hundred thousand bytes.
    let mut text: Vec<u8> = Vec::new();
    loop {
        let mut piece = [0; 2048];
        let count = stream.read(&mut piece).await.unwrap();
        assert!(count > 0, "a stream was closed: {}", String::from_utf8_lossy(&text[..text.len().min(500)]));
        counts.bytes.fetch_add(count, Relaxed);
        text.extend_from_slice(&piece[..count]);
        let at = Instant::now();
        let mut from = 0;
        while let Some(length) = text[from..].windows(2).position(|two| two == b"\n\n") {
            if let Some(arrived) = event(&text[from..from + length], &counts, at)
                && let Some(told) = &told
            {
                let _ = told.send(arrived).await;
            }
            from += length + 2;
        }
        text.drain(..from);
        if text.is_empty() {
            text = Vec::new();
        }
    }
}

fn event(bytes: &[u8], counts: &Counts, at: Instant) -> Option<Arrived> {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(400)]);
    let after = |mark: &str| text.split(mark).nth(1);
    let kind = after("event: ")?.lines().next()?.to_owned();
    match kind.as_str() {
        "snapshot" => counts.snapshots.fetch_add(1, Relaxed),
        "delta" => counts.deltas.fetch_add(1, Relaxed),
        "heartbeat" => counts.heartbeats.fetch_add(1, Relaxed),
        _ => return None,
    };
    let nth = after("\"id\":\"q")?.split('"').next()?.parse().ok()?;
    let seconds: f64 = after("\"end\":")?.split(',').next()?.parse().ok()?;
    Some(Arrived { nth, end_ms: (seconds * 1000.0).round() as i64, at, is_delta: kind == "delta" })
}
