//! Hecate as a process.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Running; killed when it is dropped.
pub struct Hecate {
    child: Child,
    public: String,
    admin: String,
    folder: TempDir,
}

/// A users.yaml: name, token and what follows in its line, such as `namespaces: [team-a]`.
pub fn users(lines: &[(&str, &str, &str)]) -> String {
    let mut text = String::from("users:\n");
    for (name, token, rest) in lines {
        let hash: String = Sha256::digest(token.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
        writeln!(text, "  - {{name: {name}, token_sha256: \"{hash}\", {rest}}}").unwrap();
    }
    text
}

impl Hecate {
    /// Starts it with this configuration, on ports that the system chooses. `{server}` keys beside the addresses go
    /// into `server`, a YAML flow mapping without braces. `files` are written beside the configuration.
    pub fn start(server: &str, rest: &str, files: &[(&str, &str)]) -> Hecate {
        Hecate::start_in(&[], server, rest, files)
    }

    /// The same with these variables in its environment.
    pub fn start_in(environment: &[(&str, &str)], server: &str, rest: &str, files: &[(&str, &str)]) -> Hecate {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let comma = if server.is_empty() { "" } else { ", " };
        let config = format!("server: {{listen: \"127.0.0.1:0\", admin_listen: \"127.0.0.1:0\"{comma}{server}}}\n{rest}");
        fs::write(folder.path().join("hecate.yaml"), config).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_hecate"))
            .arg("--config")
            .arg(folder.path().join("hecate.yaml"))
            // The database of dashboards lies in the working directory.
            .current_dir(folder.path())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addresses: Vec<&str> = line.split_whitespace().filter(|word| word.contains("://")).collect();
        let [public, admin] = addresses[..] else {
            let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            panic!("Hecate does not serve: {line}{log}");
        };
        let admin = admin.trim_end_matches(')').to_owned();
        Hecate { public: public.to_owned(), admin, child, folder }
    }

    /// The usual one: in front of this upstream, users alice (a), bob (b), both (a, b) and admin (cluster), whose tokens are
    /// `token-alice` and so on.
    pub fn in_front_of(upstream: &str, more: &str) -> Hecate {
        let rest = format!(
            "upstreams: [{{name: prometheus, url: \"{upstream}\"}}]\nauth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\n{more}"
        );
        Hecate::start("", &rest, &[("users.yaml", &usual_users())])
    }

    /// The public base URL.
    pub fn url(&self) -> &str {
        &self.public
    }

    /// The admin base URL.
    pub fn admin_url(&self) -> &str {
        &self.admin
    }

    /// `host:port` of the public listener.
    pub fn address(&self) -> &str {
        self.public.split("://").nth(1).unwrap()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Where its files are.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end, at most this long; the exit code.
    pub async fn ended(&mut self, within: Duration) -> Option<i32> {
        let deadline = tokio::time::Instant::now() + within;
        while tokio::time::Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("Hecate still runs after {within:?}: {}", self.log());
    }
}

/// See [`Hecate::in_front_of`].
pub fn usual_users() -> String {
    users(&[
        ("alice", "token-alice", "namespaces: [a]"),
        ("bob", "token-bob", "namespaces: [b]"),
        ("both", "token-both", "namespaces: [a, b]"),
        ("admin", "token-admin", "cluster: true, permissions: [\"*\"]"),
    ])
}

impl Drop for Hecate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
