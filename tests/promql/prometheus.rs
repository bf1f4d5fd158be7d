//! A Prometheus of its own on a free port, with an empty data folder; stopped on drop.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

pub(crate) struct Prometheus {
    child: Child,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

/// Where `make setup` puts the tools.
pub(crate) fn tools() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
    let set = std::env::var("HECATE_TOOLS");
    set.map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".cache/bin"), PathBuf::from)
}

impl Prometheus {
    pub(crate) fn start(features: Option<&str>) -> Prometheus {
        let binary = tools().join("prometheus");
        assert!(binary.exists(), "{} is missing: run `make setup`", binary.display());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("prometheus.yml");
        std::fs::write(&config, "").expect("an empty configuration");
        let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
        let mut command = Command::new(binary);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some(features) = features {
            command.arg(format!("--enable-feature={features}"));
        }
        let mut child = command.spawn().expect("Prometheus starts");
        let log = BufReader::new(child.stderr.take().expect("piped"));
        let prometheus = Prometheus { child, address, _folder: folder };
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

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
