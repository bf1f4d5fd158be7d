//! Answers without end: bounded here, whatever the upstream sends.

use tokio::io::AsyncWriteExt;

use crate::support::{StandIn, Wire};
use crate::{QUERY, ask, error, hecate};

const BOUND: &str = "limits: {response_bytes: 16MiB}";

/// 1 GiB, unless somebody stops reading.
async fn gigabyte(head: &'static str) -> StandIn {
    StandIn::start(move |_, mut stream| async move {
        let _ = stream.write_all(head.as_bytes()).await;
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..1024 {
            if stream.write_all(&piece).await.is_err() {
                return;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_gibibyte_that_is_announced_is_refused_at_once() {
    let upstream = gigabyte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n").await;
    let hecate = hecate(&format!("url: \"{}\"", upstream.url()), BOUND);
    let text = error(&ask(&hecate).await.unwrap(), 422, "execution");
    assert!(text.contains("16777216 bytes") && text.contains("prometheus"), "{text}");
    hecate.comes_to_rest().await;
}

#[tokio::test]
async fn a_gibibyte_that_just_comes_is_cut() {
    let upstream = gigabyte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n").await;
    let hecate = hecate(&format!("url: \"{}\"", upstream.url()), BOUND);
    let before = hecate.resident_kib();
    for _ in 0..3 {
        let answer = ask(&hecate).await.unwrap();
        assert_eq!((answer.status, answer.complete), (200, false), "{} bytes look whole", answer.body.len());
        assert!(answer.body.len() <= 16 << 20, "{}", answer.body.len());
    }
    // Compressed on the way, the same.
    let mut wire = Wire::connect(hecate.address()).await;
    wire.send(format!("GET {QUERY} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\nAccept-Encoding: zstd\r\n\r\n")).await;
    assert!(!wire.answer().await.unwrap().complete);
    hecate.comes_to_rest().await;
    let grown = hecate.resident_kib().saturating_sub(before);
    assert!(grown < 48 * 1024, "{grown} KiB more than before");
}

/// Eight clients that take an answer slowly do not make us hold it for them.
#[tokio::test]
async fn slow_readers_of_large_answers_cost_little_memory() {
    let upstream = gigabyte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n").await;
    let hecate = hecate(&format!("url: \"{}\"", upstream.url()), "limits: {response_bytes: 1GiB}");
    let before = hecate.resident_kib();
    let mut readers = Vec::new();
    for _ in 0..8 {
        let mut wire = Wire::connect(hecate.address()).await;
        wire.get(QUERY).await;
        readers.push(wire);
    }
    hecate.metric_becomes("hecate_upstream_inflight", 8.0).await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let grown = hecate.resident_kib().saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB more than before");
    drop(readers);
    hecate.comes_to_rest().await;
}
