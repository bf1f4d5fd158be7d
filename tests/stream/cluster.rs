//! Several replicas and one Redis: one evaluation per tick, whoever dies, and clients that move from one to another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::client::{Client, Plan, Seen};
use crate::first::{QUERIES, all_same, pairs};
use crate::world::{STEP_MS, Settings, World};

const SOON: Duration = Duration::from_secs(25);

/// The ticks of which a client has everything.
fn ticks(seen: &Seen) -> Vec<i64> {
    seen.events.iter().filter_map(|event| event.id.as_ref()?.split_once('-')?.0.parse().ok()).collect()
}

fn most(evaluations: &BTreeMap<(String, i64), usize>) -> usize {
    evaluations.values().copied().max().unwrap_or_default()
}

/// The same clients on each replica: every query is asked once for each tick, however many replicas there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_evaluation_per_tick_in_the_whole_cluster() {
    for replicas in 1..=3 {
        let mut world = World::start(Settings { replicas, redis: true, ..Settings::default() }).await;
        for replica in &world.replicas {
            replica.metric_becomes("hecate_stream_bus_connected", 1.0).await;
        }
        let clients: Vec<Client> = (0..replicas * 2).map(|nth| world.stream(nth % replicas, &pairs("1m"))).collect();
        for client in &clients {
            client.sees("all windows", SOON, |seen| (seen.queries.len() == QUERIES.len()).then_some(())).await;
        }
        // Filling the windows is over.
        clients[0].goes_on(2 * QUERIES.len()).await;
        world.upstream.take();
        clients[0].goes_on(10 * QUERIES.len()).await;
        let evaluations = world.evaluations();
        let distinct: std::collections::BTreeSet<&str> = evaluations.keys().map(|(query, _)| query.as_str()).collect();
        assert_eq!(distinct.len(), QUERIES.len(), "{distinct:?}");
        assert!(evaluations.len() >= 9 * QUERIES.len(), "{} evaluations", evaluations.len());
        assert_eq!(
            most(&evaluations),
            1,
            "{replicas} replicas: {:#?}",
            evaluations.iter().filter(|(_, count)| **count > 1).collect::<Vec<_>>()
        );
        if replicas > 1 {
            let mut by = Vec::new();
            for replica in &world.replicas {
                by.push((
                    replica.metric(r#"hecate_stream_ticks_total{outcome="led"}"#).await,
                    replica.metric(r#"hecate_stream_ticks_total{outcome="followed"}"#).await,
                ));
                assert_eq!(replica.metric(r#"hecate_stream_ticks_total{outcome="failed"}"#).await, 0.0);
            }
            assert!(by.iter().map(|(_, followed)| followed).sum::<f64>() > 0.0, "{by:?}");
            assert!(clients[0].event("connected", 1, SOON).await.data.contains(r#""shared":true"#));
        }
        world.settle().await;
        for client in &clients {
            client.goes_on(2 * QUERIES.len()).await;
            all_same(&world, client).await;
        }
    }
}

/// Whoever evaluates for all is killed: another one takes its place within two ticks, and nobody misses one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_is_killed() {
    let mut world = World::start(Settings { replicas: 3, redis: true, ..Settings::default() }).await;
    let clients: Vec<Client> = (0..3).map(|replica| world.stream(replica, &pairs("1m"))).collect();
    for client in &clients {
        client.sees("all windows", SOON, |seen| (seen.queries.len() == QUERIES.len()).then_some(())).await;
        client.goes_on(3 * QUERIES.len()).await;
    }
    // The one with the most ticks of its own.
    let mut led = Vec::new();
    for replica in &world.replicas {
        led.push(replica.metric(r#"hecate_stream_ticks_total{outcome="led"}"#).await);
    }
    let leader = (0..3).max_by(|a, b| led[*a].total_cmp(&led[*b])).unwrap();
    assert!(led[leader] > 0.0, "{led:?}");
    let before: Vec<usize> = clients.iter().map(|client| client.see(|seen| ticks(seen).len())).collect();
    world.replicas[leader].signal("KILL");
    tokio::time::sleep(Duration::from_secs(8)).await;
    for (nth, client) in clients.iter().enumerate().filter(|(nth, _)| *nth != leader) {
        let all = client.see(ticks);
        let gaps: Vec<i64> = all.windows(2).map(|two| (two[1] - two[0]) / STEP_MS).collect();
        assert!(all.len() > before[nth] + 4, "the stream stands still: {all:?}");
        assert!(gaps.iter().all(|gap| *gap <= 2), "{nth}: {gaps:?}");
        client.see(|seen| assert_eq!((seen.count("snapshot"), seen.count("error")), (QUERIES.len(), 0)));
    }
    world.settle().await;
    for (_, client) in clients.iter().enumerate().filter(|(nth, _)| *nth != leader) {
        client.goes_on(2 * QUERIES.len()).await;
        all_same(&world, client).await;
    }
}

/// A client that loses its replica goes on at another one, from the tick that it had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_takes_up_again_on_another_replica() {
    let mut world = World::start(Settings { replicas: 2, redis: true, ..Settings::default() }).await;
    let other = world.stream(1, &pairs("1m"));
    let mut plan = world.plan(0, &pairs("1m"));
    plan.comes_back = true;
    plan.bases = Arc::new(Mutex::new(vec![world.replicas[0].url().to_owned(), world.replicas[1].url().to_owned()]));
    let bases = plan.bases.clone();
    let client = Client::start(plan);
    client.sees("all windows", SOON, |seen| (seen.queries.len() == QUERIES.len()).then_some(())).await;
    client.goes_on(4 * QUERIES.len()).await;
    world.replicas[0].signal("KILL");
    *bases.lock().unwrap() = vec![world.replicas[1].url().to_owned()];
    client.sees("another connection", SOON, |seen| (seen.connections == 2).then_some(())).await;
    client.goes_on(3 * QUERIES.len()).await;
    client.see(|seen| {
        assert_eq!(seen.count("snapshot"), QUERIES.len(), "what it had was of use");
        let resumed: Vec<&str> = seen.events.iter().filter(|e| e.connection == 2 && e.name == "delta").map(|e| e.data.as_str()).collect();
        assert!(resumed[..QUERIES.len()].iter().all(|data| data.contains(r#""from":"#)), "{}", resumed[0]);
        assert!(resumed[QUERIES.len() + 1..].iter().all(|data| !data.contains(r#""from":"#)));
        let all = ticks(seen);
        assert!(all.windows(2).all(|two| two[0] < two[1]), "{all:?}");
    });
    world.settle().await;
    client.goes_on(2 * QUERIES.len()).await;
    all_same(&world, &client).await;
    all_same(&world, &other).await;

    // Ids of other queries, of the far past, of the far future, and rubbish: the whole window.
    let last = client.see(|seen| seen.last_id.clone());
    let (_, fingerprint) = last.split_once('-').unwrap();
    for id in [
        format!("1000-{fingerprint}"),
        format!("99999999999999-{fingerprint}"),
        last.replace(fingerprint, "00000000"),
        "rubbish".to_owned(),
    ] {
        let mut plan = world.plan(1, &pairs("1m"));
        plan.headers.push(("last-event-id", id));
        let fresh = Client::start(plan);
        fresh.sees("whole windows", SOON, |seen| (seen.count("snapshot") == QUERIES.len()).then_some(())).await;
    }
    // The same as a parameter, for whoever cannot set headers.
    let mut again = pairs("1m");
    again.push(("last_event_id", &last));
    let resumed = world.stream(1, &again);
    resumed.event("connected", 1, SOON).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    resumed.see(|seen| assert_eq!(seen.count("snapshot"), 0));
}

/// The clocks of three replicas differ by two seconds each way; clients go from one to the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_differ() {
    let mut world = World::start(Settings { replicas: 1, redis: true, ..Settings::default() }).await;
    for offset in ["+2s", "-2s"] {
        let environment = crate::world::clock(offset);
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let replica = world.one_more(&environment);
        world.replicas.push(replica);
    }
    let urls: Vec<String> = world.replicas.iter().map(|replica| replica.url().to_owned()).collect();
    let clients: Vec<Client> = (0..3).map(|replica| world.stream(replica, &pairs("1m"))).collect();
    for client in &clients {
        client.sees("all windows", SOON, |seen| (seen.queries.len() == QUERIES.len()).then_some(())).await;
    }
    // From the earliest clock to the latest and back.
    for (from, to) in [(1, 2), (2, 0), (2, 1)] {
        let plan = Plan { comes_back: true, ..world.plan(from, &pairs("1m")) };
        let bases = plan.bases.clone();
        let moving = Client::start(plan.clone());
        moving.sees("all windows", SOON, |seen| (seen.queries.len() == QUERIES.len()).then_some(())).await;
        moving.goes_on(2 * QUERIES.len()).await;
        let last = moving.see(|seen| seen.last_id.clone());
        drop(moving);
        *bases.lock().unwrap() = vec![urls[to].clone()];
        let mut plan = plan;
        plan.headers.push(("last-event-id", last.clone()));
        plan.bases = Arc::new(Mutex::new(vec![urls[to].clone()]));
        let moved = Client::start(plan);
        moved.event("connected", 1, SOON).await;
        // Nothing that the client had already, and nothing of a time before it.
        let first = moved.event("delta", 1, SOON).await;
        let end: serde_json::Value = serde_json::from_str(&first.data).unwrap();
        let had: i64 = last.split_once('-').unwrap().0.parse().unwrap();
        assert!((end["end"].as_f64().unwrap() * 1000.0) as i64 > had, "{} after {last}", first.data);
        moved.see(|seen| assert_eq!(seen.count("snapshot"), 0, "{from} {to}"));
    }
    world.settle().await;
    for client in &clients {
        client.goes_on(3 * QUERIES.len()).await;
        all_same(&world, client).await;
        client.see(|seen| assert_eq!((seen.count("snapshot"), seen.count("error")), (QUERIES.len(), 0)));
    }
}
