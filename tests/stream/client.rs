//! A client of streams, as an `EventSource` is one: it comes back with the id of the last event, after the time it was told.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::write::GzDecoder;
use futures_util::StreamExt as _;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::assembled::Assembled;
use crate::schema;

/// One event, as it came.
#[derive(Clone, Debug)]
pub struct Event {
    pub name: String,
    pub id: Option<String>,
    pub data: String,
    pub at: Instant,
    /// Of which connection of this client, counted from 1.
    pub connection: usize,
}

/// What a client has seen.
#[derive(Debug, Default)]
pub struct Seen {
    pub events: Vec<Event>,
    pub queries: BTreeMap<String, Assembled>,
    pub last_id: String,
    pub connections: usize,
    /// Statuses that were not 200.
    pub refused: Vec<(u16, String)>,
    pub headers: http::HeaderMap,
    /// As they came, and the text in them.
    pub bytes: usize,
    pub text_bytes: usize,
    /// How the last connection ended: well, or cut.
    pub ended: Option<Result<(), String>>,
    retry: Duration,
}

/// How to connect.
#[derive(Clone)]
pub struct Plan {
    /// Base URLs: after an end the next one is tried.
    pub bases: Arc<Mutex<Vec<String>>>,
    /// Everything behind `?`.
    pub query: String,
    pub token: Option<&'static str>,
    /// Whether it comes back.
    pub comes_back: bool,
    pub headers: Vec<(&'static str, String)>,
    /// A list of queries in JSON, to be posted.
    pub body: Option<String>,
    /// Only looks at the names of events: for windows of many megabytes.
    pub only_names: bool,
    /// Which of the base URLs is tried first.
    pub first_turn: usize,
    pub path: String,
}

/// Running until it is dropped.
pub struct Client {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

pub fn params(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

impl Plan {
    pub fn new(base: &str, token: Option<&'static str>, pairs: &[(&str, &str)]) -> Plan {
        let bases = Arc::new(Mutex::new(vec![base.to_owned()]));
        Plan {
            bases,
            query: params(pairs),
            token,
            comes_back: false,
            headers: Vec::new(),
            body: None,
            only_names: false,
            first_turn: 0,
            path: "/api/v1/metrics/stream".to_owned(),
        }
    }

    /// Reads a stream that is compressed.
    pub fn gzip(mut self) -> Plan {
        self.headers.push(("accept-encoding", "gzip".to_owned()));
        self
    }
}

/// No bound on the time of a stream.
pub fn http() -> reqwest::Client {
    hecate::upstream::install_crypto();
    reqwest::Client::builder().no_proxy().tls_certs_only([]).connect_timeout(Duration::from_secs(5)).build().unwrap()
}

impl Client {
    pub fn start(plan: Plan) -> Client {
        Client::start_with(http(), plan)
    }

    /// Many clients share one pool of threads and settings, not their connections.
    pub fn start_with(http: reqwest::Client, plan: Plan) -> Client {
        let seen = Arc::new(Mutex::new(Seen { retry: Duration::from_secs(1), ..Seen::default() }));
        let task = tokio::spawn(run(http, plan, seen.clone()));
        Client { seen, task }
    }

    pub fn see<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }

    /// Waits until it has seen it.
    pub async fn sees<T>(&self, what: &str, within: Duration, look: impl Fn(&Seen) -> Option<T>) -> T {
        let deadline = Instant::now() + within;
        loop {
            if let Some(found) = self.see(&look) {
                return found;
            }
            assert!(!self.task.is_finished() || self.see(&look).is_some(), "{what}: the client ended: {}", self.story());
            assert!(Instant::now() < deadline, "{what}: not within {within:?}: {}", self.story());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits for the nth event of this name, counted from 1.
    pub async fn event(&self, name: &str, nth: usize, within: Duration) -> Event {
        self.sees(&format!("{name} number {nth}"), within, |seen| seen.events.iter().filter(|e| e.name == name).nth(nth - 1).cloned()).await
    }

    /// Waits for so many deltas more.
    pub async fn goes_on(&self, deltas: usize) {
        let now = self.see(|seen| seen.count("delta"));
        self.sees("ticks go on", Duration::from_secs(60), |seen| (seen.count("delta") >= now + deltas).then_some(())).await;
    }

    /// Waits until the connection is over and does not come back.
    pub async fn ended(&mut self, within: Duration) {
        tokio::time::timeout(within, &mut self.task).await.unwrap_or_else(|_| panic!("the stream goes on: {}", self.story())).unwrap();
    }

    /// The last events in short, for messages.
    pub fn story(&self) -> String {
        self.see(|seen| {
            let events: Vec<String> = seen
                .events
                .iter()
                .rev()
                .take(8)
                .map(|e| format!("{} {:?} {}", e.name, e.id, e.data.chars().take(150).collect::<String>()))
                .collect();
            format!("{} connections, refused {:?}, ended {:?}, last {events:#?}", seen.connections, seen.refused, seen.ended)
        })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(http: reqwest::Client, plan: Plan, seen: Arc<Mutex<Seen>>) {
    for turn in plan.first_turn.. {
        let base = {
            let bases = plan.bases.lock().unwrap();
            bases[turn % bases.len()].clone()
        };
        let ended = connect(&http, &plan, &base, &seen).await;
        let (retry, refused) = {
            let mut seen = seen.lock().unwrap();
            let refused = ended.as_ref().err().is_some_and(|error| error.starts_with("refused"));
            seen.ended = Some(ended);
            (seen.retry, refused)
        };
        // As an EventSource: an answer that is no stream ends it for good.
        if !plan.comes_back || refused {
            return;
        }
        tokio::time::sleep(retry).await;
    }
}

async fn connect(http: &reqwest::Client, plan: &Plan, base: &str, seen: &Mutex<Seen>) -> Result<(), String> {
    let address = format!("{base}{}?{}", plan.path, plan.query);
    let mut request = match &plan.body {
        Some(body) => http.post(address).header("content-type", "application/json").body(body.clone()),
        None => http.get(address),
    };
    if let Some(token) = plan.token {
        request = request.bearer_auth(token);
    }
    for (name, value) in &plan.headers {
        request = request.header(*name, value);
    }
    let last_id = seen.lock().unwrap().last_id.clone();
    if !last_id.is_empty() {
        request = request.header("last-event-id", last_id);
    }
    let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
    if answer.status() != 200 {
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap_or_default();
        seen.lock().unwrap().refused.push((status, text));
        return Err("refused".to_owned());
    }
    {
        let mut seen = seen.lock().unwrap();
        seen.connections += 1;
        seen.headers = answer.headers().clone();
    }
    let is_gzip = answer.headers().get("content-encoding").is_some_and(|coding| coding == "gzip");
    let mut decoder = is_gzip.then(|| GzDecoder::new(Vec::new()));
    let mut body = answer.bytes_stream();
    let mut read = String::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| format!("cut: {error:?}"))?;
        let mut seen = seen.lock().unwrap();
        seen.bytes += piece.len();
        let text = match &mut decoder {
            Some(decoder) => decoded(decoder, &piece)?,
            None => piece.to_vec(),
        };
        seen.text_bytes += text.len();
        read.push_str(std::str::from_utf8(&text).map_err(|error| error.to_string())?);
        while let Some(end) = read.find("\n\n") {
            let event: String = read.drain(..end + 2).collect();
            seen.take(&event, plan.only_names);
        }
    }
    if let Some(decoder) = &mut decoder {
        decoder.try_finish().map_err(|error| format!("no whole member: {error}"))?;
    }
    if read.is_empty() { Ok(()) } else { Err(format!("cut in the middle of an event: {read}")) }
}

/// All that can be read of a piece now; nothing may stand behind the member's end.
fn decoded(decoder: &mut GzDecoder<Vec<u8>>, piece: &[u8]) -> Result<Vec<u8>, String> {
    decoder.write_all(piece).and_then(|()| decoder.flush()).map_err(|error| format!("no gzip: {error}"))?;
    Ok(std::mem::take(decoder.get_mut()))
}

impl Seen {
    fn take(&mut self, text: &str, only_names: bool) {
        let mut event =
            Event { name: "message".to_owned(), id: None, data: String::new(), at: Instant::now(), connection: self.connections };
        for line in text.lines().filter(|line| !line.is_empty()) {
            match line.split_once(": ") {
                Some(("event", name)) => event.name = name.to_owned(),
                Some(("id", id)) => event.id = Some(id.to_owned()),
                Some(("data", data)) => event.data.push_str(data),
                Some(("retry", ms)) => self.retry = Duration::from_millis(ms.parse().unwrap()),
                _ => panic!("no line of an event: {line:?}"),
            }
        }
        if only_names {
            event.data.truncate(200);
            self.events.push(event);
            return;
        }
        schema::check(&event.name, &event.data);
        if matches!(event.name.as_str(), "snapshot" | "delta") {
            let id = serde_json::from_str::<serde_json::Value>(&event.data).unwrap()["id"].as_str().unwrap().to_owned();
            self.queries.entry(id).or_default().apply(&event.name, &event.data);
        }
        if let Some(id) = &event.id {
            self.last_id.clone_from(id);
        }
        self.events.push(event);
    }

    /// How many events of this name.
    pub fn count(&self, name: &str) -> usize {
        self.events.iter().filter(|event| event.name == name).count()
    }
}
