//! Gets an issuer's keys: discovery document, then key set. Every answer has a time limit and a size limit.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use reqwest::{Client, redirect};
use serde_json::Value;
use url::Url;

use super::issuer::Issuer;
use crate::config;
use crate::tenancy::{SetUpError, Timing};

/// Largest answer that is read, in bytes.
const LARGEST: usize = 512 * 1024;
/// Most keys that are taken from one set.
const MOST_KEYS: usize = 100;

/// A key of the issuer.
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) jwk: Jwk,
    pub(super) key: DecodingKey,
}

/// Where the keys come from.
pub(super) struct Source {
    client: Client,
    issuer: Vec<String>,
    place: Place,
}

enum Place {
    Discovery { url: String, https_only: bool },
    KeySet(String),
}

/// Why there are no keys. For the log: the caller only hears that the issuer does not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("GET {url}: {}", chain(.source))]
    Request { url: String, source: reqwest::Error },
    #[error("GET {url}: status {status}, expected 200")]
    Status { url: String, status: u16 },
    #[error("GET {url}: the answer is larger than {LARGEST} bytes")]
    TooLarge { url: String },
    #[error("GET {url}: the answer is not the JSON expected: {fault}")]
    Content { url: String, fault: String },
}

/// The error with its causes: reqwest's own text stops before the interesting part.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl Source {
    pub(super) fn new(settings: &config::Jwt, issuer: &Issuer, timing: Timing) -> Result<Source, SetUpError> {
        let refuse = |why: String| SetUpError::Issuer(settings.issuer.to_string(), why);
        // The provider of the process, should nobody have chosen one yet; a second choice is refused and does no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .connect_timeout(timing.issuer_connect)
            .timeout(timing.issuer_total)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(1)
            .user_agent("hecate");
        if let Some(file) = &settings.ca_file {
            let pem = std::fs::read(file).map_err(|error| refuse(format!("ca_file {}: {error}", file.display())))?;
            let certificates =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| refuse(format!("ca_file {}: {error}", file.display())))?;
            if certificates.is_empty() {
                return Err(refuse(format!("ca_file {}: no certificate in it", file.display())));
            }
            builder = builder.tls_certs_only(certificates);
        }
        let client = builder.build().map_err(|error| refuse(format!("no HTTP client: {}", chain(&error))))?;
        let place = match &settings.jwks_url {
            Some(url) => Place::KeySet(url.to_string()),
            None => Place::Discovery { url: issuer.discovery(), https_only: settings.issuer.scheme() == "https" },
        };
        Ok(Source { client, issuer: issuer.forms().to_vec(), place })
    }

    /// The name of the issuer, for logs.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer[0]
    }

    /// All keys that can check a signature.
    pub(super) async fn fetch(&self) -> Result<Vec<Key>, FetchError> {
        let url = match &self.place {
            Place::KeySet(url) => url.clone(),
            Place::Discovery { url, https_only } => self.key_set_url(url, *https_only).await?,
        };
        let document = self.get(&url).await?;
        let Some(list) = document.get("keys").and_then(Value::as_array) else {
            return Err(FetchError::Content { url, fault: "no list `keys`".into() });
        };
        let keys: Vec<Key> = list.iter().take(MOST_KEYS).filter_map(key).collect();
        if keys.is_empty() {
            return Err(FetchError::Content { url, fault: "no key in it can check a signature".into() });
        }
        Ok(keys)
    }

    async fn key_set_url(&self, discovery: &str, https_only: bool) -> Result<String, FetchError> {
        let document = self.get(discovery).await?;
        let wrong = |fault: String| FetchError::Content { url: discovery.to_owned(), fault };
        let named = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
        if !self.issuer.iter().any(|form| form == named) {
            return Err(wrong(format!("`issuer` is {named:?}, expected {:?}", self.issuer())));
        }
        let place = document.get("jwks_uri").and_then(Value::as_str).unwrap_or_default();
        let url = Url::parse(place).map_err(|error| wrong(format!("`jwks_uri` is {place:?}: {error}")))?;
        if url.scheme() != "https" && (https_only || url.scheme() != "http") {
            return Err(wrong(format!("`jwks_uri` is {place:?}, expected an https:// URL")));
        }
        Ok(url.to_string())
    }

    async fn get(&self, url: &str) -> Result<Value, FetchError> {
        let request = |source| FetchError::Request { url: url.to_owned(), source };
        let mut response = self.client.get(url).header("accept", "application/json").send().await.map_err(request)?;
        if response.status() != 200 {
            return Err(FetchError::Status { url: url.to_owned(), status: response.status().as_u16() });
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(request)? {
            if body.len() + piece.len() > LARGEST {
                return Err(FetchError::TooLarge { url: url.to_owned() });
            }
            body.extend_from_slice(&piece);
        }
        serde_json::from_slice(&body).map_err(|error| FetchError::Content { url: url.to_owned(), fault: error.to_string() })
    }
}

/// A key that can be used; secrets and unknown kinds are left out.
fn key(value: &Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    if matches!(jwk.algorithm, jsonwebtoken::jwk::AlgorithmParameters::OctetKey(_)) {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Key { id: jwk.common.key_id.clone(), jwk, key })
}
