//! The replica that fetches for the others dies.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::house::{House, Plan};
use crate::support::{Door, Mood, Verb, difference, eventually};

const TEXT: &str = "sum(rate(wide[5m]))";
const ENFORCED: &str = r#"sum(rate(wide{namespace="a"}[5m]))"#;

/// Blocks of a range query.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_is_killed_with_the_lease_in_its_hand() {
    killed("/api/v1/query_range", |end| vec![("start", (end - 3600).to_string()), ("end", end.to_string()), ("step", "15".to_owned())])
        .await;
}

/// A whole answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_of_an_instant_query_is_killed() {
    killed("/api/v1/query", |end| vec![("time", end.to_string())]).await;
}

/// One of those who wait takes its place, within the life of a lease; the others go on waiting.
async fn killed(path: &'static str, when: fn(i64) -> Vec<(&'static str, String)>) {
    let mut house = House::start(Plan { replicas: 5, redis: Some(&[]), ..Plan::default() }).await;
    let end = house.settled();
    let ask = move |door: Door, text: &'static str| async move {
        let when = when(end);
        let mut params: Vec<(&str, &str)> = when.iter().map(|(name, value)| (*name, value.as_str())).collect();
        params.push(("query", text));
        door.try_ask(Verb::Get, path, &params).await
    };
    let permits = Arc::new(Semaphore::new(0));
    house.upstream.becomes(Mood::Held(permits.clone()));
    let leading = tokio::spawn(ask(house.at(0, "alice"), TEXT));
    eventually("the leader asks upstream", async || (house.upstream.count() == 1).then_some(())).await;
    let following: Vec<_> = (1..5)
        .flat_map(|replica| [house.at(replica, "alice"), house.at(replica, "alia")])
        .map(|door| {
            tokio::spawn(async move {
                let began = Instant::now();
                (ask(door, TEXT).await.unwrap(), began.elapsed())
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(house.upstream.count(), 1, "the others do not wait for the leader");
    drop(house.replicas.remove(0));
    permits.add_permits(100);
    assert!(leading.await.unwrap().is_err(), "the leader answered though it was killed");
    let want = ask(house.prometheus.door(), ENFORCED).await.unwrap();
    assert!(want.values() > 0, "{}", want.body);
    let mut longest = Duration::ZERO;
    for one in following {
        let (got, took) = one.await.unwrap();
        assert_eq!(difference(&got, &want), None);
        longest = longest.max(took);
    }
    let asked = house.upstream.count();
    println!("the leader was killed: the others had their answers after {longest:?}, with {} more queries upstream", asked - 1);
    assert!(longest < Duration::from_secs(15), "{longest:?}");
    assert_eq!(asked, 2, "one of those who waited takes the place of the one that was lost");
    for replica in 0..house.replicas.len() {
        let want = ask(house.prometheus.door(), r#"sum(wide{namespace="b"})"#).await.unwrap();
        assert_eq!(difference(&ask(house.at(replica, "bob"), "sum(wide)").await.unwrap(), &want), None);
    }
}
