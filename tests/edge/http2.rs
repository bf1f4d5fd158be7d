//! HTTP/2 without TLS, by prior knowledge.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::support::stand_in::NOTHING;
use crate::support::{Hecate, Http2, StandIn, Wire};
use crate::{QUERY, hecate, simple};

async fn connect(hecate: &Hecate) -> Http2 {
    Http2::over(TcpStream::connect(hecate.address()).await.unwrap()).await
}

#[tokio::test]
async fn many_streams_at_once() {
    let upstream = StandIn::answering(NOTHING, Duration::from_millis(20)).await;
    let hecate = hecate(
        "",
        &format!("url: \"{}\", max_concurrent: 64", upstream.url()),
        "limits: {rate_per_user: 1000/s, concurrent_per_user: 200}",
    );
    let http2 = connect(&hecate).await;
    for _ in 0..3 {
        let answers = join_all((0..90).map(|_| http2.get(QUERY, &[]))).await;
        for answer in answers {
            let (status, body) = answer.unwrap();
            assert_eq!((status, String::from_utf8(body).unwrap().as_str()), (200, NOTHING));
        }
    }
    assert_eq!(hecate.metric("hecate_connections").await, 2.0);
    hecate.comes_to_rest().await;
}

#[tokio::test]
async fn the_bounds_hold_here_too() {
    let (hecate, upstream) = simple("max_uri: 2KiB, max_headers: 4KiB, max_body: 8KiB").await;
    let http2 = connect(&hecate).await;
    let long = "y".repeat(3000);
    assert_eq!(http2.get(&format!("{QUERY}&x={long}"), &[]).await.unwrap().0, 414);
    let half = &long[..2500];
    assert_eq!(http2.get(QUERY, &[("x", half), ("z", half)]).await.unwrap().0, 431);
    let form = ("content-type", "application/x-www-form-urlencoded");
    assert_eq!(http2.ask("POST", "/api/v1/query", &[form], Some(b"query=up".to_vec())).await.unwrap().0, 200);
    let large = format!("query=up&x={}", "y".repeat(9000)).into_bytes();
    assert_eq!(http2.ask("POST", "/api/v1/query", &[form], Some(large)).await.unwrap().0, 413);
    assert_eq!(http2.ask("GET", QUERY, &[], Some(b"query=up".to_vec())).await.unwrap().0, 400);
    assert_eq!(http2.ask("DELETE", QUERY, &[], None).await.unwrap().0, 405);
    assert_eq!(http2.get("/api/v1/../query", &[]).await.unwrap().0, 400);
    assert_eq!(upstream.queries().len(), 1);
    hecate.comes_to_rest().await;
}

/// Far over the bound, the library may end the stream or the connection; it must not go through, and others are served.
#[tokio::test]
async fn very_large_headers_do_not_go_through() {
    let (hecate, upstream) = simple("max_headers: 4KiB").await;
    let http2 = connect(&hecate).await;
    let huge = "y".repeat(60_000);
    if let Ok((status, _)) = http2.get(QUERY, &[("a", &huge), ("b", &huge), ("c", &huge)]).await {
        assert_eq!(status, 431);
    }
    assert_eq!(upstream.queries().len(), 0);
    assert_eq!(connect(&hecate).await.get(QUERY, &[]).await.unwrap().0, 200);
}

#[tokio::test]
async fn a_stream_that_is_reset_frees_what_it_held() {
    let upstream = StandIn::answering(NOTHING, Duration::from_secs(60)).await;
    let hecate = hecate("", &format!("url: \"{}\"", upstream.url()), "");
    let http2 = connect(&hecate).await;
    let mut sender = http2.sender().ready().await.unwrap();
    let request = http::Request::get(format!("http://h{QUERY}")).header("authorization", "Bearer token-alice").body(()).unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    // The request goes out when somebody waits for its answer.
    let waiting = tokio::spawn(response);
    hecate.metric_becomes("hecate_upstream_inflight", 1.0).await;
    waiting.abort();
    hecate.comes_to_rest().await;
    assert_eq!(http2.get("/live", &[]).await.unwrap().0, 200, "the connection goes on");
}

#[tokio::test]
async fn idle_and_half_begun_connections_are_closed() {
    let (hecate, _upstream) = simple("idle_timeout: 1s, read_timeout: 1s").await;
    let http2 = connect(&hecate).await;
    assert_eq!(http2.get(QUERY, &[]).await.unwrap().0, 200);
    let began = Instant::now();
    let _ = tokio::time::timeout(Duration::from_secs(10), http2.driver).await.expect("an idle connection stays");
    assert!(began.elapsed() < Duration::from_secs(6));
    for start in ["PRI ", "PRI * HTTP/2.0\r\n\r\nSM", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI * HTTP/1.1\r\n\r\nxxxxxxxxxxxxxxxxxx"] {
        let mut wire = Wire::connect(hecate.address()).await;
        wire.send(start).await;
        let took = wire.closed().await;
        assert!(took < Duration::from_secs(6), "{start:?}: {took:?}");
    }
    hecate.metric_becomes("hecate_connections", 1.0).await;
}

/// A stream whose body never comes, on a connection that is otherwise alive.
#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let (hecate, _upstream) = simple("read_timeout: 1s").await;
    let http2 = connect(&hecate).await;
    let mut sender = http2.sender().ready().await.unwrap();
    let request = http::Request::post("http://h/api/v1/query").header("content-type", "application/x-www-form-urlencoded");
    let request = request.header("authorization", "Bearer token-alice").body(()).unwrap();
    let (response, mut body) = sender.send_request(request, false).unwrap();
    body.send_data("quer".into(), false).unwrap();
    let response = tokio::time::timeout(Duration::from_secs(10), response).await.expect("it hangs").unwrap();
    assert_eq!(response.status(), 408);
}

#[tokio::test]
async fn a_reader_that_stops_is_cut() {
    let body = format!(r#"{{"status":"success","data":{{"resultType":"string","result":[1,"{}"]}}}}"#, "x".repeat(20 << 20));
    let upstream = StandIn::answering(body, Duration::ZERO).await;
    let hecate = hecate("write_timeout: 1s", &format!("url: \"{}\"", upstream.url()), "");
    let http2 = connect(&hecate).await;
    let mut sender = http2.sender().ready().await.unwrap();
    let request = http::Request::get(format!("http://h{QUERY}")).header("authorization", "Bearer token-alice").body(()).unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    let response = response.await.unwrap();
    // No window is given back.
    hecate.comes_to_rest().await;
    let mut body = response.into_body();
    let mut broken = false;
    while let Some(piece) = body.data().await {
        match piece {
            Ok(piece) => drop(body.flow_control().release_capacity(piece.len())),
            Err(_) => {
                broken = true;
                break;
            }
        }
    }
    assert!(broken, "an answer that was cut looks whole");
    assert_eq!(http2.get("/live", &[]).await.unwrap().0, 200, "the connection goes on");
}

#[tokio::test]
async fn a_drain_lets_streams_end() {
    let (upstream, release) = StandIn::holding().await;
    let mut hecate = hecate("drain: 15s", &format!("url: \"{}\"", upstream.url()), "");
    let http2 = connect(&hecate).await;
    let idle = connect(&hecate).await;
    assert_eq!(idle.get("/live", &[]).await.unwrap().0, 200);
    let asked = async {
        let answer = http2.get(QUERY, &[]).await.unwrap();
        assert_eq!((answer.0, answer.1.as_slice()), (200, NOTHING.as_bytes()));
    };
    let stopped = async {
        hecate.metric_becomes("hecate_upstream_inflight", 1.0).await;
        hecate.signal("TERM");
        hecate.metric_becomes("hecate_ready", 0.0).await;
        release.add_permits(1);
    };
    tokio::join!(asked, stopped);
    let began = Instant::now();
    assert_eq!(hecate.ended(Duration::from_secs(20)).await, Some(0));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// HTTP/1 requests shorter than the preface of HTTP/2 are answered, also when they come in two pieces.
#[tokio::test]
async fn short_http1_requests_are_not_mistaken() {
    let (hecate, _upstream) = simple("").await;
    let mut stream = TcpStream::connect(hecate.address()).await.unwrap();
    use tokio::io::AsyncWriteExt;
    stream.write_all(b"GE").await.unwrap();
    sleep(Duration::from_millis(50)).await;
    stream.write_all(b"T / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.contains(" 404 "), "{text}");
}
