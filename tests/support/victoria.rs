//! A VictoriaMetrics of its own on a free port with samples of a test; stopped on drop.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly anywhere")]

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

const LIMIT: Duration = Duration::from_secs(20);

/// Running until it is dropped.
pub struct VictoriaMetrics {
    _process: Child,
    _folder: tempfile::TempDir,
    /// Its base URL.
    pub url: String,
}

impl VictoriaMetrics {
    /// Starts it and imports samples in Prometheus' text format; they can be read when this returns.
    pub async fn with(samples: &str) -> VictoriaMetrics {
        let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/bin/victoria-metrics");
        assert!(binary.exists(), "{} is missing: run `make setup`", binary.display());
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(binary)
            .arg(format!("-storageDataPath={}", folder.path().display()))
            .args([format!("-httpListenAddr=127.0.0.1:{port}"), "-search.latencyOffset=0".into(), "-memory.allowedBytes=64MiB".into()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{port}");
        hecate::upstream::install_crypto();
        let http = reqwest::Client::builder().timeout(LIMIT).build().unwrap();
        let began = Instant::now();
        loop {
            let import = http.post(format!("{url}/api/v1/import/prometheus")).body(samples.to_owned()).send().await;
            if import.is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
            assert!(began.elapsed() < LIMIT, "VictoriaMetrics does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        http.get(format!("{url}/internal/force_flush")).send().await.unwrap();
        VictoriaMetrics { _process: process, _folder: folder, url }
    }
}
