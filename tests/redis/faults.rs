//! Redis killed, silent, slow, restarted, never there: a request never waits longer than its budget, and soon not at all.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hecate::cache::{Budget, Claim, Followed, Published, Remote, RemoteError};
use hecate::config::{HostPort, Redis, RedisServers};

use crate::control::run;
use crate::leases::{follow, lead, parts};
use crate::server::{Replica, Server, TTL, eventually, free_port, key, settings};

const BUDGET: Duration = Duration::from_millis(20);

/// Reads and claims as requests do; how long the slowest and all of them took.
async fn requests(replica: &Replica, count: u32) -> (Duration, Duration) {
    let (mut slowest, mut total) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..count {
        let started = Instant::now();
        let mut budget = Budget::new(BUDGET);
        assert_eq!(replica.remote.read(&key("absent"), &[0], &mut budget).await, [None]);
        assert!(matches!(replica.remote.claim(&key("absent"), 1, &mut budget).await, Claim::Alone));
        slowest = slowest.max(started.elapsed());
        total += started.elapsed();
    }
    (slowest, total)
}

#[tokio::test]
async fn it_starts_without_redis_and_finds_it_later() {
    let port = free_port();
    let started = Instant::now();
    let replica = Replica::new(&settings(RedisServers::Single(HostPort { host: "127.0.0.1".to_owned(), port })));
    assert!(started.elapsed() < Duration::from_millis(200), "{:?}", started.elapsed());
    let (_, total) = requests(&replica, 1000).await;
    println!("1000 requests without Redis: {total:?}");
    assert_eq!((replica.operations("read", "away"), replica.operations("claim", "away")), (1000.0, 1000.0), "none was asked");
    replica.remote.write(&key("up"), parts(b"x"), TTL);
    eventually("a write is dropped", async || (replica.metric("hecate_redis_dropped_writes_total", "unavailable") == 1.0).then_some(()))
        .await;
    let _server = Server::start_on(port).await;
    replica.is_whole().await;
    replica.put(&key("up"), 0, b"payload").await;
}

#[tokio::test]
async fn killed_and_restarted() {
    let mut server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    replica.put(&key("up"), 0, b"payload").await;
    let lease = lead(&replica, "work").await;
    let waiting = follow(&replica, "work").await;
    server.kill();
    let started = Instant::now();
    let (slowest, total) = requests(&replica, 200).await;
    assert!(slowest < Duration::from_millis(150) && total < Duration::from_secs(1), "slowest {slowest:?}, all {total:?}");
    assert_eq!(waiting.wait(Duration::from_secs(10)).await, Followed::Gone);
    assert!(started.elapsed() < Duration::from_secs(2), "nobody waits for a Redis that is gone: {:?}", started.elapsed());
    assert_eq!(lease.publish(parts(b"x"), TTL).await, Published::Unavailable);
    server.restart().await;
    replica.is_whole().await;
    replica.put(&key("up"), 0, b"again").await;
    // Scripts, leases and subscription work on the new one too.
    crate::leases::a_follower_is_woken(&replica, &replica).await;
    crate::notices::are_heard(&replica, &replica).await;
}

#[tokio::test]
async fn a_server_that_is_silent_costs_a_few_budgets_and_then_nothing() {
    let server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    replica.put(&key("up"), 0, b"payload").await;
    server.signal("STOP");
    let (slowest, _) = requests(&replica, 5).await;
    assert!(slowest < BUDGET + Duration::from_millis(150), "{slowest:?}");
    assert_eq!(replica.metric("hecate_redis_breaker_open", "reads"), 1.0);
    let (_, total) = requests(&replica, 1000).await;
    println!("1000 requests with a silent Redis: {total:?}");
    let waited = replica.operations("read", "timeout") + replica.operations("claim", "timeout");
    assert!(waited <= 12.0, "five to open the breaker and a few to try again, the others were not asked: {waited}");
    server.signal("CONT");
    replica.is_whole().await;
    eventually("it is asked again", async || replica.get(&key("up"), 0).await).await;
    assert_eq!(replica.metric("hecate_redis_breaker_open", "reads"), 0.0);
}

#[tokio::test]
async fn a_server_that_is_slow_does_not_hold_up_publishers_for_long() {
    let server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    let lease = lead(&replica, "work").await;
    server.signal("STOP");
    let started = Instant::now();
    assert_eq!(lease.publish(parts(b"x"), TTL).await, Published::Unavailable);
    assert!(started.elapsed() < Duration::from_millis(2500), "{:?}", started.elapsed());
    server.signal("CONT");
}

#[tokio::test]
async fn a_server_that_loses_everything_is_noticed_by_leaders_and_followers() {
    let server = Server::start(&[]).await;
    let mut replica = Replica::connected(&server.settings()).await;
    replica.remote = replica.remote.with_lease_ttl(Duration::from_millis(600));
    let lease = lead(&replica, "work").await;
    let waiting = follow(&replica, "work").await;
    run::<()>(&server, "FLUSHALL");
    let started = Instant::now();
    assert_eq!(waiting.wait(Duration::from_secs(10)).await, Followed::Gone);
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(lease.is_lost());
    assert_eq!(lease.publish(parts(b"x"), TTL).await, Published::Fenced);
}

#[tokio::test]
async fn another_program_on_the_port_is_a_redis_that_is_away() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let web = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let replica = Replica::new(&settings(RedisServers::Single(HostPort { host: "127.0.0.1".to_owned(), port })));
    for _ in 0..20 {
        let (slowest, _) = requests(&replica, 10).await;
        assert!(slowest < Duration::from_millis(150), "{slowest:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!replica.remote.is_connected());
    web.abort();
}

#[tokio::test]
async fn files_that_cannot_be_used_are_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("key.pem");
    std::fs::write(&empty, "no key").unwrap();
    let base = Redis { tls: true, ..settings(RedisServers::Single(HostPort { host: "localhost".to_owned(), port: 1 })) };
    let build = |settings| Remote::new(&settings, &prometheus::Registry::new());
    let missing = build(Redis { ca_file: Some(folder.path().join("none.pem")), ..base.clone() }).err().unwrap();
    assert!(matches!(&missing, RemoteError::File { .. }) && missing.to_string().contains("none.pem"), "{missing}");
    let wrong = build(Redis { client_certificate: Some((empty.clone(), empty)), ..base.clone() }).err().unwrap();
    assert!(matches!(&wrong, RemoteError::Settings(_)), "{wrong}");
    assert!(build(base).is_ok(), "the system's authorities are enough");
}

#[tokio::test]
async fn the_last_clone_ends_all_connections() {
    let server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    let connections = || run::<String>(&server, "CLIENT LIST").lines().count();
    assert_eq!(connections(), 4, "requests, background, subscription, and this one");
    let clone = replica.remote.clone();
    drop(replica);
    clone.write(&key("up"), vec![(0, Bytes::from_static(b"x"))], TTL);
    drop(clone);
    eventually("all are gone", async || (connections() == 1).then_some(())).await;
}
