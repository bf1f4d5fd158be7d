//! Templates over HTTP.

use serde_json::{Value, json};

use crate::House;

#[tokio::test]
async fn a_dashboard_is_made_of_a_template() {
    let house = House::start("");
    let list = house.get("viewer", "/api/v1/templates").await.json();
    let ids: Vec<&str> = list.as_array().unwrap().iter().map(|template| template["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["cluster", "data_pipeline", "model_serving", "notebook", "training_job"]);
    assert_eq!(house.get("viewer", "/api/v1/templates?category=notebook").await.json().as_array().unwrap().len(), 1);
    assert_eq!(house.get("viewer", "/api/v1/presets").await.json().as_array().unwrap().len(), 44);
    let path = "/api/v1/projects/team-a/dashboards/from-template";
    let wish = json!({"template": "model_serving", "name": "granite", "variables": {"name": "granite-8b"}});
    let made = house.post("alice", path, wish.clone()).await;
    assert_eq!(made.status, 200, "{made:?}");
    let document = made.json();
    assert_eq!(document["spec"]["display"]["name"], "Model Serving: granite-8b");
    assert_eq!(document["spec"]["panels"].as_object().unwrap().len(), 12);
    let found = house.get("alice", "/api/v1/dashboards?template=model_serving").await.json();
    assert_eq!(found[0]["metadata"]["name"], "granite");
    assert_eq!(house.post("alice", path, wish).await.code(), (409, "DASHBOARD_NAME_CONFLICT".into()));
    for (wish, status) in [
        (json!({"template": "model_serving", "name": "x"}), 400),
        (json!({"template": "model_serving", "name": "x", "variables": {"name": "a\"b"}}), 400),
        (json!({"template": "model_serving", "name": "x", "variables": {"namespace": "team-b", "name": "a"}}), 400),
        (json!({"template": "nothing", "name": "x"}), 404),
        (json!({"template": "cluster", "name": "x"}), 403),
        (json!({"template": "notebook", "name": "a b", "variables": {"name": "a"}}), 422),
        (json!({"template": "notebook", "name": "x", "odd": 1}), 400),
    ] {
        let answer = house.post("alice", path, wish.clone()).await;
        assert_eq!(answer.status, status, "{wish}: {answer:?}");
    }
    let of_cluster =
        house.post("admin", "/api/v1/projects/team-a/dashboards/from-template", json!({"template": "cluster", "name": "all"})).await;
    assert_eq!(of_cluster.status, 200, "{of_cluster:?}");
}

#[tokio::test]
async fn custom_templates() {
    let house = House::start("");
    let mut own = house.get("admin", "/api/v1/templates/notebook").await.json();
    own.as_object_mut().unwrap().remove("system");
    assert_eq!(
        house.post("admin", "/api/v1/templates", own.clone()).await.code(),
        (422, "INVALID_DASHBOARD".into()),
        "a built-in one has this id"
    );
    own["id"] = json!("ours");
    own["category"] = json!("custom");
    assert_eq!(house.post("alice", "/api/v1/templates", own.clone()).await.code(), (403, "FORBIDDEN".into()));
    assert_eq!(house.post("admin", "/api/v1/templates", own.clone()).await.status, 200);
    assert_eq!(house.post("admin", "/api/v1/templates", own.clone()).await.code(), (409, "TEMPLATE_NAME_CONFLICT".into()));
    own["title"] = json!("Ours");
    assert_eq!(house.ask("admin", "PUT", "/api/v1/templates/ours", own.clone(), &[]).await.status, 200);
    assert_eq!(house.ask("admin", "PUT", "/api/v1/templates/other", own.clone(), &[]).await.code(), (400, "INVALID_REQUEST".into()));
    let read = house.get("viewer", "/api/v1/templates/ours").await.json();
    assert_eq!(
        (&read["title"], &read["version"], &read["system"], &read["updated_by"]),
        (&json!("Ours"), &json!(1), &json!(false), &json!("admin"))
    );
    let wish = json!({"template": "ours", "name": "n", "variables": {"name": "lab"}});
    assert_eq!(house.post("alice", "/api/v1/projects/team-a/dashboards/from-template", wish).await.status, 200);
    own["rows"][0]["panels"][0]["kind"] = json!("Pie");
    let bad = house.ask("admin", "PUT", "/api/v1/templates/ours", own, &[]).await;
    assert!(bad.status == 422 && bad.body.contains("no kind of chart"), "{bad:?}");
    assert_eq!(house.ask("admin", "DELETE", "/api/v1/templates/ours", Value::Null, &[]).await.status, 204);
    assert_eq!(house.ask("admin", "DELETE", "/api/v1/templates/notebook", Value::Null, &[]).await.code(), (403, "FORBIDDEN".into()));
    assert_eq!(house.get("viewer", "/api/v1/templates/ours").await.code(), (404, "NOT_FOUND".into()));
}
