//! The `Authorization` header towards an upstream.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use thiserror::Error;
use tokio::time::Instant;

use crate::config::Credentials;

/// A token file is read again at most this often; rotated tokens overlap for far longer.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Reading a small file takes no longer, unless the volume hangs.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Service-account tokens have about a kilobyte.
const TOKEN_LIMIT_BYTES: u64 = 64 * 1024;

/// A token file or a configured secret that cannot be used.
#[derive(Debug, Error)]
pub(super) enum BadCredentials {
    #[error("{}: {cause}", .file.display())]
    Unreadable { file: PathBuf, cause: std::io::Error },
    #[error("{}: holds no token; one line of printable ASCII of at most {TOKEN_LIMIT_BYTES} bytes is expected", .file.display())]
    NoToken { file: PathBuf },
    #[error("the token or password has characters that cannot stand in a header")]
    NotAHeader,
}

/// What we say about ourselves.
pub(super) enum Authorization {
    Nothing,
    Fixed(HeaderValue),
    File { path: PathBuf, last: ArcSwap<LastRead> },
}

/// A token as it was when the file was read.
pub(super) struct LastRead {
    header: HeaderValue,
    at: Instant,
}

impl Authorization {
    /// Reads a token file for the first time; for start-up, blocks.
    pub(super) fn new(credentials: Option<&Credentials>) -> Result<Authorization, BadCredentials> {
        Ok(match credentials {
            None => Authorization::Nothing,
            Some(Credentials::Bearer(token)) => Authorization::Fixed(sensitive(&format!("Bearer {}", token.expose()))?),
            Some(Credentials::Basic { user, password }) => {
                let pair = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
                Authorization::Fixed(sensitive(&format!("Basic {pair}"))?)
            }
            Some(Credentials::BearerFile(path)) => {
                let header = read(path)?;
                Authorization::File { path: path.clone(), last: ArcSwap::from_pointee(LastRead { header, at: Instant::now() }) }
            }
        })
    }

    /// The header to send now.
    pub(super) async fn header(&self) -> Result<Option<HeaderValue>, BadCredentials> {
        match self {
            Authorization::Nothing => Ok(None),
            Authorization::Fixed(header) => Ok(Some(header.clone())),
            Authorization::File { path, last } => {
                let known = last.load();
                if known.at.elapsed() < LOOK_AGAIN {
                    return Ok(Some(known.header.clone()));
                }
                drop(known);
                read_again(path, last).await.map(Some)
            }
        }
    }

    /// Reads a token file now, because the upstream refused the token; says whether there is another one.
    pub(super) async fn renewed(&self) -> bool {
        let Authorization::File { path, last } = self else { return false };
        let before = last.load_full();
        read_again(path, last).await.is_ok_and(|header| header != before.header)
    }
}

async fn read_again(path: &Path, last: &ArcSwap<LastRead>) -> Result<HeaderValue, BadCredentials> {
    let file = path.to_owned();
    // Off the runtime thread: a volume may hang.
    let reading = tokio::task::spawn_blocking(move || read(&file));
    let unreadable = |cause| BadCredentials::Unreadable { file: path.to_owned(), cause };
    let header = match tokio::time::timeout(READ_TIMEOUT, reading).await {
        Ok(Ok(header)) => header?,
        Ok(Err(cause)) => return Err(unreadable(std::io::Error::other(cause))),
        Err(_) => return Err(unreadable(std::io::ErrorKind::TimedOut.into())),
    };
    last.store(Arc::new(LastRead { header: header.clone(), at: Instant::now() }));
    Ok(header)
}

fn read(file: &Path) -> Result<HeaderValue, BadCredentials> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|opened| opened.take(TOKEN_LIMIT_BYTES + 1).read_to_string(&mut text))
        .map_err(|cause| BadCredentials::Unreadable { file: file.to_owned(), cause })?;
    let token = text.trim();
    let usable = !token.is_empty() && text.len() as u64 <= TOKEN_LIMIT_BYTES && token.bytes().all(|byte| byte.is_ascii_graphic());
    if !usable {
        return Err(BadCredentials::NoToken { file: file.to_owned() });
    }
    sensitive(&format!("Bearer {token}"))
}

fn sensitive(text: &str) -> Result<HeaderValue, BadCredentials> {
    let mut header = HeaderValue::from_str(text).map_err(|_| BadCredentials::NotAHeader)?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[tokio::test]
    async fn basic_and_bearer() {
        let basic = Credentials::Basic { user: "u".into(), password: Secret::new("p:ü") };
        for (credentials, expected) in [(basic, "Basic dTpwOsO8"), (Credentials::Bearer(Secret::new("t")), "Bearer t")] {
            let header = Authorization::new(Some(&credentials)).unwrap().header().await.unwrap().unwrap();
            assert_eq!(header.to_str().unwrap(), expected);
            assert!(header.is_sensitive());
        }
    }

    #[test]
    fn bad_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        for (content, complaint) in [(None, "No such file"), (Some(" \n"), "no token"), (Some("two words"), "no token")] {
            if let Some(content) = content {
                std::fs::write(&file, content).unwrap();
            }
            let error = Authorization::new(Some(&Credentials::BearerFile(file.clone()))).err().unwrap().to_string();
            assert!(error.contains(complaint) && error.contains("token"), "{error}");
        }
    }
}
