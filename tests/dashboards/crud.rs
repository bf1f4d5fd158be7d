//! Made, read, saved, patched, archived, brought back.

use serde_json::{Value, json};

use crate::{House, dashboard};

#[tokio::test]
async fn the_life_of_a_dashboard() {
    let house = House::start("");
    let list = "/api/v1/projects/team-a/dashboards";
    let made = house.post("alice", list, dashboard("gpu.main", "GPU")).await;
    assert_eq!((made.status, made.header("content-type")), (200, "application/json"), "{made:?}");
    let document = made.json();
    assert_eq!((&document["metadata"]["project"], &document["metadata"]["version"]), (&json!("team-a"), &json!(0)));
    assert!(document["metadata"]["createdAt"].as_str().unwrap().ends_with('Z'));

    let one = format!("{list}/gpu.main");
    let read = house.get("alice", &one).await;
    assert_eq!((read.status, &read.body), (200, &made.body));
    assert_eq!(read.header("cache-control"), "private, no-cache");
    let tag = read.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with(".0\""), "{tag}");
    let known = house.ask("alice", "GET", &one, Value::Null, &[("if-none-match", &tag)]).await;
    assert_eq!((known.status, known.body.as_str(), known.header("etag")), (304, "", tag.as_str()));

    // As the Perses UI saves: what it loaded, changed, with the version that it loaded.
    let mut changed = document.clone();
    changed["spec"]["display"]["name"] = json!("GPUs");
    let saved = house.ask("bob", "PUT", &one, changed.clone(), &[]).await;
    assert_eq!(saved.code(), (404, "NOT_FOUND".into()), "bob's projects do not have this one");
    let saved = house.ask("alice", "PUT", &one, changed.clone(), &[]).await;
    assert_eq!((saved.status, &saved.json()["metadata"]["version"]), (200, &json!(1)), "{saved:?}");
    let again = house.ask("alice", "PUT", &one, changed.clone(), &[]).await;
    assert_eq!(again.code(), (409, "VERSION_CONFLICT".into()));
    let details = &again.json()["details"];
    assert_eq!((&details["current_version"], &details["updated_by"]), (&json!(1), &json!("alice")), "{again:?}");
    assert!(details["updated_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(house.ask("alice", "PUT", &one, changed.clone(), &[("if-match", &tag)]).await.status, 409);
    let tag = saved.header("etag").to_owned();
    let saved = house.ask("alice", "PUT", &one, changed.clone(), &[("if-match", &tag)]).await;
    assert_eq!((saved.status, &saved.json()["metadata"]["version"]), (200, &json!(2)), "If-Match is looked at first");

    let patch = json!({"metadata": {"tags": ["x"], "state": "draft"}, "spec": {"display": {"description": "d"}}});
    let patched = house.ask("alice", "PATCH", &one, patch, &[("content-type", "application/merge-patch+json")]).await;
    assert_eq!(patched.status, 200, "{patched:?}");
    let value = patched.json();
    assert_eq!(
        (&value["metadata"]["tags"], &value["metadata"]["state"], &value["metadata"]["version"]),
        (&json!(["x"]), &json!("draft"), &json!(3))
    );
    assert_eq!(value["spec"]["display"], json!({"name": "GPUs", "description": "d"}));

    let gone = house.ask("alice", "DELETE", &one, Value::Null, &[("if-match", &tag)]).await;
    assert_eq!(gone.status, 409, "archiving can be bound to a version, too");
    let gone = house.ask("alice", "DELETE", &one, Value::Null, &[]).await;
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    assert_eq!(house.get("alice", &one).await.code(), (404, "NOT_FOUND".into()));
    let archived = house.get("alice", &format!("{list}?state=archived")).await.json();
    assert_eq!(archived[0]["metadata"]["state"], "archived");
    let back = house.post("alice", &format!("{one}/restore"), Value::Null).await;
    assert_eq!((back.status, &back.json()["metadata"]["version"]), (200, &json!(4)), "{back:?}");
    assert_eq!(house.ask("alice", "DELETE", &format!("{one}?purge=true"), Value::Null, &[]).await.code(), (404, "NOT_FOUND".into()));
    house.ask("alice", "DELETE", &one, Value::Null, &[]).await;
    assert_eq!(house.ask("alice", "DELETE", &format!("{one}?purge=true"), Value::Null, &[]).await.status, 204);
    assert_eq!(house.post("alice", &format!("{one}/restore"), Value::Null).await.code(), (404, "NOT_FOUND".into()));
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let mut house = House::start("");
    house.make("alice", "team-a", "kept").await;
    let folder = house.hecate.folder();
    assert!(folder.join("hecate.db").exists());
    house.hecate.signal("TERM");
    assert_eq!(house.hecate.ended(std::time::Duration::from_secs(20)).await, Some(0));
    let database = format!("dashboards: {{database: \"sqlite:{}\"}}", folder.join("hecate.db").display());
    let second = House::start(&database);
    assert_eq!(second.get("alice", "/api/v1/projects/team-a/dashboards/kept").await.status, 200);
}

#[tokio::test]
async fn a_create_can_be_sent_again() {
    let house = House::start("");
    let send = async |key: &str| {
        house.ask("alice", "POST", "/api/v1/projects/team-a/dashboards", dashboard("n", "T"), &[("idempotency-key", key)]).await
    };
    let (first, second) = (send("k1").await, send("k1").await);
    assert_eq!((first.status, second.status, &first.body), (200, 200, &second.body));
    assert_eq!(send("k2").await.code(), (409, "DASHBOARD_NAME_CONFLICT".into()));
}

#[tokio::test]
async fn the_project_can_stand_in_the_document() {
    let house = House::start("");
    let mut body = dashboard("n", "T");
    body["metadata"]["project"] = json!("team-b");
    assert_eq!(house.post("alice", "/api/v1/dashboards", body.clone()).await.code(), (404, "NOT_FOUND".into()));
    assert_eq!(house.post("both", "/api/v1/dashboards", body.clone()).await.json()["metadata"]["project"], "team-b");
    assert_eq!(house.post("both", "/api/v1/projects/team-a/dashboards", body).await.code(), (400, "INVALID_REQUEST".into()));
    assert_eq!(house.post("both", "/api/v1/dashboards", dashboard("n", "T")).await.code(), (400, "INVALID_REQUEST".into()));
}

/// The wire format of Perses: unknown members, key order and spelling of numbers stay.
#[tokio::test]
async fn a_document_comes_back_as_it_was_sent() {
    let house = House::start("");
    let text = r#"{"kind":"Dashboard","metadata":{"name":"n","zz":{"b":1.50,"a":1e3}},"spec":{"zeta":[1,{"y":0,"x":null}],"display":{"name":"日本語"},"panels":{}},"extra":true}"#;
    house.post("alice", "/api/v1/projects/team-a/dashboards", json!(text)).await;
    let read = house.get("alice", "/api/v1/projects/team-a/dashboards/n").await.body;
    let (start, end) = (
        r#"{"kind":"Dashboard","metadata":{"name":"n","zz":{"b":1.50,"a":1e3},"#,
        r#""spec":{"zeta":[1,{"y":0,"x":null}],"display":{"name":"日本語"},"panels":{}},"extra":true}"#,
    );
    assert!(read.starts_with(start) && read.ends_with(end), "{read}");
}

#[tokio::test]
async fn head_options_and_other_methods() {
    let house = House::start("");
    house.make("alice", "team-a", "n").await;
    let one = "/api/v1/projects/team-a/dashboards/n";
    let head = house.ask("alice", "HEAD", one, Value::Null, &[]).await;
    assert!(head.status == 200 && head.body.is_empty() && !head.header("etag").is_empty());
    let options = house.ask("", "OPTIONS", one, Value::Null, &[]).await;
    assert_eq!((options.status, options.header("allow")), (204, "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"));
    let post = house.ask("alice", "POST", one, json!({}), &[]).await;
    assert_eq!((post.status, post.header("allow")), (405, "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"));
    assert_eq!(house.ask("alice", "DELETE", "/api/v1/projects/team-a", Value::Null, &[]).await.status, 405);
}

/// `percli apply` sends every member of its own structures, with the zero of each where the file says nothing.
#[tokio::test]
async fn files_are_applied_as_the_tools_of_perses_do() {
    let house = House::start("");
    let applied = |title: &str| {
        let mut body = dashboard("n", title);
        let zero = "0001-01-01T00:00:00Z";
        body["metadata"] = json!({"name": "n", "createdAt": zero, "updatedAt": zero, "version": 0, "project": "team-a"});
        body["spec"]["duration"] = json!("1h");
        body
    };
    let list = "/api/v1/projects/team-a/dashboards";
    assert_eq!(house.get("alice", &format!("{list}/n")).await.status, 404);
    let made = house.post("alice", list, applied("one")).await;
    assert!(made.status == 200 && !made.json()["metadata"]["createdAt"].to_string().contains("0001"), "{made:?}");
    for version in 1..4 {
        let saved = house.ask("alice", "PUT", &format!("{list}/n"), applied("two"), &[]).await;
        assert_eq!((saved.status, &saved.json()["metadata"]["version"]), (200, &json!(version)), "{saved:?}");
    }
    let stale = house.ask("alice", "PUT", &format!("{list}/n"), applied("three"), &[("if-match", "\"x.1\"")]).await;
    assert_eq!(stale.code(), (409, "VERSION_CONFLICT".into()), "who says what it follows is believed");
    // What the interface asks for on its pages.
    let heads = house.get("alice", "/api/v1/dashboards?metadata_only=true").await.json();
    assert_eq!(
        (&heads[0]["kind"], &heads[0]["metadata"]["name"], &heads[0]["spec"]["display"]["name"]),
        (&json!("Dashboard"), &json!("n"), &json!("two"))
    );
    assert!(heads[0]["spec"].get("panels").is_none(), "{heads}");
    assert_eq!(house.get("alice", "/api/v1/dashboards?project=team-a&name=n").await.json().as_array().unwrap().len(), 1);
    assert_eq!(house.get("alice", "/api/v1/projects/team-a").await.json()["kind"], "Project");
}
