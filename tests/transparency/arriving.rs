//! While data arrive: what is older than `settle` is what Prometheus says now; what is younger, Prometheus said at some moment within
//! the life of fresh points. Prometheus is asked directly all the while, and what it said is kept to compare with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use crate::rng::Rng;
use crate::support::exporter::{Exporter, Page};
use crate::support::remote_write::{Series, write};
use crate::support::{Door, Hecate, Prometheus, PrometheusOptions, eventually};
use crate::window::seconds;

const SETTLE_MS: i64 = 8_000;
const FRESH_TTL_MS: i64 = 2_000;
/// How long it goes on at least; and at most, on a machine that is busy with other things.
const RUN: [Duration; 2] = [Duration::from_secs(20), Duration::from_secs(90)];
/// Answers of Hecate that have to be compared.
const ENOUGH: usize = 250;
/// How far windows go back, and how far into the future.
const BACK_MS: i64 = 60_000;
const AHEAD_MS: i64 = 6_000;
/// Between two questions to Prometheus about the same.
const EVERY: Duration = Duration::from_millis(250);
/// With longer pauses between them, something may have been there in between.
const TOO_LONG_MS: i64 = 700;

/// Expression, and how far its grid of whole seconds is shifted. Each reads one target, whose samples come all at once.
const SUBJECTS: [(&str, i64); 8] = [
    ("moving", 0),
    ("growing_total", 500),
    ("rate(growing_total[10s])", 0),
    ("flickering", 0),
    ("count(flickering) or vector(0)", 0),
    ("late_total", 0),
    ("sum(rate(prometheus_http_request_duration_seconds[10s]))", 0),
    ("max_over_time(sum(moving)[5s:1s])", 250),
];

/// A point of a series: labels, time in milliseconds; and its value.
type Cells = BTreeMap<(String, i64), String>;

/// What Prometheus said, between which moments, in milliseconds.
struct Said {
    began: i64,
    ended: i64,
    cells: Cells,
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// A page that says something else each second.
fn page() -> String {
    let now = now_ms() / 1000;
    let mut out = String::new();
    for i in 0..3 {
        writeln!(out, "moving{{i=\"{i}\"}} {}", ((now * (i + 3)) % 101) as f64 / 7.0).unwrap();
        writeln!(out, "growing_total{{i=\"{i}\"}} {}", now % 100_000 * (i + 1)).unwrap();
    }
    for i in (0..6).filter(|i| (now / 3 + i) % 3 != 0) {
        writeln!(out, "flickering{{i=\"{i}\"}} {now}").unwrap();
    }
    out
}

fn cells(answer: &Value) -> Cells {
    let mut cells = Cells::new();
    for series in answer["result"].as_array().unwrap() {
        for kind in ["values", "histograms"] {
            for point in series[kind].as_array().into_iter().flatten() {
                let time = (point[0].as_f64().unwrap() * 1000.0).round() as i64;
                cells.insert((series["metric"].to_string(), time), point[1].to_string());
            }
        }
    }
    cells
}

async fn ask(door: &Door, text: &str, start: i64, end: i64, step: i64) -> (Said, String) {
    let (start, end, step) = (seconds(start), seconds(end), seconds(step));
    let params = [("query", text), ("start", &start), ("end", &end), ("step", &step)];
    let began = now_ms();
    let reply = door.get("/api/v1/query_range", &params).await;
    let ended = now_ms();
    (Said { began, ended, cells: cells(&reply.data()) }, reply.header("cache-status").to_owned())
}

/// Asks Prometheus about a subject until it is over.
async fn record(door: Door, text: &'static str, phase: i64, over: Arc<AtomicBool>) -> Vec<Said> {
    let mut all = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let next = Instant::now() + EVERY;
        let now = now_ms().div_euclid(1000) * 1000 + phase;
        all.push(ask(&door, text, now - BACK_MS - 5_000, now + AHEAD_MS + 3_000, 1000).await.0);
        sleep_until(next).await;
    }
    all
}

/// One answer of Hecate and the steps that it was asked for.
struct Given {
    said: Said,
    steps: Vec<i64>,
    status: String,
}

/// Asks Hecate as a dashboard would that is refreshed now and then, by people with different windows.
async fn watch(door: Door, text: &'static str, phase: i64, given: Arc<AtomicUsize>, seed: u64) -> Vec<Given> {
    let began = Instant::now();
    let mut rng = Rng::new(seed);
    let mut all = Vec::new();
    while began.elapsed() < RUN[0] || (given.load(Ordering::Relaxed) < ENOUGH && began.elapsed() < RUN[1]) {
        let step = [1_000, 1_000, 2_000, 5_000][rng.below(4)];
        let end = now_ms().div_euclid(1000) * 1000 + phase + [0, 0, 0, -3_000, 5_000][rng.below(5)];
        let start = end - [10_000, 30_000, 50_000, 60_000][rng.below(4)];
        let (said, status) = ask(&door, text, start, end, step).await;
        given.fetch_add(1, Ordering::Relaxed);
        all.push(Given { said, status, steps: (0..=(end - start) / step).map(|i| start + i * step).collect() });
        sleep(Duration::from_millis(100 + rng.below(700) as u64)).await;
    }
    all
}

/// What the comparison found.
#[derive(Default)]
struct Found {
    settled: usize,
    young: usize,
    /// Younger ones that were not what Prometheus says now.
    old_news: usize,
    skipped: usize,
    wrong: Vec<String>,
}

fn compare(text: &str, given: &Given, recorded: &[Said], found: &mut Found) {
    let (began, ended) = (given.said.began, given.said.ended);
    let Some(later) = recorded.iter().find(|said| said.began > ended) else { return };
    // Whatever Prometheus said in that time, and just before and after it.
    let from = recorded.iter().rposition(|said| said.ended < began - FRESH_TTL_MS).unwrap_or(0);
    let to = recorded.iter().position(|said| said.began > ended).unwrap_or(recorded.len() - 1);
    let meanwhile = &recorded[from..=to];
    let has_gaps = meanwhile.windows(2).any(|two| two[1].began - two[0].ended > TOO_LONG_MS);
    let mut series: BTreeSet<&String> = given.said.cells.keys().map(|(labels, _)| labels).collect();
    series.extend(meanwhile.iter().flat_map(|said| said.cells.keys().map(|(labels, _)| labels)));
    for step in &given.steps {
        for labels in &series {
            let key = ((*labels).clone(), *step);
            let got = given.said.cells.get(&key);
            let now = later.cells.get(&key);
            let right = if *step <= began - SETTLE_MS {
                found.settled += usize::from(now.is_some());
                got == now
            } else if has_gaps {
                found.skipped += 1;
                true
            } else {
                found.young += usize::from(now.is_some());
                found.old_news += usize::from(got != now);
                got == now || meanwhile.iter().any(|said| said.cells.get(&key) == got)
            };
            if !right {
                let said: BTreeSet<_> = meanwhile.iter().map(|said| said.cells.get(&key)).collect();
                let age = began - step;
                found.wrong.push(format!(
                    "`{text}` {labels} at {step}, {age} ms old when it was asked for, {}: got {got:?}, Prometheus says {now:?} now and said {said:?}",
                    given.status
                ));
            }
        }
    }
}

struct Arriving {
    prometheus: Prometheus,
    hecate: Hecate,
    #[expect(dead_code, reason = "serves until it is dropped")]
    exporter: Exporter,
}

async fn start() -> Arriving {
    let exporter = Exporter::serving(|_| Some(Page { content_type: "text/plain; version=0.0.4", body: page().into_bytes() }));
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 900ms}}\nscrape_configs:\n\
         - {{job_name: page, static_configs: [{{targets: [\"{}\"]}}]}}\n\
         - {{job_name: itself, scrape_native_histograms: true, static_configs: [{{targets: [\"SELF\"]}}]}}\n",
        exporter.address()
    );
    let port = crate::support::free_port();
    let config = config.replace("SELF", &format!("127.0.0.1:{port}"));
    let flags = ["--web.enable-remote-write-receiver"];
    let prometheus = Prometheus::start_on(port, PrometheusOptions { config: &config, flags: &flags, ..PrometheusOptions::default() }).await;
    let rest = format!(
        "upstreams: [{{name: prometheus, url: \"{}\", settle: {SETTLE_MS}ms}}]\n\
         auth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\n\
         limits: {{rate_per_user: 1000000/s, concurrent_per_user: 1000}}\ntelemetry: {{access_log: false}}\n\
         cache: {{fresh_ttl: {FRESH_TTL_MS}ms}}",
        prometheus.url(),
    );
    let hecate = Hecate::start("", &rest, &[("users.yaml", &crate::support::usual_users())]);
    Arriving { prometheus, hecate, exporter }
}

/// Samples that are two seconds late.
async fn late_samples(prometheus: String, over: Arc<AtomicBool>) {
    while !over.load(Ordering::Relaxed) {
        let at = now_ms().div_euclid(1000) * 1000 - 2_000;
        let mut series = Series::new("late_total", &[]);
        series.push(at, (at / 1000 % 100_000) as f64);
        write(&prometheus, vec![series]).await;
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fresh_points_are_what_prometheus_said_a_moment_ago() {
    let arriving = start().await;
    let direct = Door::new("Prometheus", &arriving.prometheus.url(), None);
    let admin = Door::new("admin", arriving.hecate.url(), Some("token-admin"));
    eventually("the first samples", async || {
        let native = "count(moving) and on () count(rate(prometheus_http_request_duration_seconds[10s]))";
        direct.get("/api/v1/query", &[("query", native)]).await.body.contains("\"3\"").then_some(())
    })
    .await;
    // Until windows have settled points, too.
    sleep(Duration::from_millis(SETTLE_MS as u64)).await;
    let over = Arc::<AtomicBool>::default();
    let late = tokio::spawn(late_samples(arriving.prometheus.url(), over.clone()));
    let recorders: Vec<_> = SUBJECTS.iter().map(|(text, phase)| tokio::spawn(record(direct.clone(), text, *phase, over.clone()))).collect();
    sleep(Duration::from_millis(FRESH_TTL_MS as u64)).await;
    let given = Arc::<AtomicUsize>::default();
    let watchers: Vec<_> = (0..2 * SUBJECTS.len())
        .map(|i| (SUBJECTS[i % SUBJECTS.len()], i as u64))
        .map(|((text, phase), seed)| tokio::spawn(watch(admin.clone(), text, phase, given.clone(), seed)))
        .collect();
    let mut watched = Vec::new();
    for watcher in watchers {
        watched.push(watcher.await.unwrap());
    }
    // What Prometheus says after the last answer.
    sleep(Duration::from_secs(2)).await;
    over.store(true, Ordering::Relaxed);
    late.await.unwrap();
    let mut recorded = Vec::new();
    for recorder in recorders {
        recorded.push(recorder.await.unwrap());
    }
    let mut found = Found::default();
    let answers = watched.iter().map(Vec::len).sum::<usize>();
    for (i, all) in watched.iter().enumerate() {
        let (text, _) = SUBJECTS[i % SUBJECTS.len()];
        all.iter().for_each(|given| compare(text, given, &recorded[i % SUBJECTS.len()], &mut found));
    }
    println!(
        "{answers} answers while data arrived: {} settled points, {} younger ones, {} of them from a moment ago, {} not judged",
        found.settled, found.young, found.old_news, found.skipped
    );
    let shown = found.wrong[..found.wrong.len().min(12)].join("\n");
    assert!(found.wrong.is_empty(), "{} points are wrong:\n{shown}", found.wrong.len());
    assert!(answers > 200 && found.settled > 2_500 && found.young > 1_000 && found.old_news > 10, "too little was compared");
    arriving.hecate.assert_no_bug();
}

/// Without `time`, the present is meant, or a moment within the life of a fresh answer; and the answer says which.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instant_query_without_a_time_is_about_the_present() {
    let arriving = start().await;
    let admin = Door::new("admin", arriving.hecate.url(), Some("token-admin"));
    let mut moments = BTreeSet::new();
    for i in 0..40 {
        let began = now_ms();
        let answer = admin.get("/api/v1/query", &[("query", "time()")]).await.data();
        let ended = now_ms();
        let at = (answer["result"][0].as_f64().unwrap() * 1000.0).round() as i64;
        let value = (answer["result"][1].as_str().unwrap().parse::<f64>().unwrap() * 1000.0).round() as i64;
        assert_eq!(at, value, "{i}");
        assert!((began - FRESH_TTL_MS - 5..=ended + 5).contains(&at), "{i}: asked from {began} to {ended}, answered for {at}");
        moments.insert(at);
        sleep(Duration::from_millis(110)).await;
    }
    assert!(moments.len() >= 2, "the present stands still: {moments:?}");
}
