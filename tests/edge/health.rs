//! `/live`, `/ready` and `/api/v1/health`, with the upstream up and down.

use serde_json::Value;

use crate::support::{Hecate, client, eventually};
use crate::{hecate, simple};

async fn get(hecate: &Hecate, path: &str) -> (u16, String) {
    let response = client().get(format!("{}{path}", hecate.url())).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn becomes(hecate: &Hecate, state: &str) -> (u16, Value) {
    eventually(&format!("it is {state}"), async || {
        let (status, text) = get(hecate, "/api/v1/health").await;
        let health: Value = serde_json::from_str(&text).unwrap();
        (health["status"] == state).then_some((status, health))
    })
    .await
}

#[tokio::test]
async fn with_its_upstream() {
    let (hecate, _upstream) = simple("").await;
    let (status, health) = becomes(&hecate, "healthy").await;
    assert_eq!((status, &health["checks"]["upstream:prometheus"]["status"]), (200, &"healthy".into()));
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(hecate.metric("hecate_upstream_up{upstream=\"prometheus\"}").await, 1.0);
    for path in ["/live", "/ready", "/-/healthy", "/-/ready"] {
        assert_eq!(get(&hecate, path).await.0, 200, "{path}");
    }
    assert_eq!(hecate.metric("hecate_ready").await, 1.0);
}

#[tokio::test]
async fn without_it() {
    let hecate = hecate("", "url: \"http://127.0.0.1:1\", health_interval: 1s", "");
    let (status, health) = becomes(&hecate, "unhealthy").await;
    assert_eq!(status, 503);
    let text = health.to_string();
    assert!(!text.contains("127.0.0.1"), "addresses go out to callers: {text}");
    assert_eq!(hecate.metric("hecate_upstream_up{upstream=\"prometheus\"}").await, 0.0);
    // The process itself is well: restarting it would mend nothing.
    for path in ["/live", "/ready", "/-/healthy", "/-/ready"] {
        assert_eq!(get(&hecate, path).await.0, 200, "{path}");
    }
}
