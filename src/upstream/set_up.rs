//! What can be wrong with the settings of an upstream, and the headers that come from them.

use std::path::PathBuf;

use http::header::{ACCEPT_ENCODING, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use thiserror::Error;
use url::Position;

use super::credentials::BadCredentials;
use crate::config::{Upstream, UpstreamAuth};

/// The upstreams cannot be set up as configured.
#[derive(Debug, Error)]
pub enum SetUpError {
    /// There is none.
    #[error("upstreams: at least one is needed")]
    NoUpstream,
    /// Two have one name.
    #[error("upstreams: the name {0} is taken twice, names must differ")]
    NameTwice(String),
    /// A certificate or key file.
    #[error("upstream {upstream}: {}: {problem}; expected {expected}", .file.display())]
    BadFile {
        /// Configured name.
        upstream: String,
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A token file or secret.
    #[error("upstream {upstream}: credentials: {problem}")]
    BadCredentials {
        /// Configured name.
        upstream: String,
        /// What is wrong, never the secret.
        problem: String,
    },
    /// A fixed header.
    #[error("upstream {upstream}: header {header:?}: name or value cannot be sent, or it is one that Hecate sets itself")]
    BadHeader {
        /// Configured name.
        upstream: String,
        /// Its name; the value may be secret.
        header: String,
    },
    /// The URL.
    #[error("upstream {upstream}: url: {problem}")]
    BadUrl {
        /// Configured name.
        upstream: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// TLS.
    #[error("upstream {upstream}: TLS cannot be set up: {problem}")]
    Tls {
        /// Configured name.
        upstream: String,
        /// Why.
        problem: String,
    },
    /// The metric names are taken.
    #[error("the upstream metrics cannot be registered")]
    Metrics(#[from] prometheus::Error),
}

impl SetUpError {
    pub(super) fn credentials(upstream: &Upstream, problem: &BadCredentials) -> SetUpError {
        SetUpError::BadCredentials { upstream: upstream.name.clone(), problem: problem.to_string() }
    }
}

/// The headers that every request carries, besides the credentials.
pub(super) fn fixed_headers(settings: &Upstream) -> Result<HeaderMap, SetUpError> {
    let UpstreamAuth { headers, .. } = &settings.auth;
    let mut fixed = HeaderMap::with_capacity(headers.len() + 8);
    for (name, value) in headers {
        let bad = || SetUpError::BadHeader { upstream: settings.name.clone(), header: name.clone() };
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        if is_ours(&parsed) {
            return Err(bad());
        }
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| bad())?;
        value.set_sensitive(true);
        fixed.append(parsed, value);
    }
    // Answers are read and filtered here: they must come as they are.
    fixed.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    fixed.insert(USER_AGENT, HeaderValue::from_static(concat!("hecate/", env!("CARGO_PKG_VERSION"))));
    let host = HeaderValue::from_str(&settings.url[Position::BeforeHost..Position::AfterPort])
        .map_err(|_| SetUpError::BadUrl { upstream: settings.name.clone(), problem: "expected a host of ASCII letters" })?;
    fixed.insert(HOST, host);
    Ok(fixed)
}

/// Headers that frame a message or that this room sets from what it knows.
fn is_ours(name: &HeaderName) -> bool {
    const OURS: [&str; 13] = [
        "host",
        "content-length",
        "content-type",
        "transfer-encoding",
        "connection",
        "upgrade",
        "te",
        "expect",
        "accept-encoding",
        "user-agent",
        "traceparent",
        "tracestate",
        "x-request-id",
    ];
    OURS.contains(&name.as_str())
}
