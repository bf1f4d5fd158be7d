//! Dashboards over HTTP with many clients at once, on SQLite and on a real PostgreSQL: `cargo bench --bench dashboards`.
//!
//! `-- --rounds 1 --seconds 1 --dashboards 1000` makes it shorter, `--no-file` leaves bench/RESULTS-dashboards.md as it is. The tables go
//! to standard output too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::large_futures,
    reason = "a benchmark: what goes wrong ends it"
)]
#![allow(missing_docs, reason = "nobody calls it")]

mod clients;
#[path = "../common/mod.rs"]
mod common;
mod stage;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use clients::Clients;
use common::http::{Answer, Connection};
use common::report::Table;
use common::verdict::Report;
use stage::{LARGE, Stage, USUAL};

/// How long and how much.
pub struct Plan {
    rounds: usize,
    /// Of load, for each figure in each round.
    seconds: u64,
    /// That are there.
    dashboards: usize,
    write: bool,
}

impl Plan {
    fn of(words: &[String]) -> Plan {
        let number = |name: &str, usual| {
            let at = words.iter().position(|word| word == name);
            at.and_then(|at| words.get(at + 1)).map_or(usual, |text| text.parse().unwrap())
        };
        Plan {
            rounds: number("--rounds", 3),
            seconds: number("--seconds", 5) as u64,
            dashboards: number("--dashboards", 10_000),
            write: !words.iter().any(|word| word == "--no-file"),
        }
    }
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    // `cargo test` runs the targets of `cargo bench` too, without this word.
    if !words.iter().any(|word| word == "--bench") {
        return;
    }
    let plan = Plan::of(&words);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite:{}", folder.path().join("bench.db").display());
    let mut all = Report::default();
    for (name, address) in [("SQLite", sqlite), ("PostgreSQL", support::Postgres::shared().new_database())] {
        eprintln!("{name}: {} dashboards are made", plan.dashboards);
        let stage = runtime.block_on(Stage::new(&address, plan.dashboards));
        all.add(measure(&plan, name, &stage));
    }
    let text = format!("{}\n{}\n{}", preface(&plan), all.table(), all.text);
    println!("{text}");
    if plan.write {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/RESULTS-dashboards.md");
        std::fs::write(file, text.trim_end().to_owned() + "\n").unwrap();
    }
}

/// Every figure in each round, one after the other.
fn measure(plan: &Plan, name: &str, stage: &Stage) -> Report {
    let many = plan.dashboards;
    let get = |connection: &mut Connection, n: usize| connection.get(&stage.path(n * 7919 % many));
    let list = |connection: &mut Connection, n: usize| {
        let sort = ["name", "title", "-updated", "created"][n % 4];
        connection.get(&format!("/api/v1/dashboards?metadata_only=true&limit=100&sort={sort}"))
    };
    let save = |connection: &mut Connection, n: usize| stage.save(connection, n % many, USUAL);
    // Few enough to be saved again and again, and not the ones that everybody lists first.
    let save_large = |connection: &mut Connection, n: usize| stage.save(connection, many - 1 - n % 100.min(many), LARGE);
    let (large, length) = (stage.bytes_of(LARGE) / 1000, Duration::from_secs(plan.seconds));
    let mut figures = [
        ("get".to_owned(), Clients::new(50, &get)),
        (format!("list 100 of {many}, without panels"), Clients::new(50, &list)),
        ("save different dashboards".to_owned(), Clients::new(200, &save)),
        (format!("save {large} kB"), Clients::new(1, &save_large)),
    ];
    let target = stage.target();
    for round in 1..=plan.rounds {
        for (what, clients) in &mut figures {
            eprintln!("{name}, round {round}: {what}");
            clients.press(&target, length);
        }
    }
    let mut report = Report::default();
    let [get, list, save, save_large] = &figures;
    report.at_most(&format!("{name}: get, 50 clients: p99, ms"), &get.1.p99, 2, 10.0);
    report.at_most(&format!("{name}: {}, 50 clients: p99, ms", list.0), &list.1.p99, 2, 30.0);
    if name == "PostgreSQL" {
        report.at_least(&format!("{name}: saves of different dashboards a second, 200 clients"), &save.1.rate, 0, 500.0);
    }
    report.at_most(&format!("{name}: {}, one client: p99, ms", save_large.0), &save_large.1.p99, 2, 20.0);
    let mut table = Table::new(&["", "clients", "requests/s", "p50 ms", "p99 ms", "own CPU µs"]);
    for (what, Clients { count, rate, p50, p99, cpu_us, .. }) in &figures {
        table.row(&[what.clone(), count.to_string(), rate.text(0), p50.text(2), p99.text(2), cpu_us.text(0)]);
    }
    let _ = writeln!(report.text, "## {name}\n\n{}", table.text());
    report
}

/// What a client does over and over; the number is another one each time.
pub type Call<'a> = &'a (dyn Fn(&mut Connection, usize) -> Answer + Sync);

fn preface(plan: &Plan) -> String {
    format!(
        "# What dashboards take\n\n\
         Written by `cargo bench --bench dashboards`. One run on {} cores that the clients, Hecate and the database share; everything goes over \
         HTTP, through sign-in, checks of the document, history and audit log, as anybody's requests do. A dashboard has 20 panels and {} kB. \
         {} dashboards, {} rounds of {} s for each figure. Shown: **median** (least–greatest) over the rounds; own CPU is Hecate's, for one request.\n\n\
         ## Figures that have to be reached\n",
        std::thread::available_parallelism().map_or(0, usize::from),
        stage::document("n0", USUAL).len() / 1000,
        plan.dashboards,
        plan.rounds,
        plan.seconds,
    )
}
