//! Who did what, over HTTP.

use serde_json::{Value, json};

use crate::{House, dashboard};

#[tokio::test]
async fn changes_and_refusals_are_written_down() {
    let house = House::start("");
    house.make("alice", "team-a", "n").await;
    house.make("bob", "team-b", "n").await;
    let one = "/api/v1/projects/team-a/dashboards/n";
    house.ask("viewer", "DELETE", one, Value::Null, &[("x-request-id", "try-1")]).await;
    house.get("alice", &format!("{one}/export?format=yaml")).await;
    house.ask("alice", "PUT", one, dashboard("n", "T"), &[("if-match", "\"none.7\"")]).await;
    let log = house.get("admin", "/api/v1/audit/logs").await.json();
    let told: Vec<String> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| format!("{} {} {} {} {}", i["user"], i["action"], i["project"], i["version"], i["outcome"]))
        .collect();
    let expected = [
        "\"alice\" \"dashboard.export\" \"team-a\" 0 \"success\"",
        "\"viewer\" \"dashboard.delete\" \"team-a\" null \"denied\"",
        "\"bob\" \"dashboard.create\" \"team-b\" 0 \"success\"",
        "\"alice\" \"dashboard.create\" \"team-a\" 0 \"success\"",
    ];
    assert_eq!(told, expected, "newest first; what was only out of date is no line");
    let denied = &log["items"][1];
    assert_eq!(
        (&denied["request_id"], &denied["address"], &denied["resource"]),
        (&json!("try-1"), &json!("127.0.0.1"), &json!("dashboard"))
    );
    assert!(!log.to_string().contains("token-"), "no token is in it");

    let theirs = house.get("auditor", "/api/v1/audit/logs").await.json();
    assert_eq!(theirs["items"].as_array().unwrap().len(), 3, "of their own projects");
    let filtered =
        house.get("admin", "/api/v1/audit/logs?user=bob&action=dashboard.create&resource=dashboard&from=2020-01-01T00:00:00Z").await.json();
    assert_eq!(filtered["items"].as_array().unwrap().len(), 1);
    assert_eq!(house.get("admin", "/api/v1/audit/logs?to=2020-01-01T00:00:00Z").await.json()["items"], json!([]));
    let first = house.get("admin", "/api/v1/audit/logs?limit=3").await.json();
    let second = house.get("admin", &format!("/api/v1/audit/logs?limit=3&cursor={}", first["next"].as_str().unwrap())).await.json();
    assert_eq!(
        (first["items"].as_array().unwrap().len(), second["items"].as_array().unwrap().len(), &second["next"]),
        (3, 1, &Value::Null)
    );
    let lines = house.get("admin", "/api/v1/audit/logs?format=jsonl").await;
    assert_eq!((lines.header("content-type"), lines.body.lines().count()), ("application/x-ndjson", 4));
    assert!(lines.body.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    for query in ["limit=0", "format=csv", "cursor=x", "from=yesterday"] {
        assert_eq!(house.get("admin", &format!("/api/v1/audit/logs?{query}")).await.status, 400, "{query}");
    }
}
