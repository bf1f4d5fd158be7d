//! Limits, rights that are taken away, readers that do not read, and the end of the process.

use std::fs;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;

use crate::client::{Client, Plan, params};
use crate::feed::now_ms;
use crate::support::remote_write::{self, Series};
use crate::support::{Door, eventually};
use crate::world::{REVOCATION_BOUND, STEP, Settings, World, people};

const SOON: Duration = Duration::from_secs(60);
const UP: &[(&str, &str)] = &[("query", "growing_total"), ("step", STEP), ("window", "10s")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_say_which_one_it_is() {
    let settings = Settings {
        stream: "min_interval: 1s, max_connections: 3, max_queries: 2, memory: 1MiB",
        rest: "limits: {streams_per_user: 2, rate_per_user: 1000/s}",
        ..Settings::default()
    };
    let world = World::start(settings).await;
    let hecate = &world.replicas[0];
    let refused = async |token: &'static str, pairs: &[(&str, &str)], status: u16, part: &str| {
        let reply = Door::new("door", hecate.url(), Some(token)).get("/api/v1/metrics/stream", pairs).await;
        assert_eq!(reply.status, status, "{}", reply.body);
        assert!(reply.body.contains(part), "{}", reply.body);
        assert!(status != 429 || reply.header("retry-after") == "5", "{:?}", reply.headers);
    };
    let alice: Vec<Client> = (0..2).map(|_| world.stream(0, UP)).collect();
    for client in &alice {
        client.event("snapshot", 1, SOON).await;
    }
    refused("token-alice", UP, 429, "limits.streams_per_user").await;
    let three = [("query", "up"), ("query", "up"), ("query", "up"), ("step", STEP)];
    refused("token-bob", &three, 400, "stream.max_queries").await;
    let bob = Client::start(Plan::new(hecate.url(), Some("token-bob"), UP));
    bob.event("snapshot", 1, SOON).await;
    refused("token-admin", UP, 429, "stream.max_connections").await;
    drop((alice, bob));
    hecate.metric_becomes("hecate_stream_connections", 0.0).await;

    // A window that has no room; others still have.
    write_wide(&world, 200).await;
    let wide = Client::start(Plan { only_names: true, ..world.plan(0, WIDE) });
    let error = wide.event("error", 1, SOON).await;
    assert!(error.data.contains("stream.memory"), "{}", error.data);
    world.stream(0, UP).event("snapshot", 1, SOON).await;
    for limit in ["user", "queries", "connections"] {
        assert_eq!(hecate.metric(&format!(r#"hecate_stream_refused_total{{limit="{limit}"}}"#)).await, 1.0, "{limit}");
    }
}

/// Namespace a's, with points of the last minutes and of the next ones.
async fn write_wide(world: &World, series: usize) {
    let now = now_ms() / 1000 * 1000;
    let one = |i: usize| {
        let mut one = Series::new("wide", &[("namespace", "a"), ("i", &format!("{i:04}"))]);
        (-40..4).for_each(|k: i64| one.push(now + k * 10_000, (k * 31) as f64 / 7.0 + i as f64));
        one
    };
    remote_write::write(&world.prometheus.url(), (0..series).map(one).collect()).await;
}

/// What is wrong with a query is an ordinary answer, in our own form, before anything is streamed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_query_opens_no_stream() {
    let world = World::start(Settings::default()).await;
    let door = Door::new("door", world.replicas[0].url(), Some("token-alice"));
    for (query, step, window, status, code) in [
        ("sum(up", "15s", "1h", 400, "INVALID_PROMQL"),
        ("up", "15s", "1y", 422, "QUERY_TOO_EXPENSIVE"),
        ("up", "0s", "1h", 400, "INVALID_REQUEST"),
    ] {
        let pairs = [("query", "up"), ("query", query), ("step", step), ("window", window)];
        let reply = door.get("/api/v1/metrics/stream", &pairs).await;
        let said: serde_json::Value = serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("{query:.20}: {}", reply.body));
        assert_eq!((reply.status, said["code"].as_str()), (status, Some(code)), "{query:.20}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_away_ends_the_stream_within_the_bound() {
    let world = World::start(Settings::default()).await;
    let hecate = &world.replicas[0];
    // Gone, fewer rights, other rights.
    for (change, part) in [
        ("namespaces: [b]", "has changed"),
        ("namespaces: [a], permissions: [\"Dashboard:read\"]", "Metrics:query"),
        ("", "not recognised"),
    ] {
        let file = hecate.folder().join("users.yaml");
        fs::write(&file, people("namespaces: [a]")).unwrap();
        eventually("alice is back", async || {
            let reply = Door::new("alice", hecate.url(), Some("token-alice")).get("/api/v1/query", &[("query", "growing_total")]).await;
            (reply.status == 200 && reply.body.contains(r#""namespace":"a""#)).then_some(())
        })
        .await;
        let mut alice = world.stream(0, UP);
        let mut compressed = Client::start(world.plan(0, UP).gzip());
        let bob = Client::start(Plan::new(hecate.url(), Some("token-bob"), UP));
        alice.event("snapshot", 1, SOON).await;
        bob.event("snapshot", 1, SOON).await;
        compressed.event("snapshot", 1, SOON).await;
        let text = people(change);
        let text =
            if change.is_empty() { text.lines().filter(|line| !line.contains("alice")).collect::<Vec<_>>().join("\n") } else { text };
        fs::write(&file, text).unwrap();
        let changed = Instant::now();
        let told = alice.event("error", 1, SOON).await;
        assert!(told.at - changed < REVOCATION_BOUND, "{part}: {:?}", told.at - changed);
        assert!(told.data.contains(r#""errorType":"revoked""#) && told.data.contains(part), "{}", told.data);
        for client in [&mut alice, &mut compressed] {
            client.ended(SOON).await;
            client.see(|seen| assert_eq!(seen.ended, Some(Ok(()))));
        }
        compressed.see(|seen| assert!(seen.headers.contains_key("content-encoding") && seen.count("error") == 1));
        let deltas = bob.see(|seen| seen.count("delta"));
        bob.event("delta", deltas + 3, SOON).await;
    }
    assert_eq!(hecate.metric("hecate_stream_revoked_total").await, 6.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_the_process_is_told() {
    let mut world = World::start(Settings { server: "drain: 10s, drain_delay: 1s", ..Settings::default() }).await;
    let mut clients: Vec<Client> = (0..20)
        .map(|nth| {
            let plan = world.plan(0, UP);
            Client::start(if nth % 2 == 0 { plan } else { plan.gzip() })
        })
        .collect();
    for client in &clients {
        client.event("delta", 1, SOON).await;
    }
    world.replicas[0].signal("TERM");
    let mut waits = Vec::new();
    for client in &mut clients {
        let shutdown = client.event("shutdown", 1, Duration::from_secs(5)).await;
        let data: serde_json::Value = serde_json::from_str(&shutdown.data).unwrap();
        waits.push(data["retry_ms"].as_u64().unwrap());
        client.ended(SOON).await;
        client.see(|seen| {
            assert_eq!(seen.ended, Some(Ok(())), "the connection was cut");
            assert_eq!(seen.events.last().unwrap().name, "shutdown");
        });
    }
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 10 && waits[0] >= 500 && waits[waits.len() - 1] <= 5000, "not all at once: {waits:?}");
    let began = Instant::now();
    assert_eq!(world.replicas[0].ended(SOON).await, Some(0));
    assert!(began.elapsed() < Duration::from_secs(5), "streams hold the drain up: {:?}", began.elapsed());
}

/// A connection of which the system holds few bytes, so that a reader that stops is noticed.
async fn narrow(address: &str, pairs: &[(&str, &str)]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(128 * 1024).unwrap();
    let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
    let head = format!("GET /api/v1/metrics/stream?{} HTTP/1.0\r\nHost: h\r\nAuthorization: Bearer token-alice\r\n\r\n", params(pairs));
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

const WIDE: &[(&str, &str)] = &[("query", "wide"), ("step", STEP), ("window", "5m")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_gets_the_newest_state_and_costs_no_more_than_others() {
    let world = World::start(Settings { server: "write_timeout: 5m", ..Settings::default() }).await;
    let hecate = &world.replicas[0];
    write_wide(&world, 1000).await;
    let quick = Client::start(Plan { only_names: true, ..world.plan(0, WIDE) });
    quick.event("delta", 2, SOON).await;
    let window = hecate.metric("hecate_stream_memory_bytes").await;
    assert!(window > 5e6, "{window} bytes fit into what the system holds");
    let before = hecate.resident_kib();
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.push(narrow(hecate.address(), WIDE).await);
    }
    hecate.metric_becomes("hecate_stream_connections", 21.0).await;
    let deltas = quick.see(|seen| seen.count("delta"));
    quick.event("delta", deltas + 8, SOON).await;
    let grown = hecate.resident_kib().saturating_sub(before);
    // All are stuck in one window; twenty of their own would be a hundred megabytes and more.
    assert!(grown < 70_000, "{grown} KiB for twenty slow readers of a window of {} KiB", window / 1024.0);
    // They go on reading: the rest of the window that was new when they stopped, then the newest one.
    let mut one = slow.swap_remove(0);
    let mut read = Vec::new();
    let text = tokio::time::timeout(SOON, async {
        let mut piece = vec![0; 1 << 20];
        loop {
            let count = one.read(&mut piece).await.unwrap();
            assert!(count > 0, "the connection was closed");
            read.extend_from_slice(&piece[..count]);
            let text = String::from_utf8_lossy(&read);
            if text.matches("event: snapshot").count() >= 2 && text.matches("event: delta").count() >= 2 {
                return text.into_owned();
            }
        }
    });
    let text = text.await.expect("no newest state");
    let ends: Vec<(String, i64)> = text
        .split("\n\n")
        .filter_map(|event| {
            let name = event.split("event: ").nth(1)?.lines().next()?.to_owned();
            let end = event.split(r#""end":"#).nth(1)?.split([',', '.']).next()?.parse().ok()?;
            Some((name, end))
        })
        .collect();
    assert_eq!(ends[0].0, "snapshot");
    assert_eq!(ends[1].0, "snapshot", "{ends:?}");
    assert!(ends[1].1 - ends[0].1 >= 5, "{ends:?}");
    assert!(ends[2..].iter().all(|(name, _)| name == "delta"), "{ends:?}");
    assert!(hecate.metric("hecate_stream_conflations_total").await >= 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_stuck_is_cut() {
    let world = World::start(Settings { server: "write_timeout: 2s", ..Settings::default() }).await;
    let hecate = &world.replicas[0];
    write_wide(&world, 1000).await;
    let good = Client::start(Plan { only_names: true, ..world.plan(0, WIDE) });
    good.event("snapshot", 1, SOON).await;
    let began = Instant::now();
    let stuck = narrow(hecate.address(), WIDE).await;
    hecate.metric_becomes("hecate_stream_connections", 2.0).await;
    hecate.metric_becomes("hecate_stream_connections", 1.0).await;
    assert!(began.elapsed() > Duration::from_secs(1) && began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    drop(stuck);
    // Who reads stays, and who has nothing to read too.
    let deltas = good.see(|seen| seen.count("delta"));
    good.event("delta", deltas + 3, SOON).await;
    hecate.assert_no_bug();
}
