//! What an answered request costs when its answer is in memory, beside nginx answering the same bytes from its cache:
//! `cargo bench --bench answered`. `-- --rounds 5 --seconds 3` says how long.
//!
//! The server is this program again (`--serve`), so that it can be watched and counted as a process of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark: what goes wrong ends it"
)]
#![allow(missing_docs, reason = "nobody calls it")]

mod nginx;
#[path = "../edge/process.rs"]
mod process;
#[path = "../edge/report.rs"]
mod report;
mod server;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use report::{Rounds, Table};
use sha2::{Digest, Sha256};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Connections at once, as in the benchmark of the whole edge.
const CONNECTIONS: usize = 32;
const TOKEN: &str = "token-a";
const QUERY: &str = "query=sum+by+%28namespace%2C+pod%29+%28rate%28bench_requests_total%7Bnamespace%3D%22a%22%7D%5B5m%5D%29%29&start=1700000000&end=1700003600&step=15";

/// Bytes like an answer's.
pub fn body(size: usize) -> String {
    let mut text =
        String::from(r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"namespace":"a","pod":"pod-0"},"values":["#);
    for point in 0.. {
        if text.len() + 30 >= size {
            break;
        }
        text.push_str(&format!("[{},\"{}.5\"],", 1_700_000_000 + 15 * point, 100 + point * 7919 % 100));
    }
    text.push_str(&" ".repeat(size - text.len() - 5));
    text + "]}]}}"
}

struct Target {
    name: String,
    url: String,
    pid: u32,
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let value = |name: &str| words.iter().position(|word| word == name).and_then(|at| words.get(at + 1));
    if let Some(config) = value("--serve") {
        return server::serve(Path::new(config));
    }
    // `cargo test` runs the targets of `cargo bench` too, without this word.
    if !words.iter().any(|word| word == "--bench") {
        return;
    }
    let number = |name, usual| value(name).map_or(usual, |text| text.parse().unwrap());
    let (rounds, seconds) = (number("--rounds", 5), number("--seconds", 2) as u64);
    let folder = tempfile::tempdir().unwrap();
    let hecates: Vec<Hecate> = [1, 2].map(|threads| Hecate::start(folder.path(), threads, true)).into_iter().collect();
    let quiet = Hecate::start(folder.path(), 2, false);
    let nginx = nginx::Nginx::start(server::SIZES.map(|size| (size, body(size))));
    for size in server::SIZES {
        let own = |name: &str, hecate: &Hecate| Target {
            name: name.to_owned(),
            url: format!("http://{}/answered/{size}?{QUERY}", hecate.address),
            pid: hecate.child.id(),
        };
        let mut targets = vec![
            own("Hecate, 1 thread", &hecates[0]),
            own("Hecate, 2 threads", &hecates[1]),
            own("Hecate, 2 threads, access log off", &quiet),
        ];
        targets.extend(nginx.iter().map(|nginx| Target {
            name: "nginx, from its cache".to_owned(),
            url: format!("http://{}/{size}?{QUERY}", nginx.address),
            pid: nginx.pid(),
        }));
        println!("{}", measured(&targets, rounds, seconds, size));
    }
}

/// Every target has its turn in each round; ratios are of one round.
fn measured(targets: &[Target], rounds: usize, seconds: u64, size: usize) -> String {
    let mut figures = vec![[(); 3].map(|()| Rounds::default()); targets.len()];
    for round in 0..=rounds {
        let turns: Vec<(f64, f64)> = targets.iter().map(|target| turn(target, if round == 0 { 1 } else { seconds })).collect();
        let nginx = turns[turns.len() - 1].0;
        for (figures, (rate, cpu)) in figures.iter_mut().zip(&turns).filter(|_| round > 0) {
            figures[0].add(*rate);
            figures[1].add(*cpu);
            figures[2].add(rate / nginx);
        }
    }
    let mut table = Table::new(&["", "requests/s", "CPU µs for one", "rate : last row's"]);
    for (target, figures) in targets.iter().zip(&figures) {
        table.row(&[target.name.clone(), figures[0].text(0), figures[1].text(1), figures[2].text(2)]);
    }
    format!("## {size} bytes, {CONNECTIONS} connections, median (least–greatest) of {rounds} rounds\n\n{}", table.text())
}

/// Requests per second, and microseconds of the server's CPU for one.
fn turn(target: &Target, seconds: u64) -> (f64, f64) {
    let before = process::cpu(target.pid);
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{seconds}s"), "-H", &format!("Authorization: Bearer {TOKEN}"), &target.url])
        .output()
        .unwrap();
    let cpu = process::cpu(target.pid).saturating_sub(before);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "{}: {text}", target.name);
    let line = text.lines().find(|line| line.contains(" requests in ")).unwrap_or_else(|| panic!("wrk said: {text}"));
    let mut words = line.split_whitespace();
    let requests: f64 = words.next().unwrap().parse().unwrap();
    let took: f64 = words.nth(2).unwrap().trim_end_matches(['s', ',']).parse().unwrap();
    (requests / took, cpu.as_secs_f64() * 1e6 / requests)
}

/// The server as a process; killed when it is dropped.
struct Hecate {
    child: Child,
    address: String,
}

impl Hecate {
    fn start(folder: &Path, threads: usize, access_log: bool) -> Hecate {
        let hash: String = Sha256::digest(TOKEN.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
        let users = format!("users:\n  - {{name: ann, token_sha256: \"{hash}\", namespaces: [a]}}\n");
        std::fs::write(folder.join("users.yaml"), users).unwrap();
        let file = folder.join(format!("hecate-{threads}-{access_log}.yaml"));
        let config = format!(
            "server: {{listen: \"127.0.0.1:0\", admin_listen: \"127.0.0.1:1\", threads: {threads}}}\n\
             upstreams: [{{name: prometheus, url: \"http://127.0.0.1:9\"}}]\n\
             auth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\n\
             limits: {{rate_per_user: 1000000/s, concurrent_per_user: 1000}}\n\
             telemetry: {{access_log: {access_log}}}\n"
        );
        std::fs::write(&file, config).unwrap();
        let log = std::fs::File::create(file.with_extension("log")).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("--serve")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "{}", std::fs::read_to_string(file.with_extension("log")).unwrap());
        Hecate { child, address: line.trim().to_owned() }
    }
}

impl Drop for Hecate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
