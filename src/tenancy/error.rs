//! Why somebody is not let in. No status codes here: `http/` has the one place that chooses them.

use std::path::PathBuf;
use std::time::Duration;

use super::session::SessionError;

/// Why a request has no identity. The texts are for the caller and never repeat what they sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No credentials, and nobody is let in without.
    #[error("credentials are needed: send \"Authorization: Bearer <token>\"")]
    Missing,
    /// The header cannot be read.
    #[error("the Authorization header cannot be read: {0}")]
    Malformed(&'static str),
    /// No provider recognises the credentials.
    #[error("the credentials are not recognised by any configured provider")]
    Unknown,
    /// A provider recognises the credentials and refuses them.
    #[error("the token is refused: {0}")]
    Invalid(String),
    /// They were good once.
    #[error("the token has expired")]
    Expired,
    /// The session of a browser is none, or none any more.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Nobody can say now, because who could say is away.
    #[error("the token cannot be checked now, because its issuer does not answer; try again in {} s", .retry_after.as_secs().max(1))]
    Unavailable {
        /// When it makes sense to ask again.
        retry_after: Duration,
    },
    /// We know them, and they may see nothing.
    #[error("you are signed in, but no namespace is granted to you: ask an administrator for access to one")]
    Nothing,
}

impl AuthError {
    /// The `error` and `error_description` of a Bearer challenge (RFC 6750), where one is due.
    /// `None` for [`AuthError::Unavailable`] and [`AuthError::Nothing`], which other credentials would not mend.
    pub fn bearer_challenge(&self) -> Option<String> {
        let error = match self {
            AuthError::Missing => return Some("Bearer realm=\"hecate\"".into()),
            AuthError::Malformed(_) => "invalid_request",
            AuthError::Unknown | AuthError::Invalid(_) | AuthError::Expired | AuthError::Session(_) => "invalid_token",
            AuthError::Unavailable { .. } | AuthError::Nothing => return None,
        };
        // What may stand in a quoted string (RFC 6750 §3): printable ASCII without quotes and backslashes.
        let description: String =
            self.to_string().chars().map(|c| if (' '..='~').contains(&c) && !matches!(c, '"' | '\\') { c } else { '\'' }).collect();
        Some(format!("Bearer realm=\"hecate\", error=\"{error}\", error_description=\"{description}\""))
    }
}

/// Why the providers cannot be set up as configured.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// `none` on a listener that others can reach.
    #[error(
        "auth.providers is empty or has `none`, which lets everyone see everything, but the listener is not on loopback: configure a provider, \
         listen on 127.0.0.1, or write {{kind: none, force: true}}"
    )]
    OpenToTheWorld,
    /// A file that cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// An algorithm that must not be accepted.
    #[error("auth.providers: algorithm {0:?} of issuer {1}: expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA")]
    Algorithm(String, String),
    /// A jwt provider without audience.
    #[error("auth.providers: issuer {0} has no audience: tokens that it made for others would be accepted")]
    NoAudience(String),
    /// An issuer that cannot be asked.
    #[error("auth.providers: issuer {0}: {1}")]
    Issuer(String, String),
    /// People sign in at an issuer whose tokens nobody takes.
    #[error("auth.sign_in: no provider of kind jwt has the issuer {0}")]
    NoProviderOf(String),
    /// A fixed scope that is none.
    #[error("auth.providers: anonymous: {0}")]
    Anonymous(String),
    /// Permissions that do not exist.
    #[error("auth.providers: {0}")]
    Permission(#[from] super::UnknownPermission),
    /// No random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
}

/// A file of users or roles that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {fault}", .file.display(), place(.line))]
pub struct FileError {
    /// Which file.
    pub file: PathBuf,
    /// The line, counted from 1, when one is to blame.
    pub line: Option<usize>,
    /// What is wrong, and what would be right.
    pub fault: String,
}

fn place(line: &Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(":{line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_say_what_is_wrong_and_are_one_header_line() {
        for (error, expect) in [
            (AuthError::Missing, Some("Bearer realm=\"hecate\"")),
            (AuthError::Expired, Some("Bearer realm=\"hecate\", error=\"invalid_token\", error_description=\"the token has expired\"")),
            (
                AuthError::Invalid("bad \"kid\"\r\nX: y".into()),
                Some("Bearer realm=\"hecate\", error=\"invalid_token\", error_description=\"the token is refused: bad 'kid'''X: y\""),
            ),
            (AuthError::Nothing, None),
            (AuthError::Unavailable { retry_after: Duration::from_secs(1) }, None),
        ] {
            assert_eq!(error.bearer_challenge().as_deref(), expect);
        }
    }

    #[test]
    fn a_file_error_names_file_and_line() {
        let error = FileError { file: "users.yaml".into(), line: Some(3), fault: "no name".into() };
        assert_eq!(error.to_string(), "users.yaml:3: no name");
    }
}
