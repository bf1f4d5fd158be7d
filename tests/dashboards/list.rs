//! Lists: array bodies, search, paging by `Link`.

use serde_json::{Value, json};

use crate::{House, dashboard};

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_are_followed_by_their_links() {
    let house = House::start("");
    for n in 0..7 {
        house.make("both", if n < 4 { "team-a" } else { "team-b" }, &format!("n{n}")).await;
    }
    let mut path = "/api/v1/dashboards?limit=3&sort=-created&q=n".to_owned();
    let mut seen = Vec::new();
    for _ in 0..5 {
        let page = house.get("both", &path).await;
        assert_eq!((page.status, page.header("x-total-count")), (200, "7"), "{page:?}");
        seen.extend(names(&page.json()).into_iter().map(str::to_owned));
        let link = page.header("link");
        let Some(next) = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) else {
            assert_eq!(link, "");
            break;
        };
        assert!(next.contains("q=n") && next.contains("limit=3"), "{next}");
        path = format!("/api/v1/dashboards{next}");
    }
    seen.sort();
    assert_eq!(seen, ["n0", "n1", "n2", "n3", "n4", "n5", "n6"]);
    let of_project = house.get("both", "/api/v1/projects/team-b/dashboards").await;
    assert_eq!(names(&of_project.json()), ["n4", "n5", "n6"]);
}

#[tokio::test]
async fn lists_are_filtered() {
    let house = House::start("");
    let mut rich = dashboard("rich", "GPU Überblick");
    rich["metadata"]["tags"] = json!(["gpu"]);
    rich["spec"]["panels"] = json!({"p": {"kind": "Panel", "spec": {"display": {"name": "Wärme"}, "plugin": {"kind": "StatChart", "spec": {}},
        "queries": [{"kind": "TimeSeriesQuery", "spec": {"plugin": {"kind": "PrometheusTimeSeriesQuery", "spec": {"query": "max(DCGM_FI_DEV_GPU_TEMP)"}}}}]}}});
    let list = "/api/v1/projects/team-a/dashboards";
    house.post("alice", list, rich).await;
    house.make("alice", "team-a", "plain").await;
    house.ask("alice", "PATCH", &format!("{list}/plain"), json!({"metadata": {"state": "draft"}}), &[]).await;
    for (query, expected) in [
        ("", vec!["plain", "rich"]),
        ("?q=%C3%BCberblick", vec!["rich"]),
        ("?q=w%C3%A4rme+gpu", vec!["rich"]),
        ("?q=dcgm_fi", vec!["rich"]),
        ("?tag=gpu", vec!["rich"]),
        ("?state=draft", vec!["plain"]),
        ("?state=active", vec!["rich"]),
        ("?name=pl", vec!["plain"]),
        ("?author=alice&sort=title", vec!["rich", "plain"]),
        ("?author=bob", vec![]),
        ("?sort=-name", vec!["rich", "plain"]),
    ] {
        let found = house.get("alice", &format!("{list}{query}")).await;
        assert_eq!(names(&found.json()), expected, "{query}");
    }
    for query in ["?metadata_only=true&tag=gpu", "?fields=metadata&tag=gpu"] {
        let heads = house.get("alice", &format!("{list}{query}")).await.json();
        assert_eq!(heads[0]["spec"], json!({"display": {"name": "GPU Überblick"}}), "{query}");
        assert_eq!((&heads[0]["kind"], &heads[0]["metadata"]["tags"]), (&json!("Dashboard"), &json!(["gpu"])));
    }
}
