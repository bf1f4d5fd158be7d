//! A sign-in on its way: what has to be the same when the browser comes back from its issuer.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::seal::Purpose;
use super::{Sessions, now};
use crate::tenancy::SetUpError;

/// People have this long to sign in.
pub const LOGIN_LIFETIME: Duration = Duration::from_secs(600);

/// What was said to the issuer, sealed and kept by the browser until it comes back. Has no `Debug`: it holds the verifier.
#[derive(Serialize, Deserialize)]
pub struct Begun {
    /// Comes back in the address (RFC 6749 §10.12).
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// Shown with the code, so that a code is of use only to who began (RFC 7636).
    pub verifier: String,
    /// Where the browser wants to be in the end: a path of this server.
    pub return_to: String,
    /// Seconds since 1970.
    ends: u64,
}

impl Begun {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new(return_to: &str) -> Result<Begun, SetUpError> {
        let ends = now() + LOGIN_LIFETIME.as_secs();
        Ok(Begun { state: chance()?, nonce: chance()?, verifier: chance()?, return_to: return_to.to_owned(), ends })
    }

    /// What the issuer is told of the verifier before: `S256`.
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }

    /// Whether this is the state that was sent.
    pub fn has_state(&self, state: &str) -> bool {
        self.state.as_bytes().ct_eq(state.as_bytes()).into()
    }
}

impl Sessions {
    /// For the browser to keep.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn seal_begun(&self, begun: &Begun) -> Result<String, SetUpError> {
        // Texts and a number can always be written.
        self.seal.seal(Purpose::SignIn, &serde_json::to_vec(begun).unwrap_or_default())
    }

    /// What the browser kept, when it is ours and not too old.
    pub fn open_begun(&self, sealed: &str) -> Option<Begun> {
        self.open_begun_at(sealed, now())
    }

    fn open_begun_at(&self, sealed: &str, now: u64) -> Option<Begun> {
        let begun: Begun = serde_json::from_slice(&self.seal.open(Purpose::SignIn, sealed)?).ok()?;
        (now < begun.ends).then_some(begun)
    }
}

/// 256 bits in 43 letters, as a verifier has to have at least.
fn chance() -> Result<String, SetUpError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| SetUpError::Random(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::{SignIn, SignInKind};

    fn sessions() -> Sessions {
        let settings = SignIn { kind: SignInKind::Token, key: None, lifetime: Duration::from_secs(60) };
        Sessions::new(&settings, Arc::default()).unwrap()
    }

    #[test]
    fn what_was_begun_comes_back_for_ten_minutes() {
        let (mine, other) = (sessions(), sessions());
        let begun = Begun::new("/x?y=1").unwrap();
        let sealed = mine.seal_begun(&begun).unwrap();
        let back = mine.open_begun(&sealed).unwrap();
        assert!(back.has_state(&begun.state) && !back.has_state(&begun.nonce) && !back.has_state(""));
        assert_eq!((back.nonce, back.verifier, back.return_to.as_str()), (begun.nonce, begun.verifier, "/x?y=1"));
        assert!(mine.open_begun_at(&sealed, now() + 590).is_some() && mine.open_begun_at(&sealed, now() + 601).is_none());
        assert!(other.open_begun(&sealed).is_none() && mine.open_begun("").is_none());
        let session = mine.begin("{}", None).unwrap();
        assert!(mine.open_begun(&session.sealed).is_none(), "a session is no sign-in");
    }

    #[test]
    fn the_challenge_is_the_one_of_the_rfc() {
        let begun = Begun { verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(), ..Begun::new("/").unwrap() };
        assert_eq!(begun.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let (one, two) = (Begun::new("/").unwrap(), Begun::new("/").unwrap());
        assert!(one.state != two.state && one.nonce != two.nonce && one.verifier != two.verifier && one.verifier.len() == 43);
    }
}
