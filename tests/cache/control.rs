//! Switched off, dropped, explained.

use std::time::Duration;

use crate::house::{House, Plan, range};
use crate::support::{Door, Mood, eventually};

const TEXT: &str = "sum(wide)";
const ENFORCED: &str = r#"sum(wide{namespace="a"})"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switched_off_it_forwards_everything() {
    let house = House::start(Plan { cache: "enabled: false", ..Plan::default() }).await;
    let alice = house.user("alice");
    let end = house.settled();
    for _ in 0..3 {
        let got = house.check(&alice, TEXT, ENFORCED, (end - 900, end, "15")).await;
        assert!(!got.header("cache-status").contains("; hit"), "{}", got.header("cache-status"));
        assert_eq!(house.points(), 61);
        let time = end.to_string();
        assert_eq!(alice.get("/api/v1/query", &[("query", TEXT), ("time", &time)]).await.status, 200);
        assert_eq!(alice.get("/api/v1/labels", &[("match[]", "wide"), ("end", &time)]).await.status, 200);
        assert_eq!(house.upstream.take().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_everything_needs_cluster_scope_and_drops_everything() {
    let house = House::start(Plan { replicas: 2, redis: Some(&[]), ..Plan::default() }).await;
    let end = house.settled();
    let window = (end - 900, end, "15");
    let first = async |replica| house.check(&house.at(replica, "alice"), TEXT, ENFORCED, window).await;
    first(0).await;
    assert_eq!(house.points(), 61);
    assert_eq!(house.user("alice").delete("/api/v1/cache").await.status, 403);
    first(0).await;
    // From Redis, where the first replica put it.
    first(1).await;
    assert_eq!(house.points(), 0);
    let dropped = house.user("admin").delete("/api/v1/cache").await;
    assert!((200..300).contains(&dropped.status), "{} {}", dropped.status, dropped.body);
    first(0).await;
    assert_eq!(house.points(), 61);
}

/// One that never asked has to find nothing in Redis either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_reaches_redis() {
    let plan = Plan { replicas: 2, redis: Some(&[]), ..Plan::default() };
    let house = House::start(plan).await;
    let end = house.settled();
    let window = (end - 900, end, "15");
    house.check(&house.at(0, "alice"), TEXT, ENFORCED, window).await;
    assert_eq!(house.points(), 61);
    assert!(house.at(0, "admin").delete("/api/v1/cache").await.status < 300);
    house.check(&house.at(1, "alice"), TEXT, ENFORCED, window).await;
    assert_eq!(house.points(), 61);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_by_metric_and_namespace_leaves_the_rest() {
    let house = House::start(Plan::default()).await;
    let end = house.settled();
    let window = (end - 900, end, "15");
    let asks = [
        ("alice", "wide", r#"wide{namespace="a"}"#),
        ("bob", "wide", r#"wide{namespace="b"}"#),
        ("alice", "live_temperature", r#"live_temperature{namespace="a"}"#),
        ("alice", "wide + on (namespace, shard) wide", r#"wide{namespace="a"} + on (namespace, shard) wide{namespace="a"}"#),
    ];
    let cost = async |house: &House| {
        let mut costs = Vec::new();
        for (name, text, enforced) in asks {
            house.check(&house.user(name), text, enforced, window).await;
            costs.push(house.points());
        }
        costs
    };
    assert_eq!(cost(&house).await, [61, 61, 61, 61]);
    assert_eq!(cost(&house).await, [0, 0, 0, 0]);
    let admin = house.user("admin");
    assert!(admin.delete("/api/v1/cache?metric=wide").await.status < 300);
    assert_eq!(cost(&house).await, [61, 61, 0, 61]);
    assert!(admin.delete("/api/v1/cache?namespace=b").await.status < 300);
    assert_eq!(cost(&house).await, [0, 61, 0, 0]);
    assert!(admin.delete("/api/v1/cache?upstream=nobody").await.status < 500);
    assert_eq!(cost(&house).await, [0, 0, 0, 0]);
    assert!(admin.delete("/api/v1/cache?upstream=prometheus").await.status < 300);
    assert_eq!(cost(&house).await, [61, 61, 61, 61]);
}

/// A drop while a fetch is under way: what it brings was asked for before, and is not kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_that_was_under_way_does_not_come_back() {
    let house = House::start(Plan::default()).await;
    let end = house.settled();
    let window = (end - 900, end, "15");
    house.upstream.becomes(Mood::Slow(Duration::from_millis(600)));
    let (alice, admin) = (house.user("alice"), house.user("admin"));
    let (got, ()) = tokio::join!(range(&alice, TEXT, window), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(admin.delete("/api/v1/cache").await.status < 300);
    });
    assert_eq!(got.status, 200);
    house.upstream.becomes(Mood::Well);
    house.points();
    house.check(&alice, TEXT, ENFORCED, window).await;
    assert_eq!(house.points(), 61);
}

/// Who has an answer already does not get it again, and nobody else's tag stands for theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_has_is_not_sent_again() {
    let house = House::start(Plan::default()).await;
    let (alice, bob) = (house.user("alice"), house.user("bob"));
    let end = house.settled();
    let window = (end - 900, end, "15");
    for accepts in ["identity", "gzip"] {
        let asking = alice.clone().saying("accept-encoding", accepts);
        // The first answer may go out before it is kept: then it has no tag.
        let tag = eventually("the answer is kept", async || {
            let got = house.check(&asking, TEXT, ENFORCED, window).await;
            Some(got.header("etag").to_owned()).filter(|tag| !tag.is_empty())
        })
        .await;
        let knowing = |door: &Door| door.clone().saying("accept-encoding", accepts).saying("if-none-match", &tag);
        let again = range(&knowing(&alice), TEXT, window).await;
        // A tag of what was compressed on its way is weak: it means the same.
        let strong = |tag: &str| tag.trim_start_matches("W/").to_owned();
        assert_eq!((again.status, again.sent_bytes, strong(again.header("etag"))), (304, 0, strong(&tag)), "{accepts}");
        // Another window and another person have other answers.
        house.check(&knowing(&alice), TEXT, ENFORCED, (end - 900, end - 15, "15")).await;
        house.check(&knowing(&bob), TEXT, r#"sum(wide{namespace="b"})"#, window).await;
    }
}

/// What was asked upstream, for the caller's own eyes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explained_is_what_was_asked_upstream() {
    let house = House::start(Plan::default()).await;
    let alice = house.user("alice").saying("x-hecate-explain", "1");
    let end = house.settled();
    let told = async |window| {
        let got = house.check(&alice, TEXT, ENFORCED, window).await;
        serde_json::from_str::<serde_json::Value>(got.header("x-hecate-explain")).unwrap()
    };
    for (window, from, to) in [((end - 900, end, "15"), end - 900, end), ((end - 900, end + 30, "15"), end + 15, end + 30)] {
        let told = told(window).await;
        let asked = house.ranges();
        assert_eq!((asked.len(), told.as_array().map(Vec::len)), (1, Some(1)), "{told}");
        assert_eq!(told[0]["query"].as_str(), asked[0].param("query"));
        assert_eq!((told[0]["start"].as_f64(), told[0]["end"].as_f64()), (Some(from as f64), Some(to as f64)), "{told}");
        assert_eq!((asked[0].ms("start"), asked[0].ms("end")), (from * 1000, to * 1000));
    }
    assert_eq!(told((end - 900, end, "15")).await, serde_json::json!([]));
    let silent = range(&house.user("alice"), TEXT, (end - 900, end, "15")).await;
    assert_eq!(silent.header("x-hecate-explain"), "");
}
