//! Many who ask the same at the same time are one for the upstream.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use crate::house::{House, Plan, range};
use crate::support::{Mood, Wire, difference, eventually};

const TEXT: &str = "sum(rate(wide[5m]))";
const ENFORCED: &str = r#"sum(rate(wide{namespace="a"}[5m]))"#;

/// Fifty equal queries that find nothing, spread over the replicas, while the upstream takes its time.
async fn fifty_at_once(house: &House) {
    let end = house.settled();
    let window = (end - 3600, end, "15");
    house.upstream.becomes(Mood::Slow(Duration::from_millis(700)));
    let doors: Vec<_> = (0..50).map(|i| house.at(i % house.replicas.len(), ["alice", "alia"][i % 2])).collect();
    let replies = join_all(doors.iter().map(|door| range(door, TEXT, window))).await;
    let asked = house.ranges();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].points(), 241);
    let want = range(&house.prometheus.door(), ENFORCED, window).await;
    for reply in &replies {
        assert_eq!(difference(reply, &want), None, "{}", reply.header("cache-status"));
    }
    // Whoever asks next finds it, at each replica.
    for replica in 0..house.replicas.len() {
        assert_eq!(difference(&range(&house.at(replica, "alice"), TEXT, window).await, &want), None);
    }
    assert_eq!(house.points(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_equal_cold_queries_are_one_upstream() {
    fifty_at_once(&House::start(Plan::default()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_equal_cold_queries_at_three_replicas_are_one_upstream() {
    fifty_at_once(&House::start(Plan { replicas: 3, redis: Some(&[]), ..Plan::default() }).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_equal_cold_queries_at_five_replicas_are_one_upstream() {
    fifty_at_once(&House::start(Plan { replicas: 5, redis: Some(&[]), ..Plan::default() }).await).await;
}

/// A fetch goes on when its client leaves, for those who wait for it and for those who come later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_cancels_nothing() {
    let house = House::start(Plan::default()).await;
    let permits = Arc::new(Semaphore::new(0));
    house.upstream.becomes(Mood::Held(permits.clone()));
    let end = house.settled();
    let target = format!("/api/v1/query_range?query=sum(rate(wide%5B5m%5D))&start={}&end={end}&step=15", end - 3600);
    let mut leaving = Wire::connect(house.replicas[0].address()).await;
    leaving.get(&target).await;
    eventually("the first is asked upstream", async || (house.upstream.count() == 1).then_some(())).await;
    let (alice, window) = (house.user("alice"), (end - 3600, end, "15"));
    let waiting = tokio::spawn(async move { range(&alice, TEXT, window).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(leaving);
    tokio::time::sleep(Duration::from_millis(200)).await;
    permits.add_permits(100);
    let want = range(&house.prometheus.door(), ENFORCED, window).await;
    assert_eq!(difference(&waiting.await.unwrap(), &want), None);
    // All of them may leave, too.
    let permits = Arc::new(Semaphore::new(0));
    house.upstream.becomes(Mood::Held(permits.clone()));
    let mut leaving = Wire::connect(house.replicas[0].address()).await;
    leaving.get(&target.replace("5m", "6m")).await;
    eventually("the second is asked upstream", async || (house.upstream.count() == 2).then_some(())).await;
    drop(leaving);
    tokio::time::sleep(Duration::from_millis(200)).await;
    permits.add_permits(100);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let got = house.check(&house.user("alice"), "sum(rate(wide[6m]))", r#"sum(rate(wide{namespace="a"}[6m]))"#, window).await;
    assert_eq!(house.ranges().len(), 2, "{}", got.header("cache-status"));
}

/// Those who wait for a fetch that fails are told so, and nobody who comes later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_of_a_failure_get_it_and_nothing_stays() {
    for replicas in [1, 2] {
        let house = House::start(Plan { replicas, redis: (replicas > 1).then_some(&[]), ..Plan::default() }).await;
        let failure = r#"{"status":"error","errorType":"internal","error":"the disk is on fire"}"#;
        house.upstream.becomes(Mood::Saying(500, failure.to_owned(), Duration::from_millis(500)));
        let end = house.settled();
        let window = (end - 3600, end, "15");
        let doors: Vec<_> = (0..20).map(|i| house.at(i % replicas, "alice")).collect();
        let replies = join_all(doors.iter().map(|door| range(door, TEXT, window))).await;
        for reply in &replies {
            assert!(reply.status >= 500, "{} {}", reply.status, reply.body);
            assert_eq!(reply.body, replies[0].body);
        }
        // Another replica may try for itself when it hears of the failure.
        assert!((1..=replicas).contains(&house.ranges().len()));
        house.upstream.becomes(Mood::Well);
        for replica in 0..replicas {
            house.check(&house.at(replica, "alice"), TEXT, ENFORCED, window).await;
        }
        assert_eq!(house.points(), 241);
    }
}
