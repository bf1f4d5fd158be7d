//! From claims to a person.

use serde_json::{Map, Value};

use crate::config::Claims;
use crate::tenancy::{AuthError, Namespace};

/// What the claims say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) user: String,
    /// Sorted, without repeats.
    pub(super) groups: Vec<String>,
    pub(super) namespaces: Vec<Namespace>,
}

/// Longest user name, in bytes: it stands in every log line.
const LONGEST_USER: usize = 256;

/// Reads the configured claims.
///
/// A name that cannot be a namespace refuses the whole token: an issuer that sends such names is set up wrongly, and to
/// drop them would show its users less than they were promised, without a word.
pub(super) fn read(names: &Claims, claims: &Map<String, Value>) -> Result<Who, AuthError> {
    let user = match lookup(claims, &names.user) {
        Some(Value::String(user)) if !user.is_empty() && user.len() <= LONGEST_USER && !user.chars().any(char::is_control) => user.clone(),
        _ => return Err(refuse(&names.user, "has to be the name of the user")),
    };
    let mut groups: Vec<String> = words(claims, &names.groups)?.into_iter().map(str::to_owned).collect();
    groups.sort();
    groups.dedup();
    let mut namespaces = Vec::new();
    for name in words(claims, &names.namespaces)? {
        match Namespace::new(name) {
            Ok(namespace) => namespaces.push(namespace),
            Err(error) => {
                tracing::error!(%user, claim = %names.namespaces, "refused a token of a trusted issuer: {error}");
                return Err(refuse(&names.namespaces, &error.to_string()));
            }
        }
    }
    Ok(Who { user, groups, namespaces })
}

fn refuse(claim: &str, why: &str) -> AuthError {
    AuthError::Invalid(format!("its claim {claim}: {why}"))
}

/// A list of texts, or words in one text; an absent claim has none.
fn words<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<Vec<&'a str>, AuthError> {
    let wrong = || refuse(name, "has to be a list of texts, or words in one text");
    match lookup(claims, name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.split_whitespace().collect()),
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().ok_or_else(wrong)).collect(),
        Some(_) => Err(wrong()),
    }
}

/// The claim of exactly this name, else down one level per dot: some issuers have dots in names (`https://x.example/groups`).
fn lookup<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let mut steps = path.split('.');
    let first = claims.get(steps.next()?)?;
    steps.try_fold(first, |value, step| value.as_object()?.get(step))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(names: (&str, &str, &str), claims: Value) -> Result<(String, Vec<String>, Vec<String>), String> {
        let names = Claims { user: names.0.into(), groups: names.1.into(), namespaces: names.2.into() };
        match read(&names, claims.as_object().unwrap()) {
            Ok(who) => Ok((who.user, who.groups, who.namespaces.iter().map(ToString::to_string).collect())),
            Err(error) => Err(error.to_string()),
        }
    }

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    const PLAIN: (&str, &str, &str) = ("sub", "groups", "namespaces");

    #[test]
    fn claims_are_read_where_they_are() {
        for (names, claims, user, groups, namespaces) in [
            (PLAIN, json!({"sub": "alice"}), "alice", &[][..], &[][..]),
            (PLAIN, json!({"sub": "a", "groups": ["y", "x", "y"], "namespaces": ["team-a"]}), "a", &["x", "y"], &["team-a"]),
            (PLAIN, json!({"sub": "a", "groups": "x y", "namespaces": " team-a  team-b "}), "a", &["x", "y"], &["team-a", "team-b"]),
            (PLAIN, json!({"sub": "a", "groups": null, "namespaces": []}), "a", &[], &[]),
            (
                ("preferred_username", "realm_access.roles", "https://x.example/ns"),
                json!({"preferred_username": "b", "realm_access": {"roles": ["r"]}, "https://x.example/ns": ["c"]}),
                "b",
                &["r"],
                &["c"],
            ),
            (("sub", "a.b.c", "namespaces"), json!({"sub": "a", "a": {"b": 5}}), "a", &[], &[]),
        ] {
            assert_eq!(check(names, claims.clone()), Ok((user.into(), texts(groups), texts(namespaces))), "{claims}");
        }
    }

    #[test]
    fn odd_claims_are_refused() {
        for (claims, expect) in [
            (json!({}), "claim sub"),
            (json!({"sub": ""}), "claim sub"),
            (json!({"sub": 5}), "claim sub"),
            (json!({"sub": "a\nb"}), "claim sub"),
            (json!({"sub": "x".repeat(300)}), "claim sub"),
            (json!({"sub": "a", "groups": 5}), "claim groups"),
            (json!({"sub": "a", "groups": ["x", 5]}), "claim groups"),
            (json!({"sub": "a", "namespaces": {"a": true}}), "claim namespaces"),
            (json!({"sub": "a", "namespaces": ["team-a", "Team"]}), "\"Team\" is not a namespace"),
            (json!({"sub": "a", "namespaces": ["*"]}), "\"*\" is not a namespace"),
            (json!({"sub": "a", "namespaces": "a|b"}), "\"a|b\" is not a namespace"),
        ] {
            let error = check(PLAIN, claims.clone()).unwrap_err();
            assert!(error.contains(expect), "{claims}: {error}");
        }
    }
}
