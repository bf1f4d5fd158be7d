//! The least client of streams that can be had a thousand times: it looks at the heads of events and throws the rest away.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use flate2::write::GzDecoder;
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

/// How events are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Plain,
    Gzip,
}

/// Connected until the handle is aborted. Without chunks, so that what is read is what was said.
pub async fn connect(
    address: &str,
    queries: &[String],
    step: u64,
    form: Form,
    counts: Arc<Counts>,
    told: Option<mpsc::Sender<Arrived>>,
) -> JoinHandle<()> {
    let mut target = form_urlencoded::Serializer::new(String::new());
    target.extend_pairs(queries.iter().map(|query| ("query", query)));
    target.append_pair("step", &step.to_string()).append_pair("window", &crate::stage::WINDOW.to_string());
    let takes = if form == Form::Gzip { "Accept-Encoding: gzip\r\n" } else { "" };
    let head = format!("GET /api/v1/metrics/stream?{} HTTP/1.0\r\nAuthorization: Bearer token-a\r\n{takes}\r\n", target.finish());
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::spawn(read(stream, form, counts, told))
}

async fn read(mut stream: TcpStream, form: Form, counts: Arc<Counts>, told: Option<mpsc::Sender<Arrived>>) {
    // An idle client holds no room; a window may have some hundred thousand bytes.
    let mut text: Vec<u8> = Vec::new();
    let mut decoder = None;
    loop {
        let mut piece = [0; 2048];
        let count = stream.read(&mut piece).await.unwrap();
        assert!(count > 0, "a stream was closed: {}", String::from_utf8_lossy(&text[..text.len().min(500)]));
        counts.bytes.fetch_add(count, Relaxed);
        let mut looked = text.len().saturating_sub(1);
        match &mut decoder {
            None => text.extend_from_slice(&piece[..count]),
            Some(decoder) => decode(decoder, &piece[..count], &mut text),
        }
        if form == Form::Gzip && decoder.is_none() {
            let Some(end) = memchr::memmem::find(&text, b"\r\n\r\n") else { continue };
            assert!(memchr::memmem::find(&text[..end], b"gzip").is_some(), "not compressed: {}", String::from_utf8_lossy(&text[..end]));
            let body = text.split_off(end + 4);
            text = Vec::new();
            looked = 0;
            decode(decoder.insert(GzDecoder::new(Vec::new())), &body, &mut text);
        }
        let at = Instant::now();
        let mut from = 0;
        // An event ends with an empty line; what was looked at before is not looked at again.
        while let Some(line) = memchr::memchr(b'\n', &text[looked..]) {
            looked += line + 1;
            if text.get(looked) != Some(&b'\n') {
                continue;
            }
            if let Some(arrived) = event(&text[from..looked], &counts, at)
                && let Some(told) = &told
            {
                let _ = told.send(arrived).await;
            }
            looked += 1;
            from = looked;
        }
        text.drain(..from);
        if text.is_empty() {
            text = Vec::new();
        }
    }
}

fn decode(decoder: &mut GzDecoder<Vec<u8>>, piece: &[u8], text: &mut Vec<u8>) {
    decoder.write_all(piece).and_then(|()| decoder.flush()).unwrap();
    text.append(decoder.get_mut());
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
