//! `upstreams:` the Prometheus-like backends.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::Secret;

/// One backend.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Unique; the label of its metrics.
    pub name: String,
    /// Base URL; a path in it is put in front of every API path.
    pub url: Url,
    /// What it is, which decides the control parameters it knows.
    pub kind: UpstreamKind,
    /// Newest data or old data.
    pub role: Role,
    /// Hot only: what is older comes from the cold one.
    pub retention: Option<Duration>,
    /// Younger points may still change.
    pub settle: Duration,
    /// The whole of one request, retries included.
    pub timeout: Duration,
    /// To get a connection, TLS included.
    pub connect_timeout: Duration,
    /// Between two pieces of an answer.
    pub read_timeout: Duration,
    /// Requests under way at once; further ones wait, then are refused.
    pub max_concurrent: usize,
    /// How often a failed read is tried again, on connect errors and 502, 503, 504 only.
    pub retries: u32,
    /// How often its health is looked at.
    pub health_interval: Duration,
    /// How we show who we are.
    pub auth: UpstreamAuth,
}

/// Families of backends, named as users name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamKind {
    /// Prometheus itself.
    Prometheus,
    /// Thanos Query.
    Thanos,
    /// Grafana Mimir or Cortex.
    Mimir,
    /// VictoriaMetrics.
    VictoriaMetrics,
}

/// Where a backend stands on the time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The newest data.
    Hot,
    /// What is older than the hot one keeps.
    Cold,
}

/// Credentials and TLS towards a backend.
#[derive(Clone, Debug, Default)]
pub struct UpstreamAuth {
    /// The `Authorization` header, if any.
    pub credentials: Option<Credentials>,
    /// Fixed headers, such as `X-Scope-OrgID`.
    pub headers: Vec<(String, Secret)>,
    /// Client certificate and key, PEM.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Certificates of the authorities to trust instead of the system's, PEM.
    pub ca_file: Option<PathBuf>,
}

/// What goes into `Authorization`.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A token given in the file or the environment.
    Bearer(Secret),
    /// A token in a file of its own, read again when it changes (service-account tokens rotate).
    BearerFile(PathBuf),
    /// User name and password.
    Basic {
        /// User name.
        user: String,
        /// Password.
        password: Secret,
    },
}
