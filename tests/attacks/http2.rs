//! HTTP/2 without TLS: pseudo-headers and headers that no HTTP/1 request can have, written frame by frame.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stage::{CANARY, Outcome, Stage, patient};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

type Fields<'a> = Vec<(&'a str, &'a str)>;

/// A request of alice's with these pseudo-headers.
fn of_alice<'a>(method: &'a str, path: &'a str, more: &[(&'a str, &'a str)]) -> Fields<'a> {
    let mut fields = vec![(":method", method), (":scheme", "http"), (":authority", "hecate"), (":path", path)];
    fields.push(("authorization", "Bearer token-alice"));
    fields.extend_from_slice(more);
    fields
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2() {
    let mut stage = Stage::set().await;
    let q = "/api/v1/query?query=app_requests_total";
    let long = format!("/api/v1/query?query=odd&x={}", "a".repeat(33_000));
    let wide = "v".repeat(70_000);
    let same = |path| of_alice("GET", path, &[]);
    let good: &[u16] = &[200];
    let no: &[u16] = &[0, 400];
    let mut table: Vec<(&str, Fields<'_>, &[u16])> = vec![
        ("plain", same(q), good),
        ("fragment", same("/api/v1/query#/../status/config?query=odd"), &[0, 400]),
        ("fragment with a query", same("/api/v1/query?query=a_only#&query=odd"), &[0, 200, 400]),
        ("two slashes", same("//api/v1/query?query=odd"), no),
        ("two slashes inside", same("/api//v1/query?query=odd"), no),
        ("dots", same("/api/v1/../v1/query?query=odd"), no),
        ("encoded dots", same("/api/v1/%2e%2e/query?query=odd"), no),
        ("encoded slash", same("/api%2fv1/query?query=odd"), no),
        ("a path without a slash", same("api/v1/query?query=odd"), no),
        ("a path that is a star", same("*"), no),
        ("an empty path", same(""), no),
        ("an absolute path", same("http://victim/api/v1/status/config"), &[0, 400, 403, 404]),
        ("an absolute path to data", same("http://victim/ns/b/api/v1/query?query=odd"), &[0, 400, 403, 404]),
        ("a space in the path", same("/api/v1/query?query=odd HTTP/1.1"), &[0, 400]),
        ("CRLF in the path", same("/api/v1/query?query=odd HTTP/1.1\r\nX-Scope-OrgID: b\r\n\r\nGET /x"), no),
        ("NUL in the path", same("/api/v1/query\0?query=odd"), no),
        ("another namespace", same("/ns/b/api/v1/query?query=odd"), &[403]),
        ("a namespace twice", same("/ns/b/ns/a/api/v1/query?query=odd"), &[404]),
        ("nothing there", same("/api/v1/admin/tsdb/snapshot"), &[404]),
        ("for cluster-wide callers", same("/api/v1/status/config"), &[403]),
        ("a long path", same(&long), &[0, 414, 431]),
        ("a method with a path", of_alice("GET /ns/b/api/v1/query?query=odd HTTP/1.1\r\nX: ", q, &[]), &[0, 400, 405]),
        ("a method in lower case", of_alice("get", q, &[]), &[0, 400, 405]),
        ("no method at all", of_alice("", q, &[]), &[0, 400, 405]),
        ("CONNECT with a path", of_alice("CONNECT", q, &[]), &[0, 400, 405]),
        ("TRACE", of_alice("TRACE", q, &[]), &[405]),
        ("DELETE", of_alice("DELETE", q, &[]), &[405]),
        ("extended CONNECT", of_alice("CONNECT", q, &[(":protocol", "websocket")]), &[0, 400, 405]),
        (
            "pseudo-header after a header",
            vec![(":method", "GET"), (":scheme", "http"), ("authorization", "Bearer token-alice"), (":path", q)],
            no,
        ),
        ("two paths", of_alice("GET", q, &[]).into_iter().chain([(":path", "/ns/b/api/v1/query?query=odd")]).collect(), no),
        ("no path", vec![(":method", "GET"), (":scheme", "http"), (":authority", "h"), ("authorization", "Bearer token-alice")], no),
        ("no scheme", vec![(":method", "GET"), (":path", q), (":authority", "h"), ("authorization", "Bearer token-alice")], no),
        ("no method", vec![(":scheme", "http"), (":path", q), (":authority", "h"), ("authorization", "Bearer token-alice")], no),
        (
            "no authority",
            vec![(":method", "GET"), (":scheme", "http"), (":path", q), ("authorization", "Bearer token-alice")],
            &[0, 200, 400],
        ),
        (
            "another scheme",
            vec![(":method", "GET"), (":scheme", "file"), (":path", q), (":authority", "h"), ("authorization", "Bearer token-alice")],
            &[0, 200, 400],
        ),
        (
            "a scheme with a target",
            vec![
                (":method", "GET"),
                (":scheme", "http://victim/api/v1/status/config?x="),
                (":path", q),
                (":authority", "h"),
                ("authorization", "Bearer token-alice"),
            ],
            no,
        ),
        (
            "an authority with a path",
            vec![
                (":method", "GET"),
                (":scheme", "http"),
                (":path", q),
                (":authority", "h/api/v1/status/config?"),
                ("authorization", "Bearer token-alice"),
            ],
            &[0, 200, 400],
        ),
        (
            "an authority with a user",
            vec![
                (":method", "GET"),
                (":scheme", "http"),
                (":path", q),
                (":authority", "bob:token-bob@h"),
                ("authorization", "Bearer token-alice"),
            ],
            &[0, 200, 400],
        ),
        ("an unknown pseudo-header", of_alice("GET", q, &[]).into_iter().rev().chain([(":status", "200")]).collect(), no),
        (
            "a status",
            vec![(":method", "GET"), (":scheme", "http"), (":path", q), (":status", "200"), ("authorization", "Bearer token-alice")],
            no,
        ),
        ("an upper-case name", of_alice("GET", q, &[("X-Hecate-Namespaces", "b")]), no),
        ("a name with a space", of_alice("GET", q, &[("x-hecate-namespaces ", "b")]), no),
        ("a name with a colon", of_alice("GET", q, &[("authorization: bearer token-bob\r\nx", "b")]), no),
        ("an empty name", of_alice("GET", q, &[("", "b")]), no),
        ("CRLF in a value", of_alice("GET", q, &[("x", "a\r\nauthorization: Bearer token-bob")]), no),
        ("LF in a value", of_alice("GET", q, &[("x", "a\nauthorization: Bearer token-bob")]), no),
        ("NUL in a value", of_alice("GET", q, &[("x", "a\0b")]), no),
        ("connection", of_alice("GET", q, &[("connection", "authorization")]), no),
        ("keep-alive", of_alice("GET", q, &[("keep-alive", "5")]), no),
        ("proxy-connection", of_alice("GET", q, &[("proxy-connection", "close")]), no),
        ("transfer-encoding", of_alice("POST", q, &[("transfer-encoding", "chunked")]), no),
        ("upgrade", of_alice("GET", q, &[("upgrade", "h2c")]), no),
        ("te", of_alice("GET", q, &[("te", "gzip")]), no),
        ("two identities", of_alice("GET", q, &[("authorization", "Bearer token-bob")]), &[400]),
        ("a length without a body", of_alice("GET", q, &[("content-length", "10")]), no),
        ("two lengths", of_alice("GET", q, &[("content-length", "0"), ("content-length", "1")]), no),
        ("another host", of_alice("GET", q, &[("host", "victim")]), &[0, 200, 400]),
        ("two hosts", of_alice("GET", q, &[("host", "a"), ("host", "b")]), &[0, 200, 400]),
        ("narrowed to another", of_alice("GET", q, &[("x-hecate-namespaces", "b")]), &[403]),
        ("a wide header", of_alice("GET", q, &[("x", &wide)]), &[0, 400, 431]),
        ("nobody", vec![(":method", "GET"), (":scheme", "http"), (":authority", "h"), (":path", q)], &[401]),
    ];
    for name in [
        "x-scope-orgid",
        "thanos-tenant",
        "impersonate-user",
        "x-forwarded-user",
        "cookie",
        "x-prometheus-namespace",
        "x-http-method-override",
    ] {
        table.push((name, of_alice("GET", q, &[(name, CANARY)]), good));
    }
    for (name, fields, right) in &table {
        let frames = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(fields));
        attack(&mut stage, name, &frames, right).await;
    }
    let form = of_alice("POST", "/api/v1/query", &[("content-type", "application/x-www-form-urlencoded")]);
    let with_length = of_alice("POST", "/api/v1/query", &[("content-type", "application/x-www-form-urlencoded"), ("content-length", "5")]);
    let get = of_alice("GET", "/api/v1/query?query=a_only", &[("content-type", "application/x-www-form-urlencoded")]);
    let open = |fields: &Fields<'_>| frame(HEADERS, END_HEADERS, 1, &block(fields));
    let data = |text: &str| frame(DATA, END_STREAM, 1, text.as_bytes());
    let trailers =
        frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&vec![("authorization", "Bearer token-bob"), ("x-hecate-namespaces", "b")]));
    let half = block(&of_alice("GET", q, &[]));
    let (one, two) = half.split_at(20);
    let framed: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("a form", [open(&form), data("query=app_requests_total")].concat(), good),
        ("more than its length", [open(&with_length), data("query=odd")].concat(), no),
        ("a body on GET", [open(&get), data("query=odd")].concat(), no),
        ("credentials as trailers", [open(&form), frame(DATA, 0, 1, b"query=app_requests_total"), trailers].concat(), &[0, 200, 400]),
        ("another method in the body", [open(&form), data("query=a_only&_method=DELETE&query=odd")].concat(), &[400]),
        ("a head in two frames", [frame(HEADERS, END_STREAM, 1, one), frame(CONTINUATION, END_HEADERS, 1, two)].concat(), good),
        ("a head that goes on elsewhere", [frame(HEADERS, END_STREAM, 1, one), frame(CONTINUATION, END_HEADERS, 3, two)].concat(), no),
        ("data before a head", data("query=odd"), no),
        ("an even stream", frame(HEADERS, END_STREAM | END_HEADERS, 2, &half), no),
        ("stream zero", frame(HEADERS, END_STREAM | END_HEADERS, 0, &half), no),
        ("broken compression", frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff, 0xff, 0xff, 0xff, 0xff]), no),
        ("HTTP/1 after the preface", b"GET /api/v1/query?query=odd HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(), no),
        ("a body that never ends", open(&form), &[0, 400, 408]),
        (
            "endless continuations",
            [frame(HEADERS, END_STREAM, 1, one)].into_iter().chain((0..2_000).map(|_| frame(CONTINUATION, 0, 1, b""))).flatten().collect(),
            no,
        ),
        ("reset at once", [frame(HEADERS, END_STREAM | END_HEADERS, 1, &half), frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])].concat(), &[0, 200]),
        (
            "reset over and over",
            (0..300u32)
                .flat_map(|i| {
                    [frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1, &half), frame(RST_STREAM, 0, 2 * i + 1, &[0, 0, 0, 8])].concat()
                })
                .collect(),
            &[0, 200],
        ),
    ];
    for (name, frames, right) in &framed {
        attack(&mut stage, name, frames, right).await;
    }
    stage.end("HTTP/2", 75).await;
}

async fn attack(stage: &mut Stage, name: &str, frames: &[u8], right: &[u16]) {
    let bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[]), frames].concat();
    let [real, recorded] = stage.addresses();
    let (one, other) = (patient(exchange, &real, &bytes).await, patient(exchange, &recorded, &bytes).await);
    stage.judge(name, &bytes, right, one, other).await;
}

/// Sends everything and reads to the end of the first answer, a reset, or a close.
async fn exchange(address: &str, bytes: &[u8]) -> (Outcome, Duration) {
    let began = Instant::now();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = socket.split();
    let mut all = Vec::new();
    let mut status = 0;
    // Who took everything back gets no answer.
    let patience = if bytes.ends_with(&[0, 0, 0, 8]) { Duration::from_millis(500) } else { Duration::from_secs(5) };
    let sending = async {
        let _ = writer.write_all(bytes).await;
        std::future::pending::<()>().await
    };
    let receiving = async {
        let mut piece = [0; 16 * 1024];
        let mut at = 0;
        loop {
            while let Some((kind, flags, payload)) = frame_at(&all, at) {
                at += 9 + payload.len();
                if kind == HEADERS && status == 0 {
                    status = status_of(payload);
                }
                let over = matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0;
                if over || matches!(kind, RST_STREAM | GOAWAY) {
                    return;
                }
            }
            match tokio::time::timeout(patience, reader.read(&mut piece)).await {
                Ok(Ok(count)) if count > 0 => all.extend_from_slice(&piece[..count]),
                _ => return,
            }
        }
    };
    tokio::select! {
        () = sending => {}
        () = receiving => {}
    }
    (Outcome { status, bytes: all }, began.elapsed())
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut pieces: Vec<&[u8]> = payload.chunks(16_384).collect();
    if pieces.is_empty() {
        pieces.push(&[]);
    }
    let last = pieces.len() - 1;
    let mut out = Vec::new();
    for (i, piece) in pieces.into_iter().enumerate() {
        let kind = if i == 0 { kind } else { CONTINUATION };
        let flags = match (i == 0, i == last) {
            (true, true) => flags,
            (true, false) => flags & !END_HEADERS,
            (false, true) => END_HEADERS,
            (false, false) => 0,
        };
        out.extend_from_slice(&(piece.len() as u32).to_be_bytes()[1..]);
        out.extend_from_slice(&[kind, flags]);
        out.extend_from_slice(&stream.to_be_bytes());
        out.extend_from_slice(piece);
    }
    out
}

fn frame_at(bytes: &[u8], at: usize) -> Option<(u8, u8, &[u8])> {
    let head = bytes.get(at..at + 9)?;
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    Some((head[3], head[4], bytes.get(at + 9..at + 9 + length)?))
}

/// Literals without indexing, without Huffman codes: nothing is hidden from the reader.
fn block(fields: &Fields<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for text in [name, value] {
            length(text.len(), &mut out);
            out.extend_from_slice(text.as_bytes());
        }
    }
    out
}

/// An integer with a prefix of seven bits.
fn length(mut rest: usize, out: &mut Vec<u8>) {
    if rest < 127 {
        out.push(rest as u8);
        return;
    }
    out.push(127);
    rest -= 127;
    while rest >= 128 {
        out.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    out.push(rest as u8);
}

/// The status is the first field: in the static table, or digits, perhaps with Huffman codes.
fn status_of(block: &[u8]) -> u16 {
    // A table's new size may stand in front.
    let block = if block.first().is_some_and(|b| b & 0xe0 == 0x20) { &block[1..] } else { block };
    match block {
        [indexed, ..] if (0x88..=0x8e).contains(indexed) => [200, 204, 206, 304, 400, 404, 500][usize::from(indexed - 0x88)],
        [0x48 | 0x08 | 0x18, head, rest @ ..] => {
            let text = &rest[..usize::from(head & 0x7f).min(rest.len())];
            if head & 0x80 == 0 { digits(text.iter().map(|b| b - b'0')) } else { digits(huffman(text).into_iter()) }
        }
        _ => 999,
    }
}

fn digits(each: impl Iterator<Item = u8>) -> u16 {
    each.fold(0, |number, digit| number * 10 + u16::from(digit))
}

/// `0`, `1`, `2` have five bits, the other digits six.
fn huffman(text: &[u8]) -> Vec<u8> {
    let bits: Vec<u8> = text.iter().flat_map(|byte| (0..8).rev().map(move |i| byte >> i & 1)).collect();
    let value = |bits: &[u8]| bits.iter().fold(0, |number, bit| number * 2 + bit);
    let (mut at, mut out) = (0, Vec::new());
    while out.len() < 3 && at + 5 <= bits.len() {
        let five = value(&bits[at..at + 5]);
        if five <= 2 {
            out.push(five);
            at += 5;
        } else if at + 6 <= bits.len() {
            out.push(value(&bits[at..at + 6]).saturating_sub(0b011001) + 3);
            at += 6;
        } else {
            break;
        }
    }
    out
}
