//! Bad input: each with its status and code, and nothing left behind.

use serde_json::{Value, json};

use crate::{House, dashboard};

const LIST: &str = "/api/v1/projects/team-a/dashboards";

#[tokio::test]
async fn documents_that_are_refused() {
    let house = House::start("");
    let mut circle = dashboard("n", "T");
    circle["spec"]["variables"] = json!([{"kind": "ListVariable", "spec": {"name": "a", "plugin": {"kind": "P", "spec": {"x": "$a"}}}}]);
    let mut layout = dashboard("n", "T");
    layout["spec"]["layouts"] = json!([{"kind": "Grid", "spec": {"items": [{"x": 0, "y": 0, "width": 1, "height": 1, "content": {"$ref": "#/spec/panels/gone"}}]}}]);
    for (body, status, code, words) in [
        (json!("{"), 400, "INVALID_REQUEST", "not JSON"),
        (json!("[]"), 400, "INVALID_REQUEST", "not a JSON object"),
        (json!({"kind": "Dashboard"}), 422, "INVALID_DASHBOARD", "/metadata/name"),
        (json!({"kind": "Folder", "metadata": {"name": "n"}, "spec": {}}), 422, "INVALID_DASHBOARD", "/kind"),
        (dashboard("a/b", "T"), 422, "INVALID_DASHBOARD", "/metadata/name"),
        (dashboard("import", "T"), 422, "INVALID_DASHBOARD", "/metadata/name"),
        (dashboard(&"x".repeat(76), "T"), 422, "INVALID_DASHBOARD", "/metadata/name"),
        (json!(r#"{"kind":"Dashboard","kind":"Dashboard","metadata":{"name":"n"},"spec":{}}"#), 422, "INVALID_DASHBOARD", "/kind"),
        (circle, 422, "INVALID_DASHBOARD", "/spec/variables/0"),
        (layout, 422, "INVALID_DASHBOARD", "/spec/layouts/0/spec/items/0/content/$ref"),
        (dashboard("n", "a\0b"), 422, "INVALID_DASHBOARD", "/spec/display/name"),
    ] {
        let answer = house.post("alice", LIST, body.clone()).await;
        assert_eq!(answer.code(), (status, code.to_owned()), "{body}: {answer:?}");
        assert!(answer.body.contains(words), "{body}: {answer:?}");
        if status == 422 {
            let problems = answer.json()["details"]["problems"].as_array().unwrap().clone();
            assert!(problems.iter().any(|problem| problem["pointer"] == words), "{problems:?}");
        }
    }
    let left = house.get("alice", LIST).await;
    assert_eq!((left.body.as_str(), left.header("x-total-count")), ("[]", "0"));
    let audit = house.get("admin", "/api/v1/audit/logs").await.json();
    assert_eq!(audit["items"], json!([]));
}

#[tokio::test]
async fn requests_that_are_refused() {
    let house = House::start("");
    house.make("alice", "team-a", "n").await;
    let one = format!("{LIST}/n");
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (method, path, body, headers, status, code) in [
        ("POST", LIST, dashboard("m", "T"), vec![("content-type", "text/plain")], 415, "INVALID_REQUEST"),
        (
            "POST",
            LIST,
            dashboard("m", "T"),
            vec![("content-type", "application/json"), ("content-encoding", "gzip")],
            415,
            "INVALID_REQUEST",
        ),
        ("POST", LIST, json!(deep), vec![], 400, "INVALID_REQUEST"),
        ("POST", LIST, dashboard("n", "T"), vec![], 409, "DASHBOARD_NAME_CONFLICT"),
        ("PUT", &one, dashboard("n", "T"), vec![], 400, "INVALID_REQUEST"),
        ("PUT", &one, dashboard("other", "T"), vec![("if-match", "*")], 400, "INVALID_REQUEST"),
        ("PUT", &one, dashboard("n", "T"), vec![("if-match", "\"a.1\", \"a.2\"")], 400, "INVALID_REQUEST"),
        ("PUT", &one, dashboard("n", "T"), vec![("if-match", "\"a.1\"")], 409, "VERSION_CONFLICT"),
        ("PUT", &format!("{LIST}/m"), dashboard("m", "T"), vec![("if-match", "*")], 404, "NOT_FOUND"),
        ("PATCH", &one, json!({"spec": {"panels": {}}}), vec![], 400, "INVALID_REQUEST"),
        ("PATCH", &one, json!({"metadata": {"state": "archived"}}), vec![], 422, "INVALID_DASHBOARD"),
        ("PATCH", &one, json!({"metadata": {"tags": "x"}}), vec![], 422, "INVALID_DASHBOARD"),
        ("DELETE", &format!("{one}?purge=yes"), Value::Null, vec![], 400, "INVALID_REQUEST"),
        ("GET", &format!("{LIST}?limit=0"), Value::Null, vec![], 400, "INVALID_REQUEST"),
        ("GET", &format!("{LIST}?limit=1001"), Value::Null, vec![], 400, "INVALID_REQUEST"),
        ("GET", &format!("{LIST}?sort=size"), Value::Null, vec![], 400, "INVALID_REQUEST"),
        ("GET", &format!("{LIST}?state=gone"), Value::Null, vec![], 400, "INVALID_REQUEST"),
        ("GET", &format!("{LIST}?cursor=x"), Value::Null, vec![], 400, "INVALID_REQUEST"),
        ("GET", &format!("{LIST}?fields=some"), Value::Null, vec![], 400, "INVALID_REQUEST"),
        ("GET", &format!("{LIST}?sort=name&sort=title"), Value::Null, vec![], 400, "INVALID_REQUEST"),
        ("GET", &format!("{one}/versions/x"), Value::Null, vec![], 400, "INVALID_REQUEST"),
        ("GET", &format!("{one}/versions/7"), Value::Null, vec![], 404, "NOT_FOUND"),
        ("GET", &format!("{one}/versions/0/diff?to=7"), Value::Null, vec![], 404, "NOT_FOUND"),
        ("GET", "/api/v1/projects/UPPER/dashboards", Value::Null, vec![], 404, "NOT_FOUND"),
    ] {
        let answer = house.ask("alice", method, path, body, &headers).await;
        assert_eq!(answer.code(), (status, code.to_owned()), "{method} {path}: {answer:?}");
        assert!(!answer.json()["message"].as_str().unwrap().is_empty());
    }
    let read = house.get("alice", &one).await.json();
    assert_eq!(read["metadata"]["version"], 0, "nothing of it was done");
}

#[tokio::test]
async fn queries_can_be_checked() {
    let house = House::start("");
    let with = |text: &str| {
        let mut body = dashboard("n", "T");
        body["spec"]["variables"] = json!([{"kind": "TextVariable", "spec": {"name": "pod", "value": "p"}}]);
        body["spec"]["panels"] = json!({"p": {"kind": "Panel", "spec": {"plugin": {"kind": "StatChart", "spec": {}},
            "queries": [{"kind": "TimeSeriesQuery", "spec": {"plugin": {"kind": "PrometheusTimeSeriesQuery", "spec": {"query": text}}}}]}}});
        body
    };
    let path = format!("{LIST}?check=queries");
    for (text, words) in [("sum(rate(up{pod=\"$pod\"}[5m])", "unclosed left parenthesis"), ("node_load1", "cluster-wide")] {
        let refused = house.post("alice", &path, with(text)).await;
        assert_eq!(refused.code(), (422, "INVALID_DASHBOARD".into()), "{refused:?}");
        let query = &refused.json()["details"]["queries"][0];
        assert_eq!((&query["panel"], &query["valid"]), (&json!("p"), &json!(false)));
        assert!(query["errors"].to_string().contains(words), "{query}");
    }
    assert_eq!(house.get("alice", LIST).await.body, "[]");
    let good = with("sum(rate(up{pod=\"$pod\"}[$__rate_interval]))");
    assert_eq!(house.post("alice", &path, good.clone()).await.status, 200);
    assert_eq!(house.ask("alice", "PUT", &format!("{LIST}/n?check=queries"), with("up{"), &[("if-match", "*")]).await.status, 422);
    assert_eq!(house.ask("alice", "PUT", &format!("{LIST}/n?check=all"), good, &[("if-match", "*")]).await.status, 400);
}

#[tokio::test]
async fn a_database_that_cannot_be_reached() {
    let house = House::start("dashboards: {database: \"postgres://hecate:secret-word@127.0.0.1:1/none\"}");
    let answer = house.get("alice", LIST).await;
    assert_eq!(answer.code(), (503, "UNAVAILABLE".into()));
    assert_eq!((answer.header("retry-after"), &answer.json()["details"]["dependency"]), ("5", &json!("database")));
    assert_eq!(house.post("alice", LIST, dashboard("n", "T")).await.code(), (503, "UNAVAILABLE".into()));
    let health = house.get("", "/api/v1/health").await.json();
    assert_eq!(health["checks"]["database"]["status"], "degraded", "{health}");
    assert_eq!(house.get("alice", "/api/v1/auth/me").await.status, 200);
    assert_eq!(house.get("", "/ready").await.status, 200, "everything else is served");
    let told = format!("{}{}", house.hecate.log(), answer.body);
    assert!(!told.contains("secret-word"), "{told}");
}

#[tokio::test]
async fn who_asks_too_often_waits() {
    let house = House::start("limits: {rate_per_user: 5/s}");
    let answers = futures_util::future::join_all((0..30).map(|_| house.get("alice", LIST))).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(!refused.is_empty());
    for answer in refused {
        assert_eq!(answer.code(), (429, "RATE_LIMITED".into()));
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    assert_eq!(house.get("bob", "/api/v1/projects/team-b/dashboards").await.status, 200, "others do not wait");
}

/// A table that is missing cannot be: nothing of it is told but where the log has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_faults_have_an_id() {
    let address = crate::support::Postgres::shared().new_database();
    let house = House::start(&format!("dashboards: {{database: \"{address}\"}}"));
    house.make("alice", "team-a", "n").await;
    crate::support::Postgres::shared().sql(address.rsplit('/').next().unwrap(), "DROP TABLE audit_log").unwrap();
    let answer = house.post("alice", LIST, dashboard("m", "T")).await;
    assert_eq!(answer.code(), (500, "INTERNAL".into()));
    assert_eq!(answer.json()["details"], json!({"error_id": answer.header("x-request-id")}));
    assert!(!answer.body.contains("audit_log"), "{answer:?}");
    crate::support::eventually("both are in one line of the log", async || {
        let log = house.hecate.log();
        log.lines().any(|line| line.contains("audit_log") && line.contains(answer.header("x-request-id"))).then_some(())
    })
    .await;
    assert_eq!(house.get("alice", &format!("{LIST}/m")).await.code(), (404, "NOT_FOUND".into()), "nothing of it is left behind");
}
