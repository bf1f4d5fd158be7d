//! What is sent again, when, and how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::stand_in::{OK, answering, at, backend, metric, query, read_request, serve, whole};

const LIMIT: Duration = Duration::from_millis(1500);
const RETRIES: &str = "hecate_upstream_retries_total{upstream=\"main\"}";

fn unavailable(headers: &str) -> String {
    format!("HTTP/1.1 503 Service Unavailable\r\n{headers}Content-Length: 4\r\n\r\nbusy")
}

#[tokio::test]
async fn twice_503_then_200() {
    for status in ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"] {
        let failing = format!("HTTP/1.1 {status}\r\nContent-Length: 4\r\n\r\nbusy");
        let address = answering(move |number, _| if number < 2 { failing.clone() } else { OK.to_owned() }).await;
        let (backend, registry) = backend(at(address));
        assert_eq!(whole(&backend, query("up"), LIMIT).await.unwrap(), (200, "{}".into()));
        assert_eq!(metric(&registry, RETRIES), Some(2.0));
    }
}

#[tokio::test]
async fn the_last_failure_is_an_answer() {
    let address = answering(|_, _| unavailable("")).await;
    let (backend, registry) = backend(at(address));
    assert_eq!(whole(&backend, query("up"), LIMIT).await.unwrap(), (503, "busy".into()));
    assert_eq!(metric(&registry, RETRIES), Some(2.0));
    let counted = "hecate_upstream_requests_total{code=\"503\",path=\"/api/v1/query\",upstream=\"main\"}";
    assert_eq!(metric(&registry, counted), Some(1.0));
}

#[tokio::test]
async fn other_statuses_are_not_tried_again() {
    let json = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    for answer in ["HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 422 X\r\nContent-Length: 0\r\n\r\n", json] {
        let address = answering(move |_, _| answer.to_owned()).await;
        let (backend, registry) = backend(at(address));
        whole(&backend, query("up"), LIMIT).await.unwrap();
        assert_eq!(metric(&registry, RETRIES), Some(0.0), "{answer}");
    }
}

#[tokio::test]
async fn retry_after_is_honoured_within_the_timeout() {
    let address = answering(|number, _| if number == 0 { unavailable("Retry-After: 1\r\n") } else { OK.to_owned() }).await;
    let (backend, _) = backend(at(address));
    let began = Instant::now();
    assert_eq!(whole(&backend, query("up"), Duration::from_secs(2)).await.unwrap().0, 200);
    assert!(began.elapsed() >= Duration::from_secs(1), "came back after {:?}", began.elapsed());
}

#[tokio::test]
async fn retry_after_beyond_the_timeout_is_told_at_once() {
    let address = answering(|_, _| unavailable("Retry-After: 60\r\n")).await;
    let (backend, _) = backend(at(address));
    let began = Instant::now();
    let answer = backend.send(query("up")).await.unwrap();
    assert_eq!((answer.status, answer.retry_after), (503, Some(Duration::from_secs(60))));
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_stale_pooled_connection_is_replaced_at_once() {
    // Each connection serves one request, keeps still, and resets when it gets a second one.
    let address = serve(|_, mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(OK.as_bytes()).await.unwrap();
        read_request(&mut stream).await;
        stream.set_zero_linger().ok();
    })
    .await;
    let mut settings = at(address);
    settings.retries = 0;
    let (backend, registry) = backend(settings);
    for _ in 0..5 {
        assert_eq!(whole(&backend, query("up"), LIMIT).await.unwrap().0, 200);
    }
    assert!(metric(&registry, RETRIES).unwrap() >= 1.0, "the reused connections were reset");
}

#[tokio::test]
async fn a_query_that_kills_the_upstream_is_not_sent_on_and_on() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let address = serve(move |_, mut stream| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move { drop(read_request(&mut stream).await) }
    })
    .await;
    let mut settings = at(address);
    settings.retries = 0;
    let (backend, _) = backend(settings);
    assert_eq!(whole(&backend, query("up"), LIMIT).await.unwrap_err().kind(), "closed");
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn connecting_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut settings = at(address);
    settings.retries = 8;
    let (backend, registry) = backend(settings);
    let late = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let listener = TcpListener::bind(address).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(OK.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    assert_eq!(whole(&backend, query("up"), Duration::from_secs(2)).await.unwrap().0, 200);
    assert!(metric(&registry, RETRIES).unwrap() >= 2.0);
    late.await.unwrap();
}

#[tokio::test]
async fn nobody_there_is_a_connect_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (backend, _) = backend(at(address));
    let error = whole(&backend, query("up"), LIMIT).await.unwrap_err();
    assert_eq!(error.kind(), "connect", "{error:?}");
    assert!(!error.to_string().contains("127.0.0.1") && !error.detail().is_empty());
}

#[tokio::test]
async fn an_outage_is_not_multiplied() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let address = answering(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        unavailable("Retry-After: 0\r\n")
    })
    .await;
    let (backend, _) = backend(at(address));
    let began = Instant::now();
    for _ in 0..100 {
        whole(&backend, query("up"), LIMIT).await.unwrap();
    }
    let sent = requests.load(Ordering::SeqCst);
    let allowed = 100 + 10 + 20 + began.elapsed().as_secs() as usize + 1;
    assert!((120..=allowed).contains(&sent), "{sent} requests for 100 calls, {allowed} allowed");
}
