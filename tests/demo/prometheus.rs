//! A real Prometheus on a free port, for as long as the value lives.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The process; killed on drop.
pub(crate) struct Prometheus {
    process: Child,
    address: SocketAddr,
}

impl Prometheus {
    /// On `folder/data`, without targets and rules; ready when this returns.
    pub(crate) async fn start(folder: &Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, "global: {scrape_interval: 15s}\n").unwrap();
        let process = Command::new(crate::tool("prometheus"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--storage.tsdb.retention.time=30d")
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("prometheus.log")).unwrap())
            .spawn()
            .unwrap();
        let prometheus = Prometheus { process, address };
        for _ in 0..300 {
            if prometheus.request("/-/ready", "").await.is_some_and(|answer| answer.contains(" 200 ")) {
                return prometheus;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("prometheus is not ready after 30 s: {}", std::fs::read_to_string(folder.join("prometheus.log")).unwrap());
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// An instant query at a time in unix seconds; the whole answer.
    pub(crate) async fn query(&self, query: &str, time: u64) -> Value {
        let form =
            form_urlencoded::Serializer::new(String::new()).append_pair("query", query).append_pair("time", &time.to_string()).finish();
        let answer = self.request("/api/v1/query", &form).await.unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// HTTP/1.0, so that the answer ends with the connection; `None` when nobody listens.
    async fn request(&self, path: &str, form: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).await.ok()?;
        let verb = if form.is_empty() { "GET" } else { "POST" };
        let length = form.len();
        let head = format!("{verb} {path} HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(format!("{head}{form}").as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
