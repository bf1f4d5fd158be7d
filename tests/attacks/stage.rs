//! Two Hecates that get the same bytes: one before a Prometheus with secrets, one before an upstream that records.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::recorder::{Recorder, all_bound};
use crate::support::{Hecate, Prometheus, client, users};
use crate::world::{self, MARKER};

/// Stands in requests where nothing may be passed on.
pub(crate) const CANARY: &str = "cnry7q";

/// The longest that a request may take.
const LONGEST: Duration = Duration::from_secs(2);

/// One request of the corpus.
pub(crate) struct Attack {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// Statuses that are right; 0 is a connection closed without an answer.
    pub(crate) right: Vec<u16>,
}

/// Everything that came back on one connection.
pub(crate) struct Outcome {
    /// The status of the first answer; 0 without one.
    pub(crate) status: u16,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) struct Stage {
    prometheus: Prometheus,
    real: Hecate,
    recorder: Recorder,
    recorded: Hecate,
    http: reqwest::Client,
    faults: Vec<String>,
    asked: usize,
}

/// The users of both: alice sees a, bob sees b, `both` both.
pub(crate) fn everybody() -> String {
    users(&[
        ("alice", "token-alice", "namespaces: [a]"),
        ("bob", "token-bob", "namespaces: [b]"),
        ("both", "token-both", "namespaces: [a, b]"),
        ("mallory", "token-mallory", "namespaces: [a]"),
        ("admin", "token-admin", "cluster: true, permissions: [\"*\"]"),
    ])
}

fn hecate(upstream: &str) -> Hecate {
    let rest = format!(
        "upstreams: [{{name: prometheus, url: \"{upstream}\"}}]\nauth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\n\
         limits: {{rate_per_user: 100000/s}}\n"
    );
    // Who sends half a request is cut after a second.
    Hecate::start("read_timeout: 1s", &rest, &[("users.yaml", &everybody())])
}

impl Stage {
    pub(crate) async fn set() -> Stage {
        let prometheus = world::start().await;
        let recorder = Recorder::start().await;
        let (real, recorded) = (hecate(&prometheus.url()), hecate(&recorder.url()));
        Stage { prometheus, real, recorder, recorded, http: client(), faults: Vec::new(), asked: 0 }
    }

    /// `host:port` of both, the one with secrets first.
    pub(crate) fn addresses(&self) -> [String; 2] {
        [self.real.address().to_owned(), self.recorded.address().to_owned()]
    }

    /// The one with secrets.
    pub(crate) fn real(&self) -> &Hecate {
        &self.real
    }

    /// Sends the bytes to both, and keeps what is wrong for the end.
    pub(crate) async fn attack(&mut self, attack: &Attack) {
        let [real, recorded] = self.addresses();
        let (one, other) = (patient(exchange, &real, &attack.bytes).await, patient(exchange, &recorded, &attack.bytes).await);
        self.judge(&attack.name, &attack.bytes, &attack.right, one, other).await;
    }

    pub(crate) async fn attack_all(&mut self, attacks: Vec<Attack>) {
        for attack in attacks {
            self.attack(&attack).await;
        }
    }

    /// Looks at what came back from both, and at what the upstream got.
    pub(crate) async fn judge(
        &mut self,
        name: &str,
        bytes: &[u8],
        right: &[u16],
        real: (Outcome, Duration),
        recorded: (Outcome, Duration),
    ) {
        self.asked += 1;
        assert!(!contains(bytes, MARKER), "{name}: the request itself has the marker");
        let mut faults = Vec::new();
        for (which, (outcome, took)) in [("with secrets", &real), ("with the recorder", &recorded)] {
            if *took > LONGEST {
                faults.push(format!("took {took:?} ({which})"));
            }
            if contains(&outcome.bytes, MARKER) {
                faults.push(format!("leaked: {}", around(&outcome.bytes)));
            }
            if outcome.status >= 500 || !right.contains(&outcome.status) {
                let text = String::from_utf8_lossy(&outcome.bytes);
                let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
                let start: String = format!("{} … {body}", head.lines().next().unwrap_or_default()).chars().take(600).collect();
                faults.push(format!("{} instead of {right:?} ({which}): {start}", outcome.status));
            }
        }
        for request in self.recorder.take() {
            if recorded.0.status == 0 || recorded.0.status >= 400 {
                faults.push(format!("was refused, and yet the upstream got {} {}", request.method, request.target));
            }
            if let Some(fault) = request.fault() {
                faults.push(format!("upstream: {fault}: {request:?}"));
            }
            for text in request.bound_texts() {
                let of_targets = request.path() == "/api/v1/targets/metadata";
                if !all_bound(&self.tree(&text).await, of_targets) {
                    faults.push(format!("upstream: not bound: {text}"));
                }
            }
        }
        self.faults.extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
    }

    /// What is to be said at the end.
    pub(crate) fn fault(&mut self, text: String) {
        self.faults.push(text);
    }

    /// A request that is no attack; the whole answer as text.
    pub(crate) async fn answer(&self, token: &str, target: &str) -> (u16, String) {
        let url = format!("{}{target}", self.real.url());
        let answer = self.http.get(url).bearer_auth(token).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The tree that Prometheus' own parser makes of a text.
    async fn tree(&self, text: &str) -> Value {
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("query", text).finish();
        let asked = self.http.post(format!("{}/api/v1/parse_query", self.prometheus.url())).body(form);
        let answer = asked.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap().text().await.unwrap();
        let tree: Value = serde_json::from_str(&answer).unwrap();
        // What it cannot read it does not run.
        if tree["status"] == "success" { tree["data"].clone() } else { Value::Null }
    }

    /// Hecate lives, its logs are clean, and nothing was wrong on the way.
    pub(crate) async fn end(mut self, family: &str, at_least: usize) {
        for hecate in [&self.real, &self.recorded] {
            let alive = exchange(hecate.address(), &get("/api/v1/query?query=a_only").bytes).await.0;
            if alive.status != 200 {
                self.faults.push(format!("at the end Hecate answers {}", alive.status));
            }
            let log = hecate.log();
            let dirty: Vec<&str> =
                log.lines().filter(|line| line.contains("panicked") || line.contains("a bug") || line.contains(" ERROR ")).collect();
            if !dirty.is_empty() {
                self.faults.push(format!("the log has {dirty:?}"));
            }
            // A log is for operators, but no credential belongs there.
            if log.contains("token-alice") || log.contains("token-bob") {
                self.faults.push("the log has a token".to_owned());
            }
        }
        assert!(self.asked >= at_least, "{family}: only {} requests", self.asked);
        assert!(self.faults.is_empty(), "{family}: {} faults\n{}", self.faults.len(), self.faults.join("\n"));
        println!("{family}: {} requests", self.asked);
    }
}

/// Sends the bytes and reads until the server closes or has nothing more to say; how long it took to get there.
pub(crate) async fn exchange(address: &str, bytes: &[u8]) -> (Outcome, Duration) {
    let began = Instant::now();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = socket.split();
    let mut all = Vec::new();
    let mut took = None;
    let sending = async {
        // A server that refuses early may close before it has read everything.
        let _ = writer.write_all(bytes).await;
        std::future::pending::<()>().await
    };
    let receiving = async {
        let mut piece = [0; 16 * 1024];
        loop {
            // An answer without a close: perhaps another one follows.
            let patience = if all.is_empty() { Duration::from_secs(5) } else { Duration::from_millis(150) };
            match tokio::time::timeout(patience, reader.read(&mut piece)).await {
                Ok(Ok(count)) if count > 0 => {
                    all.extend_from_slice(&piece[..count]);
                    took = Some(began.elapsed());
                }
                Ok(_) => return,
                Err(_) if all.is_empty() => {
                    took = Some(began.elapsed());
                    return;
                }
                Err(_) => return,
            }
        }
    };
    tokio::select! {
        () = sending => {}
        () = receiving => {}
    }
    let status = String::from_utf8_lossy(&all[..all.len().min(32)]).split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (Outcome { status, bytes: all }, took.unwrap_or_else(|| began.elapsed()))
}

/// A machine that is busy with something else is no fault: who was slow is asked once more.
pub(crate) async fn patient(ask: impl AsyncFn(&str, &[u8]) -> (Outcome, Duration), address: &str, bytes: &[u8]) -> (Outcome, Duration) {
    let first = ask(address, bytes).await;
    if first.1 > LONGEST { ask(address, bytes).await } else { first }
}

fn contains(bytes: &[u8], needle: &str) -> bool {
    let lower = bytes.to_ascii_lowercase();
    lower.windows(needle.len()).any(|window| window == needle.as_bytes())
}

fn around(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let at = text.to_ascii_lowercase().find(MARKER).unwrap_or(0);
    text.chars().skip(at.saturating_sub(200)).take(400).collect()
}

// How requests are written.

/// A request of alice's, put together byte by byte.
pub(crate) struct Builder {
    start: String,
    headers: Vec<String>,
    token: Option<String>,
    body: Vec<u8>,
}

/// `METHOD target` of alice's.
pub(crate) fn request(method: &str, target: &str) -> Builder {
    // What no client leaves as it is; the rest of the target is the attack's own.
    let target = target.replace('"', "%22").replace('{', "%7B").replace('}', "%7D");
    let start = format!("{method} {target} HTTP/1.1");
    Builder { start, headers: Vec::new(), token: Some("Bearer token-alice".to_owned()), body: Vec::new() }
}

/// An ordinary `GET`; any answer below 500 is right.
pub(crate) fn get(target: &str) -> Attack {
    request("GET", target).right(&[200, 400, 403, 404, 422])
}

/// The same with its statuses.
pub(crate) fn get_is(target: &str, right: &[u16]) -> Attack {
    request("GET", target).right(right)
}

/// A form.
pub(crate) fn post(target: &str, form: impl AsRef<[u8]>) -> Builder {
    request("POST", target).header("Content-Type: application/x-www-form-urlencoded").body(form)
}

impl Builder {
    pub(crate) fn header(mut self, line: &str) -> Builder {
        self.headers.push(line.to_owned());
        self
    }

    /// Another `Authorization` header, or none.
    pub(crate) fn authorization(mut self, value: Option<&str>) -> Builder {
        self.token = value.map(str::to_owned);
        self
    }

    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Builder {
        self.body = body.as_ref().to_vec();
        self
    }

    pub(crate) fn right(self, right: &[u16]) -> Attack {
        let mut text = self.start.clone() + "\r\n";
        text += "Host: hecate\r\n";
        if let Some(token) = &self.token {
            text += &format!("Authorization: {token}\r\n");
        }
        if !self.headers.iter().any(|line| line.to_ascii_lowercase().starts_with("connection:")) {
            text += "Connection: close\r\n";
        }
        if !self.body.is_empty() {
            text += &format!("Content-Length: {}\r\n", self.body.len());
        }
        for line in &self.headers {
            text += line;
            text += "\r\n";
        }
        text += "\r\n";
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        let mut name = format!("{} {:?} {:?}", self.start.trim_end_matches(" HTTP/1.1"), self.token, self.headers);
        if !self.body.is_empty() {
            name += &format!(" {}", String::from_utf8_lossy(&self.body));
        }
        let name = name.chars().take(300).collect();
        Attack { name, bytes, right: right.to_vec() }
    }
}

/// Percent-encodes a text for a parameter.
pub(crate) fn enc(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
