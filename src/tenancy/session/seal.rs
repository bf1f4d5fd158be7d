//! Sealed texts: a browser keeps them for us and can neither read nor change them (AES-256-GCM).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};

use crate::tenancy::SetUpError;

/// Says which version of what is sealed; a change of form needs another.
const SALT: &[u8] = b"hecate sealed cookies 1";

/// What a seal is for: what was sealed for one thing is nothing for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A session.
    Session,
    /// A sign-in that was begun.
    SignIn,
}

impl Purpose {
    const fn name(self) -> &'static [u8] {
        match self {
            Purpose::Session => b"session",
            Purpose::SignIn => b"sign-in",
        }
    }
}

/// One key for each purpose, made from the same secret.
pub(super) struct Seal {
    session: LessSafeKey,
    sign_in: LessSafeKey,
}

impl Seal {
    /// From a secret that all replicas have, for one `place`: another place has other keys.
    pub(super) fn new(secret: &[u8], place: &[&str]) -> Result<Seal, SetUpError> {
        Ok(Seal { session: derive(secret, Purpose::Session, place)?, sign_in: derive(secret, Purpose::SignIn, place)? })
    }

    /// Sealed, in letters that a cookie may have.
    pub(super) fn seal(&self, purpose: Purpose, text: &[u8]) -> Result<String, SetUpError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|error| SetUpError::Random(error.to_string()))?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + text.len() + MAX_TAG_LEN);
        sealed.extend_from_slice(text);
        self.key(purpose)
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose.name()), &mut sealed)
            .map_err(|_| SetUpError::Random("a text could not be sealed".into()))?;
        sealed.splice(0..0, nonce);
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// What was sealed; `None` when it was changed, is of another key, or is for something else.
    pub(super) fn open(&self, purpose: Purpose, sealed: &str) -> Option<Vec<u8>> {
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_first_chunk_mut::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.key(purpose).open_in_place(nonce, Aad::from(purpose.name()), text).ok()?;
        Some(opened.to_vec())
    }

    fn key(&self, purpose: Purpose) -> &LessSafeKey {
        match purpose {
            Purpose::Session => &self.session,
            Purpose::SignIn => &self.sign_in,
        }
    }
}

/// HKDF-SHA256. Lengths stand before what may be anything, so that two places never spell the same.
fn derive(secret: &[u8], purpose: Purpose, place: &[&str]) -> Result<LessSafeKey, SetUpError> {
    let impossible = |_| SetUpError::Random("no key could be made for sessions".into());
    let lengths: Vec<[u8; 8]> = place.iter().map(|part| (part.len() as u64).to_be_bytes()).collect();
    let mut info = vec![purpose.name()];
    for (length, part) in lengths.iter().zip(place) {
        info.extend([length.as_slice(), part.as_bytes()]);
    }
    let key = Salt::new(HKDF_SHA256, SALT).extract(secret);
    let made: UnboundKey = key.expand(&info, &AES_256_GCM).map_err(impossible)?.into();
    Ok(LessSafeKey::new(made))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(secret: &str, place: &[&str]) -> Seal {
        Seal::new(secret.as_bytes(), place).unwrap()
    }

    #[test]
    fn what_was_sealed_is_opened_by_every_replica_with_the_secret() {
        let (one, other) = (seal("secret", &["issuer", "client"]), seal("secret", &["issuer", "client"]));
        for text in ["", "a", "token", &"long".repeat(5000)] {
            let sealed = one.seal(Purpose::Session, text.as_bytes()).unwrap();
            assert_eq!(other.open(Purpose::Session, &sealed).unwrap().as_slice(), text.as_bytes());
            // A single letter stands in half of all sealed texts by chance.
            assert!(text.len() < 2 || !sealed.contains(text), "{text}");
        }
        let again = || one.seal(Purpose::Session, b"token").unwrap();
        assert_ne!(again(), again(), "a nonce is never used twice");
    }

    #[test]
    fn other_keys_places_and_purposes_open_nothing() {
        let mine = seal("secret", &["ab", "c"]);
        let sealed = mine.seal(Purpose::Session, b"token").unwrap();
        assert!(mine.open(Purpose::SignIn, &sealed).is_none());
        for (secret, place) in [("Secret", ["ab", "c"]), ("secret", ["a", "bc"]), ("secret", ["c", "ab"]), ("secret", ["ab", ""])] {
            assert!(seal(secret, &place).open(Purpose::Session, &sealed).is_none(), "{secret} {place:?}");
        }
    }

    #[test]
    fn no_letter_can_be_changed() {
        let seal = seal("secret", &[]);
        let sealed = seal.seal(Purpose::Session, b"a token").unwrap();
        for at in 0..sealed.len() {
            for other in ["A", "B", "_"] {
                let mut changed = sealed.clone();
                changed.replace_range(at..=at, other);
                assert_eq!(seal.open(Purpose::Session, &changed).is_some(), changed == sealed, "{at} {other}");
            }
            assert!(seal.open(Purpose::Session, &sealed[..at]).is_none(), "cut at {at}");
        }
        for garbage in ["", "AAAA", "not base64!", "ä", &format!("{sealed}A"), &format!("{sealed}="), &sealed.repeat(2)] {
            assert!(seal.open(Purpose::Session, garbage).is_none(), "{garbage}");
        }
    }
}
