//! Up, down and the version, learned without anybody waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hecate::upstream::{Backend, HealthState};
use tokio::sync::watch;

use crate::stand_in::{OK, answering, at, backend, metric, query};

const UP: &str = "hecate_upstream_up{upstream=\"main\"}";
const MISSING: &str = "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n";

async fn until(backend: &Backend, wanted: impl Fn(&HealthState) -> bool) {
    let began = Instant::now();
    while !wanted(&backend.health().state()) {
        assert!(began.elapsed() < Duration::from_secs(4), "still {:?}", backend.health().state());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn goes_down_and_comes_back() {
    let ready = Arc::new(AtomicBool::new(true));
    let now = Arc::clone(&ready);
    let address = answering(move |_, request| match request.split(' ').nth(1) {
        Some("/-/ready") if now.load(Ordering::SeqCst) => OK.to_owned(),
        Some("/-/ready") => "HTTP/1.1 503 X\r\nContent-Length: 6\r\n\r\nSECRET".to_owned(),
        Some("/api/v1/status/buildinfo") => {
            let body = r#"{"status":"success","data":{"version":"3.16.0","more":[1]}}"#;
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        }
        _ => MISSING.to_owned(),
    })
    .await;
    let (backend, registry) = backend(at(address));
    assert_eq!((backend.health().state(), backend.health().version()), (HealthState::Unknown, None));
    let (stop, stopped) = watch::channel(false);
    let looking = backend.spawn_health(stopped);
    until(&backend, |state| *state == HealthState::Up).await;
    assert_eq!(*backend.health().version().unwrap(), serde_json::json!({"version": "3.16.0", "more": [1]}));
    assert_eq!(metric(&registry, UP), Some(1.0));
    ready.store(false, Ordering::SeqCst);
    until(&backend, |state| matches!(state, HealthState::Down { last_error, .. } if last_error.ends_with("/-/ready answered 503"))).await;
    assert_eq!(metric(&registry, UP), Some(0.0));
    ready.store(true, Ordering::SeqCst);
    until(&backend, |state| *state == HealthState::Up).await;
    stop.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(1), looking).await.unwrap().unwrap();
}

#[tokio::test]
async fn backends_without_ready_or_buildinfo_are_asked_to_add() {
    let address = answering(|_, request| if request.starts_with("GET /api/v1/query?query=1 ") { OK } else { MISSING }.to_owned()).await;
    let (backend, _) = backend(at(address));
    let (_stop, stopped) = watch::channel(false);
    backend.spawn_health(stopped);
    until(&backend, |state| *state == HealthState::Up).await;
    assert_eq!(backend.health().version(), None);
}

#[tokio::test]
async fn what_serves_something_else_is_down() {
    let address = answering(|_, _| MISSING.to_owned()).await;
    let (backend, _) = backend(at(address));
    let (_stop, stopped) = watch::channel(false);
    backend.spawn_health(stopped);
    until(&backend, |state| matches!(state, HealthState::Down { last_error, .. } if last_error.contains("check its url"))).await;
}

#[tokio::test]
async fn requests_mark_it_in_passing() {
    let address = answering(|_, _| OK.to_owned()).await;
    let (working, _) = backend(at(address));
    working.send(query("up")).await.unwrap();
    assert_eq!(working.health().state(), HealthState::Up);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let (broken, _) = backend(at(nobody));
    broken.send(query("up")).await.unwrap_err();
    assert!(matches!(broken.health().state(), HealthState::Down { .. }));
}
