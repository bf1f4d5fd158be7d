//! Dashboards over HTTP, as the Perses UI, its tools and ours ask for them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]
#![allow(clippy::disallowed_methods, reason = "answers of parts that the test started itself")]
#![allow(clippy::large_futures, reason = "tests are in no hurry")]

#[path = "../support/mod.rs"]
mod support;

mod audit;
mod away;
mod crud;
mod errors;
mod exchange;
mod history;
mod list;
mod percli;
mod permissions;
mod preferences;
mod shares;
mod storm;
mod templates;

use http::HeaderMap;
use serde_json::{Value, json};

use support::{Hecate, client, users};

const EVERYTHING: &str = "permissions: [\"Dashboard:create\", \"Dashboard:read\", \"Dashboard:update\", \"Dashboard:delete\", \"Dashboard:share\", \"Template:read\", \"Metrics:query\"]";

/// Hecate with people of two teams; no Prometheus behind it answers.
pub(crate) struct House {
    pub(crate) hecate: Hecate,
    http: reqwest::Client,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Status and code of an error.
    pub(crate) fn code(&self) -> (u16, String) {
        (self.status, self.json()["code"].as_str().unwrap_or_else(|| panic!("no error: {self:?}")).to_owned())
    }
}

impl House {
    pub(crate) fn start(more: &str) -> House {
        House::in_front_of("http://127.0.0.1:1", more)
    }

    pub(crate) fn in_front_of(upstream: &str, more: &str) -> House {
        let people = users(&[
            ("alice", "token-alice", &format!("namespaces: [team-a], {EVERYTHING}")),
            ("bob", "token-bob", &format!("namespaces: [team-b], {EVERYTHING}")),
            ("both", "token-both", &format!("namespaces: [team-a, team-b], {EVERYTHING}")),
            ("viewer", "token-viewer", "namespaces: [team-a]"),
            ("auditor", "token-auditor", "namespaces: [team-a], permissions: [\"AuditLog:read\"]"),
            ("admin", "token-admin", "cluster: true, permissions: [\"*\"]"),
        ]);
        let rest = format!(
            "upstreams: [{{name: prometheus, url: \"{upstream}\"}}]\nauth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\n{more}"
        );
        House { hecate: Hecate::start("max_body: 8MiB", &rest, &[("users.yaml", &people)]), http: client() }
    }

    /// Asks as somebody; nobody when the name is empty. A body that is a text is sent as it is, others as JSON.
    pub(crate) async fn ask(&self, user: &str, method: &str, path: &str, body: Value, headers: &[(&str, &str)]) -> Answer {
        let bytes = match body {
            Value::Null => Vec::new(),
            Value::String(text) => text.into_bytes(),
            other => other.to_string().into_bytes(),
        };
        self.send(user, method, path, bytes, headers).await
    }

    pub(crate) async fn send(&self, user: &str, method: &str, path: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.hecate.url()));
        if !user.is_empty() {
            request = request.bearer_auth(format!("token-{user}"));
        }
        if !body.is_empty() && headers.iter().all(|(name, _)| *name != "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.body(body).send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await.unwrap().to_vec();
        Answer { status, headers, body: String::from_utf8_lossy(&bytes).into_owned(), bytes }
    }

    pub(crate) async fn get(&self, user: &str, path: &str) -> Answer {
        self.ask(user, "GET", path, Value::Null, &[]).await
    }

    pub(crate) async fn post(&self, user: &str, path: &str, body: Value) -> Answer {
        self.ask(user, "POST", path, body, &[]).await
    }

    /// Makes a small dashboard of this name.
    pub(crate) async fn make(&self, user: &str, project: &str, name: &str) -> Answer {
        let made = self.post(user, &format!("/api/v1/projects/{project}/dashboards"), dashboard(name, name)).await;
        assert_eq!(made.status, 200, "{made:?}");
        made
    }
}

/// A small valid dashboard.
pub(crate) fn dashboard(name: &str, title: &str) -> Value {
    json!({"kind": "Dashboard", "metadata": {"name": name}, "spec": {"display": {"name": title}, "panels": {}, "layouts": []}})
}
