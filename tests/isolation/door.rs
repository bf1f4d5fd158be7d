//! A way in: to a Prometheus, or to Hecate as somebody.

use std::time::Duration;

use reqwest::Client;
use serde_json::Value;

/// Whom to ask, and as whom.
#[derive(Clone)]
pub struct Door {
    pub name: &'static str,
    base: String,
    token: Option<&'static str>,
    /// Added to the query of the URL.
    narrowed: Option<&'static str>,
    /// Sent as `X-Hecate-Namespaces`.
    header: Option<&'static str>,
    http: Client,
}

/// Without the system's authorities, which take longer to read than a hundred questions to answer: nothing here speaks TLS.
fn client() -> Client {
    hecate::upstream::install_crypto();
    Client::builder().timeout(Duration::from_secs(60)).no_proxy().tls_certs_only([]).build().unwrap()
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub body: String,
}

/// How to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
}

impl Door {
    pub fn new(name: &'static str, base: &str, token: Option<&'static str>) -> Door {
        Door { name, base: base.to_owned(), token, narrowed: None, header: None, http: client() }
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
        Door { name, header: Some(namespaces), ..self }
    }

    pub async fn ask(&self, verb: Verb, path: &str, params: &[(&str, &str)]) -> Reply {
        let mut pairs = params.to_vec();
        pairs.extend(self.narrowed.map(|namespace| ("namespace", namespace)));
        let text: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let mut request = match verb {
            Verb::Get => self.http.get(format!("{}{path}?{text}", self.base)),
            Verb::Post => {
                self.http.post(format!("{}{path}", self.base)).header("content-type", "application/x-www-form-urlencoded").body(text)
            }
        };
        if let Some(token) = self.token {
            request = request.bearer_auth(token);
        }
        if let Some(namespaces) = self.header {
            request = request.header("X-Hecate-Namespaces", namespaces);
        }
        let answer = request.send().await.unwrap_or_else(|e| panic!("{} {path}: {e}", self.name));
        Reply { status: answer.status().as_u16(), body: answer.text().await.unwrap() }
    }

    pub async fn get(&self, path: &str, params: &[(&str, &str)]) -> Reply {
        self.ask(Verb::Get, path, params).await
    }
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
}
