//! Hecate with things in it that the examples of the document speak of.

use reqwest::Client;
use serde_json::{Value, json};

use crate::support::{Hecate, Prometheus, PrometheusOptions, client, free_port, users};

/// A real Prometheus, Hecate in front of it with SQLite, and somebody who may do everything.
pub(crate) struct House {
    pub(crate) hecate: Hecate,
    pub(crate) document: Value,
    /// The token of a link to a dashboard that stays.
    pub(crate) link: String,
    /// The id of another one.
    pub(crate) revocable: String,
    http: Client,
    _prometheus: Prometheus,
}

pub(crate) const TOKEN: &str = "token-admin";
/// Dashboards that are there, besides the one that the examples are about.
const NAMES: [&str; 5] = ["one", "two", "three", "four", "five"];
/// The dashboard behind the link: in another project, where nothing is removed.
const KEPT: &str = "kept";

impl House {
    pub(crate) async fn start() -> House {
        let port = free_port();
        let config = format!(
            "global: {{scrape_interval: 1s}}\n\
             scrape_configs: [{{job_name: self, static_configs: [{{targets: [\"127.0.0.1:{port}\"], labels: {{namespace: team-a}}}}]}}]\n"
        );
        let prometheus = Prometheus::start_on(port, PrometheusOptions { config: &config, ..PrometheusOptions::default() }).await;
        // The limits of one caller are not what is looked at.
        let rest = format!(
            "upstreams: [{{name: prometheus, url: \"http://127.0.0.1:{port}\"}}]\n\
             auth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\n\
             limits: {{rate_per_user: 100000/s, concurrent_per_user: 1000}}\n"
        );
        let people = users(&[("admin", TOKEN, "cluster: true, permissions: [\"*\"]")]);
        let hecate = Hecate::start("max_body: 8MiB", &rest, &[("users.yaml", &people)]);
        let http = client();
        let served = http.get(format!("{}/api/openapi.json", hecate.url())).send().await.unwrap().text().await.unwrap();
        let document = serde_json::from_str(&served).unwrap();
        let mut house = House { hecate, document, link: String::new(), revocable: String::new(), http, _prometheus: prometheus };
        house.furnish().await;
        house
    }

    async fn furnish(&mut self) {
        let example = self.document["paths"]["/api/v1/dashboards"]["post"]["requestBody"]["content"]["application/json"]["example"].clone();
        for name in NAMES.into_iter().chain(["gpu-usage", "archived"]) {
            let mut dashboard = example.clone();
            dashboard["metadata"]["name"] = json!(name);
            self.post("/api/v1/projects/team-a/dashboards", dashboard).await;
        }
        let deleted = format!("{}/api/v1/projects/team-a/dashboards/archived", self.hecate.url());
        assert_eq!(self.http.delete(deleted).bearer_auth(TOKEN).send().await.unwrap().status().as_u16(), 204);
        // Everything that the examples of the paths behind a link ask stands in it.
        let mut kept = example;
        kept["metadata"]["name"] = json!(KEPT);
        kept["metadata"]["project"] = json!("team-b");
        kept["spec"]["panels"]["gpu"]["spec"]["queries"][0]["spec"]["plugin"]["spec"]["query"] =
            json!("sum(rate(http_requests_total[5m]))");
        let variable = |name: &str, kind: &str, spec: Value| json!({"kind": "ListVariable", "spec": {"name": name, "plugin": {"kind": kind, "spec": spec}}});
        kept["spec"]["variables"] = json!([
            variable("values", "PrometheusLabelValuesVariable", json!({"labelName": "job", "matchers": ["up"]})),
            variable("names", "PrometheusLabelNamesVariable", json!({"matchers": ["up"]})),
        ]);
        self.post("/api/v1/projects/team-b/dashboards", kept).await;
        let shares = format!("/api/v1/projects/team-b/dashboards/{KEPT}/shares");
        let [first, second] =
            [self.post(&shares, json!({"expires_in": "1h"})).await, self.post(&shares, json!({"expires_in": "1h"})).await];
        self.link = first["token"].as_str().unwrap().to_owned();
        self.revocable = second["id"].as_str().unwrap().to_owned();
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.hecate.url())).bearer_auth(TOKEN).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }
}
