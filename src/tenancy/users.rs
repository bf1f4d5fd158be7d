//! `users.yaml`: who holds which token, and what they may see and do.
//!
//! ```yaml
//! users:
//!   - {name: alice, token_sha256: "…64 hex…", namespaces: [team-a], permissions: [Metrics:query]}
//!   - {name: admin, token_sha256: "…", cluster: true, permissions: ["*"]}
//! ```
//! `groups` is optional. Without `permissions` a user may look and not touch ([`Permissions::VIEWER`]). The hash is
//! the SHA-256 of the token: tokens are random, so nothing slower is needed. One user may have several lines with other tokens.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::yaml::{Fault, entries};
use super::{Identity, Permissions, ProviderKind, Scope};

/// Everyone in one users.yaml.
pub(super) struct Users(Vec<User>);

struct User {
    token_sha256: [u8; 32],
    identity: Arc<Identity>,
}

const KEYS: [&str; 6] = ["name", "token_sha256", "namespaces", "cluster", "groups", "permissions"];

impl Users {
    pub(super) fn parse(text: &str) -> Result<Users, Fault> {
        let mut users: Vec<User> = Vec::new();
        entries(text, "users", &KEYS, |entry| {
            let Some(name) = entry.text("name")? else {
                return entry.fault("a user without `name`");
            };
            if name.contains(':') || name.chars().any(char::is_control) {
                return entry.fault_at("name", "a name with a colon or a control character");
            }
            let Some(token_sha256) = entry.text("token_sha256")?.and_then(from_hex) else {
                return entry.fault_at(
                    "token_sha256",
                    format!("user {name:?}: `token_sha256` has to be 64 hexadecimal digits; `hecate token new {name}` prints a line"),
                );
            };
            if users.iter().any(|user| user.token_sha256 == token_sha256) {
                return entry.fault_at("token_sha256", format!("user {name:?}: another user has the same token"));
            }
            let scope = entry.scope()?;
            if scope == Scope::Nothing {
                return entry.fault(format!("user {name:?} may see nothing: give `namespaces: [a, b]` or `cluster: true`"));
            }
            let mut groups: Vec<String> = entry.list("groups")?.unwrap_or_default().into_iter().map(str::to_owned).collect();
            groups.sort();
            groups.dedup();
            let permissions = entry.permissions()?.unwrap_or(Permissions::VIEWER);
            let identity = Identity { user: name.to_owned(), groups, scope, permissions, provider: ProviderKind::Static };
            users.push(User { token_sha256, identity: Arc::new(identity) });
            Ok(())
        })?;
        Ok(Users(users))
    }

    /// What the tokens of somebody let them see and do, one for each line.
    pub(super) fn of(&self, name: &str) -> impl Iterator<Item = &Arc<Identity>> {
        self.0.iter().map(|user| &user.identity).filter(move |identity| identity.user == name)
    }

    /// Who holds this token. Looks at every user and takes as long for each.
    pub(super) fn find(&self, token: &str) -> Option<&Arc<Identity>> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let mut found = u64::MAX;
        for (i, user) in self.0.iter().enumerate() {
            let same: Choice = user.token_sha256.ct_eq(&digest);
            found.conditional_assign(&(i as u64), same);
        }
        self.0.get(usize::try_from(found).unwrap_or(usize::MAX)).map(|user| &user.identity)
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenancy::Permission;

    const HASH: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"; // of "secret"

    #[test]
    fn users_are_found_by_their_token() {
        let users = Users::parse(&format!(
            "users:\n  - {{name: alice, token_sha256: \"{HASH}\", namespaces: [b, a], groups: [x]}}\n  - {{name: admin, token_sha256: \"{}\", cluster: true, permissions: [\"*\"]}}\n",
            "A".repeat(64)
        ))
        .unwrap();
        let alice = users.find("secret").unwrap();
        assert_eq!((alice.user.as_str(), alice.permissions, &alice.groups[..]), ("alice", Permissions::VIEWER, &["x".to_string()][..]));
        assert_eq!(alice.scope, Scope::of(["a", "b"].map(|n| crate::tenancy::Namespace::new(n).unwrap())));
        assert!(!alice.may(Permission::DashboardCreate));
        assert!(users.find("Secret").is_none() && users.find("").is_none() && users.find(HASH).is_none());
        assert!(users.0[1].identity.scope.is_cluster_wide() && users.0[1].identity.permissions == Permissions::ALL);
    }

    #[test]
    fn an_empty_file_has_no_users() {
        for text in ["", "# nobody\n", "users:\n", "users: []\n"] {
            assert!(Users::parse(text).unwrap().find("secret").is_none(), "{text:?}");
        }
    }

    #[test]
    fn faults_name_the_line_and_what_would_be_right() {
        let line = |rest: &str| format!("users:\n  - {{name: ok, token_sha256: \"{}\", cluster: true}}\n  - {{{rest}}}\n", "0".repeat(64));
        let good = format!("name: bob, token_sha256: \"{HASH}\"");
        for (text, at, expect) in [
            ("users: [", None, "not valid YAML"),
            ("users: x", Some(1), "has to be a list"),
            ("people: []", Some(1), "unknown key `people`; known keys: users"),
            ("- a", Some(1), "expected a mapping"),
            (&line("token_sha256: \"x\""), Some(3), "without `name`"),
            (&line("name: bob"), Some(3), "hecate token new bob"),
            (&line("name: bob, token_sha256: \"xyz\", cluster: true"), Some(3), "64 hexadecimal digits"),
            (&line(&format!("name: bob, token_sha256: \"{}\", cluster: true", "g".repeat(64))), Some(3), "64 hexadecimal digits"),
            (&line(&format!("name: bob, token_sha256: \"{}\", cluster: true", "0".repeat(64))), Some(3), "same token"),
            (&line(&good), Some(3), "may see nothing"),
            (&line(&format!("{good}, namespaces: []")), Some(3), "may see nothing"),
            (&line(&format!("{good}, cluster: false")), Some(3), "may see nothing"),
            (&line(&format!("{good}, cluster: yes")), Some(3), "true or false"),
            (&line(&format!("{good}, cluster: true, namespaces: [a]")), Some(3), "keep one of the two"),
            (&line(&format!("{good}, namespaces: [Team]")), Some(3), "lower-case"),
            (&line(&format!("{good}, namespaces: team")), Some(3), "has to be a list"),
            (&line(&format!("{good}, namespaces: [1]")), Some(3), "quotes"),
            (&line(&format!("{good}, cluster: true, permissions: [all]")), Some(3), "Metrics:query"),
            (&line(&format!("{good}, cluster: true, token: x")), Some(3), "unknown key `token`"),
            (&line("name: \"a:b\""), Some(3), "colon"),
            (&line("name: 5"), Some(3), "text"),
        ] {
            let fault = Users::parse(text).err().expect(text);
            assert!(fault.text.contains(expect), "{text}: {}", fault.text);
            if at.is_some() {
                assert_eq!(fault.line, at, "{text}");
            }
        }
    }
}
