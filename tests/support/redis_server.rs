//! A real redis-server that keeps nothing on disk.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::{eventually, free_port};

/// Nothing that a test asks of it takes longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Running; stopped when it is dropped.
pub struct RedisServer {
    child: Option<Child>,
    port: u16,
    folder: TempDir,
    flags: Vec<String>,
}

impl RedisServer {
    /// Starts it and waits until it answers; `flags` as on its command line, such as `--maxmemory 1mb`.
    pub async fn start(flags: &[&str]) -> RedisServer {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let mut server = RedisServer { child: None, port: free_port(), folder: tempfile::tempdir().unwrap(), flags };
        server.run().await;
        server
    }

    /// Starts it again on the same port, without the data that it had.
    pub async fn run(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let port = self.port.to_string();
        let started = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--dir", self.folder.path().to_str().unwrap()])
            .args(&self.flags)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.child = Some(started.unwrap_or_else(|e| panic!("redis-server: {e}: run make setup")));
        eventually("redis-server answers", async || self.connection().await.ok()).await;
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection to look or write with.
    pub async fn connection(&self) -> redis::RedisResult<redis::aio::MultiplexedConnection> {
        // On a busy machine, and when it is told to sleep.
        let patient = redis::AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        redis::Client::open(self.url())?.get_multiplexed_async_connection_with_config(&patient).await
    }

    /// One command; its answer.
    pub async fn command<T: redis::FromRedisValue>(&self, words: &[&[u8]]) -> T {
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.query_async(&mut self.connection().await.unwrap()).await.unwrap()
    }

    /// All keys.
    pub async fn keys(&self) -> Vec<Vec<u8>> {
        self.command(&[b"KEYS", b"*"]).await
    }

    /// Sends a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.as_ref().map(|child| child.id().to_string()).expect("redis-server does not run");
        assert!(Command::new("kill").arg(format!("-{name}")).arg(pid).status().unwrap().success());
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
