//! Redis and the upstream in trouble, under load: as long as the upstream lives no request fails, no answer is wrong, none takes
//! long, and what lies in the caches afterwards is right.

use std::time::Duration;

use tokio::time::Instant;

use crate::house::{House, Plan};
use crate::load::{Load, Shown, verify};
use crate::support::{Mood, RedisServer, eventually};

/// 99 of 100 answers have to be there by then. On a machine that does other things, too, by a few times of what the slowest answer took
/// while all was well. Redis may take 20 ms of it.
const SOON: Duration = Duration::from_millis(1000);
/// Every answer has to be there by then.
const AT_LAST: Duration = Duration::from_secs(8);

const REPLICAS: [usize; 2] = [0, 1];

fn plan<'a>(redis: &'a [&'a str]) -> Plan<'a> {
    Plan { replicas: 2, redis: Some(redis), budget: "20ms", cache: "self_check: 0.05, memory: 64MiB", ..Plan::default() }
}

/// Nothing failed, nothing was wrong, and since `trouble` nothing took long.
fn assert_all_well(what: &str, shown: &Shown, trouble: Instant) {
    let (p99, longest) = shown.p99_and_longest_since(trouble);
    let before = shown.longest_before(trouble);
    println!("{what}: {} requests, p99 {p99:?}, longest {longest:?}, longest before {before:?}", shown.took.len());
    assert!(shown.failed.is_empty(), "{what}: {} of {} failed: {:#?}", shown.failed.len(), shown.took.len(), first(&shown.failed));
    assert!(shown.wrong.is_empty(), "{what}: {} of {} are wrong: {:#?}", shown.wrong.len(), shown.took.len(), first(&shown.wrong));
    assert!(p99 < SOON.max(4 * before) && longest < AT_LAST, "{what}: p99 {p99:?}, longest {longest:?}, before {before:?}");
}

fn first(all: &[String]) -> &[String] {
    &all[..all.len().min(5)]
}

/// Load for a while before, during and after what `trouble` does to the house.
async fn under_load(what: &str, house: &mut House, seed: u64, trouble: impl AsyncFnOnce(&mut House)) {
    let load = Load::start(house, &REPLICAS, seed);
    load.goes_on(Duration::from_millis(1500)).await;
    let began = Instant::now();
    trouble(house).await;
    load.goes_on(Duration::from_millis(1500)).await;
    let shown = load.end().await;
    for replica in &house.replicas {
        replica.assert_no_bug();
        assert_eq!(replica.metric("hecate_cache_self_checks_total{result=\"different\"}").await, 0.0, "{what}");
    }
    assert_all_well(what, &shown, began);
    verify(house, &REPLICAS).await;
}

/// What the first replica says of itself, and of its Redis.
async fn health_becomes(house: &House, whole: &str, redis: &str) {
    eventually("the health says so", async || {
        let health: serde_json::Value = serde_json::from_str(&house.at(0, "alice").get("/api/v1/health", &[]).await.body).unwrap();
        (health["status"] == whole && health["checks"]["redis"]["status"] == redis).then_some(())
    })
    .await;
}

fn redis(house: &mut House) -> &mut RedisServer {
    house.redis.as_mut().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_killed_and_started_again() {
    let mut house = House::start(plan(&[])).await;
    under_load("Redis killed", &mut house, 1, async |house| {
        redis(house).kill();
        health_becomes(house, "degraded", "degraded").await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        redis(house).run().await;
        health_becomes(house, "healthy", "healthy").await;
    })
    .await;
    // It is used again: the breaker has closed, and something is written.
    let load = Load::start(&house, &REPLICAS, 77);
    let began = Instant::now();
    eventually("Redis is used again", async || (!house.redis.as_ref().unwrap().keys().await.is_empty()).then_some(())).await;
    load.goes_on(Duration::from_secs(1)).await;
    assert_all_well("Redis back", &load.end().await, began);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_stands_still() {
    let mut house = House::start(plan(&[])).await;
    under_load("Redis stopped", &mut house, 2, async |house| {
        redis(house).signal("STOP");
        tokio::time::sleep(Duration::from_secs(4)).await;
        redis(house).signal("CONT");
    })
    .await;
}

/// Every command takes a second, again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_slow() {
    let mut house = House::start(plan(&["--enable-debug-command", "yes"])).await;
    under_load("Redis slow", &mut house, 3, async |house| {
        for _ in 0..4 {
            redis(house).command::<String>(&[b"DEBUG", b"SLEEP", b"1"]).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_full() {
    // Not enough for anything, and nothing may be thrown out.
    let mut house = House::start(plan(&["--maxmemory", "2mb", "--maxmemory-policy", "noeviction"])).await;
    under_load("Redis full", &mut house, 4, async |_| tokio::time::sleep(Duration::from_secs(2)).await).await;
    // Enough for some of it.
    let mut house = House::start(plan(&["--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru"])).await;
    under_load("Redis evicting", &mut house, 5, async |_| tokio::time::sleep(Duration::from_secs(2)).await).await;
}

/// Scripts are forgotten, everything is flushed, connections are cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_forgets() {
    let mut house = House::start(plan(&[])).await;
    under_load("Redis forgetting", &mut house, 6, async |house| {
        for _ in 0..5 {
            redis(house).command::<String>(&[b"SCRIPT", b"FLUSH"]).await;
            redis(house).command::<String>(&[b"FLUSHALL"]).await;
            redis(house).command::<i64>(&[b"CLIENT", b"KILL", b"TYPE", b"normal", b"SKIPME", b"yes"]).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    })
    .await;
}

/// Redis is away from the start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hecate_starts_without_redis() {
    let mut server = RedisServer::start(&[]).await;
    server.kill();
    let plan = plan(&[]);
    let mut house = House::start(Plan { replicas: 0, redis: None, ..plan }).await;
    house.redis = Some(server);
    house.replicas = (0..2).map(|_| house.one_more(&self::plan(&[]))).collect();
    under_load("Redis away from the start", &mut house, 7, async |_| {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_upstream_is_slow() {
    let mut house = House::start(plan(&[])).await;
    under_load("upstream slow", &mut house, 8, async |house| {
        house.upstream.becomes(Mood::Slow(Duration::from_millis(400)));
        tokio::time::sleep(Duration::from_secs(2)).await;
        house.upstream.becomes(Mood::Well);
    })
    .await;
}

/// Then requests may fail, but none is wrong, none hangs, and nothing of it stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_upstream_dies_and_cuts_answers() {
    for (seed, mood) in [(9, Mood::Dead), (10, Mood::Cut(500)), (11, Mood::Saying(503, "{}".to_owned(), Duration::from_millis(20)))] {
        let house = House::start(plan(&[])).await;
        let load = Load::start(&house, &REPLICAS, seed);
        load.goes_on(Duration::from_secs(1)).await;
        let began = Instant::now();
        house.upstream.becomes(mood);
        load.goes_on(Duration::from_secs(2)).await;
        house.upstream.becomes(Mood::Well);
        // Retries that are still under way end.
        load.goes_on(Duration::from_secs(1)).await;
        let shown = load.end().await;
        let (p99, longest) = shown.p99_and_longest_since(began);
        println!("upstream away: {} requests, {} failed, p99 {p99:?}, longest {longest:?}", shown.took.len(), shown.failed.len());
        assert!(shown.wrong.is_empty(), "{:#?}", first(&shown.wrong));
        assert!(longest < AT_LAST, "{longest:?}");
        // What was known before is answered while the upstream is away.
        assert!(shown.failed.len() < shown.took.len() * 9 / 10, "{} of {} failed", shown.failed.len(), shown.took.len());
        verify(&house, &REPLICAS).await;
        let load = Load::start(&house, &REPLICAS, seed);
        let began = Instant::now();
        load.goes_on(Duration::from_secs(1)).await;
        assert_all_well("the upstream is back", &load.end().await, began);
    }
}
