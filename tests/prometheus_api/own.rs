//! `/api/v1/auth/me`, `/api/v1/health`, buildinfo and probes.

use std::time::Duration;

use serde_json::json;

use crate::house::House;
use crate::support::{Hecate, client, eventually, free_port};

#[tokio::test]
async fn people_can_ask_who_they_are() {
    let house = House::start("").await;
    let alice = house.get("alice", "/api/v1/auth/me").await;
    assert_eq!((alice.status, alice.header("content-type")), (200, "application/json"));
    let mut told = alice.json();
    assert!(told["permissions"].as_array().unwrap().contains(&json!("Metrics:query")), "{told}");
    told.as_object_mut().unwrap().remove("permissions");
    assert_eq!(told, json!({"user": "alice", "groups": [], "provider": "static", "cluster": false, "namespaces": ["a"]}));
    let admin = house.get("admin", "/api/v1/auth/me").await.json();
    assert_eq!((&admin["cluster"], &admin["namespaces"]), (&json!(true), &json!([])));
    assert_eq!(admin["permissions"].as_array().unwrap().len(), 8, "{admin}");
    let nobody = house.get("", "/api/v1/auth/me").await;
    assert_eq!((nobody.status, &nobody.json()["code"]), (401, &json!("UNAUTHORIZED")));
}

#[tokio::test]
async fn health_says_what_is_away() {
    let house = House::start("").await;
    let health = eventually("healthy", async || {
        let answer = house.get("", "/api/v1/health").await;
        (answer.status == 200 && answer.json()["status"] == "healthy").then(|| answer.json())
    })
    .await;
    assert_eq!(health["checks"]["upstream:prometheus"]["status"], "healthy", "{health}");
    assert!(health["version"].is_string() && health["uptime_seconds"].is_number(), "{health}");

    let away = Hecate::in_front_of(&format!("http://127.0.0.1:{}", free_port()), "");
    let http = client();
    let health = eventually("unhealthy", async || {
        let answer = http.get(format!("{}/api/v1/health", away.url())).send().await.unwrap();
        let status = answer.status().as_u16();
        let body: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        (status == 503 && body["status"] == "unhealthy").then_some(body)
    })
    .await;
    assert!(health["checks"]["upstream:prometheus"]["detail"].as_str().unwrap().contains("no answer"), "{health}");
    for (path, status) in [("/live", 200), ("/ready", 200), ("/-/healthy", 200), ("/-/ready", 200)] {
        assert_eq!(http.get(format!("{}{path}", away.url())).send().await.unwrap().status().as_u16(), status, "{path}");
    }
    let query = http.get(format!("{}/api/v1/query?query=up", away.url())).bearer_auth("token-alice");
    let query = query.timeout(Duration::from_secs(20)).send().await.unwrap();
    assert_eq!(query.status().as_u16(), 503);
    assert!(query.headers().contains_key("retry-after"));
    let body = query.text().await.unwrap();
    assert!(body.contains("\"unavailable\"") && body.contains("prometheus"), "{body}");
}

#[tokio::test]
async fn buildinfo_has_the_version_of_the_upstream() {
    let house = House::start("").await;
    let theirs = house.direct("GET", "/api/v1/status/buildinfo", "").await.json();
    let ours = eventually("the upstream's version is known", async || {
        let answer = house.get("alice", "/api/v1/status/buildinfo").await.json();
        (answer["data"]["goVersion"] == theirs["data"]["goVersion"]).then_some(answer)
    })
    .await;
    for key in ["version", "revision", "branch", "buildDate", "goVersion"] {
        assert_eq!(ours["data"][key], theirs["data"][key], "{key}");
    }
    assert_eq!(ours["status"], "success");
}

#[tokio::test]
async fn the_admin_listener_has_metrics_and_a_masked_configuration() {
    let house = House::start("").await;
    house.get("alice", "/api/v1/query?query=up").await;
    let http = client();
    let admin = async |path: &str| {
        let answer = http.get(format!("{}{path}", house.hecate.admin_url())).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, metrics) = admin("/metrics").await;
    assert_eq!(status, 200);
    assert!(metrics.contains(r#"hecate_http_requests_total{code="200",method="GET",route="/api/v1/query"}"#), "{metrics}");
    assert!(!metrics.contains("alice"), "metrics name no users");
    let (status, config) = admin("/debug/config").await;
    assert!(status == 200 && config.contains("users_file"), "{config}");
    assert_eq!(admin("/api/v1/query?query=up").await.0, 404);
    assert_eq!((admin("/live").await.0, admin("/ready").await.0), (200, 200));
}
