//! A Prometheus of its own on a free port, for tests that ask it without a runtime; stopped on drop.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly anywhere")]

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Running until it is dropped.
pub struct BarePrometheus {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    _folder: TempDir,
}

/// A program that `make setup` builds.
pub fn tool(name: &str) -> PathBuf {
    let folder = std::env::var_os("HECATE_TOOLS").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/bin"), PathBuf::from);
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: run make setup", path.display());
    path
}

impl BarePrometheus {
    /// With what `data` of this folder holds, and these flags. In the configuration, ADDRESS is its own.
    pub fn start(folder: TempDir, config: &str, flags: &[String]) -> BarePrometheus {
        let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config.replace("ADDRESS", &address.to_string())).unwrap();
        let mut child = Command::new(tool("prometheus"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(flags)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let prometheus = BarePrometheus { child, address, _folder: folder };
        let mut lines = log.lines().map_while(Result::ok);
        let mut seen = Vec::new();
        let ready = lines.by_ref().any(|line| {
            seen.push(line);
            seen.last().is_some_and(|line| line.contains("Server is ready"))
        });
        assert!(ready, "Prometheus stopped:\n{}", seen.join("\n"));
        // It must not block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        prometheus
    }
}

impl Drop for BarePrometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
