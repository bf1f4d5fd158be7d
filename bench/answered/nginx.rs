//! nginx as a cache: it has asked its upstream once and answers from its proxy_cache, access log on, as it ships.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Killed when it is dropped.
pub struct Nginx {
    child: Child,
    /// `host:port`
    pub address: String,
    _folder: TempDir,
}

impl Nginx {
    /// Answers `/{size}` with each text; `None` where nginx is not installed.
    pub fn start<const N: usize>(answers: [(usize, String); N]) -> Option<Nginx> {
        let binary = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists())?;
        let folder = tempfile::tempdir().ok()?;
        let port = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (front, origin, path) = (port(), port(), folder.path().display().to_string());
        fs::create_dir(folder.path().join("root")).ok()?;
        for (size, text) in answers {
            fs::write(folder.path().join("root").join(size.to_string()), text).ok()?;
        }
        let own = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {path}/{kind};")).join(" ");
        let config = format!(
            "daemon off; worker_processes 2; pid {path}/pid; error_log {path}/error.log;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ {own} access_log {path}/access.log; keepalive_requests 100000000; sendfile on; tcp_nopush on;\n\
             proxy_cache_path {path}/cache keys_zone=answers:10m;\n\
             server {{ listen 127.0.0.1:{front}; location / {{ proxy_pass http://127.0.0.1:{origin}; proxy_cache answers; proxy_cache_valid 200 1h; \
             proxy_cache_key \"$request_uri$http_authorization\"; add_header X-Cache $upstream_cache_status; }} }}\n\
             server {{ listen 127.0.0.1:{origin}; root {path}/root; default_type application/json; }} }}\n"
        );
        fs::write(folder.path().join("nginx.conf"), config).ok()?;
        // Workers run as another user when the master is root.
        let _ = Command::new("chmod").args(["-R", "a+rwX"]).arg(folder.path()).status();
        let mut command = Command::new(binary);
        command.args(["-e", "stderr", "-c"]).arg(folder.path().join("nginx.conf"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let nginx = Nginx { child, address: format!("127.0.0.1:{front}"), _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(&nginx.address).is_err() {
            if Instant::now() > deadline {
                return None;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Some(nginx)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // nginx ends its workers on SIGTERM, not on SIGKILL.
        let _ = Command::new("kill").arg(self.pid().to_string()).status();
        let _ = self.child.wait();
    }
}
