//! Equal upstreams: which one is asked, and when another one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hecate::config::{Role, Upstream};
use hecate::upstream::{Answer, UpstreamError, Upstreams};
use prometheus::Registry;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::stand_in::{OK, answering, at, metric, query, read_request, serve};

fn named(name: &str, address: SocketAddr) -> Upstream {
    Upstream { name: name.into(), ..at(address) }
}

fn tiers(settings: &[Upstream]) -> (Upstreams, Registry) {
    let registry = Registry::new();
    (Upstreams::new(settings, &registry).unwrap(), registry)
}

fn failovers(registry: &Registry, reason: &str) -> f64 {
    metric(registry, &format!("hecate_upstream_failovers_total{{reason=\"{reason}\",upstream=\"one\"}}")).unwrap_or(0.0)
}

fn who(answer: Result<Answer, UpstreamError>) -> (u16, String) {
    let answer = answer.unwrap();
    (answer.status, answer.upstream.to_string())
}

/// Nobody listens there.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Takes requests and never answers.
async fn silent() -> SocketAddr {
    serve(|_, mut stream| async move {
        read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await
}

#[tokio::test]
async fn the_first_is_asked_as_long_as_it_answers() {
    let good = answering(|_, _| OK.to_owned()).await;
    let (upstreams, registry) = tiers(&[named("one", good), named("two", good), Upstream { role: Role::Cold, ..named("old", good) }]);
    for _ in 0..20 {
        assert_eq!(who(upstreams.hot().send(query("up")).await), (200, "one".into()));
    }
    assert_eq!(who(upstreams.cold().unwrap().send(query("up")).await), (200, "old".into()));
    assert_eq!((upstreams.hot().name(), upstreams.hot().backends().len()), ("one", 2));
    assert_eq!(failovers(&registry, "failed"), 0.0);
}

#[tokio::test]
async fn the_next_is_asked_at_once_when_one_fails() {
    let good = answering(|_, _| OK.to_owned()).await;
    for status in ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"] {
        let failing = format!("HTTP/1.1 {status}\r\nRetry-After: 60\r\nContent-Length: 4\r\n\r\nbusy");
        let bad = answering(move |_, _| failing.clone()).await;
        let (upstreams, registry) = tiers(&[named("one", bad), named("two", good)]);
        assert_eq!(who(upstreams.hot().send(query("up")).await), (200, "two".into()), "{status}");
        assert_eq!(failovers(&registry, "failed"), 1.0);
    }
    let (upstreams, registry) = tiers(&[named("one", nobody().await), named("two", good)]);
    let began = Instant::now();
    for _ in 0..5 {
        assert_eq!(who(upstreams.hot().send(query("up")).await), (200, "two".into()));
    }
    // It was seen away once; after that it is not in the way any more.
    assert_eq!(failovers(&registry, "failed"), 1.0);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_answer_about_the_query_is_the_answer() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let second = answering(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        OK.to_owned()
    })
    .await;
    for status in ["400 Bad Request", "422 Unprocessable Entity", "500 Internal Server Error"] {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        let first = answering(move |_, _| answer.clone()).await;
        let (upstreams, _) = tiers(&[named("one", first), named("two", second)]);
        assert_eq!(upstreams.hot().send(query("up")).await.unwrap().upstream.as_ref(), "one", "{status}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn when_all_fail_they_are_tried_again_in_turn() {
    let failing = || "HTTP/1.1 503 X\r\nContent-Length: 4\r\n\r\nbusy".to_owned();
    let first = answering(move |number, _| if number == 0 { failing() } else { OK.to_owned() }).await;
    let second = answering(move |_, _| failing()).await;
    let (upstreams, registry) = tiers(&[named("one", first), named("two", second)]);
    assert_eq!(who(upstreams.hot().send(query("up")).await), (200, "one".into()));
    assert_eq!(metric(&registry, "hecate_upstream_retries_total{upstream=\"two\"}"), Some(1.0));

    let (upstreams, _) = tiers(&[named("one", second), named("two", second)]);
    assert_eq!(upstreams.hot().send(query("up")).await.unwrap().status, 503);
    let (upstreams, _) = tiers(&[named("one", nobody().await), named("two", nobody().await)]);
    assert_eq!(upstreams.hot().send(query("up")).await.unwrap_err().kind(), "connect");
}

#[tokio::test]
async fn a_silent_one_costs_half_of_the_time() {
    let good = answering(|_, _| OK.to_owned()).await;
    let (upstreams, registry) = tiers(&[named("one", silent().await), named("two", good)]);
    let began = Instant::now();
    let mut call = query("up");
    call.timeout = Some(Duration::from_millis(800));
    assert_eq!(who(upstreams.hot().send(call).await), (200, "two".into()));
    assert!((Duration::from_millis(400)..Duration::from_millis(800)).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(failovers(&registry, "silent"), 1.0);
    // Whoever lost the race holds no place any more.
    for name in ["one", "two"] {
        assert_eq!(metric(&registry, &format!("hecate_upstream_inflight{{upstream=\"{name}\"}}")), Some(0.0), "{name}");
    }
}

#[tokio::test]
async fn a_slow_one_is_not_given_up() {
    let slow = serve(|_, mut stream| async move {
        read_request(&mut stream).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        stream.write_all(OK.as_bytes()).await.ok();
    })
    .await;
    let (upstreams, registry) = tiers(&[named("one", slow), named("two", silent().await)]);
    let mut call = query("up");
    call.timeout = Some(Duration::from_millis(1200));
    assert_eq!(who(upstreams.hot().send(call).await), (200, "one".into()));
    assert_eq!(failovers(&registry, "silent"), 1.0);
}

#[tokio::test]
async fn hedges_are_few() {
    let good = answering(|_, _| OK.to_owned()).await;
    let slow = serve(|_, mut stream| async move {
        while read_request(&mut stream).await.is_some() {
            tokio::time::sleep(Duration::from_millis(40)).await;
            if stream.write_all(OK.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await;
    let hedging = |name, address| Upstream { hedge: Some(Duration::from_millis(10)), ..named(name, address) };
    let (upstreams, registry) = tiers(&[hedging("one", slow), hedging("two", good)]);
    let mut answered_by_second = 0;
    for _ in 0..20 {
        let (status, name) = who(upstreams.hot().send(query("up")).await);
        assert_eq!(status, 200);
        answered_by_second += usize::from(name == "two");
    }
    // Three were saved up, and twenty requests earn none.
    assert_eq!(failovers(&registry, "hedge"), 3.0);
    assert!((1..=3).contains(&answered_by_second), "{answered_by_second}");
}

#[tokio::test]
async fn nothing_is_sent_again_after_the_head() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let second = answering(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        OK.to_owned()
    })
    .await;
    let cut = serve(|_, mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf").await.ok();
    })
    .await;
    let (upstreams, _) = tiers(&[named("one", cut), named("two", second)]);
    let mut answer = upstreams.hot().send(query("up")).await.unwrap();
    assert_eq!(answer.body.read_up_to(2000).await.unwrap_err().kind(), "truncated");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}
