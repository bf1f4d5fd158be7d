//! Out in several forms and in again.

use serde_json::{Value, json};

use crate::support::StandIn;
use crate::support::stand_in::say;
use crate::{House, dashboard};

/// Without what the server keeps.
fn content(mut value: Value) -> Value {
    for key in ["createdAt", "updatedAt", "version", "project"] {
        value["metadata"].as_object_mut().unwrap().remove(key);
    }
    value
}

#[tokio::test]
async fn every_form_comes_back() {
    let house = House::start("");
    let mut rich = dashboard("GPU_main.1", "Größe: \"GPU\"");
    rich["metadata"]["tags"] = json!(["a", "b c"]);
    rich["spec"]["panels"] = json!({"p": {"kind": "Panel", "spec": {"display": {"name": "P: x"}, "plugin": {"kind": "StatChart", "spec": {"n": 1.5, "t": "yes", "l": [[], {}]}}}}});
    house.post("alice", "/api/v1/projects/team-a/dashboards", rich.clone()).await;
    for (format, kind, file) in [
        ("json", "application/json", "GPU_main.1.json"),
        ("yaml", "application/yaml", "GPU_main.1.yaml"),
        ("cr", "application/yaml", "GPU_main.1.cr.yaml"),
    ] {
        let out = house.get("alice", &format!("/api/v1/projects/team-a/dashboards/GPU_main.1/export?format={format}")).await;
        assert_eq!(
            (out.status, out.header("content-type"), out.header("content-disposition")),
            (200, kind, format!("attachment; filename=\"{file}\"").as_str())
        );
        if format == "cr" {
            assert!(
                out.body.starts_with(
                    "apiVersion: perses.dev/v1alpha2\nkind: PersesDashboard\nmetadata:\n  name: gpu-main.1\n  namespace: team-a\n"
                ),
                "{}",
                out.body
            );
        }
        let import = "/api/v1/projects/team-b/dashboards/import";
        let first = house.ask("both", "POST", import, json!(out.body), &[("content-type", kind)]).await;
        assert_eq!(first.status, 200, "{format}: {first:?}");
        assert_eq!((&first.json()[0]["outcome"], &first.json()[0]["name"]), (&json!("created"), &json!("GPU_main.1")));
        let read = house.get("bob", "/api/v1/projects/team-b/dashboards/GPU_main.1").await.json();
        assert_eq!(content(read), rich, "{format}");
        let second = house.ask("both", "POST", import, json!(out.body), &[("content-type", kind)]).await;
        assert_eq!(second.code(), (409, "DASHBOARD_NAME_CONFLICT".into()));
        let third = house.ask("both", "POST", &format!("{import}?replace=true"), json!(out.body), &[("content-type", kind)]).await;
        assert_eq!((&third.json()[0]["outcome"], &third.json()[0]["version"]), (&json!("replaced"), &json!(1)));
        house.ask("both", "DELETE", "/api/v1/projects/team-b/dashboards/GPU_main.1", Value::Null, &[]).await;
    }
}

#[tokio::test]
async fn a_whole_project_as_an_archive() {
    let house = House::start("");
    for n in 0..130 {
        house.make("alice", "team-a", &format!("n{n}")).await;
    }
    let archive = house.get("alice", "/api/v1/projects/team-a/dashboards/export?format=yaml").await;
    assert_eq!(
        (archive.header("content-type"), archive.header("content-disposition")),
        ("application/zip", "attachment; filename=\"team-a.zip\"")
    );
    house.make("bob", "team-b", "n7").await;
    let zip = [("content-type", "application/zip")];
    let import = house.send("both", "POST", "/api/v1/projects/team-b/dashboards/import", archive.bytes, &zip).await;
    let lines = import.json();
    let lines = lines.as_array().unwrap();
    assert_eq!(lines.len(), 130);
    let refused: Vec<&Value> = lines.iter().filter(|line| line["outcome"] != "created").collect();
    let [line] = refused.as_slice() else { panic!("{refused:?}") };
    assert_eq!((&line["file"], &line["outcome"], &line["code"]), (&json!("n7.yaml"), &json!("refused"), &json!("DASHBOARD_NAME_CONFLICT")));
    assert_eq!(house.get("bob", "/api/v1/projects/team-b/dashboards?limit=1").await.header("x-total-count"), "130");
    let broken = house.send("both", "POST", "/api/v1/projects/team-b/dashboards/import", b"PK-nothing".to_vec(), &zip).await;
    assert_eq!(broken.code(), (400, "INVALID_REQUEST".into()));
}

#[tokio::test]
async fn what_cannot_come_in() {
    let house = House::start("");
    let import = "/api/v1/projects/team-a/dashboards/import";
    for (body, kind, status, words) in [
        (r#"{"panels":[],"schemaVersion":39,"title":"x"}"#, "application/json", 400, "Grafana"),
        ("kind: Folder\n", "application/yaml", 400, "no dashboard"),
        ("a: &x 1\nb: *x\n", "application/yaml", 400, "aliases"),
        ("a: *b\n", "application/yaml", 400, "unknown anchor"),
        ("kind: Dashboard\nmetadata: {name: a b}\nspec: {}\n", "application/yaml", 422, "/metadata/name"),
        ("x", "text/html", 415, "application/yaml"),
    ] {
        let answer = house.ask("alice", "POST", import, json!(body), &[("content-type", kind)]).await;
        assert!(answer.status == status && answer.body.contains(words), "{body}: {answer:?}");
    }
    let with_address = json!({"kind": "Dashboard", "metadata": {"name": "n", "project": "elsewhere"}, "spec": {"datasources": {"x": {"plugin": {"kind": "PrometheusDatasource", "spec": {"directUrl": "http://prom:9090"}}}}}});
    let imported = house.post("alice", import, with_address).await.json();
    assert!(imported[0]["notes"][0].as_str().unwrap().contains("\"x\" was left out"), "{imported}");
    let read = house.get("alice", "/api/v1/projects/team-a/dashboards/n").await;
    assert!(!read.body.contains("9090"), "{}", read.body);
}

#[tokio::test]
async fn copies() {
    let house = House::start("");
    house.make("both", "team-a", "n").await;
    let path = "/api/v1/projects/team-a/dashboards/n/clone";
    let copy = house.post("both", path, json!({"name": "m", "project": "team-b", "title": "Copy"})).await.json();
    assert_eq!(
        (&copy["metadata"]["project"], &copy["metadata"]["name"], &copy["spec"]["display"]["name"], &copy["metadata"]["version"]),
        (&json!("team-b"), &json!("m"), &json!("Copy"), &json!(0))
    );
    assert_eq!(house.post("both", path, json!({"name": "n"})).await.code(), (409, "DASHBOARD_NAME_CONFLICT".into()));
    assert_eq!(house.post("alice", path, json!({"name": "m", "project": "team-b"})).await.code(), (404, "NOT_FOUND".into()));
    assert_eq!(house.post("both", path, json!({"title": "x"})).await.code(), (400, "INVALID_REQUEST".into()));
}

#[tokio::test]
async fn a_perses_server_migrates_what_grafana_made() {
    let perses = StandIn::start(|asked, mut stream| async move {
        let request: Value = serde_json::from_str(&asked.body).unwrap();
        assert_eq!((asked.target(), &request["useDefaultDatasource"]), ("/base/api/migrate", &json!(true)));
        match request["grafanaDashboard"]["title"].as_str().unwrap() {
            "good" => {
                let made = json!({"kind": "Dashboard", "metadata": {"name": "made-of-grafana", "project": "", "version": 0}, "spec": {
                    "display": {"name": "good"}, "panels": {}, "layouts": [],
                    "datasources": {"prom": {"plugin": {"kind": "PrometheusDatasource", "spec": {"directUrl": "http://prom"}}}}}});
                say(&mut stream, "200 OK", "application/json", &made.to_string()).await;
            }
            "odd" => say(&mut stream, "400 Bad Request", "application/json", r#"{"message":"no plugin for this panel"}"#).await,
            "huge" => say(&mut stream, "200 OK", "application/json", &"x".repeat(9 << 20)).await,
            _ => say(&mut stream, "502 Bad Gateway", "text/html", "<html>").await,
        }
    })
    .await;
    let house = House::start(&format!("perses: {{url: \"{}/base/\"}}\n", perses.url()));
    let import = async |title: &str| {
        house.post("alice", "/api/v1/projects/team-a/dashboards/import", json!({"panels": [], "schemaVersion": 39, "title": title})).await
    };
    let made = import("good").await.json();
    assert_eq!((&made[0]["name"], &made[0]["outcome"]), (&json!("made-of-grafana"), &json!("created")), "{made}");
    assert!(made[0]["notes"][0].as_str().unwrap().contains("prom"), "{made}");
    let read = house.get("alice", "/api/v1/projects/team-a/dashboards/made-of-grafana").await;
    assert!(read.status == 200 && !read.body.contains("http://prom"), "{read:?}");
    let odd = import("odd").await;
    assert!(odd.code() == (400, "INVALID_REQUEST".into()) && odd.body.contains("no plugin for this panel"), "{odd:?}");
    assert_eq!(import("huge").await.code(), (400, "INVALID_REQUEST".into()));
    let away = import("away").await;
    assert_eq!((away.code(), away.header("retry-after")), ((503, "UNAVAILABLE".into()), "5"));
    assert_eq!(away.json()["details"]["dependency"], "perses");
    assert!(!away.body.contains("html"), "{away:?}");
}
