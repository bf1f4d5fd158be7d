//! A Prometheus with an hour of history and live targets of two tenants, and Hecate in front of it.

use std::fmt::Write as _;

use http::HeaderMap;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{Hecate, Prometheus, PrometheusOptions, client, eventually};

/// The first second of the history; an hour of it, every 15 s.
pub const T0: i64 = 1_700_000_000;

/// Everything that runs.
pub struct House {
    pub prometheus: Prometheus,
    pub hecate: Hecate,
    http: reqwest::Client,
    exporter: JoinHandle<()>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The `error` of Prometheus' form, or the `message` of ours.
    pub fn error(&self) -> String {
        let body = self.json();
        body["error"].as_str().or(body["message"].as_str()).unwrap_or_else(|| panic!("no error: {self:?}")).to_owned()
    }
}

impl House {
    /// The usual users; `more` is further configuration.
    pub async fn start(more: &str) -> House {
        let (exporter, address) = exporter().await;
        let config = format!(
            "global: {{scrape_interval: 250ms, evaluation_interval: 250ms}}\nrule_files: [rules.yml]\nscrape_configs:\n\
             - {{job_name: teams, static_configs: [{{targets: ['{address}']}}], honor_labels: true}}\n"
        );
        let history = history();
        let prometheus = Prometheus::start(PrometheusOptions {
            config: &config,
            files: &[("rules.yml", RULES)],
            flags: &["--enable-feature=exemplar-storage", "--web.enable-lifecycle", "--web.enable-admin-api"],
            history: Some(&history),
        })
        .await;
        let hecate = Hecate::in_front_of(&prometheus.url(), more);
        let house = House { prometheus, hecate, http: client(), exporter };
        eventually("targets are scraped and rules have run", async || {
            let count = house.direct("GET", "/api/v1/query?query=count_over_time(a:work[1m])%3E2", "").await;
            count.body.contains("\"metric\"").then_some(())
        })
        .await;
        house
    }

    /// Asks Prometheus itself.
    pub async fn direct(&self, method: &str, target: &str, form: &str) -> Answer {
        self.send(&self.prometheus.url(), method, target, form, &[]).await
    }

    /// Asks Hecate as one of the usual users; nobody when the name is empty.
    pub async fn ask(&self, user: &str, method: &str, target: &str, form: &str) -> Answer {
        self.ask_with(user, method, target, form, &[]).await
    }

    /// The same, with `GET`.
    pub async fn get(&self, user: &str, target: &str) -> Answer {
        self.ask(user, "GET", target, "").await
    }

    /// The same, with further headers.
    pub async fn ask_with(&self, user: &str, method: &str, target: &str, form: &str, headers: &[(&str, &str)]) -> Answer {
        let bearer = format!("Bearer token-{user}");
        let mut all = headers.to_vec();
        if !user.is_empty() {
            all.push(("authorization", &bearer));
        }
        self.send(self.hecate.url(), method, target, form, &all).await
    }

    async fn send(&self, base: &str, method: &str, target: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.http.request(method.parse().unwrap(), format!("{base}{target}"));
        if !body.is_empty() {
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                request = request.header("content-type", "application/x-www-form-urlencoded");
            }
            request = request.body(body.to_owned());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: String::from_utf8(answer.bytes().await.unwrap().to_vec()).unwrap() }
    }

    /// How many requests Prometheus has had on the paths that read data or tell of the whole.
    pub async fn reached_upstream(&self) -> u64 {
        let own = ["/metrics", "/-/ready", "/api/v1/status/buildinfo"].map(|path| format!("handler=\"{path}\""));
        let metrics = self.direct("GET", "/metrics", "").await.body;
        let counts = metrics.lines().filter(|line| line.starts_with("prometheus_http_requests_total{"));
        counts
            .filter(|line| !own.iter().any(|own| line.contains(own)))
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
            .sum()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.exporter.abort();
    }
}

/// A target of team a and team b, with an exemplar.
async fn exporter() -> (JoinHandle<()>, String) {
    const TEXT: &str = "# TYPE work counter\n# HELP work Pieces of work.\n\
        work_total{namespace=\"a\",\"http.kind\"=\"x/y\"} 12 # {trace_id=\"abc\"} 1\nwork_total{namespace=\"b\"} 7 # {trace_id=\"def\"} 1\n\
        # TYPE only_b gauge\n# HELP only_b Of team b alone.\nonly_b{namespace=\"b\"} 1\n\
        # TYPE depth gauge\n# HELP depth Depth of the queue.\ndepth{namespace=\"a\"} 3\n# EOF\n";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve = async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = socket.read(&mut request).await;
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8\r\nConnection: close\r\n";
                let _ = socket.write_all(format!("{head}Content-Length: {}\r\n\r\n{TEXT}", TEXT.len()).as_bytes()).await;
            });
        }
    };
    (tokio::spawn(serve), address)
}

fn history() -> String {
    let mut text = String::from("# TYPE http_requests counter\n");
    for (namespace, pod) in [("a", "p1"), ("a", "p2"), ("b", "p1")] {
        for step in 0..240 {
            let at = T0 + step * 15;
            writeln!(text, "http_requests_total{{namespace=\"{namespace}\",pod=\"{pod}\",code=\"200\"}} {} {at}", step * 3 % 500).unwrap();
        }
    }
    text.push_str("# TYPE load gauge\n");
    for step in 0..240 {
        writeln!(text, "load{{namespace=\"a\",\"gpu.kind\"=\"x\"}} {} {}", (step * 7) % 11, T0 + step * 15).unwrap();
    }
    text + "# EOF\n"
}

const RULES: &str = r#"
groups:
- name: a-one
  rules:
  - {record: "a:work", expr: 'sum by (namespace) (work_total{namespace="a"})'}
- name: a-two
  rules:
  - {alert: DeepQueue, expr: 'depth{namespace="a"} > 1', labels: {severity: page}, annotations: {summary: "deep"}}
- name: a-three
  rules:
  - {alert: NeverA, expr: 'depth{namespace="a"} > 100', labels: {namespace: a}}
- name: b-one
  rules:
  - {alert: SecretOfB, expr: 'only_b{namespace="b"} == 1', labels: {namespace: b}, annotations: {summary: "the secret of b"}}
- name: all
  rules:
  - {record: "all:work", expr: 'sum(work_total)'}
"#;
