//! One replica: what comes, in which order, and that it is the range answer.

use std::time::Duration;

use crate::client::Client;
use crate::support::Door;
use crate::world::{STEP, Settings, World};

const SOON: Duration = Duration::from_secs(20);

/// As asked, and as it is enforced for alice.
pub const QUERIES: [(&str, &str); 7] = [
    ("growing_total", r#"growing_total{namespace="a"}"#),
    ("sum by (i) (rate(growing_total[10s]))", r#"sum by (i) (rate(growing_total{namespace="a"}[10s]))"#),
    ("flickering", r#"flickering{namespace="a"}"#),
    ("odd", r#"odd{namespace="a"}"#),
    ("late", r#"late{namespace="a"}"#),
    ("mixed", r#"mixed{namespace="a"}"#),
    ("topk(1, flickering)", r#"topk(1, flickering{namespace="a"})"#),
];

pub fn pairs(window: &str) -> Vec<(&str, &str)> {
    let mut pairs: Vec<(&str, &str)> = QUERIES.iter().map(|(asked, _)| ("query", *asked)).collect();
    pairs.extend([("step", STEP), ("window", window)]);
    pairs
}

pub fn enforced() -> Vec<(String, &'static str)> {
    QUERIES.iter().enumerate().map(|(nth, (_, enforced))| (format!("q{nth}"), *enforced)).collect()
}

/// Everything that a client has put together is the range answer.
pub async fn all_same(world: &World, client: &Client) {
    let enforced = enforced();
    let queries: Vec<(&str, &str)> = enforced.iter().map(|(id, text)| (id.as_str(), *text)).collect();
    world.same(client, &queries).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_and_deltas_are_the_range_answer_byte_for_byte() {
    let mut world = World::start(Settings::default()).await;
    let client = world.stream(0, &pairs("1m"));
    let connected = client.event("connected", 1, SOON).await;
    assert!(
        connected.data.contains(r#""shared":false"#) && connected.data.contains(r#""step_seconds":1.0,"window_seconds":60.0"#),
        "{}",
        connected.data
    );
    client.sees("a snapshot of each query", SOON, |seen| (seen.count("snapshot") >= QUERIES.len()).then_some(())).await;
    client.sees("deltas", SOON, |seen| (seen.count("delta") >= 12 * QUERIES.len()).then_some(())).await;
    client.event("heartbeat", 2, SOON).await;
    world.settle().await;
    let ticks = client.see(|seen| seen.count("delta"));
    client.sees("some ticks more", SOON, |seen| (seen.count("delta") >= ticks + 2 * QUERIES.len()).then_some(())).await;
    all_same(&world, &client).await;
    client.see(|seen| {
        assert_eq!(seen.events[0].name, "connected");
        assert_eq!(seen.count("error"), 0, "{:?}", seen.events.iter().find(|e| e.name == "error"));
        assert_eq!(seen.count("snapshot"), QUERIES.len(), "each query had its whole window once");
        assert!(seen.queries["q0"].points() > 150 && seen.queries["q5"].points() > 40, "there is nothing to compare");
        let ids: Vec<i64> = seen.events.iter().filter_map(|e| e.id.as_ref()?.split_once('-')?.0.parse().ok()).collect();
        assert!(ids.len() > 10 && ids.windows(2).all(|two| two[0] < two[1]), "{ids:?}");
        let header = |name: &str| seen.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        assert_eq!(header("content-type"), "text/event-stream");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("x-accel-buffering"), "no");
        assert_eq!(header("content-encoding"), "");
    });
    world.replicas[0].assert_no_bug();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_are_named_narrowed_and_refused_as_requests_are() {
    let world = World::start(Settings::default()).await;
    let alice = Door::new("alice", world.replicas[0].url(), Some("token-alice"));
    let refused = async |params: &[(&str, &str)], status: u16, part: &str| {
        let reply = alice.get("/api/v1/metrics/stream", params).await;
        assert_eq!(reply.status, status, "{params:?}: {}", reply.body);
        assert!(reply.body.contains(part), "{params:?}: {}", reply.body);
    };
    refused(&[], 400, "missing parameter").await;
    refused(&[("query", "up{"), ("id", "broken")], 400, r#"query \"broken\""#).await;
    refused(&[("query", "up"), ("step", "1ms")], 400, "stream.min_interval").await;
    refused(&[("query", "up"), ("namespace", "b")], 403, "outside your scope").await;
    refused(&[("query", "up"), ("step", "1s"), ("window", "1d")], 422, "limits.points_per_series").await;
    let nobody = Door::new("nobody", world.replicas[0].url(), None).get("/api/v1/metrics/stream", &[("query", "up")]).await;
    assert_eq!(nobody.status, 401);

    let mut plan = world.plan(0, &[("step", STEP), ("window", "30s")]);
    plan.body = Some(r#"[{"query":"growing_total","id":"first"},{"query":"late","window":"10s"}]"#.to_owned());
    let client = Client::start(plan);
    client.sees("both", SOON, |seen| (seen.queries.contains_key("first") && seen.queries.contains_key("q1")).then_some(())).await;
    client.see(|seen| {
        let length = |id: &str| seen.queries[id].end - seen.queries[id].start;
        assert_eq!((length("first"), length("q1")), (30_000, 10_000));
        assert!(
            seen.queries["first"].answer().contains(r#""namespace":"a""#) && !seen.queries["first"].answer().contains(r#""namespace":"b""#)
        );
    });
    let status = alice.get("/api/v1/metrics/stream/status", &[]).await.json();
    assert_eq!(status["streams"][0]["queries"][0]["id"], "first", "{status}");
    let bob = Door::new("bob", world.replicas[0].url(), Some("token-bob")).get("/api/v1/metrics/stream/status", &[]).await.json();
    assert_eq!(bob["streams"], serde_json::json!([]));
    let admin = Door::new("admin", world.replicas[0].url(), Some("token-admin")).get("/api/v1/metrics/stream/status", &[]).await.json();
    assert_eq!(admin["streams"][0]["stream"], status["streams"][0]["stream"]);
    assert_eq!(world.replicas[0].metric("hecate_stream_connections").await, 1.0);
    assert_eq!(world.replicas[0].metric("hecate_stream_queries").await, 2.0);
    drop(client);
    world.replicas[0].metric_becomes("hecate_stream_connections", 0.0).await;
    world.replicas[0].metric_becomes("hecate_stream_queries", 0.0).await;
    world.replicas[0].metric_becomes("hecate_stream_memory_bytes", 0.0).await;
}
