//! What Hecate costs in front of a real Prometheus, side by side with what stands there today: `cargo bench --bench edge`.
//!
//! Everything is measured in one run, in turns, so that ratios hold on any machine. `-- --rounds 3 --seconds 1` makes it
//! shorter. The tables go to standard output and to bench/RESULTS.md.

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

#[path = "../common/mod.rs"]
mod common;
mod parts;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use common::http::Connection;
use common::load::{self, Target};
use common::process;
use common::report::{Rounds, Table};
use common::turns;
use support::{Hecate, Prometheus, PrometheusOptions};

struct Plan {
    rounds: usize,
    seconds: u64,
    /// Instant queries of each target in each round.
    queries: usize,
    write: bool,
}

fn plan() -> Plan {
    let words: Vec<String> = std::env::args().collect();
    let number = |name: &str, usual| {
        let at = words.iter().position(|word| word == name);
        at.and_then(|at| words.get(at + 1)).and_then(|text| text.parse().ok()).unwrap_or(usual)
    };
    Plan {
        rounds: number("--rounds", 5),
        seconds: number("--seconds", 3) as u64,
        queries: number("--queries", 500),
        write: !words.iter().any(|word| word == "--no-file"),
    }
}

fn main() {
    // `cargo test` runs the targets of `cargo bench` too, without this word.
    if !std::env::args().any(|word| word == "--bench") {
        return;
    }
    let plan = plan();
    let mut out = String::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    eprintln!("starting Prometheus with history, Hecate, nginx, the label proxy");
    let options = PrometheusOptions { history: Some(&parts::history()), ..Default::default() };
    let prometheus = runtime.block_on(Prometheus::start(options));
    let hecate = parts::hecate(&prometheus.url(), true);
    let quiet = parts::hecate(&prometheus.url(), false);
    let nginx = parts::nginx_proxy(&prometheus.url());
    let label_proxy = parts::label_proxy(&prometheus.url());
    let of_hecate =
        |name, hecate: &Hecate, token| Target { name, address: hecate.address().to_owned(), token, also: "", pid: Some(hecate.pid()) };
    let mut targets = vec![
        Target { name: DIRECT, address: prometheus.url().trim_start_matches("http://").to_owned(), token: "none", also: "", pid: None },
        of_hecate("Hecate, tenant", &hecate, "token-a"),
        of_hecate("Hecate, cluster scope", &hecate, "token-cluster"),
        of_hecate("Hecate, tenant, access log off", &quiet, "token-a"),
    ];
    match &nginx {
        Some(nginx) => {
            targets.push(Target { name: "nginx, no tenancy", address: nginx.address(), token: "none", also: "", pid: Some(nginx.pid()) })
        }
        None => eprintln!("note: nginx is not installed, its rows are missing"),
    }
    match &label_proxy {
        Some(proxy) => {
            let (address, pid) = (proxy.address(), Some(proxy.pid()));
            targets.push(Target { name: "prom-label-proxy", address, token: "none", also: "&namespace=a", pid });
        }
        None => eprintln!("note: .cache/bin/prom-label-proxy is missing (bench/run.sh builds it), its rows are missing"),
    }

    // What an operator finds at rest: before any load.
    let rest = at_rest(&plan);
    latency(&plan, &targets, &mut out);
    let cases = [("1 series", "namespace=\"a\",pod=\"pod-0\""), ("20 series", "namespace=\"a\"")];
    for (name, selector) in cases {
        repeated(&plan, name, &parts::range_path(selector), &targets, prometheus.pid(), &mut out);
    }
    let answer = runtime.block_on(async {
        let answer = support::client().get(format!("{}{}", prometheus.url(), parts::range_path(cases[0].1))).send().await.unwrap();
        let mut bytes = Vec::new();
        let mut answer = answer;
        while let Some(piece) = answer.chunk().await.unwrap() {
            bytes.extend_from_slice(&piece);
        }
        String::from_utf8(bytes).unwrap()
    });
    ceiling(&plan, &answer, &mut out);
    out.push_str("## Start and memory\n\n");
    out.push_str(&rest);
    let _ = writeln!(out, "Resident after all of the load above: {:.1} MiB.", process::resident_kib(hecate.pid()) as f64 / 1024.0);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let text = format!("{}\n{out}", preface(cores, &plan));
    println!("{text}");
    if plan.write {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/RESULTS.md"), text).unwrap();
    }
}

const DIRECT: &str = "Prometheus, direct";

fn preface(cores: usize, plan: &Plan) -> String {
    format!(
        "# What the edge costs\n\n\
         Written by `cargo bench --bench edge`; docs/performance.md says what these figures mean and what they do not. One run on {cores} cores \
         that the load generator, Prometheus and everything in front of it share. {} rounds; in each round every target has its turn. \
         Shown: **median** (least–greatest) over the rounds. The load comes from {}.\n",
        plan.rounds,
        if load::has_wrk() { "wrk" } else { "threads of the benchmark itself" },
    )
}

/// Unique instant queries, one after the other, the targets by turns request by request.
fn latency(plan: &Plan, targets: &[Target], out: &mut String) {
    eprintln!("unique instant queries");
    let mut unique = 0;
    let figures = turns::by_turns(targets, plan.rounds, plan.queries, plan.queries.min(200), || {
        unique += 1;
        parts::unique_path(unique)
    });
    let _ = writeln!(
        out,
        "## Unique instant queries, one at a time\n\n`sum by (pod) (rate(…{{namespace=\"a\",code=~\"2..\"}}[5m])) > n`: each text and time is new, so nothing comes from a cache of \
         rewritten queries. {} queries for each target in each round; the targets take turns request by request. Added = against direct in the same round.\n\n{}",
        plan.queries,
        turns::table(targets, &figures)
    );
}

/// The same range query over and over, from many connections.
fn repeated(plan: &Plan, name: &str, path: &str, targets: &[Target], prometheus: u32, out: &mut String) {
    eprintln!("the same range query, {name}");
    let size = Connection::open(&targets[0].address, targets[0].token).good(path).body_bytes;
    let mut figures = vec![[(); 3].map(|()| Rounds::default()); targets.len()];
    for round in 0..=plan.rounds {
        for (target, figures) in targets.iter().zip(&mut figures) {
            // The first turn only warms up.
            let seconds = if round == 0 { 1 } else { plan.seconds };
            let own_cpu = || target.pid.map(process::cpu);
            let before = (own_cpu(), process::cpu(prometheus));
            let done = load::press(target, &format!("{path}{}", target.also), Duration::from_secs(seconds));
            let per_request = |cpu: Duration| cpu.as_secs_f64() * 1e6 / done.requests as f64;
            if round > 0 {
                figures[0].add(done.requests as f64 / done.seconds);
                if let (Some(before), Some(after)) = (before.0, own_cpu()) {
                    figures[1].add(per_request(after.saturating_sub(before)));
                }
                figures[2].add(per_request(process::cpu(prometheus).saturating_sub(before.1)));
            }
        }
    }
    let _ = writeln!(
        out,
        "## The same range query from {} connections: {name}, {:.0} kB\n\nOne hour at 15 s; each request goes to Prometheus. Own CPU is the proxy's, user and system, for one request.\n",
        load::CONNECTIONS,
        size as f64 / 1000.0
    );
    let mut table = Table::new(&["", "requests/s", "own CPU µs", "Prometheus' CPU µs"]);
    for (target, figures) in targets.iter().zip(&figures) {
        table.row(&[target.name.to_owned(), figures[0].text(0), figures[1].text(0), figures[2].text(0)]);
    }
    let _ = writeln!(out, "{}", table.text());
}

/// The same, in front of an upstream that answers at once: what Hecate itself can do.
fn ceiling(plan: &Plan, answer: &str, out: &mut String) {
    let Some(upstream) = parts::nginx_with(answer) else { return };
    eprintln!("an upstream that answers at once");
    let url = format!("http://{}", upstream.address());
    let (hecate, quiet, nginx) = (parts::hecate(&url, true), parts::hecate(&url, false), parts::nginx_proxy(&url));
    let mut targets = vec![
        Target { name: "Hecate, tenant", address: hecate.address().to_owned(), token: "token-a", also: "", pid: Some(hecate.pid()) },
        Target {
            name: "Hecate, tenant, access log off",
            address: quiet.address().to_owned(),
            token: "token-a",
            also: "",
            pid: Some(quiet.pid()),
        },
    ];
    if let Some(nginx) = &nginx {
        targets.push(Target { name: "nginx, no tenancy", address: nginx.address(), token: "none", also: "", pid: Some(nginx.pid()) });
    }
    let path = parts::range_path("namespace=\"a\",pod=\"pod-0\"");
    let mut figures = vec![[(); 2].map(|()| Rounds::default()); targets.len()];
    for round in 0..=plan.rounds {
        for (target, figures) in targets.iter().zip(&mut figures) {
            let before = target.pid.map(process::cpu).unwrap_or_default();
            let done = load::press(target, &path, Duration::from_secs(if round == 0 { 1 } else { plan.seconds }));
            let cpu = target.pid.map(process::cpu).unwrap_or_default().saturating_sub(before);
            if round > 0 {
                figures[0].add(done.requests as f64 / done.seconds);
                figures[1].add(cpu.as_secs_f64() * 1e6 / done.requests as f64);
            }
        }
    }
    let _ = writeln!(
        out,
        "## The same answer from an upstream that costs nothing: {:.0} kB\n\nnginx answers from a file, so that the proxy is what is measured.\n",
        answer.len() as f64 / 1000.0
    );
    let mut table = Table::new(&["", "requests/s", "own CPU µs"]);
    for (target, figures) in targets.iter().zip(&figures) {
        table.row(&[target.name.to_owned(), figures[0].text(0), figures[1].text(1)]);
    }
    let _ = writeln!(out, "{}", table.text());
}

/// From the start of the process to its first 200 on `/ready`, and its memory when nobody has asked yet.
fn at_rest(plan: &Plan) -> String {
    eprintln!("starts");
    let (mut ready, mut resident) = (Rounds::default(), Rounds::default());
    for _ in 0..plan.rounds.max(5) {
        let began = Instant::now();
        // Its upstream is not there: readiness needs no dependency.
        let hecate = parts::hecate("http://127.0.0.1:9", true);
        while Connection::open(hecate.address(), "none").get("/ready").status != 200 {}
        ready.add(began.elapsed().as_secs_f64() * 1e3);
        std::thread::park_timeout(Duration::from_millis(500));
        resident.add(process::resident_kib(hecate.pid()) as f64 / 1024.0);
    }
    let mut table = Table::new(&["", ""]);
    table.row(&["process start to first 200 on /ready, ms".to_owned(), ready.text(1)]);
    table.row(&["resident at rest, MiB".to_owned(), resident.text(1)]);
    format!("{}\n", table.text())
}
