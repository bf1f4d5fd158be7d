//! A browser as far as signing in takes one: keeps cookies by host, goes where it is sent one step at a time.

use std::collections::BTreeMap;

use reqwest::Method;
use reqwest::header::{HeaderMap, LOCATION, SET_COOKIE};
use url::Url;

use crate::support;

/// Somebody's browser; a copy has the same cookies.
#[derive(Clone)]
pub(crate) struct Browser {
    client: reqwest::Client,
    /// By `host:port`, then by name.
    pub(crate) jar: BTreeMap<String, BTreeMap<String, String>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn location(&self) -> &str {
        self.headers.get(LOCATION).unwrap_or_else(|| panic!("no Location: {self:?}")).to_str().unwrap()
    }

    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap()).collect()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

impl Browser {
    pub(crate) fn new() -> Browser {
        support::client();
        let builder = reqwest::Client::builder().timeout(std::time::Duration::from_secs(30)).no_proxy().tls_certs_only([]);
        Browser { client: builder.redirect(reqwest::redirect::Policy::none()).build().unwrap(), jar: BTreeMap::new() }
    }

    pub(crate) async fn get(&mut self, url: &str) -> Answer {
        self.send(Method::GET, url, &[], "").await
    }

    /// Does not follow where it is sent.
    pub(crate) async fn send(&mut self, method: Method, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut response = self.begin(method, url, headers, body).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.unwrap() {
            bytes.extend_from_slice(&piece);
            assert!(bytes.len() < 1 << 20, "an endless answer");
        }
        Answer { status, headers, body: String::from_utf8(bytes).unwrap() }
    }

    /// The head of the answer.
    pub(crate) async fn begin(&mut self, method: Method, url: &str, headers: &[(&str, &str)], body: &str) -> reqwest::Response {
        let host = host_of(url);
        let mut request = self.client.request(method, url).body(body.to_owned());
        let kept = self.jar.entry(host).or_default();
        if !kept.is_empty() {
            request = request.header("cookie", kept.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() || attributes.contains("Max-Age=0;") {
                kept.remove(name);
            } else {
                kept.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    /// From the issuer on: the address at Hecate that it is sent back to, not asked for yet.
    pub(crate) async fn through_issuer(&mut self, address: &str, hecate: &str) -> String {
        let mut at = Url::parse(address).unwrap();
        for _ in 0..8 {
            let answer = self.get(at.as_str()).await;
            assert!((300..400).contains(&answer.status), "{at}: {answer:?}");
            at = at.join(answer.location()).unwrap();
            if at.as_str().starts_with(hecate) {
                return at.into();
            }
        }
        panic!("the issuer does not send the browser back: {at}");
    }

    /// The cookies of a host, to be changed.
    pub(crate) fn cookies(&mut self, url: &str) -> &mut BTreeMap<String, String> {
        self.jar.entry(host_of(url)).or_default()
    }
}

fn host_of(url: &str) -> String {
    Url::parse(url).unwrap().authority().to_owned()
}
