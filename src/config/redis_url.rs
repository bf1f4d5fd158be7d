//! `cache.redis.url`: which servers, how they belong together, whether encrypted.

use std::fmt;

use super::values::{self, quote};
use super::yaml::Node;

/// More hosts than this are a mistake.
const MAX_HOSTS: usize = 100;
/// What is right, for every message.
const EXPECTED: &str = "write redis://host:6379, redis-sentinel://host:26379,host:26379/master or redis-cluster://host:6379,host:6379; with rediss instead of redis for TLS";

/// How the servers belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisServers {
    /// One server.
    Single(HostPort),
    /// Whichever server the Sentinels call the master of that name.
    Sentinel {
        /// The name that the Sentinels watch.
        master: String,
        /// The Sentinels.
        hosts: Vec<HostPort>,
    },
    /// A cluster, found through any of these.
    Cluster(Vec<HostPort>),
}

/// A host and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl HostPort {
    /// A Redis as it is started without options.
    pub(super) fn local() -> HostPort {
        HostPort { host: "127.0.0.1".to_owned(), port: 6379 }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') { write!(f, "[{}]:{}", self.host, self.port) } else { write!(f, "{}:{}", self.host, self.port) }
    }
}

/// What a URL says.
pub(super) struct RedisUrl {
    pub(super) servers: RedisServers,
    pub(super) tls: bool,
    pub(super) database: i64,
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Single,
    Sentinel,
    Cluster,
}

/// Reads a URL. A refused one is not quoted when it may hold a password.
pub(super) fn read(node: &Node) -> Result<RedisUrl, String> {
    parse(&values::text(node)?)
}

fn parse(written: &str) -> Result<RedisUrl, String> {
    if written.contains('@') {
        return Err("a URL must not hold a user name or password here; write `user` and `password_file` beside `url`".to_owned());
    }
    let (scheme, rest) = written.split_once("://").ok_or_else(|| format!("{} is not a URL; {EXPECTED}", quote(written)))?;
    let (form, tls) = form_of(scheme).ok_or_else(|| format!("the scheme {}:// is not spoken here; {EXPECTED}", quote(scheme)))?;
    let (hosts, below) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let default_port = if form == Form::Sentinel { 26379 } else { 6379 };
    let hosts = hosts.split(',').map(|host| host_port(host.trim(), default_port)).collect::<Result<Vec<_>, _>>()?;
    if hosts.len() > MAX_HOSTS {
        return Err(format!("{} hosts are more than {MAX_HOSTS}; a few are enough to find the others", hosts.len()));
    }
    let (path, query) = below.split_once('?').unwrap_or((below, ""));
    let mut segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let mut master = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("master", name)) if form == Form::Sentinel => master = Some(name.to_owned()),
            _ => return Err(format!("{} is not read in a URL; {EXPECTED}", quote(pair))),
        }
    }
    if form == Form::Sentinel && master.is_none() {
        master = (!segments.is_empty()).then(|| segments.remove(0).to_owned());
    }
    let database = match segments.as_slice() {
        [] => 0,
        [number] => number.parse().ok().filter(|number| (0..=1_000_000).contains(number)).ok_or_else(|| {
            format!("{} is not the number of a database; end the URL with /0, /1 and so on, or without it", quote(number))
        })?,
        _ => return Err(format!("{} is too much behind the hosts; {EXPECTED}", quote(path))),
    };
    let servers = match (form, hosts.as_slice()) {
        (Form::Single, [host]) => RedisServers::Single(host.clone()),
        (Form::Single, _) => {
            return Err("several hosts belong together as redis-cluster:// or redis-sentinel://; redis:// is one".to_owned());
        }
        (Form::Cluster, _) if database != 0 => return Err("a cluster has no numbered databases; leave the number out".to_owned()),
        (Form::Cluster, _) => RedisServers::Cluster(hosts),
        (Form::Sentinel, _) => {
            let master = master.filter(|name| !name.is_empty() && !name.chars().any(char::is_whitespace));
            let missing = || "the name of the master is missing; write redis-sentinel://host:26379/mymaster".to_owned();
            RedisServers::Sentinel { master: master.ok_or_else(missing)?, hosts }
        }
    };
    Ok(RedisUrl { servers, tls, database })
}

/// `redis`, `rediss`, `valkey`, `valkeys`, each alone or with `-sentinel` or `-cluster`.
fn form_of(scheme: &str) -> Option<(Form, bool)> {
    let (family, form) = match scheme.split_once(['-', '+']) {
        None => (scheme, Form::Single),
        Some((family, "sentinel")) => (family, Form::Sentinel),
        Some((family, "cluster")) => (family, Form::Cluster),
        Some(_) => return None,
    };
    match family {
        "redis" | "valkey" => Some((form, false)),
        "rediss" | "valkeys" => Some((form, true)),
        _ => None,
    }
}

fn host_port(written: &str, default_port: u16) -> Result<HostPort, String> {
    let wrong = || format!("{} is not a host with a port; {EXPECTED}", quote(written));
    let (host, port) = match written.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']').ok_or_else(wrong)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
            (host, behind.strip_prefix(':').or(behind.is_empty().then_some("")).ok_or_else(wrong)?)
        }
        None => written.split_once(':').unwrap_or((written, "")),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if host.is_empty() || host.len() > 255 || !(written.starts_with('[') || host.bytes().all(is_name)) {
        return Err(wrong());
    }
    let port = if port.is_empty() { default_port } else { port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)? };
    Ok(HostPort { host: host.to_owned(), port })
}

/// The URL that gives the same servers.
pub(super) fn print(servers: &RedisServers, tls: bool, database: i64) -> String {
    let scheme = if tls { "rediss" } else { "redis" };
    let list = |hosts: &[HostPort]| hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let number = if database == 0 { String::new() } else { format!("/{database}") };
    match servers {
        RedisServers::Single(host) => format!("{scheme}://{host}{number}"),
        RedisServers::Sentinel { master, hosts } => format!("{scheme}-sentinel://{}/{master}{number}", list(hosts)),
        RedisServers::Cluster(hosts) => format!("{scheme}-cluster://{}", list(hosts)),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, print};

    #[test]
    fn every_form_is_read_and_printed_again() {
        for (written, printed) in [
            ("redis://cache", "redis://cache:6379"),
            ("rediss://cache:6380/3", "rediss://cache:6380/3"),
            ("valkey://[::1]/", "redis://[::1]:6379"),
            ("valkeys://10.0.0.1", "rediss://10.0.0.1:6379"),
            ("redis-sentinel://a,b:5/main", "redis-sentinel://a:26379,b:5/main"),
            ("redis-sentinel://a/main/2", "redis-sentinel://a:26379/main/2"),
            ("redis+sentinel://a/2?master=main", "redis-sentinel://a:26379/main/2"),
            ("valkeys-sentinel://a?master=main", "rediss-sentinel://a:26379/main"),
            ("redis-cluster://a:1,b:2,[::1]:3", "redis-cluster://a:1,b:2,[::1]:3"),
            ("rediss-cluster://a", "rediss-cluster://a:6379"),
        ] {
            let read = parse(written).unwrap_or_else(|error| panic!("{written}: {error}"));
            assert_eq!(print(&read.servers, read.tls, read.database), printed);
            let again = parse(printed).unwrap_or_else(|error| panic!("{printed}: {error}"));
            assert_eq!((again.servers, again.tls, again.database), (read.servers, read.tls, read.database));
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (written, told) in [
            ("cache:6379", "is not a URL"),
            ("http://cache", "not spoken here"),
            ("redis-ring://cache", "not spoken here"),
            ("redis://", "not a host"),
            ("redis://a:0", "not a host"),
            ("redis://a:99999", "not a host"),
            ("redis://a b", "not a host"),
            ("redis://[::1", "not a host"),
            ("redis://[::1]6", "not a host"),
            ("redis://a,b", "redis-cluster://"),
            ("redis://a/x", "not the number"),
            ("redis://a/-1", "not the number"),
            ("redis://a/1/2", "too much"),
            ("redis://a?protocol=resp3", "is not read"),
            ("redis-cluster://a/1", "no numbered databases"),
            ("redis-sentinel://a", "name of the master"),
            ("redis-sentinel://a?master=", "name of the master"),
        ] {
            let error = parse(written).err().unwrap_or_default();
            assert!(error.contains(told), "{written}: {error}");
        }
        let error = parse("redis://:s3cret@a").err().unwrap_or_default();
        assert!(error.contains("password_file") && !error.contains("s3cret"), "{error}");
    }
}
