//! Who may do what, and who may know of what.

use serde_json::{Value, json};

use crate::{House, dashboard};

#[tokio::test]
async fn nobody_does_anything() {
    let house = House::start("");
    for (method, path) in [
        ("GET", "/api/v1/dashboards"),
        ("POST", "/api/v1/dashboards"),
        ("GET", "/api/v1/projects"),
        ("GET", "/api/v1/projects/team-a/dashboards/n"),
        ("DELETE", "/api/v1/projects/team-a/dashboards/n"),
        ("GET", "/api/v1/preferences"),
        ("GET", "/api/v1/audit/logs"),
        ("GET", "/api/v1/templates"),
    ] {
        let answer = house.ask("", method, path, Value::Null, &[]).await;
        assert_eq!(answer.code(), (401, "UNAUTHORIZED".into()), "{method} {path}");
        assert!(!answer.header("www-authenticate").is_empty());
    }
}

#[tokio::test]
async fn each_right_opens_its_own_door() {
    let house = House::start("");
    house.make("alice", "team-a", "n").await;
    let one = "/api/v1/projects/team-a/dashboards/n";
    for (user, method, path, body, needed) in [
        ("viewer", "POST", "/api/v1/projects/team-a/dashboards", dashboard("m", "T"), "Dashboard:create"),
        ("viewer", "POST", "/api/v1/dashboards", dashboard("m", "T"), "Dashboard:create"),
        ("viewer", "PUT", one, dashboard("n", "T"), "Dashboard:update"),
        ("viewer", "PATCH", one, json!({"metadata": {"state": "draft"}}), "Dashboard:update"),
        ("viewer", "DELETE", one, Value::Null, "Dashboard:delete"),
        ("viewer", "POST", &format!("{one}/restore"), Value::Null, "Dashboard:update"),
        ("viewer", "POST", &format!("{one}/versions/0/restore"), Value::Null, "Dashboard:update"),
        ("viewer", "POST", &format!("{one}/clone"), json!({"name": "m"}), "Dashboard:create"),
        ("viewer", "POST", "/api/v1/projects/team-a/dashboards/import", dashboard("m", "T"), "Dashboard:create"),
        ("viewer", "GET", "/api/v1/audit/logs", Value::Null, "AuditLog:read"),
        ("auditor", "GET", one, Value::Null, "Dashboard:read"),
        ("auditor", "GET", "/api/v1/dashboards", Value::Null, "Dashboard:read"),
        ("auditor", "GET", "/api/v1/templates", Value::Null, "Template:read"),
    ] {
        let answer = house.ask(user, method, path, body, &[]).await;
        assert_eq!(answer.code(), (403, "FORBIDDEN".into()), "{user} {method} {path}");
        assert_eq!(answer.json()["details"]["required_permission"], needed, "{method} {path}");
    }
    assert_eq!(house.get("viewer", one).await.status, 200);
    assert_eq!(house.get("viewer", &format!("{one}/versions")).await.status, 200);
}

/// What exists in another project and what does not are told in the same words.
#[tokio::test]
async fn what_is_outside_is_not_there() {
    let house = House::start("");
    house.make("bob", "team-b", "secret").await;
    let shape = |text: &str| text.replace("secret", "X").replace("nothing", "X").replace("team-b", "P").replace("team-z", "P");
    for (method, path, body) in [
        ("GET", "", Value::Null),
        ("PUT", "", dashboard("secret", "T")),
        ("PATCH", "", json!({"metadata": {"state": "draft"}})),
        ("DELETE", "", Value::Null),
        ("DELETE", "?purge=true", Value::Null),
        ("POST", "/restore", Value::Null),
        ("POST", "/clone", json!({"name": "mine", "project": "team-a"})),
        ("GET", "/export", Value::Null),
        ("GET", "/versions", Value::Null),
        ("GET", "/versions/0", Value::Null),
        ("GET", "/versions/0/diff", Value::Null),
        ("POST", "/versions/0/restore", Value::Null),
    ] {
        let ask = async |at: &str| house.ask("alice", method, &format!("/api/v1/projects/{at}{path}"), body.clone(), &[]).await;
        let (there, not_there) = (ask("team-b/dashboards/secret").await, ask("team-z/dashboards/nothing").await);
        assert_eq!((there.code(), shape(&there.body)), ((404, "NOT_FOUND".into()), shape(&not_there.body)), "{method} {path}");
    }
    for path in [
        "/api/v1/projects/team-b",
        "/api/v1/projects/team-b/dashboards",
        "/api/v1/dashboards?project=team-b",
        "/api/v1/projects/team-b/dashboards/export",
    ] {
        assert_eq!(house.get("alice", path).await.code(), (404, "NOT_FOUND".into()), "{path}");
    }
    assert_eq!(house.get("alice", "/api/v1/dashboards").await.body, "[]");
    assert_eq!(house.get("alice", "/api/v1/dashboards?q=secret").await.header("x-total-count"), "0");
    let theirs = house.get("bob", "/api/v1/projects/team-b/dashboards/secret").await;
    assert_eq!((theirs.status, &theirs.json()["metadata"]["version"]), (200, &json!(0)));
}

#[tokio::test]
async fn projects_are_the_namespaces_of_the_caller() {
    let house = House::start("");
    house.make("bob", "team-b", "n").await;
    let names = async |user: &str, query: &str| {
        let list = house.get(user, &format!("/api/v1/projects{query}")).await.json();
        list.as_array().unwrap().iter().map(|project| project["metadata"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("alice", "").await, ["team-a"]);
    assert_eq!(names("both", "").await, ["team-a", "team-b"]);
    assert_eq!(names("both", "?name=team-b").await, ["team-b"]);
    assert_eq!(names("admin", "").await, ["team-b"], "of the whole cluster, those that have dashboards");
    let one = house.get("alice", "/api/v1/projects/team-a").await.json();
    assert_eq!((&one["kind"], &one["metadata"]["name"]), (&json!("Project"), &json!("team-a")));
}

#[tokio::test]
async fn narrowing_holds_for_dashboards_too() {
    let house = House::start("");
    house.make("both", "team-a", "n").await;
    house.make("both", "team-b", "n").await;
    assert_eq!(house.get("both", "/ns/team-a/api/v1/dashboards").await.header("x-total-count"), "1");
    assert_eq!(house.get("both", "/ns/team-a/api/v1/projects/team-b/dashboards/n").await.code(), (404, "NOT_FOUND".into()));
    assert_eq!(house.get("alice", "/ns/team-b/api/v1/dashboards").await.code(), (403, "FORBIDDEN".into()));
    assert_eq!(house.get("admin", "/api/v1/dashboards").await.header("x-total-count"), "2");
}
