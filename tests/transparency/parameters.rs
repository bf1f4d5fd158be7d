//! Parameters that change an answer: each is asked for in turns with its absence, so that none may stand in for another.

use crate::support::{Reply, Verb, difference};
use crate::world::world;

const TEXTS: [&str; 5] = ["live_temperature", "wide", "sum by (parity) (wide)", "sparse", "topk(3, wide)"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_parameter_stands_in_for_another() {
    let world = world().await;
    let (admin, direct) = (world.admin(), world.prometheus());
    let (start, end) = ((world.base - 1800).to_string(), world.base.to_string());
    let further: [&[(&str, &str)]; 9] = [
        &[],
        &[("limit", "1")],
        &[("limit", "3")],
        &[("limit", "0")],
        &[("lookback_delta", "1s")],
        &[("lookback_delta", "20m")],
        &[("lookback_delta", "20m"), ("limit", "1")],
        &[("timeout", "17s")],
        &[],
    ];
    let mut different = 0;
    for text in TEXTS {
        let mut last: Option<Reply> = None;
        for round in 0..2 {
            for more in further {
                for step in ["60", "15"] {
                    let mut params = vec![("query", text), ("start", start.as_str()), ("end", end.as_str()), ("step", step)];
                    params.extend(more);
                    let want = direct.get("/api/v1/query_range", &params).await;
                    let got = admin.ask([Verb::Get, Verb::Post][round], "/api/v1/query_range", &params).await;
                    assert_eq!(difference(&got, &want), None, "{params:?} {}", got.header("cache-status"));
                    different += usize::from(last.is_some_and(|last| last.data_bytes() != want.data_bytes()));
                    last = Some(want);
                }
                let mut params = vec![("query", text), ("time", end.as_str())];
                params.extend(more);
                let want = direct.get("/api/v1/query", &params).await;
                let got = admin.ask([Verb::Get, Verb::Post][round], "/api/v1/query", &params).await;
                let same = difference(&got, &want).is_none() || got.json()["data"]["result"].as_array().is_some_and(|r| r.len() > 1);
                assert!(same, "{params:?}: {} wanted {}", got.body, want.body);
            }
        }
    }
    assert!(different > 100, "only {different} answers differ from the one before");
}

/// Statistics say what the whole query took, whatever was known before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_are_of_the_whole_query() {
    let world = world().await;
    let (admin, direct) = (world.admin(), world.prometheus());
    let (start, end) = ((world.base - 3600).to_string(), (world.base - 600).to_string());
    for text in ["live_temperature", "sum(rate(wide[5m]))"] {
        for stats in ["", "true", "all", "", "all"] {
            let mut params = vec![("query", text), ("start", start.as_str()), ("end", end.as_str()), ("step", "60")];
            if !stats.is_empty() {
                params.push(("stats", stats));
            }
            let (got, want) =
                (admin.get("/api/v1/query_range", &params).await.data(), direct.get("/api/v1/query_range", &params).await.data());
            assert_eq!(got["result"], want["result"], "{params:?}");
            assert_eq!(got["stats"]["samples"], want["stats"]["samples"], "{params:?}");
            assert_eq!(got["stats"].is_null(), stats.is_empty(), "{params:?}");
        }
    }
}

/// The most points that Prometheus gives, which are one more than it says; and one more than that, which nobody gives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eleven_thousand_points() {
    let world = world().await;
    let (admin, direct) = (world.admin(), world.prometheus());
    for text in ["live_temperature", "sum(wide)", "vector(1)", "live_size_bytes{namespace=\"a\",pod=\"web-0\"}"] {
        for (points, given) in [(11_000_i64, true), (11_001, true), (11_002, false), (11_000, true), (3, true)] {
            let (end, step) = (world.base, 1);
            let (start, end, step) = ((end - (points - 1) * step).to_string(), end.to_string(), step.to_string());
            let params = [("query", text), ("start", &start), ("end", &end), ("step", &step)];
            let want = direct.get("/api/v1/query_range", &params).await;
            assert_eq!(want.status == 200, given, "{text} {points}: {}", want.body);
            for accepts in ["identity", "gzip"] {
                let got = admin.clone().saying("accept-encoding", accepts).get("/api/v1/query_range", &params).await;
                let right = if given { difference(&got, &want).is_none() } else { matches!(got.status, 400 | 422) };
                assert!(right, "{text} {points} {accepts} {}: {:?}", got.header("cache-status"), difference(&got, &want));
            }
        }
    }
}
