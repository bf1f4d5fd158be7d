//! Everything that is asked for is cached: the same window over and over, and windows that nobody asked for before.

use std::fmt::Write as _;
use std::time::Duration;

use crate::Plan;
use crate::common::http::Connection;
use crate::common::load::{CONNECTIONS, Load, Target, Turn};
use crate::common::programs::{Nginx, nginx_cache};
use crate::common::report::{Rounds, Table};
use crate::common::verdict::Report;
use crate::stage::{self, ALL, ONE, POINTS, START, Script};
use crate::support::Prometheus;

/// Every turn in its round; the round before the first only warms up.
fn rounds(plan: &Plan, turns: &[(&Target, Load<'_>)], mut each: impl FnMut(&[Turn])) {
    for round in 0..=plan.rounds {
        let seconds = Duration::from_secs(if round == 0 { 1 } else { plan.seconds });
        let done: Vec<Turn> = turns.iter().map(|(target, load)| load.turn(target, seconds)).collect();
        if round > 0 {
            each(&done);
        }
    }
}

/// The same range query from many connections.
pub fn repeat(plan: &Plan, prometheus: &Prometheus) -> Report {
    let mut report = Report::default();
    let (hecate, off) = (stage::hecate(&prometheus.url(), ""), stage::hecate(&prometheus.url(), "enabled: false"));
    let nginx = [Nginx::Plain, Nginx::Sendfile].map(|how| nginx_cache(how, &prometheus.url()).expect("nginx is missing: run make setup"));
    let from_nginx = |name, at: usize| Target { name, address: nginx[at].address(), token: "none", also: "", pid: Some(nginx[at].pid()) };
    let targets = [
        stage::tenant("Hecate", &hecate),
        from_nginx("nginx, from its cache", 0),
        from_nginx("nginx, from its cache, by sendfile", 1),
        stage::direct(prometheus),
        stage::tenant("Hecate, cache off", &off),
    ];
    for (name, selector, bar) in [("1 series", ONE, 0.6), ("20 series", ALL, 1.0)] {
        eprintln!("the same window, {name}");
        let path = stage::path(&stage::rate(selector), START, POINTS);
        let sizes: Vec<usize> =
            targets.iter().map(|target| Connection::open(&target.address, target.token).good(&path).body_bytes).collect();
        assert!(sizes[0].abs_diff(sizes[1]) < 1000, "answers of {sizes:?} bytes are not the same");
        let turns: Vec<_> = targets.iter().map(|target| (target, Load::of(&path))).collect();
        let mut figures = vec![[(); 5].map(|()| Rounds::default()); targets.len()];
        rounds(plan, &turns, |done| {
            for (figures, turn) in figures.iter_mut().zip(done) {
                figures[0].add(turn.rate);
                figures[1].add(turn.cpu_us);
                figures[2].add(turn.rate / done[1].rate);
                figures[3].add(turn.rate / done[2].rate);
                figures[4].add(turn.rate / done[3].rate);
            }
        });
        let kilobytes = sizes[0] as f64 / 1000.0;
        let _ = writeln!(
            report.text,
            "## The same window: {name}, {kilobytes:.0} kB, {CONNECTIONS} connections\n\n\
             One hour at 15 s, warm. Own CPU is user and system time of all processes of the row, for one request; ratios are of rates within one round.\n"
        );
        let mut table = Table::new(&["", "requests/s", "own CPU µs", "rate : nginx", "rate : nginx by sendfile", "rate : direct"]);
        for (target, figures) in targets.iter().zip(&figures) {
            table.row(&[
                target.name.to_owned(),
                figures[0].text(0),
                figures[1].text(1),
                figures[2].text(2),
                figures[3].text(2),
                figures[4].text(1),
            ]);
        }
        let _ = writeln!(report.text, "{}", table.text());
        report.at_least(&format!("warm repeat, {name}: rate : nginx"), &figures[0][2], 2, bar);
    }
    report
}

/// Windows that slide or change their length at each request: no finished body can be sent again.
pub fn slide(plan: &Plan, prometheus: &Prometheus) -> Report {
    const GZIP: &str = "Accept-Encoding: gzip";
    let hecate = stage::hecate(&prometheus.url(), "");
    let (own, direct) = (stage::tenant("Hecate", &hecate), stage::direct(prometheus));
    let mut report = Report::default();
    for (name, selector) in [("1 series", ONE), ("20 series", ALL)] {
        eprintln!("windows that move, {name}");
        let query = stage::rate(selector);
        let same = stage::path(&query, START, POINTS);
        let (sliding, changing) = (Script::slides(&query, POINTS), Script::lengths(&query));
        let mut plain = Connection::open(&own.address, own.token);
        sliding.cover.iter().chain(&changing.cover).for_each(|path| {
            plain.good(path);
        });
        let size = plain.good(&same).body_bytes;
        let zipped = Connection::open(&own.address, own.token).with(GZIP).good(&stage::path(&query, START + 150, POINTS)).body_bytes;
        let again = Load::of(&same);
        let load = |file, header| Load { script: Some(file), header, ..again };
        let (slides, lengths) = (sliding.file.as_path(), changing.file.as_path());
        let turns = [
            ("Hecate, the same window", &own, again),
            ("Hecate, slides by one step", &own, load(slides, None)),
            ("Hecate, changes its length", &own, load(lengths, None)),
            ("Hecate, slides, gzip", &own, load(slides, Some(GZIP))),
            ("Hecate, changes its length, gzip", &own, load(lengths, Some(GZIP))),
            ("Prometheus, direct, slides", &direct, load(slides, None)),
            ("Prometheus, direct, slides, gzip", &direct, load(slides, Some(GZIP))),
        ];
        let loads: Vec<_> = turns.iter().map(|(_, target, load)| (*target, *load)).collect();
        let mut figures = vec![[(); 5].map(|()| Rounds::default()); turns.len()];
        rounds(plan, &loads, |done| {
            for (at, (figures, turn)) in figures.iter_mut().zip(done).enumerate() {
                figures[0].add(turn.rate);
                figures[1].add(turn.cpu_us);
                figures[2].add(turn.rate / done[0].rate);
                figures[3].add(turn.rate / done[5].rate);
                // The same windows, plain.
                figures[4].add(turn.rate / done[if at == 4 { 2 } else { 1 }].rate);
            }
        });
        let _ = writeln!(
            report.text,
            "## Windows that move: {name}, {CONNECTIONS} connections\n\n\
             An hour at 15 s inside of what is cached. A window slides by one step at each request (400 windows in turn), or keeps its start and changes its \
             length (61 lengths from 53 to 68 minutes in turn): four finished bodies are kept for a query, so that every answer is put together anew. \
             Plain {:.1} kB, gzip {:.1} kB.\n",
            size as f64 / 1000.0,
            zipped as f64 / 1000.0
        );
        let mut table = Table::new(&["", "requests/s", "own CPU µs", "rate : the same window", "rate : direct", "rate : plain"]);
        for (at, ((name, ..), figures)) in turns.iter().zip(&figures).enumerate() {
            let plain = if matches!(at, 3 | 4) { figures[4].text(2) } else { "–".to_owned() };
            table.row(&[(*name).to_owned(), figures[0].text(0), figures[1].text(1), figures[2].text(2), figures[3].text(1), plain]);
        }
        let _ = writeln!(report.text, "{}", table.text());
        if selector == ALL {
            report.at_least("sliding, 20 series: rate : the same window", &figures[1][2], 2, 0.7);
            report.at_least("changing length, 20 series: rate : the same window", &figures[2][2], 2, 0.7);
            report.at_least("sliding, 20 series: rate : direct Prometheus", &figures[1][3], 1, 25.0);
            report.at_least("sliding, 20 series, gzip: rate : plain", &figures[3][4], 2, 0.7);
            let mut share = Rounds::default();
            share.add(zipped as f64 / size as f64);
            report.at_most("gzip, 20 series: size : plain", &share, 2, 0.5);
        }
    }
    report
}
