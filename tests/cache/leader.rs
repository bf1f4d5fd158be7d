//! The replica that fetches for the others dies.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::house::{House, Plan, range};
use crate::support::{Mood, difference, eventually};

const TEXT: &str = "sum(rate(wide[5m]))";
const ENFORCED: &str = r#"sum(rate(wide{namespace="a"}[5m]))"#;

/// Those who wait for it carry on by themselves, within the life of a lease.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_is_killed_with_the_lease_in_its_hand() {
    let mut house = House::start(Plan { replicas: 5, redis: Some(&[]), ..Plan::default() }).await;
    let end = house.settled();
    let window = (end - 3600, end, "15");
    let permits = Arc::new(Semaphore::new(0));
    house.upstream.becomes(Mood::Held(permits.clone()));
    let leader = house.at(0, "alice");
    let leading = tokio::spawn(async move {
        let (start, end) = (window.0.to_string(), window.1.to_string());
        let params = [("query", TEXT), ("start", start.as_str()), ("end", end.as_str()), ("step", "15")];
        leader.try_ask(crate::support::Verb::Get, "/api/v1/query_range", &params).await
    });
    eventually("the leader asks upstream", async || (house.upstream.count() == 1).then_some(())).await;
    let following: Vec<_> = (1..5)
        .flat_map(|replica| [house.at(replica, "alice"), house.at(replica, "alia")])
        .map(|door| {
            tokio::spawn(async move {
                let began = Instant::now();
                (range(&door, TEXT, window).await, began.elapsed())
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(house.upstream.count(), 1, "the others do not wait for the leader");
    drop(house.replicas.remove(0));
    permits.add_permits(100);
    assert!(leading.await.unwrap().is_err(), "the leader answered though it was killed");
    let want = range(&house.prometheus.door(), ENFORCED, window).await;
    let mut longest = Duration::ZERO;
    for one in following {
        let (got, took) = one.await.unwrap();
        assert_eq!(difference(&got, &want), None);
        longest = longest.max(took);
    }
    let asked = house.ranges().len();
    println!("the leader was killed: the others had their answers after {longest:?}, with {} more queries upstream", asked - 1);
    assert!(longest < Duration::from_secs(15), "{longest:?}");
    assert_eq!(asked, 2, "one of those who waited takes the place of the one that was lost");
    for replica in 0..house.replicas.len() {
        assert_eq!(
            difference(&range(&house.at(replica, "bob"), "sum(wide)", window).await, &{
                range(&house.prometheus.door(), r#"sum(wide{namespace="b"})"#, window).await
            }),
            None
        );
    }
}
