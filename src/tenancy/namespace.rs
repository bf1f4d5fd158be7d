//! Names of tenants.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// A Kubernetes namespace: a DNS-1123 label. Nothing else may reach a matcher, a cache key, a path or a header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Box<str>);

/// A text that is no namespace, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{shown:?} is not a namespace: {fault}")]
pub struct InvalidNamespace {
    /// The text, shortened to what fits in a message.
    shown: String,
    /// What is wrong with it.
    fault: &'static str,
}

/// Longest DNS-1123 label, in bytes.
const LONGEST: usize = 63;

impl Namespace {
    /// Checks the text.
    ///
    /// # Errors
    /// When it is empty, longer than 63 bytes, or has other characters than a DNS-1123 label.
    pub fn new(text: &str) -> Result<Namespace, InvalidNamespace> {
        match fault(text) {
            None => Ok(Namespace(text.into())),
            Some(fault) => Err(InvalidNamespace { shown: text.chars().take(LONGEST + 1).collect(), fault }),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn fault(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return Some("it is empty");
    };
    if bytes.len() > LONGEST {
        return Some("it is longer than 63 characters");
    }
    if !bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-') {
        return Some("only lower-case letters a-z, digits and '-' are allowed");
    }
    if *first == b'-' || *last == b'-' {
        return Some("it must start and end with a letter or a digit");
    }
    None
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Namespace {
    type Err = InvalidNamespace;

    fn from_str(text: &str) -> Result<Namespace, InvalidNamespace> {
        Namespace::new(text)
    }
}

impl AsRef<str> for Namespace {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Namespace {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_1123_labels_are_namespaces() {
        for name in ["a", "0", "team-a", "kube-system", "1-2-3", &"x".repeat(63)] {
            assert_eq!(Namespace::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn everything_else_is_refused_with_the_reason() {
        let long = "x".repeat(64);
        for (name, reason) in [
            ("", "empty"),
            (long.as_str(), "63"),
            ("Team", "lower-case"),
            ("a.b", "lower-case"),
            ("a|b", "lower-case"),
            ("a\"} or {x=\"", "lower-case"),
            ("a\n", "lower-case"),
            ("tëam", "lower-case"),
            (".*", "lower-case"),
            ("-a", "start and end"),
            ("a-", "start and end"),
        ] {
            let message = Namespace::new(name).unwrap_err().to_string();
            assert!(message.contains(reason), "{name:?}: {message}");
        }
    }

    #[test]
    fn a_long_text_is_not_repeated_in_full() {
        assert!(Namespace::new(&"x".repeat(100_000)).unwrap_err().to_string().len() < 200);
    }
}
