//! The name of one request, in every log line and in `X-Request-Id` of the answer.

use std::fmt;

use super::line::push_hex;

/// The longest name that is taken from a client.
const MAX_LENGTH: usize = 64;

/// 1 to 64 of `A-Z a-z 0-9 _ . -`: safe in a header, a log line and a shell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// The client's `X-Request-Id` if it is well-formed, else a new one: nobody writes into our log through a header.
    pub fn accept(header: Option<&[u8]>) -> RequestId {
        let well_formed = header.filter(|name| {
            (1..=MAX_LENGTH).contains(&name.len())
                && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
        });
        match well_formed.and_then(|name| std::str::from_utf8(name).ok()) {
            Some(name) => RequestId(name.to_owned()),
            None => RequestId::generate(),
        }
    }

    /// A new name: 16 random bytes in hexadecimal.
    pub fn generate() -> RequestId {
        let mut text = String::with_capacity(32);
        push_hex(&mut text, &rand::random::<u128>().to_be_bytes());
        RequestId(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_is_well_formed() {
        let longest = "a".repeat(64);
        for name in ["a", "REQ_1.2-3", longest.as_str()] {
            assert_eq!(RequestId::accept(Some(name.as_bytes())).as_str(), name);
        }
    }

    #[test]
    fn makes_a_new_one_for_everything_else() {
        let too_long = "a".repeat(65);
        for name in ["", "a b", "a\nlevel=error", "a\"b", "é", "a/b", too_long.as_str()] {
            let id = RequestId::accept(Some(name.as_bytes()));
            assert_ne!(id.as_str(), name);
            assert_eq!(id.as_str().len(), 32);
        }
        assert_ne!(RequestId::accept(None), RequestId::accept(None));
    }
}
