//! What a token says of itself, before anything of it is believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::algorithm::by_name;
use crate::tenancy::AuthError;

/// The unverified parts of a text that looks like a JWT: good to choose a provider and a key by, and to refuse early.
pub(in crate::tenancy) struct Unverified {
    pub(super) issuer: Option<String>,
    pub(super) key_id: Option<String>,
    header: Map<String, Value>,
}

impl Unverified {
    /// Takes the text apart; `None` when it does not look like a JWT.
    pub(in crate::tenancy) fn read(text: &str) -> Option<Unverified> {
        let mut parts = text.split('.');
        let (header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let header = object(header)?;
        let payload = object(payload)?;
        let word = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let (issuer, key_id) = (word(payload.get("iss")), word(header.get("kid")));
        Some(Unverified { issuer, key_id, header })
    }

    /// The algorithm, when it is an accepted one and the header asks for nothing that we do not know.
    pub(super) fn algorithm(&self, accepted: &[Algorithm]) -> Result<Algorithm, AuthError> {
        let refuse = |why: &str| Err(AuthError::Invalid(why.to_owned()));
        let kind = self.header.get("typ").map(Value::as_str);
        // RFC 8725 §3.11: a token made for another purpose is none for us. `at+jwt` is RFC 9068.
        let known = |kind: &str| ["jwt", "at+jwt", "application/at+jwt"].iter().any(|known| kind.eq_ignore_ascii_case(known));
        if !matches!(kind, None | Some(Some(_))) || kind.flatten().is_some_and(|kind| !known(kind)) {
            return refuse("its typ is neither JWT nor at+jwt: it was made for another purpose");
        }
        if self.header.contains_key("crit") {
            return refuse("it has critical header fields (crit)");
        }
        if self.header.get("kid").is_some_and(|kid| !kid.is_string()) {
            return refuse("its kid is not a text");
        }
        let named = self.header.get("alg").and_then(Value::as_str).and_then(by_name);
        match named.filter(|algorithm| accepted.contains(algorithm)) {
            Some(algorithm) => Ok(algorithm),
            None => refuse("its signature algorithm is not accepted"),
        }
    }
}

/// What a JWT says, for whoever has checked it already; `None` when it is none.
pub(in crate::tenancy) fn claims_of(text: &str) -> Option<Map<String, Value>> {
    let mut parts = text.split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    object(payload)
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, payload: &str) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn only_three_parts_of_json_look_like_a_jwt() {
        assert!(Unverified::read(&token("{}", "{}")).is_some());
        assert!(Unverified::read(&format!("{}.", token("{}", "{}").trim_end_matches("c2ln").trim_end_matches('.'))).is_some(), "alg none");
        for text in ["", "a", "a.b.c", "hct_x", "sha256~abc", &token("[]", "{}"), &token("{}", "1"), &format!("{}.x", token("{}", "{}"))] {
            assert!(Unverified::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn headers_are_refused_early() {
        let accepted = [Algorithm::RS256, Algorithm::ES256];
        for (header, expect) in [
            (r#"{"alg":"RS256"}"#, Ok(Algorithm::RS256)),
            (r#"{"alg":"ES256","typ":"JWT","kid":"a"}"#, Ok(Algorithm::ES256)),
            (r#"{"alg":"RS256","typ":"at+jwt"}"#, Ok(Algorithm::RS256)),
            (r#"{"alg":"none"}"#, Err("algorithm")),
            (r#"{"alg":"None"}"#, Err("algorithm")),
            (r#"{"alg":"HS256"}"#, Err("algorithm")),
            (r#"{"alg":"RS512"}"#, Err("algorithm")),
            (r#"{"alg":["RS256"]}"#, Err("algorithm")),
            ("{}", Err("algorithm")),
            (r#"{"alg":"RS256","typ":"logout+jwt"}"#, Err("purpose")),
            (r#"{"alg":"RS256","typ":1}"#, Err("purpose")),
            (r#"{"alg":"RS256","crit":["exp"]}"#, Err("crit")),
            (r#"{"alg":"RS256","kid":5}"#, Err("kid")),
        ] {
            let result = Unverified::read(&token(header, "{}")).unwrap().algorithm(&accepted);
            match expect {
                Ok(algorithm) => assert_eq!(result, Ok(algorithm), "{header}"),
                Err(part) => assert!(result.unwrap_err().to_string().contains(part), "{header}"),
            }
        }
    }
}
