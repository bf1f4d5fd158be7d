//! What Prometheus refuses is refused in the same way, first and again, and leaves nothing behind.

use crate::support::{Verb, difference};
use crate::world::world;

/// Path, status, parameters.
type Question<'a> = (&'static str, u16, &'a [(&'static str, &'a str)]);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_are_those_of_prometheus_each_time() {
    let world = world().await;
    let (admin, direct) = (world.admin(), world.prometheus());
    let (start, end) = ((world.base - 600).to_string(), world.base.to_string());
    let (start, end) = (start.as_str(), end.as_str());
    let questions: [Question<'_>; 16] = [
        ("query_range", 400, &[("query", "up"), ("start", start), ("end", end), ("step", "0")]),
        ("query_range", 400, &[("query", "up"), ("start", start), ("end", end), ("step", "-1")]),
        ("query_range", 400, &[("query", "up"), ("start", start), ("end", end), ("step", "x")]),
        ("query_range", 400, &[("query", "up"), ("start", end), ("end", start), ("step", "1")]),
        ("query_range", 400, &[("query", "up["), ("start", start), ("end", end), ("step", "1")]),
        ("query_range", 400, &[("query", "live_temperature[5m]"), ("start", start), ("end", end), ("step", "15")]),
        ("query_range", 400, &[("start", start), ("end", end), ("step", "15")]),
        ("query_range", 422, &[("query", "wide * on (namespace) live_temperature"), ("start", start), ("end", end), ("step", "15")]),
        ("query_range", 422, &[("query", "topk(NaN, wide)"), ("start", start), ("end", end), ("step", "15")]),
        (
            "query_range",
            422,
            &[("query", "label_replace(wide, \"shard\", \"x\", \"\", \"\")"), ("start", start), ("end", end), ("step", "15")],
        ),
        ("query", 422, &[("query", "label_replace(wide, \"shard\", \"x\", \"\", \"\")"), ("time", end)]),
        ("query", 400, &[("query", "sum("), ("time", end)]),
        ("query", 400, &[("query", "up"), ("time", "never")]),
        ("series", 400, &[("start", start), ("end", end)]),
        ("series", 400, &[("match[]", "{}"), ("start", start)]),
        ("labels", 400, &[("match[]", "{"), ("start", start)]),
    ];
    for round in 0..3 {
        for (path, status, params) in questions {
            let path = format!("/api/v1/{path}");
            let verb = [Verb::Get, Verb::Post, Verb::Get][round];
            let want = direct.ask(verb, &path, params).await;
            assert_eq!(want.status, status, "{path} {params:?} {}", want.body);
            let got = admin.ask(verb, &path, params).await;
            assert_eq!(difference(&got, &want), None, "{path} {params:?}");
            assert_eq!(got.header("content-type"), want.header("content-type"), "{path} {params:?}");
        }
        // What would be right, answered between the errors.
        let params = [("query", "sum(wide)"), ("start", start), ("end", end), ("step", "15")];
        let (got, want) = (admin.get("/api/v1/query_range", &params).await, direct.get("/api/v1/query_range", &params).await);
        assert_eq!(difference(&got, &want), None);
    }
}
