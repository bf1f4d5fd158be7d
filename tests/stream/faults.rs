//! Redis or the upstream stops: streams go on, or say why not, and find back.

use std::process::Command;
use std::time::Duration;

use crate::client::Client;
use crate::first::{QUERIES, all_same, pairs};
use crate::support::Mood;
use crate::world::{Settings, World};

const SOON: Duration = Duration::from_secs(30);

async fn two_replicas() -> (World, Vec<Client>) {
    let world = World::start(Settings { replicas: 2, redis: true, ..Settings::default() }).await;
    let clients: Vec<Client> = (0..2).map(|replica| world.stream(replica, &pairs("1m"))).collect();
    for client in &clients {
        client.sees("all windows", SOON, |seen| (seen.queries.len() == QUERIES.len()).then_some(())).await;
        client.goes_on(2 * QUERIES.len()).await;
    }
    (world, clients)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_stops_and_comes_back() {
    let (mut world, clients) = two_replicas().await;
    for silence in ["STOP", "KILL"] {
        let redis = world.redis.as_mut().unwrap();
        if silence == "STOP" {
            redis.signal("STOP")
        } else {
            redis.kill()
        }
        for client in &clients {
            client.goes_on(6 * QUERIES.len()).await;
        }
        let late = world.stream(0, &pairs("30s"));
        late.sees("all windows", SOON, |seen| (seen.queries.len() == QUERIES.len()).then_some(())).await;
        let redis = world.redis.as_mut().unwrap();
        if silence == "STOP" {
            redis.signal("CONT")
        } else {
            redis.run().await
        }
        for replica in &world.replicas {
            replica.metric_becomes("hecate_stream_bus_connected", 1.0).await;
        }
        // The replicas share again.
        let mut followed = Vec::new();
        for replica in &world.replicas {
            followed.push(replica.metric(r#"hecate_stream_ticks_total{outcome="followed"}"#).await);
        }
        crate::support::eventually("one follows the other", async || {
            let mut now = 0.0;
            for replica in &world.replicas {
                now += replica.metric(r#"hecate_stream_ticks_total{outcome="followed"}"#).await;
            }
            (now > followed.iter().sum::<f64>() + 5.0).then_some(())
        })
        .await;
    }
    world.settle().await;
    for client in &clients {
        client.goes_on(3 * QUERIES.len()).await;
        all_same(&world, client).await;
        // It went on by deltas; where a busy machine made a reader slow, it got the newest window of a query instead.
        client.see(|seen| assert!(seen.count("error") == 0 && seen.count("snapshot") < 2 * QUERIES.len()));
    }
    world.replicas.iter().for_each(crate::support::Hecate::assert_no_bug);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_upstream_stops_and_comes_back() {
    let mut world = World::start(Settings { upstream: "settle: 8s, timeout: 2s, retries: 0", ..Settings::default() }).await;
    let client = world.stream(0, &pairs("1m"));
    client.sees("all windows", SOON, |seen| (seen.queries.len() == QUERIES.len()).then_some(())).await;
    let signal = |name: &str| {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(world.prometheus.pid().to_string()).status().unwrap();
        assert!(sent.success());
    };
    signal("STOP");
    let error = client.event("error", 1, SOON).await;
    assert!(error.data.contains(r#""errorType":"timeout""#), "{}", error.data);
    client.event("heartbeat", 3, SOON).await;
    signal("CONT");
    client.goes_on(3 * QUERIES.len()).await;
    // One query alone fails: the others go on.
    world.upstream.becomes(Mood::Dead);
    let errors = client.see(|seen| seen.count("error"));
    client.event("error", errors + QUERIES.len(), SOON).await;
    world.upstream.becomes(Mood::Well);
    client.goes_on(4 * QUERIES.len()).await;
    world.settle().await;
    client.goes_on(3 * QUERIES.len()).await;
    all_same(&world, &client).await;
    // Where the upstream was away for most of a window, the whole of it says shorter what is new.
    client.see(|seen| assert!(seen.count("snapshot") <= 2 * QUERIES.len(), "what it had was of use: {} snapshots", seen.count("snapshot")));
    world.replicas[0].assert_no_bug();
}

/// A query that the upstream refuses is told so at each tick; the others of the stream go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_fails_fails_alone() {
    let world = World::start(Settings::default()).await;
    let broken = r#"label_replace(growing_total, "x", "$1", "i", "(") + on() growing_total"#;
    let client = world.stream(0, &[("query", broken), ("query", "late"), ("step", "1s"), ("window", "20s")]);
    let error = client.event("error", 2, SOON).await;
    assert!(error.data.contains(r#""id":"q0""#), "{}", error.data);
    client.event("delta", 3, SOON).await;
    client.see(|seen| {
        assert!(seen.queries.contains_key("q1") && !seen.queries.contains_key("q0"));
        assert!(seen.events.iter().all(|event| event.id.is_none()), "a client that has not everything has nothing to come back with");
    });
}
