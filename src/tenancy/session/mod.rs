//! Sessions of browsers: a token that a provider takes, sealed, for the browser to keep. Nothing of them is kept here.
//!
//! A session is opened for each request, and its token goes the way of a bearer token: whatever ends the token ends the session. Replicas
//! that have the same key have the same sessions.

mod begun;
mod seal;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use self::begun::{Begun, LOGIN_LIFETIME};
use self::seal::{Purpose, Seal};
use super::SetUpError;
use super::stats::{AuthStats, bump};
use crate::config::{SignIn, SignInKind};

/// Longest token that a session holds, in bytes.
const LONGEST_TOKEN: usize = 8 * 1024;

/// Why a session is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Changed, cut, or sealed with another key.
    #[error("the session cookie cannot be read: it was changed, or comes from a server with another key; sign in again")]
    Unreadable,
    /// Its time is over.
    #[error("the session has ended; sign in again")]
    Ended,
    /// Two of them: another host of the same domain may have set one.
    #[error("the session cookie was sent more than once; remove the cookies of this site and sign in again")]
    Twice,
}

/// The token is too long to be kept by a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token has {0} bytes, more than the {LONGEST_TOKEN} that a session can hold: let the issuer put fewer claims into it")]
pub struct TooLong(usize);

/// Seals and opens sessions.
pub struct Sessions {
    seal: Seal,
    lifetime: Duration,
    stats: Arc<AuthStats>,
}

/// A session for a browser to keep.
#[derive(Debug)]
pub struct NewSession {
    /// The sealed text; letters, digits, `-` and `_`.
    pub sealed: String,
    /// From now on.
    pub lifetime: Duration,
}

impl Sessions {
    /// With the key of the configuration, or one that is made here.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(super) fn new(settings: &SignIn, stats: Arc<AuthStats>) -> Result<Sessions, SetUpError> {
        let seal = match (&settings.key, &settings.kind) {
            (Some(key), _) => Seal::new(key.key.expose().as_bytes(), &["key"])?,
            (None, SignInKind::Oidc(client)) if client.secret.is_some() => {
                let secret = client.secret.as_ref().map_or("", |(_, secret)| secret.expose());
                Seal::new(secret.as_bytes(), &["client", client.issuer.as_str(), &client.client_id])?
            }
            (None, _) => {
                tracing::warn!(
                    "auth.sign_in has no session_key_file: sessions end with this process, and no other replica takes them; \
                     `openssl rand -base64 32` makes a key"
                );
                let mut secret = [0; 32];
                getrandom::fill(&mut secret).map_err(|error| SetUpError::Random(error.to_string()))?;
                Seal::new(&secret, &["chance"])?
            }
        };
        Ok(Sessions { seal, lifetime: settings.lifetime, stats })
    }

    /// A session with this token, which ends with it: at `token_ends`, in seconds since 1970, where that is known.
    ///
    /// # Errors
    /// When the token is too long.
    pub fn begin(&self, token: &str, token_ends: Option<u64>) -> Result<NewSession, TooLong> {
        self.begin_at(token, token_ends, now())
    }

    fn begin_at(&self, token: &str, token_ends: Option<u64>, now: u64) -> Result<NewSession, TooLong> {
        if token.len() > LONGEST_TOKEN {
            return Err(TooLong(token.len()));
        }
        let longest = now.saturating_add(self.lifetime.as_secs());
        let ends = token_ends.map_or(longest, |ends| ends.min(longest));
        let mut text = ends.to_be_bytes().to_vec();
        text.extend_from_slice(token.as_bytes());
        // Sealing fails when there are no random numbers, which were there at the start; an empty session is one that cannot be opened.
        let sealed = self.seal.seal(Purpose::Session, &text).unwrap_or_default();
        Ok(NewSession { sealed, lifetime: Duration::from_secs(ends.saturating_sub(now)) })
    }

    /// The token of a session that has not ended.
    pub(super) fn open(&self, sealed: &str) -> Result<String, SessionError> {
        let opened = self.open_at(sealed, now());
        match opened {
            Err(SessionError::Unreadable) => bump(&self.stats.sessions_unreadable),
            Err(SessionError::Ended) => bump(&self.stats.sessions_ended),
            Err(SessionError::Twice) | Ok(_) => {}
        }
        opened
    }

    fn open_at(&self, sealed: &str, now: u64) -> Result<String, SessionError> {
        let text = self.seal.open(Purpose::Session, sealed).ok_or(SessionError::Unreadable)?;
        let (ends, token) = text.split_first_chunk().ok_or(SessionError::Unreadable)?;
        if u64::from_be_bytes(*ends) <= now {
            return Err(SessionError::Ended);
        }
        String::from_utf8(token.to_vec()).map_err(|_| SessionError::Unreadable)
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{OidcClient, Secret, SessionKey};

    const HOUR: u64 = 3600;

    fn settings(key: Option<&str>) -> SignIn {
        let key = key.map(|key| SessionKey { file: "key".into(), key: Secret::new(key) });
        SignIn { kind: SignInKind::Token, key, lifetime: Duration::from_secs(HOUR) }
    }

    fn sessions(settings: &SignIn) -> Sessions {
        Sessions::new(settings, Arc::default()).unwrap()
    }

    #[test]
    fn a_session_ends_with_its_token_and_with_its_time() {
        let sessions = sessions(&settings(Some(&"k".repeat(32))));
        for (token_ends, ends) in [(None, 1000 + HOUR), (Some(1600), 1600), (Some(u64::MAX), 1000 + HOUR)] {
            let new = sessions.begin_at("a.b.c", token_ends, 1000).unwrap();
            assert_eq!(new.lifetime.as_secs(), ends - 1000);
            assert_eq!(sessions.open_at(&new.sealed, ends - 1).as_deref(), Ok("a.b.c"));
            assert_eq!(sessions.open_at(&new.sealed, ends), Err(SessionError::Ended), "{token_ends:?}");
        }
        let over = sessions.begin_at("a.b.c", Some(900), 1000).unwrap();
        assert_eq!((over.lifetime, sessions.open_at(&over.sealed, 1000)), (Duration::ZERO, Err(SessionError::Ended)));
    }

    #[test]
    fn replicas_with_one_key_have_the_same_sessions() {
        let client = |secret: &str, id: &str| SignIn {
            kind: SignInKind::Oidc(OidcClient {
                issuer: url::Url::parse("https://sso.example").unwrap(),
                client_id: id.into(),
                secret: Some(("secret".into(), Secret::new(secret))),
                scopes: Vec::new(),
            }),
            ..settings(None)
        };
        let (key, other) = ("k".repeat(32), "o".repeat(32));
        for (one, another, same) in [
            (settings(Some(&key)), settings(Some(&key)), true),
            (settings(Some(&key)), settings(Some(&other)), false),
            (client("s", "hecate"), client("s", "hecate"), true),
            (client("s", "hecate"), client("t", "hecate"), false),
            (client("s", "hecate"), client("s", "another"), false),
            (SignIn { key: settings(Some(&key)).key, ..client("s", "hecate") }, settings(Some(&key)), true),
            (settings(None), settings(None), false),
        ] {
            let sealed = sessions(&one).begin("token", None).unwrap().sealed;
            assert_eq!(sessions(&another).open(&sealed).is_ok(), same, "{one:?} {another:?}");
        }
    }

    #[test]
    fn what_is_no_session_is_counted() {
        let sessions = sessions(&settings(None));
        assert_eq!(sessions.open("AAAA"), Err(SessionError::Unreadable));
        let begun = sessions.seal.seal(Purpose::SignIn, &[0; 20]).unwrap();
        assert_eq!(sessions.open(&begun), Err(SessionError::Unreadable), "a sign-in that was begun is no session");
        let over = sessions.begin("token", Some(5)).unwrap();
        assert_eq!(sessions.open(&over.sealed), Err(SessionError::Ended));
        assert_eq!((sessions.stats.sessions_unreadable(), sessions.stats.sessions_ended()), (2, 1));
        assert_eq!(sessions.begin(&"t".repeat(LONGEST_TOKEN + 1), None).unwrap_err(), TooLong(LONGEST_TOKEN + 1));
    }
}
