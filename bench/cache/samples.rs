//! What Prometheus is asked for: dashboards that refresh, and many who ask for the same at once.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::runtime::Runtime;

use crate::Plan;
use crate::common::http::Connection;
use crate::common::report::{Rounds, Table};
use crate::common::verdict::Report;
use crate::live::Live;
use crate::stage::{self, ALL, POINTS, START, STEP};
use crate::support::counting::Asked;
use crate::support::{Counting, Hecate, Prometheus, RedisServer};

const SAMPLES: &str = "prometheus_engine_query_samples_total";
/// Replicas, and clients at once, of the stampede.
const REPLICAS: usize = 3;
const CLIENTS: usize = 50;

/// Twelve panels, as a dashboard of a service has them.
pub fn panels() -> Vec<String> {
    let rate = |window: &str| format!("rate(bench_requests_total{{{ALL}}}[{window}])");
    vec![
        format!("sum by (namespace, pod) ({})", rate("5m")),
        format!("sum by (namespace) ({})", rate("5m")),
        format!("avg by (code) ({})", rate("5m")),
        format!("max by (namespace) ({})", rate("1m")),
        format!("topk(3, sum by (pod) ({}))", rate("5m")),
        format!("count({} > 8)", rate("5m")),
        format!("quantile(0.9, {})", rate("2m")),
        format!("bench_requests_total{{{ALL}}}"),
        format!("increase(bench_requests_total{{{ALL}}}[10m])"),
        format!("stddev by (namespace) ({})", rate("5m")),
        format!("sum by (pod) ({}) / ignoring (pod) group_left sum({})", rate("5m"), rate("5m")),
        format!("{} > 8 or {} < 7", rate("5m"), rate("5m")),
    ]
}

/// A metric of Prometheus itself; the sum of its series.
pub async fn of_prometheus(prometheus: &Prometheus, series: &str) -> f64 {
    let answer = crate::support::client().get(format!("{}/metrics", prometheus.url())).send().await.unwrap().text().await.unwrap();
    let fits = |line: &&str| line.strip_prefix(series).is_some_and(|rest| rest.starts_with([' ', '{', ',']));
    answer.lines().filter(fits).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// Hecate with a proxy behind it that writes down what Prometheus is asked.
pub struct Counted<'a> {
    prometheus: &'a Prometheus,
    upstream: Counting,
    hecate: Hecate,
    runtime: &'a Runtime,
}

impl<'a> Counted<'a> {
    pub fn start(prometheus: &'a Prometheus, runtime: &'a Runtime) -> Counted<'a> {
        let upstream = runtime.block_on(Counting::in_front_of(&prometheus.url()));
        let hecate = stage::hecate(&upstream.url(), "self_check: 0");
        Counted { prometheus, upstream, hecate, runtime }
    }
}

/// What one dashboard cost.
#[derive(Default)]
pub struct Cost {
    /// Samples that Prometheus read for Hecate, and for the same windows asked directly.
    pub samples: (f64, f64),
    /// Steps that Prometheus was asked for by Hecate, and all steps of the windows.
    pub steps: (f64, f64),
    pub refreshes: usize,
}

impl Cost {
    /// Asks for all panels over the window that begins here, at Hecate and then directly, and adds up.
    pub fn refresh(&mut self, counted: &Counted<'_>, start: u64) {
        let (mut own, mut direct) = (stage::tenant("Hecate", &counted.hecate).connection(), stage::direct(counted.prometheus).connection());
        let paths: Vec<String> = panels().iter().map(|panel| stage::path(panel, start, POINTS)).collect();
        let samples = || counted.runtime.block_on(of_prometheus(counted.prometheus, SAMPLES));
        drop(counted.upstream.take());
        let before = samples();
        paths.iter().for_each(|path| {
            own.good(path);
        });
        let (between, asked) = (samples(), counted.upstream.take());
        paths.iter().for_each(|path| {
            direct.good(path);
        });
        self.samples.0 += between - before;
        self.samples.1 += samples() - between;
        self.steps.0 += asked.iter().map(Asked::points).sum::<i64>() as f64;
        self.steps.1 += (paths.len() as u64 * POINTS) as f64;
        self.refreshes += 1;
    }

    fn row(&self, name: &str, table: &mut Table) {
        let percent = |(part, whole): (f64, f64)| format!("**{:.2} %**", 100.0 * part / whole);
        let per_panel = self.steps.0 / (self.refreshes * panels().len()) as f64;
        let steps = format!("{per_panel:.2} of {POINTS}");
        table.row(&[name.to_owned(), self.refreshes.to_string(), percent(self.samples), percent(self.steps), steps]);
    }
}

/// Dashboards that refresh: over data that are settled, and the live one that was begun before.
pub fn dashboards(plan: &Plan, prometheus: &Prometheus, live: Option<Live>, runtime: &Runtime) -> Report {
    eprintln!("a dashboard over settled data");
    let counted = Counted::start(prometheus, runtime);
    Cost::default().refresh(&counted, START);
    let mut settled = Cost::default();
    for refresh in 1..=plan.refreshes as u64 {
        settled.refresh(&counted, START + refresh * STEP);
    }
    let live = live.map(Live::cost);
    let mut report = Report::default();
    let _ = writeln!(
        report.text,
        "## What refreshes cost Prometheus: 12 panels, one hour at 15 s\n\n\
         After the first load. Each refresh is asked of Hecate and then of Prometheus directly; steps are counted by a proxy between Hecate and Prometheus; samples are Prometheus' own `{SAMPLES}`. Settled data: the window moves on by a step at each refresh. Live: a refresh every 15 s of the clock up to this very \
         moment, a scrape every 15 s, `settle` 1 min: what may still change is asked for again. It runs beside the other phases, as it only counts. \
         Without the self-check of hits, which would ask for one hit in a thousand again.\n"
    );
    let mut table = Table::new(&["", "refreshes", "samples, against direct", "steps, against direct", "steps for a panel"]);
    settled.row("settled", &mut table);
    let one = |(part, whole): (f64, f64)| {
        let mut rounds = Rounds::default();
        rounds.add(100.0 * part / whole);
        rounds
    };
    let mut per_panel = Rounds::default();
    per_panel.add(settled.steps.0 / (settled.refreshes * panels().len()) as f64);
    report.at_most("dashboard over settled data: steps asked for, for a panel and refresh", &per_panel, 2, 1.0);
    if let Some(live) = live {
        live.row("live", &mut table);
        report.at_most("live dashboard: steps asked for, % of no cache", &one(live.steps), 2, 2.5);
    }
    let _ = writeln!(report.text, "{}", table.text());
    report
}

/// Fifty clients at three replicas ask for the same at once, and nobody has it.
pub fn together(plan: &Plan, prometheus: &Prometheus, runtime: &Runtime) -> Report {
    eprintln!("many who ask for the same at once");
    let server = runtime.block_on(RedisServer::start(&[]));
    let cache = format!("redis: {{url: \"{}\"}}", server.url());
    let replicas: Vec<Hecate> = (0..REPLICAS).map(|_| stage::hecate(&prometheus.url(), &cache)).collect();
    let asked = "prometheus_http_requests_total{code=\"200\",handler=\"/api/v1/query_range\"}";
    let count = || runtime.block_on(of_prometheus(prometheus, asked));
    for replica in &replicas {
        runtime.block_on(replica.metric_becomes("hecate_redis_connected{connection=\"requests\"}", 1.0));
    }
    let targets: Vec<_> = replicas.iter().map(|replica| stage::tenant("Hecate", replica)).collect();
    let (mut figure, mut slowest) = (Rounds::default(), Rounds::default());
    for round in 0..plan.rounds * 2 {
        let path = stage::path(&format!("{} > {round}e-6", stage::rate(ALL)), START, POINTS);
        let mut connections: Vec<Connection> = (0..CLIENTS).map(|client| targets[client % REPLICAS].connection()).collect();
        let before = count();
        let start = std::sync::Barrier::new(CLIENTS);
        let ask = |connection: &mut Connection| {
            start.wait();
            connection.good(&path).took
        };
        let took: Vec<Duration> = std::thread::scope(|scope| {
            let all: Vec<_> = connections.iter_mut().map(|connection| scope.spawn(|| ask(connection))).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        figure.add(count() - before);
        slowest.add(took.into_iter().max().unwrap().as_secs_f64() * 1e3);
    }
    let mut report = Report::default();
    let _ = writeln!(
        report.text,
        "## {CLIENTS} equal cold queries at {REPLICAS} replicas\n\nAll at once, with a Redis; each round asks for something new. Counted by Prometheus itself.\n"
    );
    let mut table = Table::new(&["", ""]);
    table.row(&["queries that Prometheus saw".to_owned(), figure.text(0)]);
    table.row(&["the slowest answer, ms".to_owned(), slowest.text(1)]);
    let _ = writeln!(report.text, "{}", table.text());
    // Every round counts, not only the one in the middle.
    let mut worst = Rounds::default();
    worst.add(figure.greatest());
    report.at_most("50 equal cold queries at 3 replicas: upstream queries, most of all rounds", &worst, 0, 1.0);
    report
}

/// Seconds since 1970.
pub fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
