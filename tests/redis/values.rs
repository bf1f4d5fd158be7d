//! What is written is read; what is not to be believed is not.

use std::time::Duration;

use bytes::Bytes;
use hecate::cache::Budget;

use crate::control::{call, names, run};
use crate::server::{PATIENT, Replica, Server, TTL, eventually, key};

#[tokio::test]
async fn parts_are_read_in_the_order_asked_for_by_every_replica() {
    let server = Server::start(&[]).await;
    let (one, other) = (Replica::connected(&server.settings()).await, Replica::connected(&server.settings()).await);
    let parts = vec![(-1, Bytes::from_static(b"minus one")), (7, Bytes::from_static(b"seven")), (8, Bytes::new())];
    let before = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    one.remote.write(&key("up"), parts, TTL);
    let read = eventually("all three are there", async || {
        let read = other.read(&key("up"), &[8, 5, -1, 7]).await;
        (read.iter().flatten().count() == 3).then_some(read)
    })
    .await;
    let bytes: Vec<Option<&[u8]>> = read.iter().map(|stored| stored.as_ref().map(|stored| stored.bytes.as_ref())).collect();
    assert_eq!(bytes, [Some(&b""[..]), None, Some(b"minus one"), Some(b"seven")]);
    assert!(read.iter().flatten().all(|stored| (before..before + 5000).contains(&stored.written_at_ms)));
    assert_eq!(other.get(&key("down"), 7).await, None);
    assert!(other.read(&key("up"), &[]).await.is_empty());
    let slot_tag = format!("hecate:{{{}}}:b:", key("up").digest());
    assert_eq!(names(&server, "*"), [format!("{slot_tag}-1"), format!("{slot_tag}7"), format!("{slot_tag}8")]);
    let ttl: i64 = run(&server, &format!("PTTL {slot_tag}7"));
    assert!((1..=TTL.as_millis() as i64).contains(&ttl), "{ttl}");
    assert!(one.metric("hecate_redis_bytes_total", "written") > 14.0 && other.metric("hecate_redis_bytes_total", "read") >= 14.0);
}

#[tokio::test]
async fn values_end_with_their_ttl() {
    let server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    replica.remote.write(&key("up"), vec![(0, Bytes::from_static(b"x"))], Duration::from_millis(300));
    eventually("it is there", async || replica.get(&key("up"), 0).await).await;
    eventually("it is gone", async || replica.get(&key("up"), 0).await.is_none().then_some(())).await;
}

#[tokio::test]
async fn rubbish_is_a_miss_and_counted_by_reason() {
    let server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    let name = format!("hecate:{{{}}}:b:0", key("up").digest());
    replica.put(&key("up"), 0, b"payload").await;
    let good: Vec<u8> = call(&server, &[b"GET", name.as_bytes()]);
    let changed = |at: usize| {
        let mut value = good.clone();
        value[at] ^= 1;
        value
    };
    replica.put(&key("down"), 0, b"the answer to another question").await;
    let other: Vec<u8> = call(&server, &[b"GET", format!("hecate:{{{}}}:b:0", key("down").digest()).as_bytes()]);
    for (reason, value) in [
        ("foreign", b"rubbish".to_vec()),
        ("foreign", changed(0)),
        ("foreign", good[..20].to_vec()),
        ("version", changed(3)),
        ("checksum", changed(good.len() - 1)),
        ("checksum", changed(9)),
        ("checksum", good[..good.len() - 1].to_vec()),
        ("key", other),
        ("oversize", vec![b'x'; 20 << 20]),
    ] {
        call::<()>(&server, &[b"SET", name.as_bytes(), &value]);
        let before = replica.metric("hecate_redis_rejected_values_total", reason);
        assert_eq!(replica.get(&key("up"), 0).await, None, "{reason}");
        assert_eq!(replica.metric("hecate_redis_rejected_values_total", reason), before + 1.0, "{reason}");
    }
    call::<()>(&server, &[b"DEL", name.as_bytes()]);
    call::<()>(&server, &[b"LPUSH", name.as_bytes(), b"a list"]);
    assert_eq!(replica.get(&key("up"), 0).await, None);
    assert_eq!(replica.metric("hecate_redis_breaker_open", ""), 0.0, "wrong values are no failure of Redis");
    call::<()>(&server, &[b"SET", name.as_bytes(), &good]);
    assert_eq!(replica.get(&key("up"), 0).await.as_deref(), Some(&b"payload"[..]));
    // A part of another part is no answer either.
    let moved = format!("hecate:{{{}}}:b:1", key("up").digest());
    call::<()>(&server, &[b"SET", moved.as_bytes(), &good]);
    assert_eq!(replica.get(&key("up"), 1).await, None);
}

#[tokio::test]
async fn what_is_too_long_is_not_written() {
    let server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    let (long, short) = (Bytes::from(vec![1; (8 << 20) + 1]), Bytes::from(vec![1; 8 << 20]));
    replica.remote.write(&key("up"), vec![(0, long), (1, short.clone())], TTL);
    let read = eventually("the short one is there", async || replica.get(&key("up"), 1).await).await;
    assert!(read == short && replica.get(&key("up"), 0).await.is_none());
    assert_eq!(replica.metric("hecate_redis_dropped_writes_total", "too_large"), 1.0);
}

#[tokio::test]
async fn a_queue_that_is_full_drops_and_counts() {
    let server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    server.signal("STOP");
    let payload = Bytes::from(vec![1; 1 << 20]);
    (0..200).for_each(|part| replica.remote.write(&key("up"), vec![(part, payload.clone())], TTL));
    let dropped = replica.metric("hecate_redis_dropped_writes_total", "full");
    assert!(dropped >= 120.0, "64 MiB wait at most, a few are under way: {dropped} of 200");
    server.signal("CONT");
    eventually("the queue is empty again", async || (replica.metric("hecate_redis_queued_bytes", "") == 0.0).then_some(())).await;
}

#[tokio::test]
async fn a_budget_is_spent_once() {
    let server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    replica.put(&key("up"), 0, b"payload").await;
    let mut budget = Budget::new(PATIENT);
    assert!(replica.remote.read(&key("up"), &[0], &mut budget).await[0].is_some());
    assert!(budget.left() < PATIENT);
    assert_eq!(replica.remote.read(&key("up"), &[0, 1], &mut Budget::new(Duration::ZERO)).await, [None, None]);
    assert_eq!(replica.operations("read", "budget"), 1.0);
}

#[tokio::test]
async fn two_prefixes_share_a_server_and_nothing_else() {
    let server = Server::start(&[]).await;
    let one = Replica::connected(&server.settings()).await;
    let other = Replica::connected(&hecate::config::Redis { prefix: "other".to_owned(), ..server.settings() }).await;
    one.put(&key("up"), 0, b"payload").await;
    assert_eq!(other.get(&key("up"), 0).await, None);
}

/// Servers before Redis 6 know no HELLO.
#[tokio::test]
async fn a_server_without_resp3_is_spoken_to_in_resp2() {
    let server = Server::start_with("redis-server", &[("old.conf", "rename-command HELLO \"\"\n")], &["old.conf"]).await;
    let replica = Replica::connected(&server.settings()).await;
    replica.put(&key("up"), 0, b"payload").await;
    crate::notices::are_heard(&replica, &replica).await;
    crate::leases::a_follower_is_woken(&replica, &replica).await;
}
