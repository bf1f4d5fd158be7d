//! `server:` the listeners and the bounds of the edge.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

/// Listeners, TLS, drain, and what a client may send before anything else looks at it.
#[derive(Clone, Debug)]
pub struct Server {
    /// The public listener.
    pub listen: SocketAddr,
    /// Metrics, liveness and masked configuration; never on the public listener.
    pub admin_listen: SocketAddr,
    /// When set, the public listener speaks TLS; the files are read again when they change.
    pub tls: Option<Tls>,
    /// How clients reach this server, for links.
    pub public_url: Option<String>,
    /// Addresses whose `X-Forwarded-*` and `Forwarded` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// After SIGTERM: how long requests under way may take to end.
    pub drain: Duration,
    /// After SIGTERM: how long new requests are still served although `/ready` says no.
    pub drain_delay: Duration,
    /// Threads of the public listener; by default one per core.
    pub threads: usize,
    /// Longest request target, in bytes; longer is 414.
    pub max_uri: usize,
    /// All request headers together, in bytes; more is 431.
    pub max_headers: usize,
    /// Longest request body, in bytes; longer is 413.
    pub max_body: usize,
    /// Open connections on the public listener; further ones are closed at once.
    pub max_connections: usize,
    /// An idle keep-alive connection is closed after this long.
    pub idle_timeout: Duration,
    /// A client has this long to send its whole request (headers, then body).
    pub read_timeout: Duration,
    /// A client has this long to take each piece of an answer.
    pub write_timeout: Duration,
    /// Origins that browsers may call from (CORS): exact, such as `https://grafana.example`, or `*`.
    pub cors_origins: Vec<String>,
    /// Compress answers for clients that accept gzip or zstd.
    pub compression: bool,
}

/// Certificate chain and private key, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Certificate chain, leaf first.
    pub cert: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7070)),
            admin_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7071)),
            tls: None,
            public_url: None,
            trusted_proxies: Vec::new(),
            drain: Duration::from_secs(30),
            drain_delay: Duration::ZERO,
            threads: std::thread::available_parallelism().map_or(2, usize::from),
            max_uri: 32 * 1024,
            max_headers: 64 * 1024,
            max_body: 1024 * 1024,
            max_connections: 10_000,
            idle_timeout: Duration::from_secs(60),
            read_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            cors_origins: Vec::new(),
            compression: true,
        }
    }
}
