//! Sizes and numbers: what is too much is refused with a text that says so.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Answered, Wire};
use crate::{QUERY, simple};

const POST: &str = "POST /api/v1/query HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\n\
                    Content-Type: application/x-www-form-urlencoded\r\n";

async fn one(address: &str, bytes: impl AsRef<[u8]>) -> Answered {
    let mut wire = Wire::connect(address).await;
    wire.send(bytes).await;
    wire.answer().await.expect("closed without an answer")
}

fn assert_says(answer: &Answered, status: u16, part: &str) {
    assert_eq!(answer.status, status, "{} {}", answer.head, answer.text());
    assert!(answer.complete);
    let error: Value = serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("no JSON: {}", answer.text()));
    assert_eq!((&error["status"], &error["errorType"]), (&"error".into(), &"bad_data".into()));
    assert!(error["error"].as_str().unwrap().contains(part), "{error}");
    assert!(answer.header("x-request-id").is_some(), "{}", answer.head);
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let (hecate, upstream) = simple("max_uri: 2KiB, max_headers: 4KiB, max_body: 8KiB").await;
    let to = hecate.address();
    let auth = "Host: h\r\nAuthorization: Bearer token-alice\r\n";

    let long = one(to, format!("GET /api/v1/query?query=up&x={} HTTP/1.1\r\n{auth}\r\n", "y".repeat(2048))).await;
    assert_says(&long, 414, "at most 2048 are allowed");
    let just_right = "y".repeat(2048 - "/api/v1/query?query=up&x=".len());
    assert_eq!(one(to, format!("GET /api/v1/query?query=up&x={just_right} HTTP/1.1\r\n{auth}\r\n")).await.status, 200);

    let headers = one(to, format!("GET {QUERY} HTTP/1.1\r\n{auth}X: {}\r\n\r\n", "y".repeat(4096))).await;
    assert_says(&headers, 431, "at most 4096 are allowed");
    let many: String = (0..300).map(|n| format!("X-{n}: 1\r\n")).collect();
    let refused = one(to, format!("GET {QUERY} HTTP/1.1\r\n{auth}{many}\r\n")).await.status;
    assert!(matches!(refused, 400 | 431), "more lines than the reader takes: {refused}");

    for broken in ["no colon here", "a b: c", ": c"] {
        let unread = one(to, format!("GET {QUERY} HTTP/1.1\r\n{auth}{broken}\r\n\r\n")).await;
        let said: Value = serde_json::from_slice(&unread.body).unwrap_or_else(|_| panic!("{broken}: no JSON: {}", unread.text()));
        assert_eq!((unread.status, &said["errorType"]), (400, &"bad_data".into()), "{broken}: {said}");
        assert!(said["error"].as_str().unwrap().contains("cannot be read"), "{said}");
    }

    let body = format!("query=up&x={}", "y".repeat(8192));
    let announced = one(to, format!("{POST}Content-Length: {}\r\n\r\n{body}", body.len())).await;
    assert_says(&announced, 413, "longer than 8192 bytes");
    let chunk = format!("{:x}\r\n{body}\r\n", body.len());
    let chunked = one(to, format!("{POST}Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n")).await;
    assert_says(&chunked, 413, "longer than 8192 bytes");
    let fits = one(to, format!("{POST}Transfer-Encoding: chunked\r\n\r\n6\r\nquery=\r\n2\r\nup\r\n0\r\n\r\n")).await;
    assert_eq!(fits.status, 200, "{}", fits.text());

    assert_eq!(upstream.queries().len(), 2);
    for (reason, times) in [("uri", 1.0), ("headers", 1.0), ("body", 2.0)] {
        assert!(hecate.metric(&format!("hecate_rejected_total{{reason=\"{reason}\"}}")).await >= times, "{reason}");
    }
    hecate.comes_to_rest().await;
}

/// A refusal must reach clients that first send everything and then read, as most do.
#[tokio::test]
async fn a_refused_body_does_not_take_the_refusal_with_it() {
    let (hecate, _upstream) = simple("max_body: 8KiB").await;
    let body = vec![b'y'; 8 << 20];
    for _ in 0..5 {
        let mut wire = Wire::connect(hecate.address()).await;
        wire.send(format!("{POST}Content-Length: {}\r\n\r\n", body.len())).await;
        wire.send(&body).await;
        let answer = wire.answer().await.expect("the refusal was lost");
        assert_says(&answer, 413, "longer than 8192 bytes");
    }
}

#[tokio::test]
async fn a_body_where_none_belongs_is_refused() {
    let (hecate, upstream) = simple("").await;
    for method in ["GET", "HEAD", "OPTIONS"] {
        for framing in ["Content-Length: 8\r\n\r\nquery=up", "Transfer-Encoding: chunked\r\n\r\n8\r\nquery=up\r\n0\r\n\r\n"] {
            let bytes = format!("{method} {QUERY} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\n{framing}");
            let mut wire = Wire::connect(hecate.address()).await;
            wire.send(bytes).await;
            let answer = if method == "HEAD" { wire.answer_to_head().await } else { wire.answer().await };
            assert_eq!(answer.unwrap().status, 400, "{method} {framing}");
            assert!(wire.closed().await < Duration::from_secs(5));
        }
    }
    let mut wire = Wire::connect(hecate.address()).await;
    wire.send(format!("GET {QUERY} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\nContent-Length: 0\r\n\r\n")).await;
    assert_eq!(wire.answer().await.unwrap().status, 200, "no body at all, said aloud");
    assert_eq!(upstream.queries().len(), 1);
}

#[tokio::test]
async fn too_many_connections_are_closed_at_once() {
    let (hecate, _upstream) = simple("max_connections: 4").await;
    let mut open = Vec::new();
    for _ in 0..4 {
        let mut wire = Wire::connect(hecate.address()).await;
        assert!(wire.get(QUERY).await);
        assert_eq!(wire.answer().await.unwrap().status, 200);
        open.push(wire);
    }
    let mut fifth = Wire::connect(hecate.address()).await;
    assert!(fifth.closed().await < Duration::from_secs(2));
    assert_eq!(hecate.metric("hecate_connections_rejected_total").await, 1.0);
    // The others go on, the admin listener has places of its own, and a place that is left is free again.
    assert!(open[0].get(QUERY).await);
    assert_eq!(open[0].answer().await.unwrap().status, 200);
    open.clear();
    hecate.metric_becomes("hecate_connections", 1.0).await;
    assert_eq!(hecate.query().await.0, 200);
}
