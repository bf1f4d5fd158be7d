//! Places are bounded, and free again however a caller ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hecate::upstream::UpstreamError;

use crate::stand_in::{OK, answering, at, backend, metric, query, read_request, serve, whole};

const INFLIGHT: &str = "hecate_upstream_inflight{upstream=\"main\"}";
const QUEUED: &str = "hecate_upstream_queued{upstream=\"main\"}";

#[tokio::test]
async fn over_the_queue_is_busy() {
    let address = serve(|_, mut stream| async move {
        read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut settings = at(address);
    settings.max_concurrent = 1;
    let (backend, registry) = backend(settings);
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let backend = Arc::clone(&backend);
            tokio::spawn(async move { backend.send(query("up")).await.map(|answer| answer.status) })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((metric(&registry, INFLIGHT), metric(&registry, QUEUED)), (Some(1.0), Some(2.0)));
    let began = Instant::now();
    let error = backend.send(query("up")).await.unwrap_err();
    let UpstreamError::Busy { retry_after, .. } = &error else { panic!("{error:?}") };
    assert!(*retry_after >= Duration::from_secs(1));
    assert!(began.elapsed() < Duration::from_millis(500), "the queue is full: nothing to wait for");
    // The callers go away: everything is free again, although the upstream never answered.
    for call in &calls {
        call.abort();
    }
    for call in calls {
        assert!(call.await.unwrap_err().is_cancelled());
    }
    assert_eq!((metric(&registry, INFLIGHT), metric(&registry, QUEUED)), (Some(0.0), Some(0.0)));
}

#[tokio::test]
async fn a_place_is_held_until_the_body_is_gone() {
    let address = answering(|_, _| OK.to_owned()).await;
    let mut settings = at(address);
    settings.max_concurrent = 1;
    settings.timeout = Duration::from_millis(600);
    let (backend, registry) = backend(settings);
    let answer = backend.send(query("up")).await.unwrap();
    assert_eq!(backend.send(query("up")).await.unwrap_err().kind(), "busy");
    drop(answer);
    assert_eq!(metric(&registry, INFLIGHT), Some(0.0));
    let mut read = backend.send(query("up")).await.unwrap();
    read.body.read_up_to(10).await.unwrap().unwrap();
    assert_eq!(metric(&registry, INFLIGHT), Some(0.0), "read to the end, though not dropped");
    assert_eq!(whole(&backend, query("up"), Duration::from_secs(1)).await.unwrap().0, 200);
}
