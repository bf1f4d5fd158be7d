//! New tokens for users.yaml.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::{Namespace, SetUpError};
use crate::config::Secret;

/// A fresh token and the line that makes users.yaml know it.
#[derive(Debug)]
pub struct NewToken {
    /// `hct_` and 256 random bits; shown once, kept nowhere.
    pub token: Secret,
    /// One entry of the list `users`.
    pub line: String,
}

/// Makes a token for a user: of these namespaces, or cluster-wide when there are none.
///
/// # Errors
/// When the system gives no random numbers.
pub fn new_token(name: &str, namespaces: &[Namespace]) -> Result<NewToken, SetUpError> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| SetUpError::Random(error.to_string()))?;
    let token = format!("hct_{}", URL_SAFE_NO_PAD.encode(random));
    let names: Vec<&str> = namespaces.iter().map(Namespace::as_str).collect();
    let scope = if names.is_empty() { "cluster: true".to_owned() } else { format!("namespaces: [{}]", quoted(&names)) };
    let hash = hex(&Sha256::digest(token.as_bytes()));
    let line = format!("  - {{name: {}, token_sha256: \"{hash}\", {scope}}}", quoted(&[name]));
    Ok(NewToken { token: Secret::new(token), line })
}

/// YAML texts that no reader takes for numbers, booleans or syntax: JSON strings are YAML.
fn quoted(texts: &[&str]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| serde_json::Value::from(*text).to_string()).collect();
    quoted.join(", ")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::super::users::Users;
    use super::*;
    use crate::tenancy::Scope;

    #[test]
    fn the_line_makes_the_token_known() {
        let names = ["team-a", "1"].map(|n| Namespace::new(n).unwrap());
        for (name, namespaces, scope) in [
            ("alice", &names[..], Scope::of(names.clone())),
            ("42", &names[..1], Scope::of([names[0].clone()])),
            ("o'hara \"x\" {", &[], Scope::ClusterWide),
        ] {
            let new = new_token(name, namespaces).unwrap();
            let users = Users::parse(&format!("users:\n{}\n", new.line)).unwrap();
            let identity = users.find(new.token.expose()).unwrap();
            assert_eq!((identity.user.as_str(), &identity.scope), (name, &scope));
        }
    }

    #[test]
    fn tokens_are_random_and_not_in_the_line() {
        let (a, b) = (new_token("a", &[]).unwrap(), new_token("a", &[]).unwrap());
        assert_ne!(a.token.expose(), b.token.expose());
        assert!(a.token.expose().starts_with("hct_") && a.token.expose().len() == 47);
        assert!(!a.line.contains(a.token.expose()) && !format!("{a:?}").contains(a.token.expose()));
    }
}
