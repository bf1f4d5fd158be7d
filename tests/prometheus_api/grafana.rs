//! The requests that Grafana's Prometheus data source sends, header by header.

use crate::house::{House, T0};

/// What Grafana adds to everything.
const HEADERS: &[(&str, &str)] = &[
    ("user-agent", "Grafana/12.3.0"),
    ("x-grafana-org-id", "1"),
    ("x-grafana-user", "alice"),
    ("x-dashboard-uid", "abc"),
    ("x-dashboard-title", "Team A"),
    ("x-panel-id", "7"),
    ("x-panel-plugin-id", "timeseries"),
    ("x-datasource-uid", "p1"),
    ("x-grafana-from-expr", "true"),
    ("x-rule-uid", "r1"),
    ("x-query-group-id", "g1"),
    ("content-type", "application/x-www-form-urlencoded"),
    ("accept-encoding", "identity"),
];

#[tokio::test]
async fn everything_that_the_data_source_asks() {
    let house = House::start("").await;
    let end = T0 + 600;
    // What it is for; method; target; form; what the answer holds.
    let cases = [
        (
            "panel",
            "POST",
            "/api/v1/query_range",
            format!("end={end}.000&query=rate%28http_requests_total%7Bpod%3D%22p1%22%7D%5B1m0s%5D%29&start={T0}.000&step=15"),
            "\"values\"",
        ),
        ("table", "POST", "/api/v1/query", format!("query=http_requests_total&time={end}.000"), "\"vector\""),
        ("explore with exemplars", "POST", "/api/v1/query_exemplars", "end=4000000000&query=work_total&start=1".to_owned(), "trace_id"),
        ("save and test", "POST", "/api/v1/query", "query=1%2B1&time=1700000000".to_owned(), "\"2\""),
        ("version", "GET", "/api/v1/status/buildinfo", String::new(), "\"version\":\"3."),
        ("label names", "POST", "/api/v1/labels", format!("end={end}&start={T0}"), "\"namespace\""),
        ("label names of a metric", "POST", "/api/v1/labels", format!("end={end}&match%5B%5D=load&start={T0}&limit=40000"), "\"gpu.kind\""),
        (
            "label values",
            "GET",
            "/api/v1/label/namespace/values?end=1700000600&limit=40000&match%5B%5D=load&start=1700000000",
            String::new(),
            "[\"a\"]",
        ),
        ("metric names", "GET", "/api/v1/label/__name__/values?end=1700000600&start=1700000000", String::new(), "\"load\""),
        (
            "series of a variable",
            "POST",
            "/api/v1/series",
            format!("end={end}&match%5B%5D=http_requests_total&start={T0}"),
            "\"pod\":\"p2\"",
        ),
        ("metadata", "GET", "/api/v1/metadata?limit=40000", String::new(), "\"Pieces of work.\""),
        ("metadata of one", "GET", "/api/v1/metadata?metric=depth", String::new(), "\"gauge\""),
        ("alert rules", "GET", "/api/v1/rules", String::new(), "\"DeepQueue\""),
        (
            "annotations",
            "POST",
            "/api/v1/query_range",
            format!("end={end}&query=ALERTS%7Balertstate%3D%22firing%22%7D&start={T0}&step=60"),
            "\"matrix\"",
        ),
        ("format button", "POST", "/api/v1/format_query", "query=sum(load)by(namespace)".to_owned(), "sum by (namespace) (load)"),
    ];
    for (what, method, target, form, holds) in cases {
        for prefix in ["", "/ns/a"] {
            let answer = house.ask_with("alice", method, &format!("{prefix}{target}"), &form, HEADERS).await;
            assert_eq!(answer.status, 200, "{what}: {answer:?}");
            assert_eq!(answer.header("content-type"), "application/json", "{what}");
            assert!(answer.body.contains(holds), "{what}: {answer:?}");
            assert!(!answer.body.contains("\"namespace\":\"b\""), "{what}: {answer:?}");
        }
    }
}

/// Parameters that Prometheus does not know go nowhere; those that other backends obey are refused.
#[tokio::test]
async fn unknown_parameters_are_dropped_and_dangerous_ones_refused() {
    let house = House::start("").await;
    let plain = house.get("alice", "/api/v1/query?query=load&time=1700001800").await;
    let more = house.get("alice", "/api/v1/query?query=load&time=1700001800&_=17&dedup=true&partial_response=true&custom=x").await;
    assert_eq!((more.status, &more.body), (200, &plain.body));
    for parameter in ["extra_label=namespace%3Db", "extra_filters%5B%5D=x", "storeMatch%5B%5D=x", "X-Scope-OrgID=b"] {
        let refused = house.get("alice", &format!("/api/v1/query?query=load&{parameter}")).await;
        assert_eq!(refused.status, 400, "{parameter}: {refused:?}");
    }
}

/// Large answers come compressed when the client takes that, and are the same inside.
#[tokio::test]
async fn answers_are_compressed_for_who_takes_it() {
    let house = House::start("").await;
    let target = format!("/api/v1/query_range?query=http_requests_total&start={T0}&end={}&step=15", T0 + 3600);
    let plain = house.get("alice", &target).await;
    assert!(plain.body.len() > 4096 && plain.header("content-encoding").is_empty());
    let gzip = crate::support::client()
        .get(format!("{}{target}", house.hecate.url()))
        .bearer_auth("token-alice")
        .header("accept-encoding", "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(gzip.headers()["content-encoding"], "gzip");
    assert!(gzip.headers().get_all("vary").iter().any(|v| v.to_str().unwrap().to_ascii_lowercase().contains("accept-encoding")));
    let bytes = gzip.bytes().await.unwrap();
    assert!(bytes.starts_with(&[0x1f, 0x8b]) && bytes.len() < plain.body.len() / 2, "{} of {}", bytes.len(), plain.body.len());
}
