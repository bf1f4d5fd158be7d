//! Programs beside Hecate, that run for as long as they are held.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{Hecate, free_port, users};

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

    /// Starts it and waits until its port answers; `None` when that does not come to pass.
    pub fn start(command: &mut Command, port: u16, folder: TempDir) -> Option<Program> {
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

/// How nginx is set up where it makes a difference here.
#[derive(Clone, Copy)]
pub enum Nginx {
    /// As its own defaults are, without an access log: a body is read and written, as everybody else does it.
    Plain,
    /// As Debian ships it, with an access log: a body goes from the file into the socket without being copied.
    Sendfile,
}

/// nginx with these parts of its configuration, made of the folder that it runs in: what stands in `http`, and in its one `location`.
/// A worker for each core. `None` where it is not installed.
pub fn nginx(how: Nginx, parts: impl FnOnce(&Path) -> (String, String)) -> Option<Program> {
    let binary = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"].into_iter().find(|path| Path::new(path).exists())?;
    let (folder, port) = (tempfile::tempdir().ok()?, free_port());
    let (http, location) = parts(folder.path());
    let path = folder.path().display();
    let own = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {path}/{kind};")).join(" ");
    let lines = match how {
        Nginx::Plain => "access_log off;".to_owned(),
        Nginx::Sendfile => format!("access_log {path}/access.log; sendfile on; tcp_nopush on;"),
    };
    let config = format!(
        "daemon off; worker_processes auto; pid {path}/pid; error_log {path}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ {own} {lines} keepalive_requests 100000000; {http}\n\
         server {{ listen 127.0.0.1:{port}; location / {{ {location} }} }} }}\n"
    );
    fs::write(folder.path().join("nginx.conf"), config).ok()?;
    // Workers run as another user when the master is root.
    let _ = Command::new("chmod").args(["-R", "a+rX"]).arg(folder.path()).status();
    let mut command = Command::new(binary);
    command.args(["-e", "stderr", "-c"]).arg(folder.path().join("nginx.conf"));
    Program::start(&mut command, port, folder)
}

/// nginx as a plain reverse proxy: no tenancy, keep-alive to the upstream, access log on as it ships.
pub fn nginx_proxy(upstream: &str) -> Option<Program> {
    let upstream = upstream.trim_start_matches("http://");
    nginx(Nginx::Sendfile, |_| {
        (
            format!("upstream backend {{ server {upstream}; keepalive 64; }}"),
            "proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection \"\";".to_owned(),
        )
    })
}

/// nginx that answers from its cache what it has asked its upstream for once: no tenancy, and only whole answers to equal requests.
pub fn nginx_cache(how: Nginx, upstream: &str) -> Option<Program> {
    nginx(how, |folder| {
        (
            format!("proxy_cache_path {}/cache keys_zone=answers:10m max_size=1g;", folder.display()),
            format!(
                "proxy_pass {upstream}; proxy_cache answers; proxy_cache_valid 200 1h; proxy_cache_key \"$request_uri$http_authorization\";"
            ),
        )
    })
}

/// Hecate with users `token-a` (namespace a) and `token-cluster`, with limits that no load here reaches, and these further sections.
pub fn hecate_with(upstream: &str, sections: &str) -> Hecate {
    let rest = format!(
        "upstreams: [{{name: prometheus, url: \"{upstream}\", max_concurrent: 256}}]\n\
         auth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\n\
         limits: {{rate_per_user: 1000000/s, concurrent_per_user: 1000}}\n{sections}"
    );
    let users = users(&[("ann", "token-a", "namespaces: [a]"), ("admin", "token-cluster", "cluster: true, permissions: [\"*\"]")]);
    Hecate::start("", &rest, &[("users.yaml", &users)])
}
