//! `POST /api/v1/metrics/validate`: what would be sent, what it costs and why; nothing runs.

use serde_json::{Value, json};

use crate::house::{Answer, House};

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

async fn validate(house: &House, user: &str, body: &str) -> Answer {
    house.ask_with(user, "POST", "/api/v1/metrics/validate", body, JSON).await
}

#[tokio::test]
async fn expressions_are_explained_and_never_run() {
    let house = House::start("limits: {samples: 100000}\n").await;
    let before = house.reached_upstream().await;
    let told = |answer: Answer| {
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };

    let good = told(validate(&house, "alice", r#"{"query":"sum( rate(work_total[5m]) )"}"#).await);
    assert_eq!(good["valid"], true, "{good}");
    assert_eq!(good["canonical_query"], "sum(rate(work_total[5m]))");
    assert_eq!(good["enforced_query"], r#"sum(rate(work_total{namespace="a"}[5m]))"#);
    assert_eq!(good["estimate"], json!({"series": 1, "samples": 20, "points": 1, "selectors_known": 0}));
    assert_eq!(good["limits"]["samples"], 100_000);
    assert_eq!(good["cacheable"]["yes"], true);
    assert_eq!(good["errors"], json!([]));
    assert_eq!(good["selectors"][0]["tenant_label"], "namespace");

    let range = r#"{"query":"depth","start":"2023-11-14T22:13:20Z","end":1700003600,"step":"15s"}"#;
    let range = told(validate(&house, "both", range).await);
    assert_eq!((&range["estimate"]["points"], &range["enforced_query"]), (&json!(241), &json!(r#"depth{namespace=~"a|b"}"#)));

    let narrowed = told(validate(&house, "both", r#"{"query":"depth","namespaces":["b"]}"#).await);
    assert_eq!(narrowed["enforced_query"], r#"depth{namespace="b"}"#);
    let prefixed = house.ask_with("both", "POST", "/ns/a/api/v1/metrics/validate", r#"{"query":"depth"}"#, JSON).await.json();
    assert_eq!(prefixed["enforced_query"], r#"depth{namespace="a"}"#);
    let admin = told(validate(&house, "admin", r#"{"query":"depth"}"#).await);
    assert_eq!(admin["enforced_query"], "depth");

    // Wrong, refused, too expensive: an answer that says so, with the place.
    for (user, body, word, place) in [
        ("alice", r#"{"query":"sum(\n  rate(up)"}"#, "expected type range vector", Some((2, 8))),
        ("alice", r#"{"query":"sum(up"}"#, "unclosed left parenthesis", Some((1, 1))),
        ("alice", r#"{"query":""}"#, "no expression", None),
        ("alice", r#"{"query":"1 + node_load1"}"#, "node_load1", Some((1, 5))),
        ("alice", r#"{"query":"sum_over_time(up[30d:1s])"}"#, "limits.samples", None),
    ] {
        let wrong = told(validate(&house, user, body).await);
        assert_eq!(wrong["valid"], false, "{body}: {wrong}");
        let error = &wrong["errors"][0];
        assert!(error["message"].as_str().unwrap().contains(word), "{body}: {wrong}");
        if let Some((line, column)) = place {
            assert_eq!((&error["line"], &error["column"]), (&json!(line), &json!(column)), "{body}: {wrong}");
            assert!(error["excerpt"].as_str().unwrap().contains('^'), "{body}: {wrong}");
        }
    }
    assert_eq!(house.reached_upstream().await, before, "nothing ran");
}

#[tokio::test]
async fn bad_questions_are_told_what_would_be_right() {
    let house = House::start("").await;
    for (body, status, code, word) in [
        ("", 400, "INVALID_REQUEST", "expected"),
        ("query=up", 400, "INVALID_REQUEST", "expected"),
        ("[]", 400, "INVALID_REQUEST", "expected"),
        ("{}", 400, "INVALID_REQUEST", "query"),
        (r#"{"query":1}"#, 400, "INVALID_REQUEST", "string"),
        (r#"{"query":"up","querry":"x"}"#, 400, "INVALID_REQUEST", "querry"),
        (r#"{"query":"up","query":"down"}"#, 400, "INVALID_REQUEST", "query"),
        (r#"{"query":"up"} x"#, 400, "INVALID_REQUEST", "trailing"),
        (r#"{"query":"up","start":1}"#, 400, "INVALID_REQUEST", "belong together"),
        (r#"{"query":"up","end":1}"#, 400, "INVALID_REQUEST", "belong together"),
        (r#"{"query":"up","start":2,"end":1,"step":1}"#, 400, "INVALID_REQUEST", "end"),
        (r#"{"query":"up","start":1,"end":2,"step":0}"#, 400, "INVALID_REQUEST", "step"),
        (r#"{"query":"up","start":"x","end":2,"step":1}"#, 400, "INVALID_REQUEST", "start"),
        (r#"{"query":"up","start":[],"end":2,"step":1}"#, 400, "INVALID_REQUEST", "start"),
        (r#"{"query":"up","namespaces":"a"}"#, 400, "INVALID_REQUEST", "namespaces"),
        (r#"{"query":"up","namespaces":["A"]}"#, 400, "INVALID_REQUEST", "lower-case"),
        (r#"{"query":"up","namespaces":["b"]}"#, 403, "FORBIDDEN", "\"b\""),
    ] {
        let refused = validate(&house, "alice", body).await;
        assert_eq!(refused.status, status, "{body}: {refused:?}");
        let told = refused.json();
        assert_eq!(told["code"], code, "{body}: {told}");
        assert!(told["message"].as_str().unwrap().contains(word) && told["details"].is_object(), "{body}: {told}");
    }
    let deep = format!("{{\"query\":{}", "[".repeat(100_000));
    assert_eq!(validate(&house, "alice", &deep).await.status, 400);
    let unsigned = validate(&house, "", r#"{"query":"up"}"#).await;
    assert_eq!((unsigned.status, &unsigned.json()["code"]), (401, &Value::from("UNAUTHORIZED")));
    let got = house.get("alice", "/api/v1/metrics/validate").await;
    assert_eq!((got.status, got.header("allow"), &got.json()["code"]), (405, "OPTIONS, POST", &Value::from("INVALID_REQUEST")), "{got:?}");
}
