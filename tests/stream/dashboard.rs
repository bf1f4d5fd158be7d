//! The panels of a stored dashboard, live: for people who signed in, and for whoever has a link.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Client, Plan, params};
use crate::support::client as http;
use crate::world::{STEP, Settings, World};

const SOON: Duration = Duration::from_secs(20);
const PLACE: &str = "/api/v1/projects/a/dashboards";

fn panel(queries: &[&str]) -> Value {
    let query = |text: &&str| json!({"kind": "TimeSeriesQuery", "spec": {"plugin": {"kind": "PrometheusTimeSeriesQuery", "spec": {"query": text, "minStep": "2s"}}}});
    let plugin = json!({"kind": "TimeSeriesChart", "spec": {}});
    json!({"kind": "Panel", "spec": {"display": {"name": "p"}, "plugin": plugin, "queries": queries.iter().map(query).collect::<Vec<_>>()}})
}

fn document() -> Value {
    let variable = json!({"kind": "ListVariable", "spec": {
        "name": "i", "allowMultiple": true, "allowAllValue": true, "defaultValue": ["0"],
        "plugin": {"kind": "StaticListVariable", "spec": {"values": ["0", "1", "2"]}}
    }});
    json!({"kind": "Dashboard", "metadata": {"name": "board"}, "spec": {
        "display": {"name": "Board"}, "duration": "1h", "variables": [variable],
        "layouts": [{"kind": "Grid", "spec": {
            "display": {"title": "For each"}, "repeatVariable": "i",
            "items": [{"x": 0, "y": 0, "width": 12, "height": 8, "content": {"$ref": "#/spec/panels/each"}}]
        }}],
        "panels": {
            "each": panel(&["growing_total{i=~\"$i\"}"]),
            "rate": panel(&["rate(growing_total{i=~\"$i\"}[$__rate_interval])", "sum(growing_total{i=~\"${i:pipe}\"}) by (i)"]),
            "time": panel(&["growing_total + $__from", "growing_total > $nothing", "${__to} - growing_total{i=\"0\"}"]),
        }
    }})
}

/// As somebody: status and body.
async fn ask(world: &World, token: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
    let request = http().request(method.parse().unwrap(), format!("{}{path}", world.replicas[0].url())).bearer_auth(token);
    let request = if body.is_null() { request } else { request.header("content-type", "application/json").body(body.to_string()) };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null))
}

async fn with_dashboard() -> World {
    let world = World::start(Settings::default()).await;
    let (status, made) = ask(&world, "token-admin", "POST", PLACE, document()).await;
    assert_eq!(status, 200, "{made}");
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_panel_of_a_dashboard() {
    let mut world = with_dashboard().await;
    let board = |given: &[(&'static str, &'static str)]| {
        let mut pairs = vec![("dashboard", "a/board"), ("step", STEP), ("window", "30s")];
        pairs.extend(given);
        pairs
    };
    let own = world.stream(0, &board(&[]));
    let two = world.stream(0, &board(&[("var-i", "1"), ("var-i", "2")]));
    let all = Client::start(world.plan(0, &board(&[("var-i", "$__all")])).gzip());
    for (client, rows) in [(&own, 1), (&two, 2), (&all, 3)] {
        client.sees("its panels", SOON, |seen| (seen.queries.len() == 4 + rows && seen.count("delta") >= 6).then_some(())).await;
        let error = client.event("error", 1, SOON).await;
        assert!(error.data.contains(r#""id":"time.1""#) && error.data.contains("var-nothing"), "{}", error.data);
        client.see(|seen| assert_eq!(seen.count("error"), 1, "it is told once"));
    }
    world.settle().await;
    let enforced = |i: &str| format!(r#"rate(growing_total{{i=~"{i}",namespace="a"}}[8s])"#);
    world.same(&own, &[("rate.0", &enforced("(0)")), ("rate.1", r#"sum(growing_total{i=~"0",namespace="a"}) by (i)"#)]).await;
    // Where the ends of the window stand in a query, it is another one at every tick.
    let own_time = [("time.0", r#"growing_total{namespace="a"} + $__from"#), ("time.2", r#"$__to - growing_total{i="0",namespace="a"}"#)];
    world.same(&own, &own_time).await;
    world.same(&all, &own_time).await;
    world.same(&two, &[("rate.0", &enforced("(1|2)")), ("rate.1", r#"sum(growing_total{i=~"1|2",namespace="a"}) by (i)"#)]).await;
    world.same(&all, &[("rate.0", &enforced("(0|1|2)"))]).await;
    for i in ["1", "2"] {
        world.same(&two, &[(&format!("each.0[i={i}]"), &format!(r#"growing_total{{i=~"{i}",namespace="a"}}"#))]).await;
    }
    all.see(|seen| {
        assert!(seen.queries["rate.0"].series() == 3, "{}", seen.queries["rate.0"].answer());
        assert_eq!(seen.headers["content-encoding"], "gzip");
    });

    for (token, place, status) in
        [("token-bob", "a/board", 404), ("token-alice", "a/none", 404), ("token-alice", "a", 400), ("token-alice", "b/board", 404)]
    {
        let (got, body) =
            ask(&world, token, "GET", &format!("/api/v1/metrics/stream?{}", params(&[("dashboard", place)])), Value::Null).await;
        assert_eq!(got, status, "{token} {place}: {body}");
    }
    let both = params(&[("dashboard", "a/board"), ("query", "up")]);
    assert_eq!(ask(&world, "token-alice", "GET", &format!("/api/v1/metrics/stream?{both}"), Value::Null).await.0, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_opens_the_panels_and_nothing_else_until_it_is_taken_back() {
    let mut world = with_dashboard().await;
    let (status, link) = ask(&world, "token-admin", "POST", &format!("{PLACE}/board/shares"), json!({"expires_in": "1h"})).await;
    assert_eq!(status, 201, "{link}");
    let token = link["token"].as_str().unwrap().to_owned();
    let stream = |given: &[(&'static str, &'static str)]| {
        let mut pairs = vec![("step", STEP), ("window", "30s")];
        pairs.extend(given);
        let plan = Plan::new(world.replicas[0].url(), None, &pairs).gzip();
        Client::start(Plan { path: format!("/api/v1/shared/{token}/stream"), ..plan })
    };
    let mut seen_by_link = stream(&[("var-i", "2")]);
    seen_by_link.sees("its panels", SOON, |seen| (seen.queries.len() == 5 && seen.count("delta") >= 4).then_some(())).await;
    // A value that would make it another query.
    let tricky = stream(&[("var-i", "x\"} or late{i=~\"0")]);
    tricky.sees("what does not name it", SOON, |seen| (seen.queries.len() == 2 && seen.count("error") == 4).then_some(())).await;
    tricky.see(|seen| assert!(seen.queries.keys().all(|id| id.starts_with("time.")), "{:?}", seen.queries.keys()));
    let wrong = Client::start(Plan { path: "/api/v1/shared/nothing/stream".to_owned(), ..Plan::new(world.replicas[0].url(), None, &[]) });
    wrong.sees("a refusal", SOON, |seen| (seen.refused.first().map(|(status, _)| *status) == Some(401)).then_some(())).await;
    world.settle().await;
    world.same(&seen_by_link, &[("rate.0", r#"rate(growing_total{i=~"(2)",namespace="a"}[8s])"#)]).await;
    world.same(&seen_by_link, &[("each.0[i=2]", r#"growing_total{i=~"2",namespace="a"}"#)]).await;
    world.same(&seen_by_link, &[("time.2", r#"$__to - growing_total{i="0",namespace="a"}"#)]).await;
    let path = format!("{PLACE}/board/shares/{}", link["id"].as_str().unwrap());
    assert_eq!(ask(&world, "token-admin", "DELETE", &path, Value::Null).await.0, 204);
    let told = seen_by_link.event("error", 2, Duration::from_secs(5)).await;
    assert!(told.data.contains(r#""errorType":"revoked""#), "{}", told.data);
    seen_by_link.ended(SOON).await;
    seen_by_link.see(|seen| assert_eq!((seen.headers["content-encoding"].as_bytes(), &seen.ended), (&b"gzip"[..], &Some(Ok(())))));
}
