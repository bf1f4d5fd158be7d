//! Clients that send slowly, read slowly, or leave.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::support::stand_in::NOTHING;
use crate::support::{StandIn, Wire, raw};
use crate::{QUERY, hecate, simple};

/// Sends a byte every 100 ms until the server closes; how long that took.
async fn trickle(wire: &mut Wire) -> Duration {
    let began = Instant::now();
    loop {
        if !wire.send("x").await || timeout(Duration::from_millis(100), wire.closed()).await.is_ok() {
            return began.elapsed();
        }
        assert!(began.elapsed() < Duration::from_secs(15), "a trickling client is never cut");
    }
}

#[tokio::test]
async fn a_header_that_trickles_is_cut() {
    let (hecate, _upstream) = simple("read_timeout: 1s, idle_timeout: 1s").await;
    let mut first = Wire::connect(hecate.address()).await;
    first.send(format!("GET {QUERY} HTTP/1.1\r\nHost: h\r\nX: ")).await;
    let took = trickle(&mut first).await;
    assert!((Duration::from_millis(500)..Duration::from_secs(6)).contains(&took), "{took:?}");
    // The same on a connection that was good before.
    let mut second = Wire::connect(hecate.address()).await;
    second.get(QUERY).await;
    assert_eq!(second.answer().await.unwrap().status, 200);
    second.send(format!("GET {QUERY} HTTP/1.1\r\nHost: h\r\nX: ")).await;
    let took = trickle(&mut second).await;
    assert!(took < Duration::from_secs(8), "{took:?}");
    // Not even the beginning of a method.
    let mut third = Wire::connect(hecate.address()).await;
    third.send("G").await;
    assert!(third.closed().await < Duration::from_secs(6));
    assert!(hecate.metric("hecate_rejected_total{reason=\"slow_client\"}").await >= 2.0);
    hecate.metric_becomes("hecate_connections", 1.0).await;
}

#[tokio::test]
async fn a_body_that_trickles_is_told_so() {
    let (hecate, upstream) = simple("read_timeout: 1s").await;
    let head = "POST /api/v1/query HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n";
    for framing in ["Content-Length: 1000\r\n\r\nquery=", "Transfer-Encoding: chunked\r\n\r\n3e8\r\nquery="] {
        let began = Instant::now();
        let mut wire = Wire::connect(hecate.address()).await;
        wire.send(format!("{head}{framing}")).await;
        for _ in 0..3 {
            sleep(Duration::from_millis(50)).await;
            wire.send("u").await;
        }
        let answer = wire.answer().await.expect("cut without an answer");
        assert_eq!(answer.status, 408, "{}", answer.text());
        assert!(answer.text().contains("did not arrive within 1 s"), "{}", answer.text());
        assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
        assert!(wire.closed().await < Duration::from_secs(5));
    }
    assert_eq!(upstream.queries().len(), 0);
    hecate.comes_to_rest().await;
}

#[tokio::test]
async fn a_reader_that_stops_is_cut_and_its_place_is_free() {
    let body = format!(r#"{{"status":"success","data":{{"resultType":"string","result":[1,"{}"]}}}}"#, "x".repeat(40 << 20));
    let upstream = StandIn::answering(body, Duration::ZERO).await;
    let hecate = hecate("write_timeout: 1s", &format!("url: \"{}\", max_concurrent: 1", upstream.url()), "");
    let mut wire = Wire::connect(hecate.address()).await;
    wire.get(QUERY).await;
    hecate.metric_becomes("hecate_upstream_inflight", 1.0).await;
    // Nothing is read here: the place has to come free all the same.
    let began = Instant::now();
    hecate.comes_to_rest().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let answer = wire.answer().await.unwrap();
    assert!(!answer.complete, "an answer that was cut looks whole");
}

#[tokio::test]
async fn a_client_that_leaves_frees_what_it_held() {
    let upstream = StandIn::answering(NOTHING, Duration::from_secs(60)).await;
    let hecate = hecate("", &format!("url: \"{}\", max_concurrent: 1", upstream.url()), "telemetry: {format: json}");
    for round in 0..3 {
        let mut running = Wire::connect(hecate.address()).await;
        running.get(QUERY).await;
        hecate.metric_becomes("hecate_upstream_inflight", 1.0).await;
        let mut waiting = Wire::connect(hecate.address()).await;
        waiting.get(QUERY).await;
        hecate.metric_becomes("hecate_upstream_queued", 1.0).await;
        let began = Instant::now();
        // One leaves the queue; of the other, round by round, both directions or only ours.
        drop(waiting);
        hecate.metric_becomes("hecate_upstream_queued", 0.0).await;
        drop(running);
        hecate.comes_to_rest().await;
        assert!(began.elapsed() < Duration::from_secs(8), "round {round}: {:?}", began.elapsed());
    }
    let lines = hecate.log_lines("hecate::access", 6).await;
    assert!(lines.iter().all(|line| line["status"] == 499), "{lines:?}");
}

#[tokio::test]
async fn rubbish_does_not_hold_a_connection() {
    let (hecate, _upstream) = simple("read_timeout: 1s, idle_timeout: 1s").await;
    for bytes in [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"hello\r\n\r\n", b"GET\r\n\r\n", b"\0\0\0\0\0\0\0\0", b"GET / HTTP/9.9\r\n\r\n"] {
        let began = Instant::now();
        let answer = raw(hecate.address(), bytes).await;
        assert!(matches!(answer.status, 0 | 400 | 505), "{bytes:?}: {}", answer.text);
        assert!(began.elapsed() < Duration::from_secs(6), "{bytes:?}: {:?}", began.elapsed());
    }
    hecate.metric_becomes("hecate_connections", 1.0).await;
    hecate.comes_to_rest().await;
}
