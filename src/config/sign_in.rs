//! `auth.sign_in:` people who come with a browser, and the sessions that they get.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::auth::Provider;
use super::reader::{Findings, Map, closest};
use super::upstream_auth::secret_file;
use super::yaml::Node;
use super::{Secret, later, values};

/// How people sign in, and for how long.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Who looks at what they show.
    pub kind: SignInKind,
    /// What sessions are sealed with; the same for all replicas. Without it, a key is made from the client's secret, or by chance.
    pub key: Option<SessionKey>,
    /// A session ends after this long at the latest.
    pub lifetime: Duration,
}

/// One way to sign in.
#[derive(Clone, Debug)]
pub enum SignInKind {
    /// At an OpenID Connect issuer: authorization code and PKCE.
    Oidc(OidcClient),
    /// With a token of `users.yaml`, in a form.
    Token,
}

/// What Hecate is to its issuer.
#[derive(Clone, Debug)]
pub struct OidcClient {
    /// The issuer; a provider of kind jwt has the same and takes tokens for this client.
    pub issuer: Url,
    /// The name of the client.
    pub client_id: String,
    /// Its secret, and the file that it came from; a public client has none.
    pub secret: Option<(PathBuf, Secret)>,
    /// What is asked for; `openid` is among them.
    pub scopes: Vec<String>,
}

/// What sessions are sealed with.
#[derive(Clone, Debug)]
pub struct SessionKey {
    /// Where it came from.
    pub file: PathBuf,
    /// At least 32 bytes.
    pub key: Secret,
}

/// `kind` of a sign-in, as it is written.
const KINDS: &[&str] = &["oidc", "token"];
/// Shorter keys could be guessed.
const SHORTEST_KEY: usize = 32;
const DAY: Duration = Duration::from_secs(24 * 3600);

impl SignIn {
    pub(super) fn read(map: &mut Map<'_>) -> Option<SignIn> {
        let kind = map.required("kind", &format!("one of {}", KINDS.join(", ")), values::text);
        let kind = match kind.as_deref() {
            Some("oidc") => OidcClient::read(map).map(SignInKind::Oidc),
            Some("token") => Some(SignInKind::Token),
            Some(other) => {
                let message = if later::SIGN_INS.contains(&other) {
                    format!("\"{other}\" is not in this version; it has {}", KINDS.join(", "))
                } else {
                    let hint = closest(other, KINDS).map(|kind| format!("; the closest is {kind}")).unwrap_or_default();
                    format!("{} is not one of {}{hint}", values::quote(other), KINDS.join(", "))
                };
                map.ignore_rest();
                map.error_at("kind", message);
                return None;
            }
            None => {
                map.ignore_rest();
                return None;
            }
        };
        let key = map.value("session_key_file", session_key);
        let is_without_key = key.is_none() && !map.has("session_key_file");
        if is_without_key && matches!(&kind, Some(SignInKind::Oidc(client)) if client.secret.is_none()) && !map.has("client_secret_file") {
            let message =
                "missing; a client without `client_secret_file` needs it: `openssl rand -base64 32` makes one, the same for all replicas";
            map.error_at("session_key_file", message);
        }
        let lifetime = map.value("lifetime", values::duration(Duration::from_secs(60)..=30 * DAY)).unwrap_or(DAY / 2);
        Some(SignIn { kind: kind?, key, lifetime })
    }

    /// Whether the issuer has to be told where to send browsers back to.
    pub(super) fn needs_public_url(&self) -> bool {
        matches!(self.kind, SignInKind::Oidc(_))
    }

    /// What people bring from their sign-in has to be something that a provider takes.
    pub(super) fn check_providers(&self, findings: &Findings, providers: &[Provider]) {
        match &self.kind {
            SignInKind::Token if providers.iter().any(|provider| matches!(provider, Provider::Static(_))) => {}
            SignInKind::Token => {
                findings.error_at("auth.sign_in.kind", "\"token\" is for people of a provider of kind static, and auth.providers has none");
            }
            SignInKind::Oidc(client) => client.check_providers(findings, providers),
        }
    }
}

impl OidcClient {
    fn read(map: &mut Map<'_>) -> Option<OidcClient> {
        let issuer =
            map.required("issuer", "the issuer that people sign in at, such as https://login.example/realms/main", values::http_url);
        let client_id = map.required("client_id", "the name under which Hecate is registered at the issuer", values::text);
        let secret = map.value("client_secret_file", |node| Ok((values::path(node)?, secret_file(node)?)));
        let scopes = map.values("scopes", scope).unwrap_or_else(|| vec!["openid".to_owned()]);
        if !scopes.iter().any(|scope| scope == "openid") {
            map.error_at("scopes", "`openid` is missing; without it the issuer gives no ID token");
        }
        Some(OidcClient { issuer: issuer?, client_id: client_id?, secret, scopes })
    }

    fn check_providers(&self, findings: &Findings, providers: &[Provider]) {
        let mut same_issuer = providers.iter().filter_map(|provider| match provider {
            Provider::Jwt(jwt) if jwt.issuer == self.issuer => Some(jwt),
            _ => None,
        });
        // The first that recognises a token decides.
        match same_issuer.next() {
            None => findings.error_at(
                "auth.sign_in.issuer",
                "no provider of kind jwt has this issuer; add one to auth.providers, with the client_id as its `audience`",
            ),
            Some(jwt) if !jwt.audience.contains(&self.client_id) => findings.error_at(
                "auth.sign_in.client_id",
                format!(
                    "the provider of this issuer takes tokens for {} only; add {} to its `audience`",
                    jwt.audience.join(" or "),
                    values::quote(&self.client_id)
                ),
            ),
            Some(_) => {}
        }
    }
}

/// RFC 6749 §3.3.
fn scope(node: &Node) -> Result<String, String> {
    let written = values::text(node)?;
    if written.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\')) {
        return Ok(written);
    }
    Err(format!("{} is not one scope; write [openid, profile]", values::quote(&written)))
}

fn session_key(node: &Node) -> Result<SessionKey, String> {
    let (file, key) = (values::path(node)?, secret_file(node)?);
    if key.expose().len() < SHORTEST_KEY {
        return Err(format!(
            "the key in {} is shorter than {SHORTEST_KEY} bytes; `openssl rand -base64 32` makes a good one",
            file.display()
        ));
    }
    Ok(SessionKey { file, key })
}
