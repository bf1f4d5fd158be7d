//! Load from many connections at once: by wrk where it is installed, else by threads of our own.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::http::Connection;
use super::parts::Target;

/// How many connections ask at once.
pub const CONNECTIONS: usize = 32;

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
    if has_wrk() { with_wrk(target, path, length) } else { with_threads(target, path, length) }
}

fn with_wrk(target: &Target, path: &str, length: Duration) -> Done {
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{}s", length.as_secs().max(1)), "--timeout", "20s"])
        .args(["-H", &format!("Authorization: Bearer {}", target.token)])
        .arg(format!("http://{}{path}", target.address))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "{}: {text}", target.name);
    let line = text.lines().find(|line| line.contains(" requests in ")).unwrap_or_else(|| panic!("wrk said: {text}"));
    let mut words = line.split_whitespace();
    let requests = words.next().unwrap().parse().unwrap();
    let seconds = words.nth(2).unwrap().trim_end_matches(['s', ',']).parse().unwrap();
    Done { requests, seconds }
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
