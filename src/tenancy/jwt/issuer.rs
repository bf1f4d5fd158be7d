//! The name of an issuer.

use url::Url;

use crate::tenancy::SetUpError;

/// An issuer's name as it has to stand in `iss` and in its discovery document.
///
/// Names are compared exactly. One freedom: a parsed URL shows a bare origin with a slash at the end, and most issuers
/// write theirs without; both are taken.
pub(super) struct Issuer {
    forms: Vec<String>,
}

impl Issuer {
    pub(super) fn new(url: &Url) -> Result<Issuer, SetUpError> {
        let refuse = |why: &str| Err(SetUpError::Issuer(url.to_string(), why.to_owned()));
        if !matches!(url.scheme(), "https" | "http") {
            return refuse("expected an https:// URL");
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return refuse("an issuer has no query, fragment or user name");
        }
        let mut forms = vec![url.to_string()];
        if url.path() == "/" {
            forms.push(url.as_str().trim_end_matches('/').to_owned());
        }
        Ok(Issuer { forms })
    }

    /// Whether this is its name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.forms.iter().any(|form| form == name)
    }

    /// All spellings of its name.
    pub(super) fn forms(&self) -> &[String] {
        &self.forms
    }

    pub(super) fn as_str(&self) -> &str {
        &self.forms[0]
    }

    /// Where its discovery document is.
    pub(super) fn discovery(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_exactly_but_for_the_slash_of_a_bare_origin() {
        for (configured, name, expect) in [
            ("https://sso.example", "https://sso.example", true),
            ("https://sso.example", "https://sso.example/", true),
            ("https://sso.example", "http://sso.example", false),
            ("https://sso.example", "https://sso.example.evil.org", false),
            ("https://sso.example", "https://sso.example/x", false),
            ("https://sso.example/realms/a", "https://sso.example/realms/a", true),
            ("https://sso.example/realms/a", "https://sso.example/realms/a/", false),
            ("https://sso.example/realms/a", "https://sso.example/realms/b", false),
        ] {
            assert_eq!(Issuer::new(&Url::parse(configured).unwrap()).unwrap().is(name), expect, "{configured} {name}");
        }
    }

    #[test]
    fn discovery_is_below_the_issuer() {
        for (configured, expect) in [
            ("https://sso.example", "https://sso.example/.well-known/openid-configuration"),
            ("https://sso.example/realms/a", "https://sso.example/realms/a/.well-known/openid-configuration"),
        ] {
            assert_eq!(Issuer::new(&Url::parse(configured).unwrap()).unwrap().discovery(), expect);
        }
    }

    #[test]
    fn odd_urls_are_refused() {
        for configured in ["ftp://sso.example", "https://sso.example/?x=1", "https://sso.example/#x", "https://a:b@sso.example/"] {
            assert!(Issuer::new(&Url::parse(configured).unwrap()).is_err(), "{configured}");
        }
    }
}
