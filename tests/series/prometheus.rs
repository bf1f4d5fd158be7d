//! A Prometheus of its own on a free port; stopped on drop. And just enough HTTP to ask it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

pub(crate) struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

/// A program that `make setup` builds.
pub(crate) fn tool(name: &str) -> PathBuf {
    let folder =
        std::env::var_os("HECATE_TOOLS").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".cache/bin"), PathBuf::from);
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    path
}

impl Prometheus {
    /// With the data in `data` of this folder. In the configuration, ADDRESS is its own.
    pub(crate) fn start(folder: TempDir, config: &str) -> Prometheus {
        let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config.replace("ADDRESS", &address.to_string())).expect("a configuration");
        let mut child = Command::new(tool("prometheus"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Prometheus starts");
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

    /// Status and body of a range query. Times are milliseconds.
    pub(crate) fn range(&self, query: &str, start: i64, end: i64, step: i64) -> (u16, Vec<u8>) {
        let seconds = |ms: i64| format!("{}.{:03}", ms / 1000, ms % 1000);
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("query", query)
            .append_pair("start", &seconds(start))
            .append_pair("end", &seconds(end))
            .append_pair("step", &seconds(step))
            .finish();
        let mut stream = TcpStream::connect(self.address).expect("Prometheus listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        let head = "POST /api/v1/query_range HTTP/1.0\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: ";
        write!(stream, "{head}{}\r\n\r\n{form}", form.len()).expect("Prometheus reads");
        let mut answer = vec![];
        stream.read_to_end(&mut answer).expect("the whole answer");
        let body = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a head") + 4;
        let status = std::str::from_utf8(&answer[9..12]).ok().and_then(|s| s.parse().ok()).expect("a status");
        (status, answer.split_off(body))
    }

    /// Waits until the metric has samples over so many seconds; returns when these are, in milliseconds.
    pub(crate) fn wait_for_history(&self, metric: &str, seconds: i64) -> Range<i64> {
        let began = Instant::now();
        loop {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
            // The newest two seconds may still change.
            let (from, to) = (now - (seconds + 2) * 1000, now - 2000);
            let (_, body) = self.range(&format!("count({metric}) and count({metric} offset {seconds}s)"), to, to, 1000);
            if body.windows(9).any(|w| w == br#""values":"#) {
                return from..to;
            }
            assert!(began.elapsed() < Duration::from_secs(90), "no history of {metric}: {}", String::from_utf8_lossy(&body));
            #[expect(clippy::disallowed_methods, reason = "no runtime here")]
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
