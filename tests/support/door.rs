//! A way in: to a Prometheus, or to Hecate as somebody.

use std::io::Read as _;
use std::time::Duration;

use http::HeaderMap;
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Whom to ask, and as whom.
#[derive(Clone)]
pub struct Door {
    /// For messages.
    pub name: &'static str,
    base: String,
    token: Option<&'static str>,
    /// Added to the query of the URL.
    narrowed: Option<&'static str>,
    /// Further headers.
    headers: Vec<(&'static str, String)>,
    http: Client,
}

/// Without the system's authorities, which take longer to read than a hundred questions to answer: nothing here speaks TLS. It closes
/// idle connections before the server does, which could be at the moment of the next question.
fn client() -> Client {
    hecate::upstream::install_crypto();
    let builder = Client::builder().timeout(Duration::from_secs(90)).pool_idle_timeout(Duration::from_secs(10));
    builder.no_proxy().tls_certs_only([]).build().unwrap()
}

/// What came back, in plain.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its body, no longer compressed.
    pub body: String,
    /// Its headers, as they came.
    pub headers: HeaderMap,
    /// The size of the body as it came.
    pub sent_bytes: usize,
}

/// How to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Parameters in the URL.
    Get,
    /// Parameters in a form.
    Post,
}

impl Door {
    /// A way to this base URL, with a bearer token if there is one.
    pub fn new(name: &'static str, base: &str, token: Option<&'static str>) -> Door {
        Door { name, base: base.to_owned(), token, narrowed: None, headers: Vec::new(), http: client() }
    }

    /// The same with a prefix of the path.
    pub fn under(self, name: &'static str, prefix: &str) -> Door {
        Door { name, base: format!("{}{prefix}", self.base), ..self }
    }

    /// The same, narrowed by the parameter.
    pub fn narrowed(self, name: &'static str, namespace: &'static str) -> Door {
        Door { name, narrowed: Some(namespace), ..self }
    }

    /// The same, narrowed by the header.
    pub fn with_header(self, name: &'static str, namespaces: &'static str) -> Door {
        Door { name, ..self.saying("X-Hecate-Namespaces", namespaces) }
    }

    /// The same with one more header.
    pub fn saying(mut self, header: &'static str, value: &str) -> Door {
        self.headers.push((header, value.to_owned()));
        self
    }

    /// Asks, and reads the whole answer; fails the test when there is none.
    pub async fn ask(&self, verb: Verb, path: &str, params: &[(&str, &str)]) -> Reply {
        self.try_ask(verb, path, params).await.unwrap_or_else(|e| panic!("{} {path}: {e:?}", self.name))
    }

    /// Asks, and reads the whole answer.
    pub async fn try_ask(&self, verb: Verb, path: &str, params: &[(&str, &str)]) -> Result<Reply, reqwest::Error> {
        let mut pairs = params.to_vec();
        pairs.extend(self.narrowed.map(|namespace| ("namespace", namespace)));
        let text: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let request = match verb {
            Verb::Get => self.http.get(format!("{}{path}?{text}", self.base)),
            Verb::Post => {
                self.http.post(format!("{}{path}", self.base)).header("content-type", "application/x-www-form-urlencoded").body(text)
            }
        };
        self.send(request).await
    }

    /// Sends JSON.
    pub async fn post_json(&self, path: &str, body: &Value) -> Reply {
        let request = self.http.post(format!("{}{path}", self.base)).header("content-type", "application/json").body(body.to_string());
        self.send(request).await.unwrap_or_else(|e| panic!("{} {path}: {e:?}", self.name))
    }

    /// Deletes; the query is part of the path.
    pub async fn delete(&self, path: &str) -> Reply {
        self.send(self.http.delete(format!("{}{path}", self.base))).await.unwrap_or_else(|e| panic!("{} {path}: {e:?}", self.name))
    }

    async fn send(&self, mut request: reqwest::RequestBuilder) -> Result<Reply, reqwest::Error> {
        if let Some(token) = self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let sent = answer.bytes().await?;
        let encoding = headers.get("content-encoding").map(|value| value.to_str().unwrap().to_owned());
        let plain = decoded(encoding.as_deref(), &sent);
        let body = String::from_utf8(plain).unwrap_or_else(|e| panic!("{}: an answer that is no text: {e}", self.name));
        Ok(Reply { status, body, headers, sent_bytes: sent.len() })
    }

    /// Asks with the parameters in the URL.
    pub async fn get(&self, path: &str, params: &[(&str, &str)]) -> Reply {
        self.ask(Verb::Get, path, params).await
    }
}

/// The body without its compression, which has to be one whole stream and nothing behind it.
fn decoded(encoding: Option<&str>, sent: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match encoding {
        None => plain.extend_from_slice(sent),
        Some("gzip") => {
            let mut rest = sent;
            flate2::bufread::GzDecoder::new(&mut rest).read_to_end(&mut plain).expect("an answer that is no gzip");
            assert!(rest.is_empty(), "{} bytes after the gzip stream", rest.len());
        }
        Some("zstd") => plain = zstd::stream::decode_all(sent).expect("an answer that is no zstd"),
        Some(other) => panic!("an answer in {other}, which was not asked for"),
    }
    plain
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.status, self.body))
    }

    /// `data` of an answer without errors.
    pub fn data(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.json()["data"].take()
    }

    /// The very bytes of `data`; nothing where there is none.
    pub fn data_bytes(&self) -> &str {
        #[derive(Deserialize)]
        struct Whole<'a> {
            #[serde(borrow)]
            data: Option<&'a RawValue>,
        }
        let whole: Whole<'_> = serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.status, self.body));
        whole.data.map_or("", RawValue::get)
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// How many values an answer of the query API has: samples, and the buckets of native histograms.
    ///
    /// Told from the text, as thousands of answers are counted: a value follows its time (or the kind of its bucket) as a string.
    pub fn values(&self) -> usize {
        self.body.as_bytes().windows(3).filter(|w| w[0].is_ascii_digit() && w[1] == b',' && w[2] == b'"').count()
    }
}
