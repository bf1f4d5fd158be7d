//! Which signatures are accepted: asymmetric ones only, and only with keys made for them.

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use url::Url;

use crate::tenancy::SetUpError;

/// What holds when the configuration names none.
const DEFAULT: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];

/// Everything that may be configured, and how a key's own `alg` names it.
const ASYMMETRIC: [(&str, Algorithm, KeyAlgorithm); 9] = [
    ("RS256", Algorithm::RS256, KeyAlgorithm::RS256),
    ("RS384", Algorithm::RS384, KeyAlgorithm::RS384),
    ("RS512", Algorithm::RS512, KeyAlgorithm::RS512),
    ("PS256", Algorithm::PS256, KeyAlgorithm::PS256),
    ("PS384", Algorithm::PS384, KeyAlgorithm::PS384),
    ("PS512", Algorithm::PS512, KeyAlgorithm::PS512),
    ("ES256", Algorithm::ES256, KeyAlgorithm::ES256),
    ("ES384", Algorithm::ES384, KeyAlgorithm::ES384),
    ("EdDSA", Algorithm::EdDSA, KeyAlgorithm::EdDSA),
];

/// The configured algorithms.
pub(super) fn parse(names: &[String], issuer: &Url) -> Result<Vec<Algorithm>, SetUpError> {
    if names.is_empty() {
        return Ok(DEFAULT.to_vec());
    }
    let one = |name: &String| by_name(name).ok_or_else(|| SetUpError::Algorithm(name.clone(), issuer.to_string()));
    names.iter().map(one).collect()
}

/// The algorithm of this name, if it is one that may be accepted at all: `none` and `HS256` are not.
pub(super) fn by_name(name: &str) -> Option<Algorithm> {
    ASYMMETRIC.iter().find(|(known, _, _)| *known == name).map(|(_, algorithm, _)| *algorithm)
}

/// Whether a signature of this algorithm may be checked with this key.
pub(super) fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let by_type = match (&key.algorithm, algorithm) {
        (
            AlgorithmParameters::RSA(_),
            Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512 | Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512,
        ) => true,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => key.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES384) => key.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => key.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    let own = key.common.key_algorithm;
    let by_name = own.is_none_or(|own| ASYMMETRIC.iter().any(|(_, one, name)| *one == algorithm && *name == own));
    let by_use = key.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let by_operations = key.common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
    by_type && by_name && by_use && by_operations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(json: serde_json::Value) -> Jwk {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn only_asymmetric_algorithms_can_be_configured() {
        let issuer = Url::parse("https://sso.example").unwrap();
        assert_eq!(parse(&[], &issuer).unwrap(), DEFAULT);
        assert_eq!(parse(&["EdDSA".into(), "PS512".into()], &issuer).unwrap(), [Algorithm::EdDSA, Algorithm::PS512]);
        for name in ["HS256", "HS384", "HS512", "none", "None", "rs256", "", "ES512"] {
            let message = parse(&["RS256".into(), name.into()], &issuer).unwrap_err().to_string();
            assert!(message.contains(&format!("{name:?}")) && message.contains("RS256, RS384"), "{message}");
        }
    }

    #[test]
    fn a_key_fits_only_what_it_was_made_for() {
        use serde_json::json;
        let rsa = json!({"kty": "RSA", "n": "AQ", "e": "AQAB"});
        let with = |name: &str, value: serde_json::Value| {
            let mut key = rsa.clone();
            key[name] = value;
            key
        };
        let curve = |crv: &str| json!({"kty": "EC", "crv": crv, "x": "AQ", "y": "AQ"});
        for (json, algorithm, expect) in [
            (rsa.clone(), Algorithm::RS256, true),
            (rsa.clone(), Algorithm::PS384, true),
            (rsa.clone(), Algorithm::ES256, false),
            (rsa.clone(), Algorithm::HS256, false),
            (with("alg", json!("RS256")), Algorithm::RS256, true),
            (with("alg", json!("RS256")), Algorithm::RS512, false),
            (with("alg", json!("RSA-OAEP")), Algorithm::RS256, false),
            (with("use", json!("sig")), Algorithm::RS256, true),
            (with("use", json!("enc")), Algorithm::RS256, false),
            (with("key_ops", json!(["verify"])), Algorithm::RS256, true),
            (with("key_ops", json!(["encrypt"])), Algorithm::RS256, false),
            (curve("P-256"), Algorithm::ES256, true),
            (curve("P-256"), Algorithm::ES384, false),
            (curve("P-384"), Algorithm::ES384, true),
            (curve("P-384"), Algorithm::RS256, false),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": "AQ"}), Algorithm::EdDSA, true),
            (json!({"kty": "oct", "k": "AQ"}), Algorithm::HS256, false),
            (json!({"kty": "oct", "k": "AQ"}), Algorithm::RS256, false),
        ] {
            assert_eq!(fits(&key(json.clone()), algorithm), expect, "{json} {algorithm:?}");
        }
    }
}
