//! Gets an issuer's keys: discovery document, then key set.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use serde_json::Value;

use super::client::{FetchError, IssuerClient};
use super::discovery::Discovery;
use super::issuer::Issuer;
use crate::config;
use crate::tenancy::{SetUpError, Timing};

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
    client: IssuerClient,
    issuer: String,
    place: Place,
}

enum Place {
    Discovery(Discovery),
    KeySet(String),
}

impl Source {
    pub(super) fn new(settings: &config::Jwt, issuer: &Issuer, timing: Timing) -> Result<Source, SetUpError> {
        let client = IssuerClient::new(settings, timing)?;
        let place = match &settings.jwks_url {
            Some(url) => Place::KeySet(url.to_string()),
            None => Place::Discovery(Discovery::of(issuer)),
        };
        Ok(Source { client, issuer: issuer.as_str().to_owned(), place })
    }

    /// The name of the issuer, for logs.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// All keys that can check a signature.
    pub(super) async fn fetch(&self) -> Result<Vec<Key>, FetchError> {
        let url = match &self.place {
            Place::KeySet(url) => url.clone(),
            Place::Discovery(discovery) => discovery.get(&self.client).await?.url("jwks_uri")?,
        };
        let document = self.client.get(&url).await?;
        let Some(list) = document.get("keys").and_then(Value::as_array) else {
            return Err(FetchError::Content { url, fault: "no list `keys`".into() });
        };
        let keys: Vec<Key> = list.iter().take(MOST_KEYS).filter_map(key).collect();
        if keys.is_empty() {
            return Err(FetchError::Content { url, fault: "no key in it can check a signature".into() });
        }
        Ok(keys)
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
