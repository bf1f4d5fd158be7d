//! What the caller shows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::AuthError;
use super::session::Sessions;

/// Longest `Authorization` header that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;

/// What a request carries, as it came.
#[derive(Clone, Copy, Default)]
pub struct Credentials<'a> {
    /// The value of the one `Authorization` header; a request with two is not for us to read.
    pub authorization: Option<&'a [u8]>,
    /// The session that a browser keeps, sealed; looked at only when there is no such header, good or bad.
    pub session: Option<&'a str>,
}

/// What was shown, taken apart. Has no `Debug`, so that no log line can hold it.
pub(super) enum Presented {
    /// No header at all, and no session.
    Nothing,
    /// `Bearer`, or what is in a session.
    Bearer(String),
    /// `Basic`; the password is a token.
    Basic { user: String, token: String },
}

impl Credentials<'_> {
    /// Takes the header apart, or opens the session. Without `sessions` there are none.
    pub(super) fn read(&self, sessions: Option<&Sessions>) -> Result<Presented, AuthError> {
        let Some(header) = self.authorization else {
            return match (self.session, sessions) {
                (Some(sealed), Some(sessions)) => Ok(Presented::Bearer(sessions.open(sealed)?)),
                _ => Ok(Presented::Nothing),
            };
        };
        if header.len() > LONGEST {
            return Err(AuthError::Malformed("it is longer than 16 KiB"));
        }
        let text = std::str::from_utf8(header).map_err(|_| AuthError::Malformed("it is not UTF-8"))?.trim_matches([' ', '\t']);
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        let rest = rest.trim_start_matches(' ');
        if scheme.eq_ignore_ascii_case("bearer") {
            bearer(rest)
        } else if scheme.eq_ignore_ascii_case("basic") {
            basic(rest)
        } else {
            Err(AuthError::Malformed("its scheme is neither Bearer nor Basic"))
        }
    }
}

fn bearer(token: &str) -> Result<Presented, AuthError> {
    if token.is_empty() {
        return Err(AuthError::Malformed("there is no token after \"Bearer\""));
    }
    // The `b64token` of RFC 6750, and `~` as OpenShift has it in `sha256~…`.
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
    if !token.bytes().all(allowed) {
        return Err(AuthError::Malformed("the token has characters that no token has"));
    }
    Ok(Presented::Bearer(token.to_owned()))
}

fn basic(encoded: &str) -> Result<Presented, AuthError> {
    let bytes = STANDARD.decode(encoded).map_err(|_| AuthError::Malformed("what follows \"Basic\" is not base64"))?;
    let pair = String::from_utf8(bytes).map_err(|_| AuthError::Malformed("user name and password are not UTF-8"))?;
    let (user, token) = pair.split_once(':').ok_or(AuthError::Malformed("there is no ':' between user name and password"))?;
    if token.is_empty() {
        return Err(AuthError::Malformed("the password is empty: it has to be a token"));
    }
    Ok(Presented::Basic { user: user.to_owned(), token: token.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str) -> String {
        match (Credentials { authorization: Some(header.as_bytes()), session: None }).read(None) {
            Ok(Presented::Nothing) => "nothing".into(),
            Ok(Presented::Bearer(token)) => format!("bearer {token}"),
            Ok(Presented::Basic { user, token }) => format!("basic {user} {token}"),
            Err(error) => error.to_string().replace("the Authorization header cannot be read: ", ""),
        }
    }

    #[test]
    fn headers() {
        for (header, expect) in [
            ("Bearer abc", "bearer abc"),
            ("bearer   a.b-c_d~e+f/g==", "bearer a.b-c_d~e+f/g=="),
            ("BEARER sha256~x ", "bearer sha256~x"),
            ("Basic YWxpY2U6c2VjcmV0", "basic alice secret"),
            ("basic OnNlY3JldA==", "basic  secret"),
            ("Basic YTpiOmM=", "basic a b:c"),
            ("Bearer", "there is no token after \"Bearer\""),
            ("Bearer ", "there is no token after \"Bearer\""),
            ("Bearer a b", "the token has characters that no token has"),
            ("Bearer a,Bearer b", "the token has characters that no token has"),
            ("Bearer ä", "the token has characters that no token has"),
            ("Basic !", "what follows \"Basic\" is not base64"),
            ("Basic YWxpY2U=", "there is no ':' between user name and password"),
            ("Basic YWxpY2U6", "the password is empty: it has to be a token"),
            ("Digest x", "its scheme is neither Bearer nor Basic"),
            ("", "its scheme is neither Bearer nor Basic"),
            ("abc", "its scheme is neither Bearer nor Basic"),
        ] {
            assert_eq!(check(header), expect, "{header:?}");
        }
    }

    #[test]
    fn a_huge_or_binary_header_is_malformed() {
        for header in [vec![b'a'; LONGEST + 1], vec![0xff, 0xfe]] {
            assert!(matches!(Credentials { authorization: Some(&header), session: None }.read(None), Err(AuthError::Malformed(_))));
        }
        assert!(matches!(Credentials::default().read(None), Ok(Presented::Nothing)));
    }
}
