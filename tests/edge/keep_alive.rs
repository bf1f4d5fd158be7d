//! HTTP/1.1 connections that are used again, HTTP/1.0, and idle ones.

use std::time::Duration;

use crate::support::StandIn;
use crate::support::Wire;
use crate::{QUERY, hecate, simple};

#[tokio::test]
async fn many_requests_on_one_connection() {
    let upstream = StandIn::answering(crate::support::stand_in::NOTHING, Duration::ZERO).await;
    let hecate = hecate("", &format!("url: \"{}\"", upstream.url()), "limits: {rate_per_user: 10000/s}");
    let mut wire = Wire::connect(hecate.address()).await;
    for number in 0..200 {
        assert!(wire.get(QUERY).await);
        let answer = wire.answer().await.unwrap_or_else(|| panic!("closed before answer {number}"));
        assert_eq!((answer.status, answer.complete), (200, true), "{number}");
    }
    let form = "query=up";
    let post = format!(
        "POST /api/v1/query HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    );
    for path in [post.as_str(), "GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n"].repeat(10) {
        assert!(wire.send(path).await);
        assert!(matches!(wire.answer().await.unwrap().status, 200 | 404));
    }
    assert_eq!(hecate.metric("hecate_connections").await, 2.0, "this one and the one that asks");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let slow = StandIn::answering(crate::support::stand_in::NOTHING, Duration::from_millis(200)).await;
    let hecate = hecate("", &format!("url: \"{}\"", slow.url()), "");
    let mut wire = Wire::connect(hecate.address()).await;
    let one = |id: &str| format!("GET {QUERY} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\nX-Request-Id: {id}\r\n\r\n");
    // Two in one piece, the third while the first is under way.
    assert!(wire.send(one("first") + &one("second")).await);
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert!(wire.send(one("third")).await);
    for id in ["first", "second", "third"] {
        let answer = wire.answer().await.unwrap_or_else(|| panic!("{id} was not answered"));
        assert_eq!((answer.status, answer.header("x-request-id"), answer.complete), (200, Some(id), true));
    }
    // A form and what follows it.
    let post = "POST /api/v1/query HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\n\
                Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\nX-Request-Id: post\r\n\r\nquery=up";
    assert!(wire.send(format!("{post}{}{}", one("after"), one("last"))).await);
    for id in ["post", "after", "last"] {
        let answer = wire.answer().await.unwrap_or_else(|| panic!("{id} was not answered"));
        assert_eq!((answer.status, answer.header("x-request-id")), (200, Some(id)));
    }
    hecate.comes_to_rest().await;
}

#[tokio::test]
async fn http_1_0_is_answered_whole_and_closed() {
    // Large and without a length from the upstream, so that its end can only be the end of the connection.
    let body = format!(r#"{{"status":"success","data":{{"resultType":"string","result":[1,"{}"]}}}}"#, "x".repeat(3 << 20));
    let expected = body.clone();
    let upstream = StandIn::start(move |_, mut stream| {
        let body = body.clone();
        async move {
            use tokio::io::AsyncWriteExt;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n").await;
            let _ = stream.write_all(body.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    let hecate = hecate("", &format!("url: \"{}\"", upstream.url()), "");
    let mut wire = Wire::connect(hecate.address()).await;
    assert!(wire.send(format!("GET {QUERY} HTTP/1.0\r\nAuthorization: Bearer token-alice\r\n\r\n")).await);
    let answer = wire.answer().await.unwrap();
    assert_eq!((answer.status, answer.header("transfer-encoding")), (200, None), "{}", answer.head);
    assert!(answer.text() == expected, "{} of {} bytes", answer.body.len(), expected.len());
    assert!(wire.closed().await < Duration::from_secs(2));
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let (hecate, _upstream) = simple("idle_timeout: 1s, read_timeout: 1s").await;
    let mut unused = Wire::connect(hecate.address()).await;
    let mut wire = Wire::connect(hecate.address()).await;
    for _ in 0..3 {
        assert!(wire.get(QUERY).await);
        assert_eq!(wire.answer().await.unwrap().status, 200);
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    let took = wire.closed().await;
    assert!(took < Duration::from_secs(6), "{took:?}");
    let took = unused.closed().await;
    assert!(took < Duration::from_secs(6), "one that never said anything: {took:?}");
    hecate.metric_becomes("hecate_connections", 1.0).await;
}
