//! Dashboards made of the built-in templates, and the presets, as the people of the demo's teams see them: every query passes enforcement, and has data
//! where the demo has those metrics.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use hecate::dashboards::{Catalogue, default_values, filled, presets, stored_queries};
use serde_json::Value;

use super::prometheus::Prometheus;
use super::support::{Hecate, client, users};
use super::write_history;

/// Variables and their values.
type Values = &'static [(&'static str, &'static str)];

/// Whom each template is about, in the demo.
const ABOUT: &[(&str, &str, Values)] = &[
    ("model_serving", "team-nlp", &[("name", "granite-8b"), ("model", "granite-3-8b")]),
    ("training_job", "team-nlp", &[("name", "llama-sft")]),
    ("notebook", "team-vision", &[("name", "vision-lab")]),
    ("data_pipeline", "team-nlp", &[("name", "nlp-pipelines")]),
    ("cluster", "admin", &[]),
];

/// What an hour of the demo has no data of, and why.
const EMPTY: &[(&str, &str)] = &[
    ("data_pipeline failures", "no run ended within the hour: the ratio of nothing is nothing"),
    ("ts.training-metrics", "training code has to export it"),
    ("g.accuracy", "training code has to export it"),
    ("s.epochs", "training code has to export it"),
    ("s.accuracy", "training code has to export it"),
];

/// One query of one panel.
struct Asked {
    panel: String,
    user: &'static str,
    text: String,
}

#[tokio::test]
async fn what_is_made_of_templates_has_data() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 15 * 15;
    write_history(folder.path(), now);
    let prometheus = Prometheus::start(folder.path()).await;
    let people = users(&[
        ("team-nlp", "token-team-nlp", "namespaces: [team-nlp]"),
        ("team-vision", "token-team-vision", "namespaces: [team-vision]"),
        ("admin", "token-admin", "cluster: true, permissions: [\"*\"]"),
    ]);
    let rest = format!(
        "upstreams: [{{name: prometheus, url: \"{}\"}}]\nauth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\nlimits: {{rate_per_user: 1000/s}}\n",
        prometheus.url()
    );
    let hecate = Hecate::start("", &rest, &[("users.yaml", &people)]);
    let http = client();
    let (mut wrong, mut empty) = (Vec::new(), Vec::new());
    let all: Vec<Asked> = of_templates().into_iter().chain(of_presets()).collect();
    assert!(all.len() > 100, "{}", all.len());
    for asked in &all {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("query", &asked.text)
            .append_pair("time", &(now - 15).to_string())
            .finish();
        let request = http.post(format!("{}/api/v1/query", hecate.url())).bearer_auth(format!("token-{}", asked.user));
        let answer = request.header("content-type", "application/x-www-form-urlencoded").body(form).send().await.unwrap();
        let status = answer.status().as_u16();
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        if status != 200 {
            wrong.push(format!("{}: {}\n  {body}", asked.panel, asked.text));
        } else if body["data"]["result"].as_array().is_none_or(Vec::is_empty) {
            empty.push(asked.panel.clone());
        }
    }
    assert!(wrong.is_empty(), "{} queries are refused:\n{}", wrong.len(), wrong.join("\n"));
    empty.retain(|panel| EMPTY.iter().all(|(known, _)| known != panel));
    empty.dedup();
    assert!(empty.is_empty(), "without data: {empty:#?}");
}

fn of_templates() -> Vec<Asked> {
    let catalogue = Catalogue::load(None).unwrap();
    let mut all = Vec::new();
    for (id, user, values) in ABOUT {
        let template = catalogue.get(id).unwrap();
        let values: BTreeMap<String, String> = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let project = if *user == "admin" { "team-nlp" } else { user };
        let made = template.instantiate(project, "n", None, &values).unwrap();
        let defaults = default_values(&made);
        all.extend(stored_queries(&made).into_iter().map(|query| Asked {
            panel: format!("{id} {}", query.panel.unwrap_or_default()),
            user,
            text: at_now(&query.text, &defaults),
        }));
    }
    assert_eq!(catalogue.iter().count(), ABOUT.len(), "every template is asked");
    all
}

/// A preset is seen by somebody whose workload it is about.
fn of_presets() -> Vec<Asked> {
    let about = |namespace: &str, model: &str, pods: &str| {
        BTreeMap::from(
            [("namespace", namespace), ("model", model), ("pods", pods), ("name", "x")]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        )
    };
    let mut all = Vec::new();
    for preset in presets().unwrap() {
        let (user, values) = match preset.id.as_str() {
            "g.storage" | "t.notebooks" => ("team-vision", about("team-vision", "", "vision-lab-0")),
            _ => ("team-nlp", about("team-nlp", "granite-3-8b", "granite-8b-predictor-.*")),
        };
        all.extend(preset.texts().map(|text| Asked { panel: preset.id.clone(), user, text: at_now(&text, &values) }));
    }
    all
}

/// The history is an hour long, a minute is four samples.
fn at_now(text: &str, values: &BTreeMap<String, String>) -> String {
    filled(&text.replace("$__rate_interval", "1m"), values)
}
