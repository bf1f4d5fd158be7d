//! `server:` the listeners and the bounds of the edge.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::reader::Map;
use super::values;
use super::yaml::Node;

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
    /// Threads that serve; by default one for each core.
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
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
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

const HOUR: Duration = Duration::from_secs(3600);

impl Server {
    pub(super) fn read(map: &mut Map<'_>) -> Server {
        let shipped = Server::default();
        let server = Server {
            listen: map.value("listen", values::address).unwrap_or(shipped.listen),
            admin_listen: map.value("admin_listen", values::address).unwrap_or(shipped.admin_listen),
            tls: map.map("tls", Tls::read).flatten(),
            public_url: map.value("public_url", values::http_url).map(|url| url.as_str().trim_end_matches('/').to_owned()),
            trusted_proxies: map.values("trusted_proxies", values::network).unwrap_or_default(),
            drain: map.value("drain", values::duration(Duration::ZERO..=HOUR)).unwrap_or(shipped.drain),
            drain_delay: map.value("drain_delay", values::duration(Duration::ZERO..=HOUR)).unwrap_or(shipped.drain_delay),
            threads: map.value("threads", values::count(1..=1024)).unwrap_or(shipped.threads),
            max_uri: map.value("max_uri", values::memory(256..=1 << 20)).unwrap_or(shipped.max_uri),
            max_headers: map.value("max_headers", values::memory(1024..=1 << 20)).unwrap_or(shipped.max_headers),
            max_body: map.value("max_body", values::memory(1024..=1 << 30)).unwrap_or(shipped.max_body),
            max_connections: map.value("max_connections", values::count(1..=1_000_000)).unwrap_or(shipped.max_connections),
            idle_timeout: map.value("idle_timeout", patience()).unwrap_or(shipped.idle_timeout),
            read_timeout: map.value("read_timeout", patience()).unwrap_or(shipped.read_timeout),
            write_timeout: map.value("write_timeout", patience()).unwrap_or(shipped.write_timeout),
            cors_origins: map.values("cors_origins", values::origin).unwrap_or_default(),
            compression: map.value("compression", values::switch).unwrap_or(shipped.compression),
        };
        server.check_listeners(map);
        server
    }

    fn check_listeners(&self, map: &Map<'_>) {
        let (public, admin) = (self.listen, self.admin_listen);
        let same_host = public.ip() == admin.ip() || public.ip().is_unspecified() || admin.ip().is_unspecified();
        if same_host && public.port() == admin.port() && public.port() != 0 {
            let key = if map.has("admin_listen") { "admin_listen" } else { "listen" };
            map.error_at(key, format!("`listen` is {public} and `admin_listen` is {admin}; give them different ports"));
        }
    }
}

/// Bounds of everything that waits for a client.
fn patience() -> impl Fn(&Node) -> Result<Duration, String> {
    values::duration(Duration::from_millis(10)..=HOUR)
}

impl Tls {
    fn read(map: &mut Map<'_>) -> Option<Tls> {
        let cert = map.value("cert", values::path);
        let key = map.value("key", values::path);
        match (map.has("cert"), map.has("key")) {
            (true, false) => map.error_at("key", "missing; a certificate needs its private key, a PEM file"),
            (false, true) => map.error_at("cert", "missing; a private key needs its certificate chain, a PEM file"),
            _ => {}
        }
        Some(Tls { cert: cert?, key: key? })
    }
}
