//! All replicas are replaced, one after the other, while 200 clients are attached: at the end each of them has the range answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::client::{Client, Plan};
use crate::world::{STEP, Settings, World};

const SOON: Duration = Duration::from_secs(60);
const CLIENTS: usize = 200;
/// As asked, and as it is enforced for alice.
const QUERIES: [(&str, &str); 2] = [("flickering", r#"flickering{namespace="a"}"#), ("late", r#"late{namespace="a"}"#)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_nothing_and_repeats_nothing() {
    let settings =
        Settings { replicas: 3, redis: true, server: "drain: 10s", stream: "min_interval: 1s, heartbeat: 10s", ..Settings::default() };
    let mut world = World::start(settings).await;
    let bases = Arc::new(Mutex::new(world.replicas.iter().map(|replica| replica.url().to_owned()).collect::<Vec<_>>()));
    let http = crate::client::http();
    let clients: Vec<Client> = (0..CLIENTS)
        .map(|nth| {
            let mut pairs: Vec<(&str, &str)> = QUERIES.iter().map(|(asked, _)| ("query", *asked)).collect();
            pairs.extend([("step", STEP), ("window", "90s")]);
            let plan = Plan { comes_back: true, bases: bases.clone(), first_turn: nth, ..world.plan(0, &pairs) };
            Client::start_with(http.clone(), plan)
        })
        .collect();
    for client in &clients {
        client.sees("deltas", SOON, |seen| (seen.count("delta") >= 2 * QUERIES.len()).then_some(())).await;
    }
    for nth in 0..3 {
        let fresh = world.one_more(&[]);
        let url = fresh.url().to_owned();
        let mut old = std::mem::replace(&mut world.replicas[nth], fresh);
        bases.lock().unwrap()[nth] = url;
        old.signal("TERM");
        assert_eq!(old.ended(SOON).await, Some(0), "{}", old.log());
        old.assert_no_bug();
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    world.settle().await;
    let mut connections = 0;
    let counts: Vec<usize> = clients.iter().map(|client| client.see(|seen| seen.count("delta"))).collect();
    for (client, now) in clients.iter().zip(counts) {
        client.sees("ticks after the last restart", SOON, |seen| (seen.count("delta") >= now + 3 * QUERIES.len()).then_some(())).await;
        connections += client.see(|seen| seen.connections);
    }
    // Each client against Prometheus, for its own window.
    for client in &clients {
        world.same(client, &[("q0", QUERIES[0].1), ("q1", QUERIES[1].1)]).await;
        client.see(|seen| {
            assert_eq!(seen.count("snapshot"), QUERIES.len(), "the whole window came again: {}", seen.connections);
            assert_eq!((seen.count("error"), &seen.refused), (0, &Vec::new()));
            let ticks: Vec<i64> = seen.events.iter().filter_map(|event| event.id.as_ref()?.split_once('-')?.0.parse().ok()).collect();
            assert!(ticks.windows(2).all(|two| two[0] < two[1]), "{ticks:?}");
            assert!(seen.queries["q0"].points() > 100, "there is nothing to compare");
        });
    }
    assert!(connections > CLIENTS + CLIENTS / 2, "{connections} connections: nobody had to move");
}
