//! The access log and the slow-query log, from real requests.

use std::time::Duration;

use serde_json::Value;

use crate::hecate;
use crate::support::stand_in::NOTHING;
use crate::support::{Hecate, StandIn, Wire, client};

const JSON: &str = "telemetry: {format: json, slow_query: 100ms}";

async fn start(server: &str, after: Duration) -> (Hecate, StandIn) {
    let upstream = StandIn::answering(NOTHING, after).await;
    (hecate(server, &format!("url: \"{}\"", upstream.url()), JSON), upstream)
}

#[tokio::test]
async fn one_line_for_every_request() {
    let (hecate, _upstream) = start("", Duration::ZERO).await;
    let number = std::cell::Cell::new(0);
    let get = async |path: &str, token: &str| {
        number.set(number.get() + 1);
        let request = client().get(format!("{}{path}", hecate.url())).header("x-request-id", format!("mine-{}", number.get()));
        let request = if token.is_empty() { request } else { request.bearer_auth(token) };
        request.send().await.unwrap().bytes().await.unwrap().len()
    };
    let length = get("/api/v1/query?query=up", "token-both").await;
    get("/api/v1/query?query=up", "token-admin").await;
    get("/ns/a/api/v1/label/pod/values", "token-both").await;
    get("/api/v1/query?query=up", "").await;
    get("/no/such/%22path%22", "").await;
    let mut wire = Wire::connect(hecate.address()).await;
    wire.send("GET /a//b HTTP/1.1\r\nHost: h\r\nX-Request-Id: mine-6\r\n\r\n").await;
    assert_eq!(wire.answer().await.unwrap().status, 400);

    let mut lines = hecate.log_lines("hecate::access", 6).await;
    assert_eq!(lines.len(), 6, "{lines:?}");
    // A line is written after the last byte of its answer.
    lines.sort_by_key(|line| line["request_id"].to_string());
    let told = |line: &Value, names: &[&str]| names.iter().map(|name| line[*name].clone()).collect::<Value>();
    let fields = ["status", "route", "path", "user", "provider", "namespaces"];
    let query = "/api/v1/query";
    for (line, expected) in lines.iter().zip([
        serde_json::json!([200, query, query, "both", "static", "2"]),
        serde_json::json!([200, query, query, "admin", "static", "cluster"]),
        serde_json::json!([200, "/api/v1/label/{name}/values", "/ns/a/api/v1/label/pod/values", "both", "static", "1"]),
        serde_json::json!([401, query, query, null, null, null]),
        serde_json::json!([404, "unmatched", "/no/such/%22path%22", null, null, null]),
        serde_json::json!([400, "unmatched", "/a//b", null, null, null]),
    ]) {
        assert_eq!(told(line, &fields), expected, "{line}");
        assert_eq!(told(line, &["method", "client", "protocol", "level"]), serde_json::json!(["GET", "127.0.0.1", "HTTP/1.1", "INFO"]));
        assert_eq!(line["trace_id"].as_str().unwrap().len(), 32);
        assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
    }
    assert_eq!((lines[0]["bytes"].as_u64().unwrap() as usize, &lines[0]["request_id"]), (length, &"mine-1".into()));
    assert!(lines[0]["upstream_ms"].as_f64().unwrap() > 0.0 && lines[3]["upstream_ms"].is_null());
    let log = hecate.log();
    assert!(!log.contains("token-"), "a token is in the log: {log}");
    // Scrapes and probes of the admin listener are not requests of anybody.
    hecate.metrics().await;
    assert!(!hecate.log().contains("/metrics"));
}

#[tokio::test]
async fn slow_queries_are_told_with_both_texts() {
    let (hecate, _upstream) = start("", Duration::from_millis(250)).await;
    let url = format!("{}/api/v1/query_range", hecate.url());
    let form = "query=sum(rate(x[5m]))&start=1000&end=2000&step=10";
    let request = client().post(url).bearer_auth("token-alice").header("content-type", "application/x-www-form-urlencoded").body(form);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let line = hecate.log_lines("hecate::slow_query", 1).await.remove(0);
    assert_eq!((line["query"].as_str(), line["user"].as_str()), (Some("sum(rate(x[5m]))"), Some("alice")));
    assert_eq!(line["enforced"], r#"sum(rate(x{namespace="a"}[5m]))"#);
    assert_eq!((&line["start_ms"], &line["end_ms"], &line["step_ms"]), (&1_000_000.into(), &2_000_000.into(), &10_000.into()));
    assert_eq!((&line["route"], &line["level"]), (&"/api/v1/query_range".into(), &"WARN".into()));
    assert!(line["duration_ms"].as_f64().unwrap() >= 250.0);
    assert_eq!(hecate.metric("hecate_slow_queries_total").await, 1.0);
}

/// Who gives up waiting has met a slow query, too: it is the one to look for.
#[tokio::test]
async fn a_slow_query_whose_client_left_is_told() {
    let (hecate, _upstream) = start("", Duration::from_secs(60)).await;
    let mut wire = Wire::connect(hecate.address()).await;
    wire.get("/api/v1/query?query=up").await;
    hecate.metric_becomes("hecate_upstream_inflight", 1.0).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    drop(wire);
    let line = hecate.log_lines("hecate::slow_query", 1).await.remove(0);
    assert_eq!((line["query"].as_str(), line["user"].as_str()), (Some("up"), Some("alice")));
}

#[tokio::test]
async fn clients_behind_trusted_proxies_are_named() {
    for (server, forwarded, expected) in [
        ("", "192.0.2.9", "127.0.0.1"),
        ("trusted_proxies: [127.0.0.0/8]", "192.0.2.9", "192.0.2.9"),
        ("trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]", "203.0.113.1, 192.0.2.9, 10.1.2.3", "192.0.2.9"),
        ("trusted_proxies: [10.0.0.0/8]", "192.0.2.9", "127.0.0.1"),
        ("trusted_proxies: [127.0.0.0/8]", "\\\" user=root", "127.0.0.1"),
    ] {
        let (hecate, _upstream) = start(server, Duration::ZERO).await;
        let request = client().get(format!("{}/live", hecate.url())).header("x-forwarded-for", forwarded);
        assert_eq!(request.send().await.unwrap().status(), 200);
        let line = hecate.log_lines("hecate::access", 1).await.remove(0);
        assert_eq!(line["client"], expected, "{server} {forwarded}");
    }
}

#[tokio::test]
async fn http2_is_told_apart() {
    let (hecate, _upstream) = start("", Duration::ZERO).await;
    let http2 = crate::support::Http2::over(tokio::net::TcpStream::connect(hecate.address()).await.unwrap()).await;
    http2.get("/api/v1/query?query=up", &[]).await.unwrap();
    let line = hecate.log_lines("hecate::access", 1).await.remove(0);
    assert_eq!((&line["protocol"], &line["path"], &line["client"]), (&"HTTP/2".into(), &"/api/v1/query".into(), &"127.0.0.1".into()));
}
