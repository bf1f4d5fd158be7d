//! The parts: a real Prometheus with history, Hecate in front of it, and what else stands in front of it today.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::support::{Hecate, free_port, users};

/// Where the history begins, in seconds since 1970: fixed, so that every run asks the same. It lasts three hours.
pub const BEGIN: u64 = 1_700_000_000 / 7200 * 7200;
const LENGTH: u64 = 3 * 3600;
const SERIES: usize = 20;

/// Somewhere to send requests.
pub struct Target {
    pub name: &'static str,
    /// `host:port`
    pub address: String,
    pub token: &'static str,
    /// Put in front of the query string: the label proxy wants to be told whose request it is.
    pub also: &'static str,
    /// Whose CPU time is counted; none for Prometheus itself.
    pub pid: Option<u32>,
}

/// Twenty counters of namespace `a`, as many of `b`, a sample every 15 s, in OpenMetrics.
pub fn history() -> String {
    let mut text = String::from("# TYPE bench_requests counter\n");
    for namespace in ["a", "b"] {
        for pod in 0..SERIES {
            let (mut value, mut random) = (0u64, 1 + pod as u64 * 7919);
            for time in (BEGIN..BEGIN + LENGTH).step_by(15) {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                value += 100 + (random >> 57);
                let _ = writeln!(text, "bench_requests_total{{namespace=\"{namespace}\",pod=\"pod-{pod}\",code=\"200\"}} {value} {time}");
            }
        }
    }
    text.push_str("# EOF\n");
    text
}

/// One hour at 15 s; `selector` chooses how many series.
pub fn range_path(selector: &str) -> String {
    let query = format!("sum by (namespace, pod) (rate(bench_requests_total{{{selector}}}[5m]))");
    let start = BEGIN + 3600;
    format!("/api/v1/query_range?start={start}&end={}&step=15&query={}", start + 3600, encoded(&query))
}

/// An instant query that was not asked before.
pub fn unique_path(number: usize) -> String {
    let query = format!("sum by (pod) (rate(bench_requests_total{{namespace=\"a\",code=~\"2..\"}}[5m])) > {number}e-9");
    format!("/api/v1/query?time={}.{:03}&query={}", BEGIN + 3600 + number as u64 % 3600, number % 1000, encoded(&query))
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Hecate with users `token-a` (namespace a) and `token-cluster`, with limits that this load does not reach.
pub fn hecate(upstream: &str, access_log: bool) -> Hecate {
    let rest = format!(
        "upstreams: [{{name: prometheus, url: \"{upstream}\", max_concurrent: 256}}]\n\
         auth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\n\
         limits: {{rate_per_user: 1000000/s, concurrent_per_user: 1000}}\n\
         telemetry: {{access_log: {access_log}}}\n"
    );
    let users = users(&[("ann", "token-a", "namespaces: [a]"), ("admin", "token-cluster", "cluster: true, permissions: [\"*\"]")]);
    Hecate::start("", &rest, &[("users.yaml", &users)])
}

/// A program that is killed when it is dropped.
pub struct Program {
    child: Child,
    pub port: u16,
    _folder: TempDir,
}

impl Program {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn start(command: &mut Command, port: u16, folder: TempDir) -> Option<Program> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let program = Program { child, port, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(program.address()).is_err() {
            if Instant::now() > deadline {
                return None;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Some(program)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // nginx ends its workers on SIGTERM, not on SIGKILL.
        let _ = Command::new("kill").arg(self.pid().to_string()).status();
        let _ = self.child.wait();
    }
}

/// nginx as a plain reverse proxy: no tenancy, keep-alive to the upstream, access log on as it ships.
pub fn nginx_proxy(upstream: &str) -> Option<Program> {
    let upstream = upstream.trim_start_matches("http://");
    nginx(|_| {
        (
            format!("upstream backend {{ server {upstream}; keepalive 64; }}"),
            "proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection \"\";".to_owned(),
        )
    })
}

/// nginx that answers every request with this text at once: an upstream that costs next to nothing.
pub fn nginx_with(answer: &str) -> Option<Program> {
    nginx(|folder| {
        fs::write(folder.join("answer.json"), answer).unwrap();
        let serve = format!("root {}; default_type application/json; try_files /answer.json =404;", folder.display());
        ("open_file_cache max=10;".to_owned(), format!("{serve} access_log off;"))
    })
}

fn nginx(parts: impl FnOnce(&Path) -> (String, String)) -> Option<Program> {
    let binary = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"].into_iter().find(|path| Path::new(path).exists())?;
    let (folder, port) = (tempfile::tempdir().ok()?, free_port());
    let (http, location) = parts(folder.path());
    let path = folder.path().display();
    let own = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {path}/{kind};")).join(" ");
    let config = format!(
        "daemon off; worker_processes 2; pid {path}/pid; error_log {path}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ {own} access_log {path}/access.log; keepalive_requests 100000000; {http}\n\
         server {{ listen 127.0.0.1:{port}; location / {{ {location} }} }} }}\n"
    );
    fs::write(folder.path().join("nginx.conf"), config).ok()?;
    // Workers run as another user when the master is root.
    let _ = Command::new("chmod").args(["-R", "a+rX"]).arg(folder.path()).status();
    let mut command = Command::new(binary);
    command.args(["-e", "stderr", "-c"]).arg(folder.path().join("nginx.conf"));
    Program::start(&mut command, port, folder)
}

/// prom-label-proxy, which enforces one label by the query parameter `namespace`.
pub fn label_proxy(upstream: &str) -> Option<Program> {
    let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/bin/prom-label-proxy");
    if !binary.exists() {
        return None;
    }
    let port = free_port();
    let mut command = Command::new(binary);
    command.args(["-label", "namespace", "-query-param", "namespace", "-upstream", upstream]);
    command.arg("-insecure-listen-address").arg(format!("127.0.0.1:{port}"));
    Program::start(&mut command, port, tempfile::tempdir().ok()?)
}
