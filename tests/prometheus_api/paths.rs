//! What is served, to whom, with which methods; and that nothing else is passed on.

use crate::house::House;

const GET_AND_POST: &[&str] = &[
    "/api/v1/query?query=work_total",
    "/api/v1/query_range?query=work_total&start=1700000000&end=1700000060&step=15",
    "/api/v1/query_exemplars?query=work_total",
    "/api/v1/series?match%5B%5D=work_total",
    "/api/v1/labels",
    "/api/v1/format_query?query=up",
    "/api/v1/parse_query?query=up",
];
const GET_ONLY: &[&str] = &[
    "/api/v1/label/namespace/values",
    "/api/v1/metadata",
    "/api/v1/rules",
    "/api/v1/alerts",
    "/federate?match%5B%5D=work_total",
    "/api/v1/status/buildinfo",
    "/-/healthy",
    "/-/ready",
];
const CLUSTER: &[&str] = &[
    "/api/v1/targets",
    "/api/v1/targets/metadata",
    "/api/v1/alertmanagers",
    "/api/v1/status/config",
    "/api/v1/status/flags",
    "/api/v1/status/tsdb",
    "/api/v1/status/runtimeinfo",
];
/// Everything else that a Prometheus has, and what others have beside it.
const NEVER: &[&str] = &[
    "/",
    "/api",
    "/api/v1",
    "/api/v1/read",
    "/api/v1/write",
    "/api/v1/otlp/v1/metrics",
    "/api/v1/admin/tsdb/snapshot",
    "/api/v1/admin/tsdb/delete_series",
    "/api/v1/admin/tsdb/clean_tombstones",
    "/-/reload",
    "/-/quit",
    "/debug/pprof/heap",
    "/debug/config",
    "/metrics",
    "/graph",
    "/query",
    "/classic/graph",
    "/version",
    "/config",
    "/targets",
    "/service-discovery",
    "/consoles/x",
    "/static/x",
    "/assets/x",
    "/favicon.svg",
    "/user/x",
    "/api/v1/status",
    "/api/v1/status/walreplay",
    "/api/v1/status/tsdb/blocks",
    "/api/v1/status/self_metrics",
    "/api/v1/scrape_pools",
    "/api/v1/targets/relabel_steps",
    "/api/v1/notifications",
    "/api/v1/notifications/live",
    "/api/v1/features",
    "/api/v1/search/metric_names",
    "/api/v1/openapi.yaml",
    "/api/v1/query_range/x",
    "/api/v1/QUERY",
    "/api/v2/query",
    "/prometheus/api/v1/query",
    "/api/v1/stores",
    "/api/v1/cardinality/label_names",
    "/api/v1/export",
    "/api/v1/import",
    "/select/0/prometheus/api/v1/query",
    "/ns",
    "/ns/a",
    "/ns/a/ns/a/api/v1/query",
    "/ns/a/metrics",
];

#[tokio::test]
async fn every_path_takes_its_methods_and_no_other() {
    let house = House::start("").await;
    let mut faults = Vec::new();
    for target in GET_AND_POST.iter().chain(GET_ONLY) {
        let (path, form) = target.split_once('?').unwrap_or((target, ""));
        let posts = GET_AND_POST.contains(target);
        let allowed = if posts { "GET, HEAD, OPTIONS, POST" } else { "GET, HEAD, OPTIONS" };
        let public = path.starts_with("/-/");
        for prefix in ["", "/ns/a"] {
            let got = house.get(if public { "" } else { "alice" }, &format!("{prefix}{target}")).await;
            let head = house.ask("alice", "HEAD", &format!("{prefix}{target}"), "").await;
            let well = got.status == 200
                && head.status == 200
                && head.body.is_empty()
                && head.header("content-type") == got.header("content-type")
                && !got.body.is_empty();
            if !well {
                faults.push(format!("GET, HEAD {prefix}{target}: {got:?} {head:?}"));
            }
            let posted = house.ask("alice", "POST", &format!("{prefix}{path}"), form).await;
            let right = if posts { posted.status == 200 } else { posted.status == 405 && posted.header("allow") == allowed };
            if !right {
                faults.push(format!("POST {prefix}{target}: {posted:?}"));
            }
        }
        for method in ["PUT", "DELETE", "PATCH", "PROPFIND"] {
            let refused = house.ask("alice", method, path, "").await;
            // The edge turns away what no path takes, and does not know the path.
            let told = if method == "PROPFIND" { "GET, HEAD, OPTIONS, POST" } else { allowed };
            if (refused.status, refused.header("allow")) != (405, told) {
                faults.push(format!("{method} {path}: {refused:?}"));
            }
        }
        let options = house.ask("", "OPTIONS", path, "").await;
        if (options.status, options.header("allow")) != (204, allowed) {
            faults.push(format!("OPTIONS {path}: {options:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn the_whole_prometheus_is_for_the_cluster_administrator() {
    let house = House::start("").await;
    for path in CLUSTER {
        assert_eq!(house.get("admin", path).await.status, 200, "{path}");
    }
    let before = house.reached_upstream().await;
    for path in CLUSTER {
        for (user, target) in [("alice", (*path).to_owned()), ("admin", format!("/ns/a{path}")), ("admin", format!("{path}?namespace=a"))] {
            let refused = house.get(user, &target).await;
            assert_eq!(refused.status, 403, "{user} {target}: {refused:?}");
            assert!(refused.error().contains("cluster-wide"), "{refused:?}");
        }
        assert_eq!(house.get("", path).await.status, 401, "{path}");
    }
    assert_eq!(house.reached_upstream().await, before, "a refusal asks nobody");
}

#[tokio::test]
async fn everything_else_is_404_and_asks_nobody() {
    let house = House::start("").await;
    let before = house.reached_upstream().await;
    for path in NEVER {
        for (user, method) in [("admin", "GET"), ("admin", "POST"), ("admin", "PUT"), ("", "GET"), ("alice", "OPTIONS")] {
            let refused = house.ask(user, method, path, "").await;
            assert_eq!(refused.status, 404, "{method} {path}: {refused:?}");
            assert_eq!(refused.json()["errorType"], "not_found", "{method} {path}");
        }
    }
    assert_eq!(house.reached_upstream().await, before);
    assert_eq!(house.direct("GET", "/-/healthy", "").await.status, 200, "nobody made it reload or quit");
}

#[tokio::test]
async fn browsers_of_configured_origins_only() {
    let server = "cors_origins: ['https://grafana.example']";
    let rest = "auth: {providers: [{kind: static, users_file: users.yaml}]}\n";
    let hecate = crate::support::Hecate::start(server, rest, &[("users.yaml", "users: []\n")]);
    let http = crate::support::client();
    let url = format!("{}/api/v1/query", hecate.url());
    for (origin, allowed) in [("https://grafana.example", true), ("https://evil.example", false)] {
        let preflight =
            http.request("OPTIONS".parse().unwrap(), &url).header("origin", origin).header("access-control-request-method", "POST");
        let answer = preflight.header("access-control-request-headers", "authorization,x-hecate-namespaces").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{answer:?}");
        let given = answer.headers().get("access-control-allow-origin").map(|v| v.to_str().unwrap().to_owned());
        assert_eq!(given.as_deref() == Some(origin), allowed, "{origin}: {given:?}");
        let simple = http.get(&url).header("origin", origin).send().await.unwrap();
        assert_eq!(simple.status().as_u16(), 401);
        assert_eq!(simple.headers().contains_key("access-control-allow-origin"), allowed, "{origin}: {simple:?}");
    }
}
