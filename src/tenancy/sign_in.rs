//! People who come with a browser: from what they bring to a session.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::jwt::{CodeFlow, claims_of};
use super::session::{Begun, NewSession, Sessions, TooLong};
use super::stats::{AuthStats, bump};
use super::{AuthError, Authenticator, Credentials, Identity, SetUpError, Timing};
use crate::config::{self, SignInKind};

/// Why somebody gets no session.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The issuer does not answer, or too many people sign in at once.
    #[error("nobody can sign in now, because the issuer does not answer; try again in {} s", .retry_after.as_secs().max(1))]
    Unavailable {
        /// When it makes sense to try again.
        retry_after: Duration,
    },
    /// What the browser brought back is no good.
    #[error("this sign-in is refused: {0}; begin again")]
    Refused(String),
    /// The token is no good, or says too little.
    #[error(transparent)]
    Token(#[from] AuthError),
    /// The token is too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// No random numbers.
    #[error(transparent)]
    System(#[from] SetUpError),
}

/// Somebody who has a session now.
pub struct SignedIn {
    /// Who it is.
    pub identity: Arc<Identity>,
    /// For their browser.
    pub session: NewSession,
}

/// How people sign in here.
pub(super) struct SignIn {
    pub(super) sessions: Sessions,
    /// Without one: with a token.
    code: Option<CodeFlow>,
    stats: Arc<AuthStats>,
}

impl SignIn {
    pub(super) fn new(auth: &config::Auth, stats: &Arc<AuthStats>, timing: Timing) -> Result<Option<SignIn>, SetUpError> {
        let Some(settings) = &auth.sign_in else { return Ok(None) };
        let code = match &settings.kind {
            SignInKind::Token => None,
            SignInKind::Oidc(client) => {
                let provider = auth.providers.iter().find_map(|provider| match provider {
                    config::Provider::Jwt(jwt) if jwt.issuer == client.issuer => Some(jwt),
                    _ => None,
                });
                let provider = provider.ok_or_else(|| SetUpError::NoProviderOf(client.issuer.to_string()))?;
                Some(CodeFlow::new(client, provider, Arc::clone(stats), timing)?)
            }
        };
        Ok(Some(SignIn { sessions: Sessions::new(settings, Arc::clone(stats))?, code, stats: Arc::clone(stats) }))
    }
}

impl Authenticator {
    /// The sessions of browsers, where people can sign in.
    pub fn sessions(&self) -> Option<&Sessions> {
        self.sign_in.as_ref().map(|sign_in| &sign_in.sessions)
    }

    /// Whether people sign in at an issuer.
    pub fn has_issuer(&self) -> bool {
        self.code_flow().is_some()
    }

    /// Where the issuer is that a browser goes to, to come back to `redirect_uri`.
    ///
    /// # Errors
    /// When the issuer is away.
    pub async fn sign_in_address(&self, begun: &Begun, redirect_uri: &str) -> Result<String, SignInError> {
        let Some(flow) = self.code_flow() else { return Err(no_issuer()) };
        flow.address(begun, redirect_uri).await.inspect_err(|error| self.count(error))
    }

    /// Whether a browser that brings the name of its issuer (RFC 9207) comes from the right one.
    pub fn comes_from_issuer(&self, name: &str) -> bool {
        self.code_flow().is_some_and(|flow| flow.is_issuer(name))
    }

    /// Takes the code that the issuer gave for what was begun.
    ///
    /// # Errors
    /// When the code or the token for it is no good, or the issuer is away.
    pub async fn sign_in_by_code(&self, begun: &Begun, code: &str, redirect_uri: &str) -> Result<SignedIn, SignInError> {
        let signed_in = async {
            let flow = self.code_flow().ok_or_else(no_issuer)?;
            let token = flow.exchange(code, begun, redirect_uri).await?;
            let identity = self.bearer(&token).await?;
            // It is good: what it says can be believed.
            let claims = claims_of(&token).unwrap_or_default();
            flow.expect(&claims, begun)?;
            self.begin(identity, &token)
        };
        signed_in.await.inspect_err(|error| self.count(error))
    }

    /// Takes a token that a provider knows.
    ///
    /// # Errors
    /// When no provider takes it.
    pub async fn sign_in_by_token(&self, token: &str) -> Result<SignedIn, SignInError> {
        let signed_in = async {
            let identity = self.bearer(token).await?;
            self.begin(identity, token)
        };
        signed_in.await.inspect_err(|error| self.count(error))
    }

    /// Counts a sign-in that ended before anybody was asked.
    pub fn sign_in_was_refused(&self) {
        bump(&self.stats().sign_ins_refused);
    }

    /// Counts a session that was shown by a page of somebody else.
    pub fn session_came_from_elsewhere(&self) {
        bump(&self.stats().sessions_from_elsewhere);
    }

    /// Counts a session that was shown twice.
    pub fn session_came_twice(&self) {
        bump(&self.stats().sessions_twice);
    }

    /// A token goes the way of every bearer token, with what is checked there.
    async fn bearer(&self, token: &str) -> Result<Arc<Identity>, AuthError> {
        let header = format!("Bearer {token}");
        self.authenticate(&Credentials { authorization: Some(header.as_bytes()), session: None }).await
    }

    fn begin(&self, identity: Arc<Identity>, token: &str) -> Result<SignedIn, SignInError> {
        let Some(sign_in) = &self.sign_in else { return Err(no_issuer()) };
        let ends = claims_of(token).and_then(|claims| claims.get("exp").and_then(Value::as_f64)).map(|ends| ends as u64);
        let session = sign_in.sessions.begin(token, ends)?;
        bump(&sign_in.stats.sign_ins);
        Ok(SignedIn { identity, session })
    }

    fn code_flow(&self) -> Option<&CodeFlow> {
        self.sign_in.as_ref()?.code.as_ref()
    }

    fn count(&self, error: &SignInError) {
        let stats = self.stats();
        bump(match error {
            SignInError::Unavailable { .. } | SignInError::Token(AuthError::Unavailable { .. }) => &stats.sign_ins_unavailable,
            _ => &stats.sign_ins_refused,
        });
    }
}

fn no_issuer() -> SignInError {
    SignInError::Refused("nobody signs in here that way".into())
}
