//! Every endpoint that reads series, with and without `match[]`, by GET and POST, from every door.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::history::START;
use crate::house::{House, house};
use crate::support::{Door, Reply, Verb};

/// What is not asked for here is bound to the tenant's rows; `{namespace!=""}` and the like hold for one row only.
const SELECTORS: &[(&str, bool)] = &[
    ("requests_total", true),
    (r#"requests_total{namespace="a"}"#, true),
    (r#"requests_total{namespace=~"a|b"}"#, true),
    (r#"requests_total{namespace!="b"}"#, true),
    (r#"{__name__="requests_total"}"#, true),
    (r#"{__name__=~"requests_total|only_b"}"#, true),
    (r#"{"http.requests"}"#, true),
    (r#"{"http.requests", "host.name"="n1"}"#, true),
    ("DCGM_FI_DEV_GPU_UTIL", true),
    (r#"{__name__=~"DCGM_.*"}"#, true),
    ("istio_requests_total", true),
    ("live_size_bytes", true),
    (r#"tickets_total{owner="b"}"#, true),
    (r#"{job="shop", code="500"}"#, true),
    (r#"{le="+Inf"}"#, true),
    ("only_b", false),
    (r#"requests_total{namespace="b"}"#, false),
    (r#"requests_total{namespace!="a"}"#, false),
    (r#"{namespace="b", __name__=~"memory.*"}"#, false),
    (r#"DCGM_FI_DEV_GPU_UTIL{namespace="a"}"#, false),
];

/// `data` as a set: Prometheus sorts it, but not by what is in it alone.
fn as_set(data: &Value) -> BTreeSet<String> {
    data.as_array().unwrap().iter().map(ToString::to_string).collect()
}

/// The doors that are asked; made once, as each keeps its connections.
struct Doors {
    only_a: Door,
    mixed: Door,
    admin: Door,
    /// Everybody who may see `a` and no more.
    like_a: Vec<Door>,
}

impl Doors {
    fn of(house: &House) -> Doors {
        let like_a = house.narrowed().into_iter().chain([house.alice()]).collect();
        Doors { only_a: house.only_a(), mixed: house.mixed(), admin: house.admin(), like_a }
    }
}

/// Sets of all doors against what `a` alone has; of the admin against everything.
async fn compare(doors: &Doors, verbs: &[Verb], path: &str, params: &[(&str, &str)]) -> usize {
    let mut want = as_set(&doors.only_a.get(path, params).await.data());
    // The alert of that rule names no namespace, so that the series that Prometheus writes of it are nobody's.
    want.remove("\"Unlabelled\"");
    for door in &doors.like_a {
        for verb in verbs {
            let got = as_set(&door.ask(*verb, path, params).await.data());
            let (more, less): (Vec<_>, Vec<_>) = (got.difference(&want).collect(), want.difference(&got).collect());
            assert!(more.is_empty() && less.is_empty(), "{} {path} {params:?}: too much {more:?}, missing {less:?}", door.name);
        }
    }
    let (admin, mixed) = (doors.admin.get(path, params).await, doors.mixed.get(path, params).await);
    assert_eq!(admin.body, mixed.body, "{path} {params:?}");
    want.len()
}

const BOTH: &[Verb] = &[Verb::Get, Verb::Post];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn series() {
    let house = house().await;
    let doors = Doors::of(&house);
    let mut found = 0;
    for (selector, answers) in SELECTORS {
        let n = compare(&doors, BOTH, "/api/v1/series", &[("match[]", selector)]).await;
        assert_eq!(n > 0, *answers, "{selector}");
        found += n;
    }
    let several = [("match[]", "only_b"), ("match[]", "only_a"), ("match[]", r#"{__name__="memory_bytes"}"#)];
    assert_eq!(compare(&doors, BOTH, "/api/v1/series", &several).await, 3);
    let (start, end) = ((START + 2500).to_string(), (START + 3000).to_string());
    let window = [("match[]", "requests_total"), ("start", start.as_str()), ("end", end.as_str())];
    // All blocks that overlap are looked at, so that web-2 may still be there.
    found += compare(&doors, BOTH, "/api/v1/series", &window).await;
    let outside = [("match[]", "requests_total"), ("start", "1600000000"), ("end", "1600000100")];
    assert_eq!(compare(&doors, BOTH, "/api/v1/series", &outside).await, 0);
    assert!(found > 50, "{found}");
    for limit in ["1", "2"] {
        let n = compare(&doors, BOTH, "/api/v1/series", &[("match[]", "only_a"), ("match[]", "requests_total"), ("limit", limit)]).await;
        assert_eq!(n.to_string(), limit);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels() {
    let house = house().await;
    let doors = Doors::of(&house);
    // `up` and the like of both: the same labels.
    assert!(compare(&doors, BOTH, "/api/v1/labels", &[]).await > 15);
    for (selector, answers) in SELECTORS {
        let n = compare(&doors, BOTH, "/api/v1/labels", &[("match[]", selector)]).await;
        assert_eq!(n > 0, *answers, "{selector}");
    }
    compare(&doors, BOTH, "/api/v1/labels", &[("match[]", "only_b"), ("match[]", "only_a")]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_every_label() {
    let house = house().await;
    let mut doors = Doors::of(&house);
    let names = house.mixed().get("/api/v1/labels", &[]).await.data();
    let names: Vec<&str> = names.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(names.len() > 20, "{names:?}");
    let end = (START + 3600).to_string();
    let start = START.to_string();
    let everybody = Doors::of(&house).like_a;
    for (i, name) in names.into_iter().enumerate() {
        // In turns, two at a time.
        doors.like_a = vec![everybody[i % everybody.len()].clone(), everybody[(i + 4) % everybody.len()].clone()];
        let path = format!("/api/v1/label/{}/values", in_path(name));
        compare(&doors, &[Verb::Get], &path, &[]).await;
        compare(&doors, &[Verb::Get], &path, &[("start", &start), ("end", &end)]).await;
        for selector in ["requests_total", "only_b", "DCGM_FI_DEV_GPU_UTIL", r#"{"http.requests"}"#, r#"{job="shop"}"#] {
            compare(&doors, &[Verb::Get], &path, &[("match[]", selector)]).await;
        }
    }
}

/// A name as the path takes it: what is no letter, digit or `_` is escaped as Prometheus has it.
fn in_path(name: &str) -> String {
    if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return name.to_owned();
    }
    let escaped: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_string()
            } else if c == '_' {
                "__".to_owned()
            } else {
                format!("_{:x}_", c as u32)
            }
        })
        .collect();
    format!("U__{escaped}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exemplars() {
    let house = house().await;
    let doors = Doors::of(&house);
    let (start, end) = ((house.live_end - 600).to_string(), (house.live_end + 10).to_string());
    for (text, answers) in [
        ("live_requests_total", true),
        ("rate(live_requests_total[5m])", true),
        ("histogram_quantile(0.9, rate(live_wait_seconds_bucket[5m]))", true),
        (r#"{__name__=~"live_requests_total|live_wait_seconds_bucket"}"#, true),
        (r#"live_requests_total{namespace=~"a|b"} / live_wait_seconds_bucket"#, true),
        (r#"topk(scalar(count(live_wait_seconds_bucket)), live_requests_total{namespace!="b"})"#, true),
        (r#"{__name__=~"live_.*"}"#, true),
        (r#"live_requests_total{namespace="b"}"#, false),
        (r#"live_requests_total{namespace!="a"}"#, false),
        ("live_temperature", false),
    ] {
        let params = [("query", text), ("start", start.as_str()), ("end", end.as_str())];
        let n = compare(&doors, BOTH, "/api/v1/query_exemplars", &params).await;
        assert_eq!(n > 0, answers, "{text}");
    }
}

/// Lines, but for what Prometheus adds by itself, at moments of its own.
fn lines(reply: &Reply) -> BTreeSet<String> {
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body.lines().filter(|line| !line.contains("ALERTS")).map(str::to_owned).collect()
}

async fn federated(door: &Door, selectors: &[&str]) -> BTreeSet<String> {
    let params: Vec<(&str, &str)> = selectors.iter().map(|selector| ("match[]", *selector)).collect();
    lines(&door.get("/federate", &params).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn federation() {
    let house = house().await;
    for (selectors, answers) in [
        (&["live_requests_total"][..], true),
        (&[r#"live_temperature{namespace!="b"}"#], true),
        (&[r#"{__name__=~"live_temperature|live_only_b"}"#], true),
        (&["live_only_b", "live_only_a", r#"{__name__="kube_pod_info"}"#], true),
        (&[r#"live_wait_seconds_bucket{le="+Inf"}"#], true),
        (&[r#"{pod="web-0", job=~"shop|kube"}"#], true),
        (&[r#"{__name__=~"live_.*"}"#], true),
        (&["live_only_b"], false),
        (&[r#"live_temperature{namespace="b"}"#], false),
        (&[r#"live_temperature{namespace!~"a"}"#, "backlog"], false),
        (&[], false),
    ] {
        let want = federated(&house.only_a(), selectors).await;
        assert_eq!(!want.is_empty(), answers, "{selectors:?}");
        for door in house.narrowed().iter().chain([&house.alice()]) {
            assert_eq!(federated(door, selectors).await, want, "{} {selectors:?}", door.name);
        }
        assert_eq!(federated(&house.admin(), selectors).await, federated(&house.mixed(), selectors).await, "{selectors:?}");
    }
}

/// Who has both namespaces sees what a list of both says to cluster-wide scope.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_namespaces_on_every_endpoint() {
    let house = house().await;
    let (both, mixed) = (house.both(), house.mixed());
    let (start, end) = ((house.live_end - 600).to_string(), (house.live_end + 10).to_string());
    for (selector, explicit) in [
        ("requests_total", r#"requests_total{namespace=~"a|b"}"#),
        (r#"requests_total{namespace!="a"}"#, r#"requests_total{namespace="b"}"#),
        ("DCGM_FI_DEV_GPU_UTIL", r#"DCGM_FI_DEV_GPU_UTIL{exported_namespace=~"a|b"}"#),
        ("live_requests_total", r#"live_requests_total{namespace=~"a|b"}"#),
        ("kube_pod_info", r#"kube_pod_info{namespace=~"a|b"}"#),
    ] {
        for (path, name) in [
            ("/api/v1/series", "match[]"),
            ("/api/v1/labels", "match[]"),
            ("/api/v1/label/namespace/values", "match[]"),
            ("/api/v1/label/exported_namespace/values", "match[]"),
            ("/api/v1/query_exemplars", "query"),
        ] {
            let times = [("start", start.as_str()), ("end", end.as_str())];
            let times = if name == "query" { &times[..] } else { &[] };
            let ask = |text| [&[(name, text)][..], times].concat();
            let got = both.get(path, &ask(selector)).await;
            assert_eq!(got.data(), mixed.get(path, &ask(explicit)).await.data(), "{path} {selector}");
        }
        assert_eq!(federated(&both, &[selector]).await, federated(&mixed, &[explicit]).await, "{selector}");
    }
    let namespaces = both.get("/api/v1/label/namespace/values", &[("match[]", "requests_total")]).await.data();
    assert_eq!(namespaces, serde_json::json!(["a", "b"]));
}

/// What tells about the whole Prometheus is for cluster-wide scope, and for nobody who is narrowed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_of_the_cluster() {
    let house = house().await;
    for path in [
        "/api/v1/targets",
        "/api/v1/targets/metadata",
        "/api/v1/alertmanagers",
        "/api/v1/status/config",
        "/api/v1/status/flags",
        "/api/v1/status/tsdb",
        "/api/v1/status/runtimeinfo",
    ] {
        for door in house.narrowed().iter().chain([&house.alice(), &house.both()]) {
            let got = door.get(path, &[]).await;
            assert_eq!((got.status, got.json()["errorType"].as_str().unwrap()), (403, "forbidden"), "{} {path}", door.name);
        }
        assert_eq!(house.admin().get(path, &[]).await.status, 200, "{path}");
    }
}

/// Selectors that tenants may not read are refused on every endpoint alike.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_platforms_metrics_are_refused_everywhere() {
    let house = house().await;
    for selector in [
        "node_load1",
        r#"{__name__=~"node_.*"}"#,
        r#"{"node_load1"}"#,
        "cluster:memory_bytes:sum",
        r#"kueue_pending_workloads{namespace="a"}"#,
    ] {
        for (path, name) in [
            ("/api/v1/series", "match[]"),
            ("/api/v1/labels", "match[]"),
            ("/api/v1/label/instance/values", "match[]"),
            ("/federate", "match[]"),
            ("/api/v1/query", "query"),
            ("/api/v1/query_exemplars", "query"),
        ] {
            for door in house.narrowed().iter().chain([&house.alice()]) {
                // Also behind one that is allowed.
                for params in [
                    &[(name, selector), ("start", "1700000000"), ("end", "1700003600")][..],
                    &[("match[]", "only_a"), (name, selector), ("start", "1700000000"), ("end", "1700003600")],
                ] {
                    let got = door.get(path, params).await;
                    assert_eq!(got.status, 403, "{} {path} {selector}: {}", door.name, got.body);
                    assert!(got.body.contains("cluster-wide permission"), "{}", got.body);
                }
            }
        }
    }
}
