//! Load from many connections at once: by wrk where it is installed, else by threads of our own.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::http::Connection;
use super::process;

/// How many connections ask at once.
pub const CONNECTIONS: usize = 32;

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

impl Target {
    /// A connection of its user.
    pub fn connection(&self) -> Connection {
        Connection::open(&self.address, self.token)
    }
}

/// What a load of some seconds did.
pub struct Done {
    pub requests: u64,
    pub seconds: f64,
}

/// Whether wrk makes the load.
pub fn has_wrk() -> bool {
    Command::new("wrk").arg("-v").output().is_ok()
}

/// Asks one target for one path over and over.
pub fn press(target: &Target, path: &str, length: Duration) -> Done {
    if has_wrk() { Load::of(path).press(target, length) } else { with_threads(target, path, length) }
}

/// A load that wrk makes.
#[derive(Clone, Copy)]
pub struct Load<'a> {
    /// With the query string; what a script makes of it is its own affair.
    pub path: &'a str,
    /// In Lua: chooses what is asked.
    pub script: Option<&'a Path>,
    /// One more header, such as `Accept-Encoding: gzip`.
    pub header: Option<&'a str>,
    pub connections: usize,
}

/// What a load did, and what its target used for it.
pub struct Turn {
    pub rate: f64,
    /// User and system time of the target's processes for one request.
    pub cpu_us: f64,
}

impl<'a> Load<'a> {
    /// The same path from all of the usual connections.
    pub fn of(path: &'a str) -> Load<'a> {
        Load { path, script: None, header: None, connections: CONNECTIONS }
    }

    pub fn press(&self, target: &Target, length: Duration) -> Done {
        let mut command = Command::new("wrk");
        command.args(["-t1", &format!("-c{}", self.connections), &format!("-d{}s", length.as_secs().max(1)), "--timeout", "20s"]);
        command.args(["-H", &format!("Authorization: Bearer {}", target.token)]);
        command.args(self.header.iter().flat_map(|header| ["-H", header]));
        command.args(self.script.iter().flat_map(|script| [Path::new("-s"), script]));
        let output = command.arg(format!("http://{}{}", target.address, self.path)).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "{}: {text}", target.name);
        let line = text.lines().find(|line| line.contains(" requests in ")).unwrap_or_else(|| panic!("wrk said: {text}"));
        let mut words = line.split_whitespace();
        let requests = words.next().unwrap().parse().unwrap();
        let seconds = words.nth(2).unwrap().trim_end_matches(['s', ',']).parse().unwrap();
        Done { requests, seconds }
    }

    /// The same with the CPU time of the target, whose process has to be known.
    pub fn turn(&self, target: &Target, length: Duration) -> Turn {
        let pid = target.pid.unwrap();
        let before = process::cpu(pid);
        let done = self.press(target, length);
        let used = process::cpu(pid).saturating_sub(before);
        Turn { rate: done.requests as f64 / done.seconds, cpu_us: used.as_secs_f64() * 1e6 / done.requests as f64 }
    }
}

fn with_threads(target: &Target, path: &str, length: Duration) -> Done {
    let over = AtomicBool::new(false);
    let began = Instant::now();
    let requests = std::thread::scope(|scope| {
        let one = || {
            let mut connection = Connection::open(&target.address, target.token);
            let mut count = 0;
            while !over.load(Ordering::Relaxed) {
                connection.good(path);
                count += 1;
            }
            count
        };
        let all: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(one)).collect();
        std::thread::park_timeout(length);
        over.store(true, Ordering::Relaxed);
        all.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    Done { requests, seconds: began.elapsed().as_secs_f64() }
}
