//! Upstreams that are slow without end.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::support::StandIn;
use crate::{ask, before, unavailable};

async fn trickle(mut stream: TcpStream, start: &str) {
    let _ = stream.write_all(start.as_bytes()).await;
    while stream.write_all(b"x").await.is_ok() {
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn one_that_never_answers() {
    let upstream = StandIn::start(|_, stream| async move {
        sleep(Duration::from_secs(600)).await;
        drop(stream);
    })
    .await;
    let hecate = before(&upstream);
    unavailable(ask(&hecate).await, "timeout", "did not finish within 2s");
    assert_eq!(upstream.queries().len(), 1, "a query that took too long is not sent again");
    hecate.comes_to_rest().await;
}

#[tokio::test]
async fn one_whose_head_trickles() {
    let upstream = StandIn::start(|_, stream| trickle(stream, "HTTP/1.1 200 OK\r\nX: ")).await;
    let hecate = before(&upstream);
    unavailable(ask(&hecate).await, "timeout", "did not finish within 2s");
    hecate.comes_to_rest().await;
}

#[tokio::test]
async fn one_whose_body_trickles() {
    for framing in ["Content-Length: 100000\r\n\r\n", "Connection: close\r\n\r\n"] {
        let upstream = StandIn::start(move |_, stream| async move {
            trickle(stream, &format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{framing}")).await;
        })
        .await;
        let hecate = before(&upstream);
        unavailable(ask(&hecate).await, "timeout", "did not finish within 2s");
        hecate.comes_to_rest().await;
    }
}

#[tokio::test]
async fn one_that_falls_silent_in_the_middle() {
    let upstream = StandIn::start(|_, mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"status").await;
        sleep(Duration::from_secs(600)).await;
    })
    .await;
    let hecate = before(&upstream);
    unavailable(ask(&hecate).await, "timeout", "sent nothing for 1s");
    hecate.comes_to_rest().await;
}

/// Silence after so much that the client has its status already: the answer has to break.
#[tokio::test]
async fn one_that_falls_silent_late() {
    let upstream = StandIn::start(|_, mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n").await;
        let _ = stream.write_all(&vec![b'x'; 3 << 20]).await;
        sleep(Duration::from_secs(600)).await;
    })
    .await;
    let hecate = before(&upstream);
    let answer = ask(&hecate).await.unwrap();
    assert_eq!((answer.status, answer.complete), (200, false));
    hecate.comes_to_rest().await;
}
