//! Versions over HTTP.

use serde_json::{Value, json};

use crate::{House, dashboard};

#[tokio::test]
async fn versions_differences_and_restoring() {
    let house = House::start("");
    let one = "/api/v1/projects/team-a/dashboards/n";
    house.post("alice", "/api/v1/projects/team-a/dashboards?message=made", dashboard("n", "One")).await;
    let mut second = dashboard("n", "Two");
    second["spec"]["panels"] =
        json!({"p": {"kind": "Panel", "spec": {"display": {"name": "GPU"}, "plugin": {"kind": "StatChart", "spec": {}}}}});
    second["metadata"]["version"] = json!(0);
    let saved = house.ask("both", "PUT", &format!("{one}?message=better"), second, &[]).await;
    assert_eq!(saved.status, 200, "{saved:?}");
    let versions = house.get("alice", &format!("{one}/versions")).await.json();
    let told: Vec<_> = versions
        .as_array()
        .unwrap()
        .iter()
        .map(|v| (v["version"].as_i64().unwrap(), v["author"].as_str().unwrap(), v["message"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [(1, "both", "better"), (0, "alice", "made")]);
    assert!(versions[0]["size_bytes"].as_u64().unwrap() > 100 && versions[0]["created_at"].as_str().unwrap().ends_with('Z'));
    let page = house.get("alice", &format!("{one}/versions?limit=1")).await;
    assert_eq!(page.header("link"), "<?limit=1&cursor=1>; rel=\"next\"");
    assert_eq!(house.get("alice", &format!("{one}/versions?limit=1&cursor=1")).await.json()[0]["version"], 0);

    let old = house.get("alice", &format!("{one}/versions/0")).await.json();
    assert_eq!(old["spec"]["display"]["name"], "One");
    let diff = house.get("alice", &format!("{one}/versions/0/diff")).await.json();
    assert_eq!((&diff["from"], &diff["to"]), (&json!(0), &json!(1)));
    assert_eq!(diff["summary"], json!(["the title changed from \"One\" to \"Two\"", "panel \"GPU\" was added"]));
    assert_eq!(diff["patch"][0], json!({"op": "replace", "path": "/spec/display/name", "value": "Two"}));
    assert_eq!(house.get("alice", &format!("{one}/versions/1/diff?to=1")).await.json()["patch"], json!([]));

    let restored = house.post("alice", &format!("{one}/versions/0/restore"), Value::Null).await;
    assert_eq!((restored.status, &restored.json()["metadata"]["version"]), (200, &json!(2)), "{restored:?}");
    assert_eq!(restored.json()["spec"]["display"]["name"], "One");
    let newest = house.get("alice", &format!("{one}/versions?limit=1")).await.json();
    assert_eq!(newest[0]["message"], "version 0 again");
    let tag = saved.header("etag").to_owned();
    let stale = house.ask("alice", "POST", &format!("{one}/versions/0/restore"), Value::Null, &[("if-match", &tag)]).await;
    assert_eq!(stale.code(), (409, "VERSION_CONFLICT".into()));
}
