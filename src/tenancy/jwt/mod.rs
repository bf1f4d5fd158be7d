//! `kind: jwt`: tokens of one OpenID Connect issuer, checked here with the issuer's public keys.

mod algorithm;
mod claims;
mod client;
mod code;
mod discovery;
mod fetch;
mod issuer;
mod keys;
mod renewed;
mod token;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode};
use serde_json::{Map, Value};

use self::claims::Who;
pub(super) use self::code::CodeFlow;
use self::keys::Keys;
pub(super) use self::token::{Unverified, claims_of};
use super::roles::Roles;
use super::stats::AuthStats;
use super::watched::Watched;
use super::{AuthError, Identity, Permissions, ProviderKind, Scope, SetUpError, Timing};
use crate::config;

/// One configured issuer.
pub(super) struct JwtProvider {
    issuer: issuer::Issuer,
    keys: Keys,
    algorithms: Vec<Algorithm>,
    audience: Vec<String>,
    leeway: Duration,
    claims: config::Claims,
    permissions: Permissions,
    roles: Option<Arc<Watched<Roles>>>,
}

/// A good token.
pub(super) struct Admitted {
    pub(super) identity: Identity,
    /// How long it stays good.
    pub(super) left: Duration,
}

impl JwtProvider {
    pub(super) fn new(
        settings: &config::Jwt,
        roles: Option<Arc<Watched<Roles>>>,
        stats: Arc<AuthStats>,
        timing: Timing,
    ) -> Result<JwtProvider, SetUpError> {
        if settings.audience.is_empty() || settings.audience.iter().any(String::is_empty) {
            return Err(SetUpError::NoAudience(settings.issuer.to_string()));
        }
        let issuer = issuer::Issuer::new(&settings.issuer)?;
        let algorithms = algorithm::parse(&settings.algorithms, &settings.issuer)?;
        let source = fetch::Source::new(settings, &issuer, timing)?;
        Ok(JwtProvider {
            keys: Keys::new(source, stats, timing),
            issuer,
            algorithms,
            audience: settings.audience.clone(),
            leeway: settings.leeway,
            claims: settings.claims.clone(),
            permissions: Permissions::parse(settings.permissions.iter().map(String::as_str))?,
            roles,
        })
    }

    /// Whether the token says that it comes from this issuer; then no other provider is asked.
    pub(super) fn recognises(&self, token: &Unverified) -> bool {
        token.issuer.as_deref().is_some_and(|name| self.issuer.is(name))
    }

    /// Checks everything.
    pub(super) async fn check(&self, text: &str, token: &Unverified) -> Result<Admitted, AuthError> {
        let algorithm = token.algorithm(&self.algorithms)?;
        let candidates = self.keys.for_token(token.key_id.as_deref(), algorithm).await?;
        let mut refusal = AuthError::Invalid("no key of the issuer fits its algorithm".into());
        for key in candidates {
            match decode::<Map<String, Value>>(text, &key.key, &self.validation(algorithm)) {
                Ok(good) => return self.admit(&good.claims),
                Err(error) => refusal = self.refusal(error.kind()),
            }
            // Only a signature that does not fit can fit another key.
            if !matches!(&refusal, AuthError::Invalid(why) if why == WRONG_SIGNATURE) {
                break;
            }
        }
        Err(refusal)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = self.leeway.as_secs();
        validation.validate_nbf = true;
        validation.set_audience(&self.audience);
        validation.set_issuer(self.issuer.forms());
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation
    }

    fn admit(&self, claims: &Map<String, Value>) -> Result<Admitted, AuthError> {
        let Who { user, groups, namespaces } = claims::read(&self.claims, claims)?;
        let granted = self.roles.as_ref().map(|roles| roles.get().of(self.issuer.as_str(), &user, &groups));
        let (role_scope, role_permissions) = granted.map_or((Scope::Nothing, Permissions::NONE), |grant| (grant.scope, grant.permissions));
        let permissions = match self.permissions.union(role_permissions) {
            none if none.is_empty() => Permissions::VIEWER,
            some => some,
        };
        let scope = Scope::of(namespaces).union(&role_scope);
        if scope == Scope::Nothing {
            return Err(AuthError::Nothing);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let expires = claims.get("exp").and_then(Value::as_f64).unwrap_or_default();
        let left = Duration::try_from_secs_f64(expires).unwrap_or_default().saturating_sub(now);
        Ok(Admitted { identity: Identity { user, groups, scope, permissions, provider: ProviderKind::Jwt }, left })
    }

    /// What the caller is told. Says what would be right, which is no secret: it stands in every good token.
    fn refusal(&self, kind: &ErrorKind) -> AuthError {
        AuthError::Invalid(match kind {
            ErrorKind::ExpiredSignature => return AuthError::Expired,
            ErrorKind::InvalidSignature => WRONG_SIGNATURE.into(),
            ErrorKind::ImmatureSignature => "it is not valid yet (nbf)".into(),
            ErrorKind::InvalidAudience => format!("it was made for somebody else: its aud has to contain {}", self.audience.join(" or ")),
            ErrorKind::InvalidIssuer => format!("its iss has to be {}", self.issuer.as_str()),
            ErrorKind::MissingRequiredClaim(claim) => format!("it has no claim {claim}, or not in the usual form"),
            ErrorKind::InvalidClaimFormat(claim) => format!("its claim {claim} is not in the usual form"),
            ErrorKind::InvalidAlgorithm => "its algorithm does not fit the key".into(),
            _ => "it cannot be read".into(),
        })
    }
}

const WRONG_SIGNATURE: &str = "its signature is wrong";
