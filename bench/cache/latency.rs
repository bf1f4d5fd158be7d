//! One request at a time: what a miss adds, and how long an answer from Redis takes.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::Plan;
use crate::common::http::Connection;
use crate::common::load::Target;
use crate::common::programs::nginx_proxy;
use crate::common::report::{Rounds, Table, quantile_ms};
use crate::common::turns;
use crate::common::verdict::Report;
use crate::stage::{self, ALL, ONE, POINTS, START};
use crate::support::{Prometheus, RedisServer, eventually};

/// A range query over the usual hour that was not asked before; every number is another one.
fn unique(selector: &str, number: usize) -> String {
    stage::path(&format!("{} > {number}e-9", stage::rate(selector)), START, POINTS)
}

/// Range queries that nobody asked before, the targets by turns request by request.
pub fn miss(plan: &Plan, prometheus: &Prometheus) -> Report {
    let mut report = Report::default();
    let (hecate, off) = (stage::hecate(&prometheus.url(), ""), stage::hecate(&prometheus.url(), "enabled: false"));
    let nginx = nginx_proxy(&prometheus.url()).expect("nginx is missing: run make setup");
    let targets = [
        stage::direct(prometheus),
        stage::tenant("Hecate, a miss", &hecate),
        stage::tenant("Hecate, cache off", &off),
        Target { name: "nginx, no cache", address: nginx.address(), token: "none", also: "", pid: None },
    ];
    let mut number = 0;
    for (name, selector) in [("1 series", ONE), ("20 series", ALL)] {
        eprintln!("misses, {name}");
        let figures = turns::by_turns(&targets, plan.rounds, plan.queries, 50, || {
            number += 1;
            unique(selector, number)
        });
        let _ = writeln!(
            report.text,
            "## What a miss adds: {name}, one at a time\n\n\
             One hour at 15 s; each text is new to everybody. {} queries for each target in each round, by turns request by request. \
             Added = against direct in the same round.\n\n{}",
            plan.queries,
            turns::table(&targets, &figures)
        );
        report.at_most(&format!("a miss, {name}: added p50, ms"), &figures[1][2], 3, 0.4);
        report.at_most(&format!("a miss, {name}: added p99, ms"), &figures[1][3], 3, 3.0);
    }
    report
}

/// Answers that another replica has put into Redis, and this one has never seen.
pub fn redis(plan: &Plan, prometheus: &Prometheus, runtime: &Runtime) -> Report {
    eprintln!("answers from Redis");
    const TWELVE: &str = "namespace=\"a\",pod=~\"pod-(1.*|2)\"";
    let server = runtime.block_on(RedisServer::start(&[]));
    let cache = format!("redis: {{url: \"{}\"}}", server.url());
    let (one, two) = (stage::hecate(&prometheus.url(), &cache), stage::hecate(&prometheus.url(), &cache));
    let (one_at, two_at) = (stage::tenant("the replica that asked", &one), stage::tenant("the other", &two));
    let mut asking = Connection::open(&one_at.address, one_at.token);
    let mut other = Connection::open(&two_at.address, two_at.token);
    let from_redis = "hecate_cache_answers_total{outcome=\"redis\",question=\"range\"}";
    // Connections to Redis exist before the first request that needs them.
    runtime.block_on(async {
        for replica in [&one, &two] {
            replica.metric_becomes("hecate_redis_connected{connection=\"requests\"}", 1.0).await;
        }
    });
    let count = plan.queries.min(200);
    let (mut number, mut bytes) = (0, 0);
    let mut figures = [(); 4].map(|()| Rounds::default());
    for round in 0..=plan.rounds {
        let paths: Vec<String> = (0..count).map(|_| (number += 1, unique(TWELVE, number)).1).collect();
        for path in &paths {
            bytes = asking.good(path).body_bytes;
        }
        let mut keys = 0u64;
        runtime.block_on(eventually("all is written to Redis", async || {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let now: u64 = server.command(&[b"DBSIZE"]).await;
            (std::mem::replace(&mut keys, now) == now).then_some(())
        }));
        let before = runtime.block_on(two.metric(from_redis));
        let mut times: Vec<Duration> = paths.iter().map(|path| other.good(path).took).collect();
        let came = runtime.block_on(two.metric(from_redis)) - before;
        let mut again: Vec<Duration> = paths.iter().map(|path| other.good(path).took).collect();
        if round > 0 {
            // Later than its budget is a miss.
            figures[0].add(came / count as f64);
            figures[1].add(quantile_ms(&mut times, 0.5));
            figures[2].add(quantile_ms(&mut times, 0.99));
            figures[3].add(quantile_ms(&mut again, 0.5));
        }
    }
    let mut report = Report::default();
    let _ = writeln!(
        report.text,
        "## From Redis: {:.0} kB, one at a time\n\n\
         One replica has asked; the other, whose memory has none of it, is asked for the same once. {count} queries of twelve series in each round. \
         Redis' budget is the shipped one (20 ms): an answer that comes later is a miss and goes upstream.\n",
        bytes as f64 / 1000.0
    );
    let mut table = Table::new(&["", ""]);
    table.row(&["share that came from Redis".to_owned(), figures[0].text(3)]);
    table.row(&["p50 ms".to_owned(), figures[1].text(3)]);
    table.row(&["p99 ms".to_owned(), figures[2].text(3)]);
    table.row(&["the same from memory afterwards, p50 ms".to_owned(), figures[3].text(3)]);
    let _ = writeln!(report.text, "{}", table.text());
    report.at_most("an answer from Redis, 98 kB: p50, ms", &figures[1], 3, 1.0);
    report
}
