//! `upstreams:` the Prometheus-like backends.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::Secret;
use super::reader::Map;
use super::values;
use super::yaml::Node;

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
    /// The scope is sent along for the backend to enforce too, where its kind can.
    pub native_enforcement: bool,
    /// When there is no answer after this long, an equal upstream is asked too.
    pub hedge: Option<Duration>,
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

impl UpstreamKind {
    /// Whether it can bind what it reads to selectors that come with a request. Thanos knows one value of one label only.
    pub(super) fn has_native_enforcement(self) -> bool {
        matches!(self, UpstreamKind::Mimir | UpstreamKind::VictoriaMetrics)
    }
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

/// The upstream that is there without any configuration.
pub(super) const DEFAULT_NAME: &str = "prometheus";
/// A Prometheus as it is started without options.
pub(super) const DEFAULT_URL: &str = "http://127.0.0.1:9090";

/// `kind`, as it is written.
pub(super) const KINDS: &[(&str, UpstreamKind)] = &[
    ("prometheus", UpstreamKind::Prometheus),
    ("thanos", UpstreamKind::Thanos),
    ("mimir", UpstreamKind::Mimir),
    ("victoriametrics", UpstreamKind::VictoriaMetrics),
];
/// `role`, as it is written.
pub(super) const ROLES: &[(&str, Role)] = &[("hot", Role::Hot), ("cold", Role::Cold)];

impl Upstream {
    /// A hot Prometheus without credentials, everything else as shipped.
    pub fn new(name: impl Into<String>, url: Url) -> Upstream {
        Upstream {
            name: name.into(),
            url,
            kind: UpstreamKind::Prometheus,
            role: Role::Hot,
            retention: None,
            settle: Duration::from_secs(60),
            timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(60),
            max_concurrent: 32,
            retries: 2,
            native_enforcement: false,
            hedge: None,
            health_interval: Duration::from_secs(10),
            auth: UpstreamAuth::default(),
        }
    }

    /// What is there without `upstreams:`.
    pub(super) fn shipped() -> Vec<Upstream> {
        Url::parse(DEFAULT_URL).map(|url| Upstream::new(DEFAULT_NAME, url)).into_iter().collect()
    }

    /// The list, and what has to hold between its entries.
    pub(super) fn read_all(map: &mut Map<'_>) -> Vec<Upstream> {
        let Some(upstreams) = map.maps("upstreams", |entry| Some((Upstream::read(entry)?, entry.path_of("")))) else {
            return Upstream::shipped();
        };
        let mut names: HashMap<&str, &str> = HashMap::new();
        for (upstream, path) in &upstreams {
            if let Some(first) = names.insert(&upstream.name, path).filter(|_| !upstream.name.is_empty()) {
                let message = format!("\"{}\" is the name of {} too; names have to differ", upstream.name, first.trim_end_matches('.'));
                map.findings().error_at(&format!("{path}name"), message);
            }
        }
        let hot = upstreams.iter().find(|(upstream, _)| upstream.role == Role::Hot);
        let cold = upstreams.iter().find(|(upstream, _)| upstream.role == Role::Cold);
        match (hot, cold) {
            (None, _) if map.length_of("upstreams") == upstreams.len() => {
                map.error_at("upstreams", "no upstream is hot; give the one with the newest data `role: hot`")
            }
            (Some((first_hot, path)), Some((first_cold, cold_path))) if first_hot.retention.is_none() => map.findings().error_at(
                &format!("{cold_path}role"),
                format!("\"{}\" is cold, but {path}retention is missing; it says from which age on the cold one is asked", first_cold.name),
            ),
            _ => {}
        }
        for (place, (upstream, path)) in upstreams.iter().enumerate() {
            let first = upstreams[..place].iter().find(|(earlier, _)| earlier.role == upstream.role);
            if let Some((first, _)) = first {
                upstream.check_equal(first, map, path);
            }
            let is_alone = upstreams.iter().filter(|(other, _)| other.role == upstream.role).count() == 1;
            if is_alone && upstream.hedge.is_some() {
                map.findings()
                    .error_at(&format!("{path}hedge"), "there is no other upstream of this role that could be asked; take it out");
            }
        }
        upstreams.into_iter().map(|(upstream, _)| upstream).collect()
    }

    /// Upstreams of one role stand in for each other: an answer must not depend on which of them gave it.
    fn check_equal(&self, first: &Upstream, map: &Map<'_>, path: &str) {
        let role = if self.role == Role::Hot { "hot" } else { "cold" };
        let kind = |kind| KINDS.iter().find(|(_, known)| *known == kind).map_or("", |(word, _)| word).to_owned();
        let settle = |upstream: &Upstream| values::print_duration(upstream.settle);
        let retention = |upstream: &Upstream| upstream.retention.map_or_else(|| "none".to_owned(), values::print_duration);
        for (key, ours, theirs) in [
            ("kind", kind(self.kind), kind(first.kind)),
            ("settle", settle(self), settle(first)),
            ("retention", retention(self), retention(first)),
        ] {
            if ours != theirs {
                let message = format!(
                    "\"{}\" has {ours}, \"{}\" has {theirs}; upstreams that are {role} stand in for each other and have the same {key}",
                    self.name, first.name
                );
                let key = format!("{path}{key}");
                let place = map.findings().place_of(&key).or_else(|| map.findings().place_of(&format!("{path}name")));
                map.findings().error(place.as_ref(), &key, message);
            }
        }
    }

    fn read(map: &mut Map<'_>) -> Option<Upstream> {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let patience = || values::duration(Duration::from_millis(10)..=Duration::from_secs(3600));
        let name = map.required("name", "a short name, such as prometheus", upstream_name).unwrap_or_default();
        let url = map.required("url", "where it answers, such as http://prometheus:9090", values::http_url);
        // A wrong URL is an error already and nothing is built from it; the stand-in lets the other keys be read.
        let shipped = Upstream::new(name, url.or_else(|| Url::parse(DEFAULT_URL).ok())?);
        let upstream = Upstream {
            kind: map.value("kind", values::word(KINDS)).unwrap_or(shipped.kind),
            role: map.value("role", values::word(ROLES)).unwrap_or(shipped.role),
            retention: map.value("retention", values::duration(Duration::from_secs(60)..=DAY * 36_525)),
            settle: map.value("settle", values::duration(Duration::ZERO..=DAY)).unwrap_or(shipped.settle),
            timeout: map.value("timeout", patience()).unwrap_or(shipped.timeout),
            connect_timeout: map.value("connect_timeout", patience()).unwrap_or(shipped.connect_timeout),
            read_timeout: map.value("read_timeout", patience()).unwrap_or(shipped.read_timeout),
            max_concurrent: map.value("max_concurrent", values::count(1..=100_000)).unwrap_or(shipped.max_concurrent),
            retries: map.value("retries", values::number(0..=10)).map_or(shipped.retries, |retries| retries as u32),
            hedge: map.value("hedge", patience()),
            health_interval: map
                .value("health_interval", values::duration(Duration::from_millis(100)..=DAY))
                .unwrap_or(shipped.health_interval),
            auth: map.map("auth", UpstreamAuth::read).unwrap_or_default(),
            ..shipped
        };
        let native = map.value("native_enforcement", values::switch);
        let has_it = upstream.kind.has_native_enforcement();
        if native == Some(true) && !has_it {
            map.error_at(
                "native_enforcement",
                "this kind has none that a scope fits into; the queries themselves are enforced. Take it out",
            );
        }
        let upstream = Upstream { native_enforcement: has_it && native.unwrap_or(true), ..upstream };
        if upstream.role == Role::Cold && upstream.retention.is_some() {
            map.error_at("retention", "only a hot upstream has it: what is older is asked of the cold one");
        }
        Some(upstream)
    }
}

fn upstream_name(node: &Node) -> Result<String, String> {
    let written = values::text(node)?;
    let is_plain = written.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if is_plain && written.len() <= 63 {
        return Ok(written);
    }
    Err(format!("{} is not a name; use up to 63 letters, digits, `-`, `_` and `.`", values::quote(&written)))
}
