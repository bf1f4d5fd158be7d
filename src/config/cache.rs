//! `cache:` what is remembered, for how long, and the Redis that replicas share it through.

use std::path::PathBuf;
use std::time::Duration;

use super::reader::Map;
use super::redis_url::{self, RedisServers};
use super::upstream_auth::{read_certificate, secret, secret_file};
use super::yaml::Node;
use super::{Secret, values};

/// What is kept of answers.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Without it every query is asked upstream.
    pub enabled: bool,
    /// What this process may hold, in bytes.
    pub memory: usize,
    /// How long points that may still change are served again.
    pub fresh_ttl: Duration,
    /// Share of hits that are compared with the origin in the background, 0.0 to 1.0.
    pub self_check: f64,
    /// Shared by all replicas; without it every replica remembers alone.
    pub redis: Option<Redis>,
}

/// A Redis or Valkey: one, behind Sentinels, or a cluster.
#[derive(Clone, Debug)]
pub struct Redis {
    /// Where it is.
    pub servers: RedisServers,
    /// Whether connections are encrypted, those to Sentinels too.
    pub tls: bool,
    /// The numbered database; 0 in a cluster.
    pub database: i64,
    /// User name (ACL); none is Redis' user `default`.
    pub user: Option<String>,
    /// Password of that user.
    pub password: Option<Secret>,
    /// User name and password for the Sentinels themselves.
    pub sentinel: Option<(Option<String>, Secret)>,
    /// All Redis time that one request may spend.
    pub budget: Duration,
    /// In front of every name in Redis, so that several installations can share one.
    pub prefix: String,
    /// To get a connection, TLS and authentication included.
    pub connect_timeout: Duration,
    /// Certificates of the authorities to trust instead of the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// Client certificate and key, PEM.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
}

impl Default for Cache {
    fn default() -> Self {
        Cache { enabled: true, memory: 256 << 20, fresh_ttl: Duration::from_secs(15), self_check: 0.001, redis: None }
    }
}

impl Redis {
    /// These servers without credentials, everything else as shipped.
    pub fn new(servers: RedisServers) -> Redis {
        Redis {
            servers,
            tls: false,
            database: 0,
            user: None,
            password: None,
            sentinel: None,
            budget: Duration::from_millis(20),
            prefix: "hecate".to_owned(),
            connect_timeout: Duration::from_secs(1),
            ca_file: None,
            client_certificate: None,
        }
    }

    /// `None` without `url`: the other keys alone connect to nothing.
    fn read(map: &mut Map<'_>) -> Option<Redis> {
        let shipped = Redis::new(RedisServers::Single(redis_url::HostPort::local()));
        let url = map.value("url", redis_url::read);
        let user = map.value("user", values::text);
        let password = read_password(map);
        let sentinel = map.map("sentinel", |below| {
            let user = below.value("user", values::text);
            read_password(below).map(|password| (user, password))
        });
        let budget = map.value("budget", values::duration(Duration::from_millis(1)..=Duration::from_secs(1)));
        let prefix = map.value("prefix", prefix);
        let connect_timeout = map.value("connect_timeout", values::duration(Duration::from_millis(10)..=Duration::from_secs(30)));
        let ca_file = map.value("ca_file", values::path);
        let client_certificate = map.map("client_certificate", read_certificate).flatten();
        let url = url?;
        if user.is_some() && password.is_none() && map.has("user") && !map.has("password") && !map.has("password_file") {
            map.error_at("user", "a user needs `password_file` or `password` beside it");
        }
        if !url.tls {
            for key in ["ca_file", "client_certificate"].into_iter().filter(|key| map.has(key)) {
                map.error_at(key, "is for encrypted connections; write rediss:// (or rediss-sentinel://, rediss-cluster://) in `url`");
            }
        }
        if map.has("sentinel") && !matches!(url.servers, RedisServers::Sentinel { .. }) {
            map.error_at("sentinel", "is for Sentinels; `url` names none (redis-sentinel://…)");
        }
        Some(Redis {
            servers: url.servers,
            tls: url.tls,
            database: url.database,
            user,
            password,
            sentinel: sentinel.flatten(),
            budget: budget.unwrap_or(shipped.budget),
            prefix: prefix.unwrap_or(shipped.prefix),
            connect_timeout: connect_timeout.unwrap_or(shipped.connect_timeout),
            ca_file,
            client_certificate,
        })
    }
}

impl Cache {
    pub(super) fn read(map: &mut Map<'_>) -> Cache {
        let shipped = Cache::default();
        let fresh = values::duration(Duration::from_millis(1)..=Duration::from_secs(3600));
        Cache {
            enabled: map.value("enabled", values::switch).unwrap_or(shipped.enabled),
            memory: map.value("memory", values::memory(1 << 20..=1 << 40)).unwrap_or(shipped.memory),
            fresh_ttl: map.value("fresh_ttl", fresh).unwrap_or(shipped.fresh_ttl),
            self_check: map.value("self_check", values::share).unwrap_or(shipped.self_check),
            redis: map.section("redis", Redis::read).flatten(),
        }
    }
}

/// At most one of the two.
fn read_password(map: &mut Map<'_>) -> Option<Secret> {
    let password = map.value("password", secret);
    let password_file = map.value("password_file", secret_file);
    if map.has("password") && map.has("password_file") {
        map.error_at("password_file", "`password` is given too; keep one");
    }
    password.or(password_file)
}

/// Braces would decide where a cluster keeps a name.
fn prefix(node: &Node) -> Result<String, String> {
    let written = values::text(node)?;
    if written.len() > 64 || !written.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte)) {
        return Err(format!("{} cannot stand in front of names; at most 64 letters, digits, - _ . :", values::quote(&written)));
    }
    Ok(written)
}
