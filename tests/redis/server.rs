//! Real servers on free ports, stopped when they are dropped.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use hecate::cache::{Budget, Key, KeyBuilder, Remote, Stored};
use hecate::config::{HostPort, Redis, RedisServers};
use prometheus::Registry;
use tempfile::TempDir;

/// Enough for everything, where a test is not about time.
pub const PATIENT: Duration = Duration::from_secs(2);
/// How long values live in tests.
pub const TTL: Duration = Duration::from_secs(60);

/// One redis-server.
pub struct Server {
    child: Option<Child>,
    program: String,
    pub port: u16,
    folder: TempDir,
    arguments: Vec<String>,
}

impl Server {
    pub async fn start(arguments: &[&str]) -> Server {
        Server::start_with("redis-server", &[], arguments).await
    }

    /// On this port, which was free a moment ago.
    pub async fn start_on(port: u16) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server { child: None, program: "redis-server".to_owned(), port, folder, arguments: Vec::new() };
        server.restart().await;
        server
    }

    /// With files in its folder, where it runs, and its own program.
    pub async fn start_with(program: &str, files: &[(&str, &str)], arguments: &[&str]) -> Server {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut server = Server { child: None, program: program.to_owned(), port: free_port(), folder, arguments };
        server.restart().await;
        server
    }

    /// Starts it again, on the same port and with an empty memory.
    pub async fn restart(&mut self) {
        self.kill();
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let port = self.port.to_string();
        let arguments: Vec<String> = self.arguments.iter().map(|argument| argument.replace("{port}", &port)).collect();
        let has_port = arguments.iter().any(|argument| argument == "--port" || argument == "--sentinel");
        let mut command = Command::new(&self.program);
        command.args(arguments.iter().filter(|argument| argument.ends_with(".conf")));
        if !has_port {
            command.args(["--port", &port]);
        }
        command.args(["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--dir", "."]);
        command.args(arguments.iter().filter(|argument| !argument.ends_with(".conf")));
        let child = command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(log).stderr(Stdio::null()).spawn();
        self.child = Some(child.unwrap_or_else(|error| panic!("{}: {error}: run make setup", self.program)));
        eventually("the server listens", async || std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok().then_some(())).await;
    }

    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // A stopped process is killed too.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").arg(format!("-{name}")).arg(pid).status().unwrap().success());
    }

    pub fn settings(&self) -> Redis {
        settings(RedisServers::Single(self.host()))
    }

    pub fn host(&self) -> HostPort {
        HostPort { host: "127.0.0.1".to_owned(), port: self.port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn settings(servers: RedisServers) -> Redis {
    Redis { connect_timeout: Duration::from_secs(2), ..Redis::new(servers) }
}

/// A port that was free a moment ago; so is the one that a cluster's bus uses beside it.
pub fn free_port() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if port < 50_000 && TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok() {
            return port;
        }
    }
}

/// Asks again until the answer is there, for 15 s at most.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..1500 {
        if let Some(found) = ask().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: not within 15 s");
}

/// A replica of ours: the shared cache with its own metrics.
pub struct Replica {
    pub remote: Remote,
    registry: Registry,
}

impl Replica {
    pub fn new(settings: &Redis) -> Replica {
        let registry = Registry::new();
        Replica { remote: Remote::new(settings, &registry).unwrap(), registry }
    }

    /// Connected for requests, in the background, and listening.
    pub async fn connected(settings: &Redis) -> Replica {
        let replica = Replica::new(settings);
        replica.is_whole().await;
        replica
    }

    pub async fn is_whole(&self) {
        eventually("all is connected", async || {
            let all = ["requests", "background", "subscription"].map(|name| self.metric("hecate_redis_connected", name));
            (all == [1.0; 3]).then_some(())
        })
        .await;
    }

    /// The sum over everything of that name with this value of a label; an empty one is any.
    pub fn metric(&self, name: &str, label: &str) -> f64 {
        self.sum(name, &if label.is_empty() { String::new() } else { format!("=\"{label}\"") })
    }

    /// How many operations ended like this.
    pub fn operations(&self, operation: &str, outcome: &str) -> f64 {
        self.sum("hecate_redis_operations_total", &format!("{{operation=\"{operation}\",outcome=\"{outcome}\"}}"))
    }

    fn sum(&self, name: &str, part: &str) -> f64 {
        let text = prometheus::TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap();
        let is_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])) && line.contains(part);
        text.lines().filter(is_it).map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    pub async fn read(&self, key: &Key, parts: &[i64]) -> Vec<Option<Stored>> {
        self.remote.read(key, parts, &mut Budget::new(PATIENT)).await
    }

    /// Reads one part, as bytes.
    pub async fn get(&self, key: &Key, part: i64) -> Option<Bytes> {
        self.read(key, &[part]).await.remove(0).map(|stored| stored.bytes)
    }

    /// Writes one part and waits until it can be read.
    pub async fn put(&self, key: &Key, part: i64, payload: &[u8]) {
        self.remote.write(key, vec![(part, Bytes::copy_from_slice(payload))], TTL);
        eventually("what was written is there", async || (self.get(key, part).await.as_deref() == Some(payload)).then_some(())).await;
    }
}

pub fn key(text: &str) -> Key {
    KeyBuilder::new("test").text(text).finish()
}
