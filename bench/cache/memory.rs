//! What a million cached samples take: in a process, ready to be copied, and in Redis.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::common::process::resident_kib;
use crate::common::report::{Rounds, Table};
use crate::common::verdict::Report;
use crate::stage::{self, ALL, POINTS, SERIES, START};
use crate::support::{Prometheus, RedisServer, eventually};

/// Queries of twenty series over an hour that are a million samples together.
const QUERIES: u64 = 1_000_000u64.div_ceil(SERIES * POINTS);
const MIB: f64 = 1024.0 * 1024.0;

/// A million samples, for each kind of values.
pub fn million(prometheus: &Prometheus, runtime: &Runtime) -> Report {
    let mut report = Report::default();
    let samples = QUERIES * SERIES * POINTS;
    let _ = writeln!(
        report.text,
        "## A million cached samples\n\n{QUERIES} queries of twenty series over an hour at 15 s, asked once each: {samples} samples. Growth of the resident set \
         takes in what the allocator and the connections keep for the next requests; the gauge is what the bound `cache.memory` is held against.\n"
    );
    let mut table = Table::new(&[
        "values",
        "`hecate_cache_memory_bytes` MiB",
        "resident growth MiB",
        "Redis `used_memory` growth MiB",
        "keys in Redis",
    ]);
    let kinds = [
        ("rates: 16 to 18 digits", Box::new(|n| format!("{} > {n}e-9", stage::rate(ALL))) as Box<dyn Fn(u64) -> String>),
        ("counters: 5 to 6 digits", Box::new(|n| format!("bench_requests_total{{{ALL}}} > {n}e-9"))),
    ];
    for (name, query) in kinds {
        eprintln!("a million samples, {name}");
        let server = runtime.block_on(RedisServer::start(&[]));
        let hecate = stage::hecate(&prometheus.url(), &format!("self_check: 0, redis: {{url: \"{}\"}}", server.url()));
        let used = || -> f64 {
            let info: String = runtime.block_on(server.command(&[b"INFO", b"memory"]));
            info.lines().find_map(|line| line.strip_prefix("used_memory:")?.trim().parse().ok()).unwrap()
        };
        let gauge = || runtime.block_on(hecate.metric("hecate_cache_memory_bytes"));
        let mut connection = stage::tenant("Hecate", &hecate).connection();
        // Connections, threads and scripts are there before anything is counted.
        for n in 0..20 {
            connection.good(&stage::path(&query(1_000_000 + n), START, 3));
        }
        std::thread::park_timeout(Duration::from_millis(500));
        let before = (gauge(), resident_kib(hecate.pid()), used());
        for n in 0..QUERIES {
            connection.good(&stage::path(&query(n), START, POINTS));
        }
        let mut redis = before.2;
        runtime.block_on(eventually("all is written to Redis", async || {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let info: String = server.command(&[b"INFO", b"memory"]).await;
            let now: f64 = info.lines().find_map(|line| line.strip_prefix("used_memory:")?.trim().parse().ok())?;
            (std::mem::replace(&mut redis, now) == now).then_some(())
        }));
        let keys: u64 = runtime.block_on(server.command(&[b"DBSIZE"]));
        let million = samples as f64 / 1e6;
        let ready = (gauge() - before.0) / MIB / million;
        let resident = (resident_kib(hecate.pid()).saturating_sub(before.1)) as f64 / 1024.0 / million;
        let compact = (redis - before.2) / MIB / million;
        table.row(&[
            name.to_owned(),
            format!("**{ready:.1}**"),
            format!("**{resident:.1}**"),
            format!("**{compact:.1}**"),
            keys.to_string(),
        ]);
        let one = |value| {
            let mut rounds = Rounds::default();
            rounds.add(value);
            rounds
        };
        report.at_most(&format!("a million samples, {name}: ready to copy, MiB by the gauge"), &one(ready), 1, 48.0);
        report.at_most(&format!("a million samples, {name}: resident growth, MiB"), &one(resident), 1, 48.0);
        report.at_most(&format!("a million samples, {name}: Redis, MiB"), &one(compact), 1, 12.0);
    }
    let _ = writeln!(report.text, "{}", table.text());
    report
}
