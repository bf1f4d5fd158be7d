//! What an issuer says of itself (OpenID Connect Discovery 1.0).

use serde_json::Value;
use url::Url;

use super::client::{FetchError, IssuerClient};
use super::issuer::Issuer;

/// Where the document is, and what has to stand in it.
pub(super) struct Discovery {
    url: String,
    issuer: Vec<String>,
    https_only: bool,
}

/// A document that is the issuer's own.
pub(super) struct Discovered<'a> {
    discovery: &'a Discovery,
    document: Value,
}

impl Discovery {
    pub(super) fn of(issuer: &Issuer) -> Discovery {
        Discovery { url: issuer.discovery(), issuer: issuer.forms().to_vec(), https_only: issuer.as_str().starts_with("https:") }
    }

    /// Asks for it.
    pub(super) async fn get(&self, client: &IssuerClient) -> Result<Discovered<'_>, FetchError> {
        let document = client.get(&self.url).await?;
        let named = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
        if !self.issuer.iter().any(|form| form == named) {
            return Err(self.wrong(format!("`issuer` is {named:?}, expected {:?}", self.issuer[0])));
        }
        Ok(Discovered { discovery: self, document })
    }

    fn wrong(&self, fault: String) -> FetchError {
        FetchError::Content { url: self.url.clone(), fault }
    }
}

impl Discovered<'_> {
    /// A place of this name. An issuer with TLS has no places without.
    pub(super) fn url(&self, name: &str) -> Result<String, FetchError> {
        let place = self.document.get(name).and_then(Value::as_str).unwrap_or_default();
        let url = Url::parse(place).map_err(|error| self.discovery.wrong(format!("`{name}` is {place:?}: {error}")))?;
        if url.scheme() != "https" && (self.discovery.https_only || url.scheme() != "http") {
            return Err(self.discovery.wrong(format!("`{name}` is {place:?}, expected an https:// URL")));
        }
        Ok(url.to_string())
    }

    /// Whether a list has this word; `None` when there is no such list.
    pub(super) fn lists(&self, name: &str, word: &str) -> Option<bool> {
        Some(self.document.get(name)?.as_array()?.iter().any(|one| one == word))
    }
}
