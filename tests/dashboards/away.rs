//! The database is away: what was seen is shown, nothing is changed, and queries go on.

use serde_json::json;

use crate::support::{Cable, Postgres, StandIn, eventually};
use crate::{House, dashboard};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_are_marked_changes_are_refused_and_queries_go_on() {
    let cable = Cable::to(&Postgres::shared().new_database()).await;
    let nothing = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    let prometheus = StandIn::answering(nothing, std::time::Duration::ZERO).await;
    let house = House::in_front_of(&prometheus.url(), &format!("dashboards: {{database: \"{}\"}}\n", cable.address));
    house.make("alice", "team-a", "seen").await;
    let (list, one) = ("/api/v1/projects/team-a/dashboards", "/api/v1/projects/team-a/dashboards/seen");
    let fresh = house.get("alice", one).await;
    assert_eq!((fresh.status, fresh.header("warning"), fresh.header("x-hecate-stale")), (200, "", ""));
    let link = house.post("alice", &format!("{one}/shares"), json!({"expires_in": "1h"})).await.json();
    cable.pull();
    let stale = eventually("the cable is noticed", async || {
        let read = house.get("alice", one).await;
        assert_eq!(read.status, 200, "{read:?}");
        (!read.header("x-hecate-stale").is_empty()).then_some(read)
    })
    .await;
    assert_eq!((&stale.body, stale.header("etag"), stale.header("x-hecate-stale")), (&fresh.body, fresh.header("etag"), "true"));
    assert!(stale.header("warning").starts_with("110 ") && stale.header("age").parse::<u64>().is_ok(), "{stale:?}");
    let shared = format!("/api/v1/shared/{}", link["token"].as_str().unwrap());
    for (user, method, path, body) in [
        ("alice", "GET", list, json!(null)),
        ("alice", "GET", &format!("{list}/never.seen"), json!(null)),
        ("alice", "POST", list, dashboard("m", "T")),
        ("alice", "PUT", one, dashboard("seen", "T")),
        ("alice", "PATCH", one, json!({"spec": {"display": {"name": "T"}}})),
        ("alice", "DELETE", one, json!(null)),
        ("alice", "POST", &format!("{one}/shares"), json!({"expires_in": "1h"})),
        ("alice", "GET", &format!("{one}/versions"), json!(null)),
        ("alice", "GET", "/api/v1/preferences", json!(null)),
        ("admin", "GET", "/api/v1/audit/logs", json!(null)),
        ("", "GET", &shared, json!(null)),
    ] {
        let answer = house.ask(user, method, path, body, &[("if-match", "*")]).await;
        assert_eq!((answer.code(), answer.header("retry-after")), ((503, "UNAVAILABLE".into()), "5"), "{method} {path}");
        let details = &answer.json()["details"];
        assert_eq!((&details["dependency"], &details["retry_after_seconds"]), (&json!("database"), &json!(5)), "{method} {path}");
    }
    let started = std::time::Instant::now();
    assert_eq!(house.get("alice", "/api/v1/query?query=up").await.status, 200);
    assert!(started.elapsed() < std::time::Duration::from_secs(2), "a query does not wait for it: {:?}", started.elapsed());
    cable.plug_in();
    eventually("it is back", async || house.get("alice", one).await.header("x-hecate-stale").is_empty().then_some(())).await;
    assert_eq!(house.ask("alice", "PUT", one, dashboard("seen", "T2"), &[("if-match", "*")]).await.status, 200);
    assert_eq!(house.get("", &shared).await.status, 200);
}
