//! A proxy in front of a real backend that writes down what it is asked, and misbehaves on command.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How it behaves from now on.
#[derive(Clone)]
pub enum Mood {
    /// As the backend does.
    Well,
    /// As the backend does, this much later.
    Slow(Duration),
    /// As the backend does, once the semaphore has a permit for it.
    Held(Arc<Semaphore>),
    /// With this status and body, this much later.
    Saying(u16, String, Duration),
    /// As the backend does, with this text put in front of `"data"`, such as `"warnings":["…"],`.
    Adding(String),
    /// As the backend does, cut after this many bytes of the body.
    Cut(usize),
    /// Closes every connection.
    Dead,
}

/// One request as it came. Looks at health are not among them.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Without parameters.
    pub path: String,
    /// Of URL and form together.
    pub params: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// When it came.
    pub at: tokio::time::Instant,
}

impl Asked {
    /// A parameter's value.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter's value in milliseconds.
    pub fn ms(&self, name: &str) -> i64 {
        let text = self.param(name).unwrap_or_else(|| panic!("no {name} in {self:?}"));
        (text.parse::<f64>().unwrap_or_else(|_| panic!("{name} in {self:?}")) * 1000.0).round() as i64
    }

    /// The steps of a range query; 1 for anything else.
    pub fn points(&self) -> i64 {
        if !self.path.ends_with("/query_range") {
            return 1;
        }
        (self.ms("end") - self.ms("start")) / self.ms("step") + 1
    }
}

struct Shared {
    backend: String,
    http: reqwest::Client,
    mood: Mutex<Mood>,
    seen: Mutex<Vec<Asked>>,
}

/// Running until the test's runtime ends.
#[derive(Clone)]
pub struct Counting {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Counting {
    /// In front of this base URL.
    pub async fn in_front_of(backend: &str) -> Counting {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mood, seen, http) = (Mutex::new(Mood::Well), Mutex::default(), super::client());
        let shared = Arc::new(Shared { backend: backend.to_owned(), http, mood, seen });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.connection(stream).await });
            }
        });
        Counting { address, shared }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How it behaves from now on.
    pub fn becomes(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    /// What it was asked since the last time, in the order in which it came.
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.shared.seen.lock().unwrap())
    }

    /// How much it was asked since the last [`Counting::take`].
    pub fn count(&self) -> usize {
        self.shared.seen.lock().unwrap().len()
    }
}

impl Shared {
    async fn connection(&self, mut stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut read = Vec::new();
        while let Some((head, body)) = request(&mut stream, &mut read).await {
            if self.answer(&mut stream, &head, body).await.is_none() {
                break;
            }
        }
    }

    /// Answers one request; `None` when the connection is to be closed.
    async fn answer(&self, stream: &mut TcpStream, head: &str, body: Vec<u8>) -> Option<()> {
        let mood = self.mood.lock().unwrap().clone();
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers: Vec<(String, String)> =
            lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let is_health = path == "/-/ready" || path.ends_with("/status/buildinfo");
        if !is_health {
            let params = [query.as_bytes(), &body].iter().flat_map(|text| form_urlencoded::parse(text).into_owned()).collect();
            self.seen.lock().unwrap().push(Asked {
                path: path.to_owned(),
                params,
                headers: headers.clone(),
                at: tokio::time::Instant::now(),
            });
        }
        match &mood {
            Mood::Dead => return None,
            // It is slow with work, and alive all the while.
            Mood::Slow(by) if !is_health => tokio::time::sleep(*by).await,
            Mood::Held(permits) if !is_health => permits.acquire().await.ok()?.forget(),
            Mood::Saying(status, text, after) if !is_health => {
                tokio::time::sleep(*after).await;
                return say(stream, *status, "application/json", None, text.as_bytes(), text.len()).await;
            }
            _ => {}
        }
        let mut forwarded = self.http.request(method.parse().ok()?, format!("{}{target}", self.backend)).body(body);
        for (name, value) in headers.iter().filter(|(name, _)| matches!(name.as_str(), "content-type" | "accept-encoding" | "accept")) {
            // What is added to an answer has to be read.
            if !(name == "accept-encoding" && matches!(mood, Mood::Adding(_))) {
                forwarded = forwarded.header(name, value);
            }
        }
        let answer = forwarded.send().await.ok()?;
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (status, kind, encoding) = (answer.status().as_u16(), header("content-type").unwrap_or_default(), header("content-encoding"));
        let mut whole = answer.bytes().await.ok()?.to_vec();
        if let (Mood::Adding(text), false) = (&mood, is_health) {
            whole = String::from_utf8(whole).unwrap().replacen("\"data\":", &format!("{text}\"data\":"), 1).into_bytes();
        }
        let sent = match mood {
            Mood::Cut(after) if !is_health => after.min(whole.len()),
            _ => whole.len(),
        };
        say(stream, status, &kind, encoding.as_deref(), &whole, sent).await
    }
}

/// Announces the whole body and sends the first `sent` bytes of it; `None` when that is not all, or nobody reads.
async fn say(stream: &mut TcpStream, status: u16, kind: &str, encoding: Option<&str>, whole: &[u8], sent: usize) -> Option<()> {
    let encoding = encoding.map_or_else(String::new, |encoding| format!("Content-Encoding: {encoding}\r\n"));
    let head = format!("HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{encoding}Content-Length: {}\r\n\r\n", whole.len());
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(&whole[..sent]).await.ok()?;
    (sent == whole.len()).then_some(())
}

/// The next request: its head, and its body of known length.
async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    let mut piece = vec![0; 16 * 1024];
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).into_owned();
            let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let all = end + 4 + length.unwrap_or(0);
            if read.len() >= all {
                let body = read[end + 4..all].to_vec();
                read.drain(..all);
                return Some((head, body));
            }
        }
        let count = stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&piece[..count]);
    }
}
