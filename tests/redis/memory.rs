//! A server without room: with eviction it forgets, without it refuses; requests do not notice.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hecate::cache::{Budget, Followed, Published};

use crate::control::{call, empty, fill, run};
use crate::leases::{follow, lead};
use crate::server::{Replica, Server, TTL, eventually, key};

#[tokio::test]
async fn eviction_is_a_miss_and_nothing_worse() {
    let server = Server::start(&["--maxmemory", "8mb", "--maxmemory-policy", "allkeys-lru"]).await;
    let replica = Replica::connected(&server.settings()).await;
    let payload = Bytes::from(vec![7; 100_000]);
    for part in 0..300 {
        replica.remote.write(&key("up"), vec![(part, payload.clone())], TTL);
    }
    eventually("all is written", async || (replica.metric("hecate_redis_queued_bytes", "") == 0.0).then_some(())).await;
    let parts: Vec<i64> = (0..300).collect();
    let read = replica.read(&key("up"), &parts).await;
    let there = read.iter().flatten().filter(|stored| stored.bytes == payload).count();
    assert!((1..200).contains(&there) && there == read.iter().flatten().count(), "{there} of 300 are there");
    assert_eq!(replica.metric("hecate_redis_rejected_values_total", ""), 0.0);
    // Leases may be evicted as well: then two work, and one of them is fenced off.
    crate::leases::a_follower_is_woken(&replica, &replica).await;
}

#[tokio::test]
async fn a_full_server_refuses_and_followers_go_on() {
    let server = Server::start(&["--maxmemory", "4mb", "--maxmemory-policy", "noeviction"]).await;
    let replica = Replica::connected(&server.settings()).await;
    replica.put(&key("up"), 0, b"payload").await;
    let lease = lead(&replica, "work").await;
    let waiting = follow(&replica, "work").await;
    let count = fill(&server);
    let started = Instant::now();
    assert_eq!(lease.publish(vec![(0, Bytes::from(vec![1; 100_000]))], TTL).await, Published::Unavailable);
    assert_eq!(waiting.wait(Duration::from_secs(4)).await, Followed::Failed);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    for part in 0..20 {
        replica.remote.write(&key("up"), vec![(part, Bytes::from(vec![1; 1000]))], TTL);
    }
    eventually("writes stop", async || (replica.metric("hecate_redis_breaker_open", "writes") == 1.0).then_some(())).await;
    assert_eq!(replica.get(&key("up"), 0).await.as_deref(), Some(&b"payload"[..]), "what is there is still read");
    empty(&server, count);
    eventually("writes go on", async || {
        replica.remote.write(&key("up"), vec![(1, Bytes::from_static(b"one"))], TTL);
        tokio::time::sleep(Duration::from_millis(20)).await;
        replica.get(&key("up"), 1).await.filter(|bytes| bytes == "one")
    })
    .await;
}

#[tokio::test]
async fn one_answer_is_bounded_however_much_stands_there() {
    let server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    let large = vec![b'x'; 30 << 20];
    for part in 0..4 {
        call::<()>(&server, &[b"SET", format!("hecate:{{{}}}:b:{part}", key("up").digest()).as_bytes(), &large]);
    }
    let before: u64 = sent(&server);
    let read = replica.remote.read(&key("up"), &[0, 1, 2, 3], &mut Budget::new(Duration::from_secs(5))).await;
    let bytes = sent(&server) - before;
    assert_eq!(read, [None, None, None, None]);
    assert!(bytes < 40 << 20, "120 MiB stand there, {bytes} bytes came");
}

fn sent(server: &Server) -> u64 {
    let stats: String = run(server, "INFO stats");
    stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:")).unwrap().trim().parse().unwrap()
}
