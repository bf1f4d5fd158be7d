//! Authorization code and PKCE: where a browser is sent to sign in, and the ID token for what it brings back.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use url::Url;

use super::client::{FetchError, IssuerClient};
use super::discovery::Discovery;
use super::issuer::Issuer;
use super::renewed::{Ask, Renewed};
use crate::config::{self, OidcClient, Secret};
use crate::tenancy::session::Begun;
use crate::tenancy::sign_in::SignInError;
use crate::tenancy::stats::{AuthStats, bump};
use crate::tenancy::{SetUpError, Timing};

/// Codes that are exchanged at once: whoever comes then is asked to try again.
const AT_ONCE: usize = 16;
/// Longest code that is passed on, in bytes.
const LONGEST_CODE: usize = 4 * 1024;

/// What Hecate is to an issuer that people sign in at.
pub(in crate::tenancy) struct CodeFlow {
    issuer: Issuer,
    client_id: String,
    secret: Option<Secret>,
    scopes: String,
    client: IssuerClient,
    places: Renewed<Places>,
    exchanges: Semaphore,
    stats: Arc<AuthStats>,
    timing: Timing,
}

/// Where an issuer has what.
struct Places {
    client: IssuerClient,
    discovery: Discovery,
    issuer: String,
    stats: Arc<AuthStats>,
}

/// Places of the issuer.
struct Endpoints {
    authorization: Url,
    token: String,
    /// The secret goes into the form, not into a header.
    secret_in_form: bool,
}

impl CodeFlow {
    /// At the issuer of this provider.
    pub(in crate::tenancy) fn new(
        settings: &OidcClient,
        provider: &config::Jwt,
        stats: Arc<AuthStats>,
        timing: Timing,
    ) -> Result<CodeFlow, SetUpError> {
        let issuer = Issuer::new(&settings.issuer)?;
        let client = IssuerClient::new(provider, timing)?;
        let (discovery, name) = (Discovery::of(&issuer), issuer.as_str().to_owned());
        let places = Places { client: client.clone(), discovery, issuer: name, stats: Arc::clone(&stats) };
        Ok(CodeFlow {
            client_id: settings.client_id.clone(),
            secret: settings.secret.as_ref().map(|(_, secret)| secret.clone()),
            scopes: settings.scopes.join(" "),
            client,
            places: Renewed::new(places, timing.key_retry),
            issuer,
            exchanges: Semaphore::new(AT_ONCE),
            stats,
            timing,
        })
    }

    /// Where the browser goes to sign in.
    pub(in crate::tenancy) async fn address(&self, begun: &Begun, redirect_uri: &str) -> Result<String, SignInError> {
        let mut url = self.endpoints().await?.authorization.clone();
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", redirect_uri),
            ("scope", &self.scopes),
            ("state", &begun.state),
            ("nonce", &begun.nonce),
            ("code_challenge", &begun.challenge()),
            ("code_challenge_method", "S256"),
        ]);
        Ok(url.into())
    }

    /// The ID token for a code. Nothing of it is believed yet.
    pub(in crate::tenancy) async fn exchange(&self, code: &str, begun: &Begun, redirect_uri: &str) -> Result<String, SignInError> {
        if code.len() > LONGEST_CODE {
            return Err(SignInError::Refused("the code is longer than any code is".into()));
        }
        let Ok(_place) = self.exchanges.try_acquire() else {
            return Err(SignInError::Unavailable { retry_after: Duration::from_secs(1) });
        };
        let endpoints = self.endpoints().await?;
        let (authorization, form) = self.request(&endpoints, code, begun, redirect_uri);
        bump(&self.stats.issuer_requests);
        let answer = self.client.post_form(&endpoints.token, authorization.as_deref(), form).await;
        id_token(&endpoints.token, answer).inspect_err(|_| bump(&self.stats.issuer_request_failures)).map_err(|error| match error {
            NoToken::Refused(word) => SignInError::Refused(format!("the issuer said {word}")),
            NoToken::Away(error) => {
                tracing::warn!(issuer = self.issuer.as_str(), "a code could not be exchanged: {error}");
                self.unavailable()
            }
        })
    }

    /// The `Authorization` header, where the secret goes there, and the form.
    fn request(&self, endpoints: &Endpoints, code: &str, begun: &Begun, redirect_uri: &str) -> (Option<String>, String) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", &begun.verifier),
        ]);
        match &self.secret {
            Some(secret) if !endpoints.secret_in_form => return (Some(basic(&self.client_id, secret)), form.finish()),
            Some(secret) => drop(form.append_pair("client_secret", secret.expose())),
            None => {}
        }
        form.append_pair("client_id", &self.client_id);
        (None, form.finish())
    }

    /// Whether the claims of an ID token, whose signature, issuer, audience and time were checked, are those of this sign-in
    /// (OpenID Connect Core §3.1.3.7).
    pub(in crate::tenancy) fn expect(&self, claims: &Map<String, Value>, begun: &Begun) -> Result<(), SignInError> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let is_for_us = match claims.get("aud") {
            Some(Value::Array(all)) => all.iter().any(|one| one == self.client_id.as_str()),
            one => one.is_some_and(|one| one == self.client_id.as_str()),
        };
        let refuse = |why: &str| Err(SignInError::Refused(why.to_owned()));
        if !text("iss").is_some_and(|name| self.issuer.is(name)) {
            return refuse("its ID token comes from another issuer");
        }
        if !is_for_us || claims.contains_key("azp") && text("azp") != Some(&self.client_id) {
            return refuse("its ID token was made for another client");
        }
        if text("nonce") != Some(&begun.nonce) {
            return refuse("its ID token belongs to another sign-in (nonce)");
        }
        Ok(())
    }

    /// Whether this is the issuer's name, as a browser brings it back (RFC 9207).
    pub(in crate::tenancy) fn is_issuer(&self, name: &str) -> bool {
        self.issuer.is(name)
    }

    fn unavailable(&self) -> SignInError {
        SignInError::Unavailable { retry_after: self.timing.key_retry.max(Duration::from_secs(1)) }
    }

    /// The places, asked for when they get old. Should the issuer be away then, those of before do for a while.
    async fn endpoints(&self) -> Result<Arc<Endpoints>, SignInError> {
        let lifetime = self.timing.key_lifetime;
        let mut held = self.places.held();
        if held.younger_than(lifetime / 6).is_none() {
            held = self.places.renew().await;
        }
        held.younger_than(lifetime).cloned().ok_or_else(|| self.unavailable())
    }
}

#[async_trait]
impl Ask for Places {
    type Answer = Endpoints;

    async fn ask(&self) -> Option<Endpoints> {
        bump(&self.stats.issuer_requests);
        let failed = |error| {
            bump(&self.stats.issuer_request_failures);
            tracing::warn!(issuer = self.issuer, "nobody can sign in, because the issuer does not say where: {error}");
        };
        self.look().await.map_err(failed).ok()
    }
}

impl Places {
    async fn look(&self) -> Result<Endpoints, FetchError> {
        let found = self.discovery.get(&self.client).await?;
        let authorization = found.url("authorization_endpoint")?;
        let methods = "token_endpoint_auth_methods_supported";
        Ok(Endpoints {
            authorization: Url::parse(&authorization)
                .map_err(|error| FetchError::Content { url: authorization, fault: error.to_string() })?,
            token: found.url("token_endpoint")?,
            secret_in_form: found.lists(methods, "client_secret_basic") == Some(false)
                && found.lists(methods, "client_secret_post") == Some(true),
        })
    }
}

enum NoToken {
    /// The code is no good.
    Refused(String),
    /// The issuer is not well, or we are not to it what the configuration says.
    Away(FetchError),
}

fn id_token(url: &str, answer: Result<(u16, Result<Value, FetchError>), FetchError>) -> Result<String, NoToken> {
    let (status, document) = answer.map_err(NoToken::Away)?;
    let wrong = |fault: &str| NoToken::Away(FetchError::Content { url: url.to_owned(), fault: fault.to_owned() });
    match (status, document) {
        (200, Ok(document)) => match document.get("id_token").and_then(Value::as_str) {
            Some(token) => Ok(token.to_owned()),
            None => Err(wrong("no `id_token`; is `openid` among the scopes that the issuer gives this client?")),
        },
        (200, Err(error)) => Err(NoToken::Away(error)),
        (status @ 400..=499, Ok(document)) => match document.get("error").and_then(Value::as_str) {
            Some("invalid_grant") => Err(NoToken::Refused("invalid_grant: the code is used up, too old or not ours".into())),
            Some(word) => Err(wrong(&format!("status {status}, error {:?}", word.chars().take(60).collect::<String>()))),
            None => Err(NoToken::Away(FetchError::Status { url: url.to_owned(), status })),
        },
        (status, _) => Err(NoToken::Away(FetchError::Status { url: url.to_owned(), status })),
    }
}

/// RFC 6749 §2.3.1: both parts are encoded as in a form before they are put together.
fn basic(client_id: &str, secret: &Secret) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(client_id), encoded(secret.expose()))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(status: u16, document: Value) -> Result<String, String> {
        id_token("https://sso.example/token", Ok((status, Ok(document)))).map_err(|error| match error {
            NoToken::Refused(word) => format!("refused: {word}"),
            NoToken::Away(error) => format!("away: {error}"),
        })
    }

    #[test]
    fn answers_of_the_token_endpoint() {
        assert_eq!(check(200, json!({"id_token": "a.b.c", "access_token": "x"})), Ok("a.b.c".into()));
        for (status, document, expect) in [
            (200, json!({"access_token": "x"}), "away: https://sso.example/token: the answer is not the JSON expected: no `id_token`"),
            (400, json!({"error": "invalid_grant"}), "refused: invalid_grant"),
            (401, json!({"error": "invalid_client"}), "error \"invalid_client\""),
            (404, json!({}), "away: https://sso.example/token: status 404"),
            (503, json!({"error": "invalid_grant"}), "away: https://sso.example/token: status 503"),
        ] {
            let error = check(status, document.clone()).unwrap_err();
            assert!(error.contains(expect), "{status} {document}: {error}");
        }
    }

    #[test]
    fn a_client_may_have_any_letters() {
        let shown = basic("a:b", &Secret::new("s %ä"));
        assert_eq!(STANDARD.decode(shown.strip_prefix("Basic ").unwrap()).unwrap(), b"a%3Ab:s+%25%C3%A4");
    }
}
