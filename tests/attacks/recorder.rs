//! A stand-in upstream that answers nothing of interest and keeps everything that it is sent.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::stage::CANARY;

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// Running until the runtime ends.
pub(crate) struct Recorder {
    address: String,
    seen: Arc<Mutex<Vec<Recorded>>>,
}

impl Recorder {
    pub(crate) async fn start() -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen: Arc<Mutex<Vec<Recorded>>> = Arc::default();
        let kept = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&kept)));
            }
        });
        Recorder { address, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came since the last time, without the looks at health, which carry no request id.
    pub(crate) fn take(&self) -> Vec<Recorded> {
        let all = std::mem::take(&mut *self.seen.lock().unwrap());
        all.into_iter().filter(|request| request.headers.iter().any(|(name, _)| name == "x-request-id")).collect()
    }
}

async fn serve(mut socket: TcpStream, kept: Arc<Mutex<Vec<Recorded>>>) {
    let mut text = Vec::new();
    let mut piece = vec![0; 16 * 1024];
    loop {
        let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") else {
            match socket.read(&mut piece).await {
                Ok(count) if count > 0 => text.extend_from_slice(&piece[..count]),
                _ => return,
            }
            continue;
        };
        let head = String::from_utf8_lossy(&text[..end]).into_owned();
        let mut lines = head.lines();
        let mut first = lines.next().unwrap_or_default().split(' ');
        let (method, target) = (first.next().unwrap_or_default().to_owned(), first.next().unwrap_or_default().to_owned());
        let headers: Vec<(String, String)> =
            lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
        while text.len() < end + 4 + length {
            match socket.read(&mut piece).await {
                Ok(count) if count > 0 => text.extend_from_slice(&piece[..count]),
                _ => return,
            }
        }
        let body = String::from_utf8_lossy(&text[end + 4..end + 4 + length]).into_owned();
        text.drain(..end + 4 + length);
        let answer = answer_to(&target);
        kept.lock().unwrap().push(Recorded { method, target, headers, body });
        if socket.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer_to(target: &str) -> String {
    let data = match target.split('?').next().unwrap_or_default() {
        "/api/v1/rules" => r#"{"groups":[]}"#,
        "/api/v1/alerts" => r#"{"alerts":[]}"#,
        "/api/v1/metadata" => "{}",
        "/federate" => "",
        "/api/v1/query" | "/api/v1/query_range" => r#"{"resultType":"vector","result":[]}"#,
        "/api/v1/status/buildinfo" => r#"{"version":"3.16.0"}"#,
        _ => "[]",
    };
    let (kind, body) = match data {
        "" => ("text/plain; version=0.0.4", String::new()),
        data => ("application/json", format!("{{\"status\":\"success\",\"data\":{data}}}")),
    };
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

impl Recorded {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Parameters of URL and form together.
    pub(crate) fn params(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        [query, &self.body].iter().flat_map(|text| form_urlencoded::parse(text.as_bytes()).into_owned()).collect()
    }

    /// What is wrong with this request of Hecate's, in words.
    pub(crate) fn fault(&self) -> Option<String> {
        const HEADERS: [&str; 8] =
            ["host", "accept", "accept-encoding", "user-agent", "x-request-id", "traceparent", "content-type", "content-length"];
        const PATHS: [&str; 13] = [
            "/api/v1/query",
            "/api/v1/query_range",
            "/api/v1/query_exemplars",
            "/api/v1/series",
            "/api/v1/labels",
            "/api/v1/format_query",
            "/api/v1/parse_query",
            "/api/v1/metadata",
            "/api/v1/rules",
            "/api/v1/alerts",
            "/api/v1/targets/metadata",
            "/federate",
            "/api/v1/label/",
        ];
        const PARAMS: [&str; 19] = [
            "query",
            "match[]",
            "match_target",
            "time",
            "start",
            "end",
            "step",
            "timeout",
            "limit",
            "lookback_delta",
            "stats",
            "metric",
            "type",
            "rule_name[]",
            "rule_group[]",
            "file[]",
            "exclude_alerts",
            "limit_per_metric",
            "namespace-is-never-sent",
        ];
        if let Some((name, _)) = self.headers.iter().find(|(name, _)| !HEADERS.contains(&name.as_str())) {
            return Some(format!("the header {name} was sent on"));
        }
        let names: Vec<&String> = self.headers.iter().map(|(name, _)| name).collect();
        if names.iter().any(|name| names.iter().filter(|other| other == &name).count() > 1) {
            return Some("a header was sent twice".to_owned());
        }
        let path = self.path();
        let of_label = path.starts_with("/api/v1/label/") && path.ends_with("/values") && path.matches('/').count() == 5;
        if !PATHS.contains(&path) && !of_label {
            return Some(format!("the path {path} is not one of Hecate's"));
        }
        if !matches!(self.method.as_str(), "GET" | "POST") {
            return Some(format!("the method {} was sent on", self.method));
        }
        let params = self.params();
        if let Some((name, _)) = params.iter().find(|(name, _)| !PARAMS.contains(&name.as_str())) {
            return Some(format!("the parameter {name} was sent on"));
        }
        let everything = format!("{} {:?} {} {params:?}", self.target, self.headers, self.body);
        if everything.contains(CANARY) {
            return Some("something of the client's was sent on".to_owned());
        }
        let reads_data =
            path.starts_with("/api/v1/query") || path == "/federate" || path.starts_with("/api/v1/label") || path == "/api/v1/series";
        if reads_data && !params.iter().any(|(name, _)| name == "query" || name == "match[]") {
            return Some("it is not bound to anything".to_owned());
        }
        None
    }

    /// Texts with selectors that have to be bound to the caller.
    pub(crate) fn bound_texts(&self) -> Vec<String> {
        // The first two read no data; `match[]` of rules chooses rules by their labels, and its answer is filtered.
        if ["/api/v1/format_query", "/api/v1/parse_query", "/api/v1/rules"].contains(&self.path()) {
            return Vec::new();
        }
        let params = self.params().into_iter();
        params.filter(|(name, _)| ["query", "match[]", "match_target"].contains(&name.as_str())).map(|(_, text)| text).collect()
    }
}

/// Whether every selector of a tree, as Prometheus' own parser tells it, is bound to namespace a.
pub(crate) fn all_bound(tree: &Value, of_targets: bool) -> bool {
    let own = match tree.get("type").and_then(Value::as_str) {
        Some("vectorSelector" | "matrixSelector") => bound(tree["matchers"].as_array().map_or(&[][..], Vec::as_slice), of_targets),
        _ => true,
    };
    let children = match tree {
        Value::Object(members) => members.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    own && children.into_iter().all(|child| all_bound(child, of_targets))
}

fn bound(matchers: &[Value], of_targets: bool) -> bool {
    let any = |name: &str, op: &[&str], fits: &dyn Fn(&str) -> bool| {
        matchers.iter().any(|m| m["name"] == name && op.contains(&m["type"].as_str().unwrap()) && fits(m["value"].as_str().unwrap()))
    };
    let carries = |label: &str| any(label, &["=", "=~"], &|value| value == "a");
    const LABELS: [&str; 5] = ["namespace", "exported_namespace", "job_namespace", "dspa_namespace", "destination_service_namespace"];
    if of_targets {
        return LABELS.iter().any(|label| carries(label));
    }
    // A name, or a list of nothing but names.
    let names = |m: &Value| -> Option<Vec<String>> {
        let value = m["value"].as_str().unwrap();
        let inner = value.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(value);
        let plain = !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_alphanumeric() || b"_:|".contains(&b));
        match m["type"].as_str().unwrap() {
            "=" if !value.is_empty() => Some(vec![value.to_owned()]),
            "=~" if plain => Some(inner.split('|').map(str::to_owned).collect()),
            _ => None,
        }
    };
    let listed = matchers.iter().filter(|m| m["name"] == "__name__").find_map(names);
    if listed.is_some_and(|listed| listed.iter().all(|name| carries(label_of(name)))) {
        return true;
    }
    let others_are_out =
        any("__name__", &["!~"], &|value| ["DCGM_", "node_", "istio_", "training_"].iter().all(|start| value.contains(start)));
    let only_these = |start: &str| any("__name__", &["=~"], &|value| value.trim_start_matches("(?s:").starts_with(start));
    carries("namespace") && others_are_out
        || LABELS[1..].iter().any(|label| carries(label))
            && ["DCGM_", "training_", "data_science", "istio_", "notebook_"]
                .iter()
                .any(|start| only_these(start) && carries(label_of(start)))
}

/// The shipped policy, in short.
fn label_of(metric: &str) -> &'static str {
    match metric {
        name if name.starts_with("DCGM_") || name.starts_with("notebook_") => "exported_namespace",
        name if name.starts_with("training_") => "job_namespace",
        name if name.starts_with("data_science") => "dspa_namespace",
        name if name.starts_with("istio_") => "destination_service_namespace",
        _ => "namespace",
    }
}
