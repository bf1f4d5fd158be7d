//! A real Prometheus.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{client, eventually, free_port, tool};

/// How to start one.
#[derive(Default)]
pub struct PrometheusOptions<'a> {
    /// prometheus.yml; empty scrapes nothing.
    pub config: &'a str,
    /// Further files beside it: name and text.
    pub files: &'a [(&'a str, &'a str)],
    /// Further flags.
    pub flags: &'a [&'a str],
    /// OpenMetrics text with timestamps that becomes its history.
    pub history: Option<&'a str>,
}

/// Running; stopped when it is dropped.
pub struct Prometheus {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Prometheus {
    /// Starts it and waits until it is ready.
    pub async fn start(options: PrometheusOptions<'_>) -> Prometheus {
        Prometheus::start_on(free_port(), options).await
    }

    /// Starts it on this port, as [`Prometheus::start`].
    pub async fn start_on(port: u16, options: PrometheusOptions<'_>) -> Prometheus {
        let folder = tempfile::tempdir().unwrap();
        let config = if options.config.is_empty() { "global: {scrape_interval: 1s}\n" } else { options.config };
        fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        for (name, text) in options.files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        if let Some(history) = options.history {
            blocks_from_openmetrics(history, &folder.path().join("data"));
        }
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(tool("prometheus"))
            .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--storage.tsdb.retention.time=100y")
            .args(options.flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut prometheus = Prometheus { child, port, folder };
        let http = client();
        eventually("Prometheus is ready", async || {
            if let Some(status) = prometheus.child.try_wait().unwrap() {
                panic!("Prometheus ended with {status}: {}", prometheus.log());
            }
            let answer = http.get(format!("{}/-/ready", prometheus.url())).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        prometheus
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Its folder: configuration, `data`.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes blocks as `promtool` makes them.
pub fn blocks_from_openmetrics(text: &str, data: &Path) {
    fs::create_dir_all(data).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let made = Command::new(tool("promtool"))
        .args(["tsdb", "create-blocks-from", "openmetrics", "--quiet"])
        .arg(file.path())
        .arg(data)
        .output()
        .unwrap();
    assert!(made.status.success(), "promtool: {}", String::from_utf8_lossy(&made.stderr));
}
