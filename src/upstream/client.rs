//! One pooled HTTP client for each upstream, and what can be wrong with its settings.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Identity, redirect};
use thiserror::Error;

use super::credentials::BadCredentials;
use crate::config::{Upstream, UpstreamAuth};

/// Shorter than what servers and load balancers usually keep idle connections for, so that we close first.
const IDLE_CONNECTION: Duration = Duration::from_secs(45);

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
    /// The HTTP client.
    #[error("upstream {upstream}: the HTTP client cannot be built")]
    Client {
        /// Configured name.
        upstream: String,
        /// Why.
        #[source]
        cause: reqwest::Error,
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

/// Makes ring the process' TLS implementation, once; later calls and other installers are no error.
pub fn install_crypto() {
    // An error says that one is installed already, which is what we want.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// Builds the client. There is no total timeout in it: [`super::Backend`] keeps one over all tries and the body.
pub(super) fn build(settings: &Upstream) -> Result<Client, SetUpError> {
    install_crypto();
    let mut builder = Client::builder()
        .http1_only()
        .user_agent(concat!("hecate/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(settings.connect_timeout)
        .pool_max_idle_per_host(settings.max_concurrent.max(1))
        .pool_idle_timeout(IDLE_CONNECTION)
        .tcp_nodelay(true);
    if settings.url.scheme() == "http" {
        // No TLS will happen: reading the system's certificates would cost the start tens of milliseconds.
        builder = builder.tls_certs_only([]);
    } else {
        if let Some(file) = &settings.auth.ca_file {
            builder = builder.tls_certs_only(authorities(settings, file)?);
        }
        if let Some((certificate, key)) = &settings.auth.client_certificate {
            builder = builder.identity(identity(settings, certificate, key)?);
        }
    }
    builder.build().map_err(|cause| SetUpError::Client { upstream: settings.name.clone(), cause })
}

fn authorities(settings: &Upstream, file: &Path) -> Result<Vec<Certificate>, SetUpError> {
    const EXPECTED: &str = "PEM with at least one CERTIFICATE";
    let bad = |problem: String| bad_file(settings, file, problem, EXPECTED);
    let pem = std::fs::read(file).map_err(|cause| bad(cause.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|_| bad("not readable as PEM".to_owned()))?;
    if certificates.is_empty() { Err(bad("holds no certificate".to_owned())) } else { Ok(certificates) }
}

fn identity(settings: &Upstream, certificate: &Path, key: &Path) -> Result<Identity, SetUpError> {
    const EXPECTED: &str = "PEM: a certificate chain in one file, its private key in the other";
    let read = |file: &Path| std::fs::read(file).map_err(|cause| bad_file(settings, file, cause.to_string(), EXPECTED));
    let mut pem = read(certificate)?;
    pem.push(b'\n');
    pem.extend(read(key)?);
    Identity::from_pem(&pem).map_err(|_| bad_file(settings, certificate, "no usable certificate with its key".to_owned(), EXPECTED))
}

fn bad_file(settings: &Upstream, file: &Path, problem: String, expected: &'static str) -> SetUpError {
    SetUpError::BadFile { upstream: settings.name.clone(), file: file.to_owned(), problem, expected }
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
