//! Links that work without signing in.

use serde_json::{Value, json};

use crate::House;
use crate::support::{Prometheus, PrometheusOptions, eventually};

const SHARES: &str = "/api/v1/projects/team-a/dashboards/n/shares";

async fn link(house: &House, wish: Value) -> Value {
    let made = house.post("alice", SHARES, wish).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()
}

#[tokio::test]
async fn a_link_opens_one_dashboard_until_it_is_taken_back() {
    let house = House::start("");
    house.make("alice", "team-a", "n").await;
    let made = link(&house, json!({"expires_in": "1h"})).await;
    let token = made["token"].as_str().unwrap();
    assert!(token.len() >= 43 && made["url"].as_str().unwrap().ends_with(&format!("/api/v1/shared/{token}")), "{made}");
    let path = format!("/api/v1/shared/{token}");
    let seen = house.get("", &path).await;
    assert_eq!((seen.status, seen.header("referrer-policy")), (200, "no-referrer"), "{seen:?}");
    assert_eq!((&seen.json()["dashboard"]["metadata"]["name"], &seen.json()["expires_at"]), (&json!("n"), &made["expires_at"]));
    let list = house.get("alice", SHARES).await;
    assert_eq!(list.json()[0]["id"], made["id"]);
    assert!(!list.body.contains(token) && !list.body.contains("hash"), "{list:?}");
    let audit = house.get("admin", "/api/v1/audit/logs").await.body;
    assert!(audit.contains("share.create") && !audit.contains(token), "{audit}");
    assert!(!house.hecate.log().contains(token), "no log holds it");

    let one = format!("{SHARES}/{}", made["id"].as_str().unwrap());
    assert_eq!(house.ask("bob", "DELETE", &one, Value::Null, &[]).await.code(), (404, "NOT_FOUND".into()));
    assert_eq!(house.ask("alice", "DELETE", &one, Value::Null, &[]).await.status, 204);
    assert_eq!(house.ask("alice", "DELETE", &one, Value::Null, &[]).await.code(), (404, "NOT_FOUND".into()));
    assert_eq!(house.get("", &path).await.code(), (401, "INVALID_SHARE_TOKEN".into()));
    assert_eq!(house.get("", "/api/v1/shared/nothing").await.code(), (401, "INVALID_SHARE_TOKEN".into()));

    let second = link(&house, json!({"expires_in": "1m"})).await;
    house.ask("alice", "DELETE", "/api/v1/projects/team-a/dashboards/n", Value::Null, &[]).await;
    house.post("alice", "/api/v1/projects/team-a/dashboards/n/restore", Value::Null).await;
    let gone = house.get("", &format!("/api/v1/shared/{}", second["token"].as_str().unwrap())).await;
    assert_eq!(gone.code(), (401, "INVALID_SHARE_TOKEN".into()), "revoked with its dashboard, for good");
}

#[tokio::test]
async fn links_are_bound_and_few() {
    let house = House::start("");
    house.make("alice", "team-a", "n").await;
    let elsewhere = link(&house, json!({"expires_in": "1h", "cidrs": ["192.0.2.0/24", "2001:db8::/32"]})).await;
    let answer = house.get("", &format!("/api/v1/shared/{}", elsewhere["token"].as_str().unwrap())).await;
    assert_eq!(answer.code(), (403, "IP_RESTRICTION_VIOLATION".into()));
    let here = link(&house, json!({"expires_in": "7d", "cidrs": ["127.0.0.0/8"]})).await;
    assert_eq!(house.get("", &format!("/api/v1/shared/{}", here["token"].as_str().unwrap())).await.status, 200);
    for wish in [
        json!({}),
        json!({"expires_in": "59s"}),
        json!({"expires_in": "8d"}),
        json!({"expires_in": "1h", "cidrs": ["x"]}),
        json!({"expires_in": "1h", "odd": 1}),
    ] {
        assert_eq!(house.post("alice", SHARES, wish.clone()).await.code(), (400, "INVALID_REQUEST".into()), "{wish}");
    }
    assert_eq!(house.post("viewer", SHARES, json!({"expires_in": "1h"})).await.code(), (403, "FORBIDDEN".into()));
    for _ in 0..8 {
        link(&house, json!({"expires_in": "1h"})).await;
    }
    let eleventh = house.post("alice", SHARES, json!({"expires_in": "1h"})).await;
    assert_eq!(eleventh.code(), (429, "SHARE_RATE_LIMITED".into()));
    assert!(eleventh.header("retry-after").parse::<u64>().unwrap() > 3000);
}

#[tokio::test]
async fn somebody_who_guesses_is_slowed_down() {
    let house = House::start("");
    let mut last = 0;
    for _ in 0..101 {
        last = house.get("", "/api/v1/shared/guess").await.status;
    }
    assert_eq!(last, 429);
    assert_eq!(house.get("", "/api/v1/shared/guess").await.code(), (429, "SHARE_RATE_LIMITED".into()));
}

#[tokio::test]
async fn only_the_queries_of_the_dashboard_in_its_project() {
    let history =
        "# TYPE work gauge\nwork{namespace=\"team-a\",pod=\"p\"} 3 1700000000\nwork{namespace=\"team-b\",pod=\"p\"} 5 1700000000\n# EOF\n";
    let prometheus = Prometheus::start(PrometheusOptions { history: Some(history), ..PrometheusOptions::default() }).await;
    let house = House::in_front_of(&prometheus.url(), "");
    let query =
        |text: &str| json!({"kind": "TimeSeriesQuery", "spec": {"plugin": {"kind": "PrometheusTimeSeriesQuery", "spec": {"query": text}}}});
    let panel = json!({"kind": "Panel", "spec": {"display": {"name": "P"}, "plugin": {"kind": "StatChart", "spec": {}}, "queries": [query("sum(work{pod=~\"$pod\"})")]}});
    let list = |name: &str, kind: &str, spec: Value| json!({"kind": "ListVariable", "spec": {"name": name, "plugin": {"kind": kind, "spec": spec}}});
    let variables = [
        list("pod", "PrometheusLabelValuesVariable", json!({"labelName": "pod", "matchers": ["work{pod!=\"$x\"}"]})),
        list("label", "PrometheusLabelNamesVariable", json!({"matchers": ["work"]})),
    ];
    let body = json!({"kind": "Dashboard", "metadata": {"name": "n"}, "spec": {"panels": {"p": panel}, "variables": variables}});
    assert_eq!(house.post("alice", "/api/v1/projects/team-a/dashboards", body).await.status, 200);
    let made = link(&house, json!({"expires_in": "1h"})).await;
    let path = format!("/api/v1/shared/{}", made["token"].as_str().unwrap());
    let ask = async |text: &str| {
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        house.get("", &format!("{path}/query?time=1700000000&query={encoded}")).await
    };
    let answer = ask("sum(work{pod=~\"p|q\"})").await;
    assert_eq!(answer.json()["data"]["result"][0]["value"][1], "3", "of its own project only: {answer:?}");
    let form = house
        .ask(
            "",
            "POST",
            &format!("{path}/query_range"),
            json!("query=sum(work%7Bpod%3D~%22p%22%7D)&start=1700000000&end=1700000060&step=30"),
            &[("content-type", "application/x-www-form-urlencoded")],
        )
        .await;
    assert_eq!(form.json()["data"]["result"][0]["values"][0][1], "3", "{form:?}");
    for other in ["sum(work)", "work", "sum(work{pod=~\"p\"}) + 1", "sum(work{pod=~\"p\"} or work{namespace=\"team-b\",pod=~\"\"})"] {
        let refused = ask(other).await;
        assert_eq!((refused.status, &refused.json()["errorType"]), (403, &json!("forbidden")), "{other}: {refused:?}");
    }
    let window = "start=1699999990&end=1700000010";
    let data = async |what: &str, matches: &str| {
        let answer = house.get("", &format!("{path}/{what}?{window}{matches}")).await;
        (answer.status, answer.json()["data"].clone())
    };
    assert_eq!(data("label/pod/values", "&match[]=work%7Bpod!%3D%22q%22%7D").await, (200, json!(["p"])));
    assert_eq!(data("labels", "&match[]=work").await, (200, json!(["__name__", "namespace", "pod"])));
    assert_eq!(data("series", "&match[]=work").await, (200, json!([{"__name__": "work", "namespace": "team-a", "pod": "p"}])));
    for (what, matches) in [
        ("label/pod/values", ""),
        ("label/pod/values", "&match[]=work"),
        ("label/namespace/values", "&match[]=work%7Bpod!%3D%22q%22%7D"),
        ("label/__name__/values", ""),
        ("labels", ""),
        ("labels", "&match[]=up"),
        ("series", "&match[]=work&match[]=up"),
        ("series", ""),
    ] {
        assert_eq!(data(what, matches).await.0, 403, "{what} {matches}");
    }
    let narrowed = house.get("", &format!("{path}/labels?{window}&match[]=work&namespace=team-b")).await;
    assert_eq!(narrowed.status, 403, "a link narrows as everybody does: {narrowed:?}");
    for elsewhere in ["rules", "metadata", "label/pod", "query_exemplars"] {
        assert_eq!(house.get("", &format!("{path}/{elsewhere}")).await.status, 404, "{elsewhere}");
    }
}

#[tokio::test]
async fn a_link_goes_with_the_right_of_its_author() {
    let house = House::start("");
    house.make("both", "team-a", "n").await;
    house.make("both", "team-b", "n").await;
    let path = async |project: &str| {
        let made = house.post("both", &format!("/api/v1/projects/{project}/dashboards/n/shares"), json!({"expires_in": "1h"})).await;
        format!("/api/v1/shared/{}", made.json()["token"].as_str().unwrap())
    };
    let (a, b) = (path("team-a").await, path("team-b").await);
    let file = house.hecate.folder().join("users.yaml");
    let before = std::fs::read_to_string(&file).unwrap();
    let narrowed = before.replace("namespaces: [team-a, team-b]", "namespaces: [team-b]");
    assert_ne!(before, narrowed);
    std::fs::write(&file, narrowed).unwrap();
    let gone = eventually("the author lost a team", async || {
        let answer = house.get("", &a).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(gone.code(), (401, "INVALID_SHARE_TOKEN".into()));
    assert_eq!(house.get("", &b).await.status, 200, "the other team's stays");
    std::fs::write(&file, before).unwrap();
    let sees_a = "/api/v1/projects/team-a/dashboards/n";
    eventually("the author has it back", async || (house.get("both", sees_a).await.status == 200).then_some(())).await;
    assert_eq!(house.get("", &a).await.code(), (401, "INVALID_SHARE_TOKEN".into()), "it was taken back, not put away");
    let log = house.get("admin", "/api/v1/audit/logs?action=share.revoke").await.json();
    assert_eq!((&log["items"][0]["user"], &log["items"][0]["project"]), (&json!("hecate"), &json!("team-a")), "{log}");
}
