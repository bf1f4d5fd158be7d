//! Streams for clients that take gzip: the same events, as early, compressed once for all of them.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::time::{Instant, timeout};

use crate::client::{Client, Seen, http, params};
use crate::first::{QUERIES, all_same, pairs};
use crate::world::{STEP, Settings, World};

const SOON: Duration = Duration::from_secs(20);

/// Windows and deltas by what tells them apart: kind, query and tick.
fn told(seen: &Seen) -> BTreeMap<(String, String, String), (String, Instant)> {
    let named = seen.events.iter().filter(|event| matches!(event.name.as_str(), "snapshot" | "delta"));
    named
        .map(|event| {
            let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
            ((event.name.clone(), data["id"].to_string(), data["end"].to_string()), (event.data.clone(), event.at))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_events_at_the_same_time_compressed_once() {
    let mut world = World::start(Settings { server: "drain: 10s, drain_delay: 1s", ..Settings::default() }).await;
    let plain = world.stream(0, &pairs("1m"));
    let mut compressed: Vec<Client> = (0..5).map(|_| Client::start(world.plan(0, &pairs("1m")).gzip())).collect();
    for client in compressed.iter().chain([&plain]) {
        client.sees("deltas", SOON, |seen| (seen.count("delta") >= 8 * QUERIES.len()).then_some(())).await;
    }
    let first = plain.see(told);
    for client in &compressed {
        let mut late = Vec::new();
        for (which, (data, at)) in client.see(told) {
            if let Some((same, at_first)) = first.get(&which) {
                assert_eq!(*same, data, "{which:?}");
                late.push(at.saturating_duration_since(*at_first));
            }
        }
        late.sort_unstable();
        // Whoever held an event back until the next one would be a step late.
        assert!(late.len() >= 7 * QUERIES.len() && late[late.len() / 2] < Duration::from_millis(300), "{late:?}");
        client.see(|seen| {
            assert!(seen.headers["content-encoding"] == "gzip" && seen.headers["vary"] == "accept-encoding", "{:?}", seen.headers);
            assert!(!seen.headers.contains_key("content-length"), "{:?}", seen.headers);
            assert!(seen.bytes * 10 < seen.text_bytes * 8, "{} bytes for {}", seen.bytes, seen.text_bytes);
        });
    }
    plain.see(|seen| assert!(seen.headers["vary"] == "accept-encoding" && !seen.headers.contains_key("content-encoding")));

    let hecate = &world.replicas[0];
    let made = hecate.metric("hecate_stream_compressions_total").await;
    let mut ticks = 0.0;
    for outcome in ["led", "followed", "alone"] {
        ticks += hecate.metric(&format!("hecate_stream_ticks_total{{outcome=\"{outcome}\"}}")).await;
    }
    let sent = hecate.metric(r#"hecate_stream_frames_total{event="delta"}"#).await;
    // Of each window its delta, and of the first ones the whole of it.
    assert!(
        made <= ticks + 2.0 * QUERIES.len() as f64 && sent > 4.0 * made,
        "{made} compressions for {ticks} windows and {sent} deltas sent"
    );
    world.settle().await;
    for client in &compressed {
        let now = client.see(|seen| seen.count("delta"));
        client.sees("ticks", SOON, |seen| (seen.count("delta") >= now + 2 * QUERIES.len()).then_some(())).await;
        all_same(&world, client).await;
    }
    world.replicas[0].signal("TERM");
    for client in &mut compressed {
        client.ended(SOON).await;
        client.see(|seen| assert_eq!((&seen.ended, seen.events.last().unwrap().name.as_str()), (&Some(Ok(())), "shutdown")));
    }
    world.replicas[0].assert_no_bug();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gets_it() {
    let query = params(&[("query", "growing_total"), ("step", STEP), ("window", "10s")]);
    for compression in [true, false] {
        let server = if compression { "compression: true" } else { "compression: false" };
        let world = World::start(Settings { server, ..Settings::default() }).await;
        for (sent, is_gzip) in [
            (None, false),
            (Some("identity"), false),
            (Some("br, zstd"), false),
            (Some("gzip;q=0, *"), false),
            (Some("gzip;q=0.2, identity;q=0.8"), false),
            (Some("gzip"), true),
            (Some("gzip, deflate, br, zstd"), true),
            (Some("br;q=1.0, gzip;q=0.1"), true),
            (Some("*"), true),
        ] {
            for method in ["GET", "HEAD"] {
                let address = format!("{}/api/v1/metrics/stream?{query}", world.replicas[0].url());
                let request = http().request(method.parse().unwrap(), address).bearer_auth("token-alice");
                let request = sent.into_iter().fold(request, |request, value| request.header("accept-encoding", value));
                let answer = timeout(SOON, request.send()).await.unwrap().unwrap();
                assert_eq!(answer.status(), 200);
                let headers = answer.headers();
                let coding = headers.get("content-encoding").map(|value| value.to_str().unwrap());
                assert_eq!(coding, (is_gzip && compression).then_some("gzip"), "{method} {sent:?}");
                assert_eq!(
                    (&headers["content-type"], &headers["vary"]),
                    (&"text/event-stream".parse().unwrap(), &"accept-encoding".parse().unwrap())
                );
            }
        }
        // Refused, it is an answer like any other.
        let refused = http().get(format!("{}/api/v1/metrics/stream", world.replicas[0].url())).header("accept-encoding", "gzip");
        let refused = refused.bearer_auth("token-alice").send().await.unwrap();
        assert!(refused.status() == 400 && refused.headers()["content-type"] != "text/event-stream", "{refused:?}");
        world.replicas[0].metric_becomes("hecate_stream_connections", 0.0).await;
    }
}

/// Somebody else's decoder, at the other end of a pipe.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_shows_each_event_at_once() {
    let world = World::start(Settings::default()).await;
    let plain = world.stream(0, &[("query", "growing_total"), ("step", STEP), ("window", "10s")]);
    let query = params(&[("query", "growing_total"), ("step", STEP), ("window", "10s")]);
    let mut curl = tokio::process::Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--no-buffer",
            "--compressed",
            "--max-time",
            "60",
            "--header",
            "Authorization: Bearer token-alice",
        ])
        .arg(format!("{}/api/v1/metrics/stream?{query}", world.replicas[0].url()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("curl is missing");
    let mut lines = BufReader::new(curl.stdout.take().unwrap()).lines();
    let mut came = Vec::new();
    while came.len() < 5 {
        let line = timeout(SOON, lines.next_line()).await.expect("nothing comes").unwrap().expect("the stream ended");
        if let Some(id) = line.strip_prefix("id: ") {
            came.push((id.to_owned(), Instant::now()));
        }
    }
    assert!(world.replicas[0].metric("hecate_stream_compressions_total").await >= 4.0);
    plain.sees("the same", SOON, |seen| (seen.last_id >= came[4].0).then_some(())).await;
    let late: Vec<Duration> = plain.see(|seen| {
        let at = |id: &String| seen.events.iter().find(|event| event.id.as_ref() == Some(id)).map(|event| event.at);
        came.iter().filter_map(|(id, arrived)| Some(arrived.saturating_duration_since(at(id)?))).collect()
    });
    assert!(late.len() >= 4 && late.iter().filter(|late| **late < Duration::from_millis(300)).count() >= 3, "{late:?}");
}
