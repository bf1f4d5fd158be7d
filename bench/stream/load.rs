//! Streams with work: a thousand dashboards of ten panels, of which a hundred queries differ.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::Plan;
use crate::client::{self, Arrived, Counts, Form};
use crate::common::process::{cpu, resident_kib};
use crate::common::report::{Rounds, Table, quantile_ms};
use crate::common::verdict::Report;
use crate::stage::{self, STEP, Stage, WINDOW};
use crate::support::{Counting, client as http};

/// Queries of one stream.
const QUERIES: usize = 10;
/// Streams that have the same queries belong to one of so many boards.
const BOARDS: usize = 10;

pub async fn measure(plan: &Plan, stage: &Stage, form: Form) -> Report {
    eprintln!("{} streams of {QUERIES} queries, {form:?}", plan.streams);
    let upstream = Counting::in_front_of(&stage.prometheus.url()).await;
    let hecate = stage::hecate(&upstream.url());
    let counts: Arc<Counts> = Arc::default();
    let (sender, mut arrived) = mpsc::channel::<(usize, Arrived)>(1 << 20);
    let mut streams = Vec::new();
    for nth in 0..plan.streams {
        let board = nth % BOARDS;
        let queries: Vec<String> = (0..QUERIES).map(|query| stage::query(board * QUERIES + query)).collect();
        let (told, mut own) = mpsc::channel::<Arrived>(64);
        streams.push(client::connect(hecate.address(), &queries, STEP, form, counts.clone(), Some(told)).await);
        let sender = sender.clone();
        tokio::spawn(async move {
            while let Some(one) = own.recv().await {
                let _ = sender.send((board, one)).await;
            }
        });
    }
    let began = Instant::now();
    while counts.snapshots.load(Relaxed) < plan.streams * QUERIES {
        assert!(began.elapsed() < Duration::from_secs(120), "{} windows", counts.snapshots.load(Relaxed));
        sleep(Duration::from_millis(100)).await;
    }
    // From the middle of a step on, for whole steps.
    let step = STEP as f64;
    sleep(Duration::from_secs_f64(step + step / 2.0 - stage::seconds_now() % step)).await;
    upstream.take();
    while arrived.try_recv().is_ok() {}
    let (bytes, deltas, snapshots) = (counts.bytes.load(Relaxed), counts.deltas.load(Relaxed), counts.snapshots.load(Relaxed));
    let compressions = hecate.metric("hecate_stream_compressions_total").await;
    let used = cpu(hecate.pid());
    let length = Duration::from_secs(STEP) * u32::try_from(plan.ticks).unwrap();
    sleep(length).await;
    let compressions = hecate.metric("hecate_stream_compressions_total").await - compressions;
    let used = (cpu(hecate.pid()) - used).as_secs_f64() / length.as_secs_f64() * 100.0;
    let (bytes, deltas) = (counts.bytes.load(Relaxed) - bytes, counts.deltas.load(Relaxed) - deltas);
    let snapshots = counts.snapshots.load(Relaxed) - snapshots;
    let resident = resident_kib(hecate.pid());

    // From the question to Prometheus until a client has the window.
    let mut asked: HashMap<(usize, i64), Instant> = HashMap::new();
    let mut evaluations = 0;
    let mut twice = 0;
    for one in upstream.take().into_iter().filter(|one| one.path.ends_with("/query_range")) {
        let Some(number) = one.param("query").and_then(stage::number_of) else { continue };
        evaluations += 1;
        twice += usize::from(asked.insert((number, one.ms("end")), one.at).is_some());
    }
    let mut times = Vec::new();
    while let Ok((board, one)) = arrived.try_recv() {
        if let Some(asked) = asked.get(&(board * QUERIES + one.nth, one.end_ms)).filter(|_| one.is_delta) {
            times.push(one.at.saturating_duration_since(*asked));
        }
    }
    // What polling the same windows would have sent: ten answers a step for each client, plain and compressed.
    let (plain, gzip) = polled(hecate.address()).await;
    let polls = (plan.streams * QUERIES * plan.ticks) as f64;
    let share = |polled: usize| bytes as f64 / (polled as f64 * polls) * 100.0;
    streams.iter().for_each(tokio::task::JoinHandle::abort);
    hecate.assert_no_bug();

    let distinct = BOARDS * QUERIES;
    let mut report = Report::default();
    let mut table = Table::new(&["", ""]);
    let mut row = |name: &str, value: String| table.row(&[name.to_owned(), value]);
    row("streams × queries, of which differ", format!("{} × {QUERIES}, {distinct}", plan.streams));
    row("steps of 15 s", plan.ticks.to_string());
    row(
        "questions to Prometheus: for each distinct query and step",
        format!("{:.3}, {twice} of one step twice", evaluations as f64 / (distinct * plan.ticks) as f64),
    );
    row("deltas, whole windows", format!("{deltas}, {snapshots}"));
    row("bytes for one query and step", format!("{:.0}", bytes as f64 / polls));
    row("the answer that a poll gets, plain and gzip, bytes", format!("{plain}, {gzip}"));
    row("bytes : polling, plain and gzip, %", format!("{:.2}, {:.2}", share(plain), share(gzip)));
    let (p50, p99) = (quantile_ms(&mut times, 0.5), quantile_ms(&mut times, 0.99));
    row("from the question to Prometheus to the client, p50 and p99, ms", format!("{p50:.1}, {p99:.1}"));
    row("deltas compressed, for each distinct query and step", format!("{:.3}", compressions / (distinct * plan.ticks) as f64));
    row("CPU, % of a core", format!("{used:.2}"));
    row("resident MB", format!("{:.0}", resident as f64 * 1024.0 / 1e6));
    let heading = if form == Form::Gzip { "Streams with work, gzip" } else { "Streams with work" };
    let _ = writeln!(report.text, "## {heading}\n\nWindows of {} min of twenty series.\n\n{}", WINDOW / 60, table.text());
    let one = |value: f64| {
        let mut rounds = Rounds::default();
        rounds.add(value);
        rounds
    };
    if form == Form::Gzip {
        report.at_most("gzip: bytes on the wire, % of polling gzip answers", &one(share(gzip)), 2, 3.0);
        report.at_most("gzip: bytes on the wire, % of polling plain answers", &one(share(plain)), 2, 0.5);
        report.at_most(
            "gzip: deltas compressed for each distinct query and step",
            &one(compressions / (distinct * plan.ticks) as f64),
            3,
            1.02,
        );
        report.at_most(&format!("gzip: {} streams × {QUERIES} queries: CPU, % of a core", plan.streams), &one(used), 1, 10.0);
        return report;
    }
    report.at_most("evaluations for each distinct query and step", &one(evaluations as f64 / (distinct * plan.ticks) as f64), 3, 1.02);
    report.at_most(&format!("{} streams × {QUERIES} queries: CPU, % of a core", plan.streams), &one(used), 1, 10.0);
    report.at_most("tick to client p99, ms, evaluation included", &one(p99), 1, 250.0);
    report.at_most("bytes on the wire, % of polling plain answers", &one(share(plain)), 2, 3.0);
    report.at_most("whole windows sent again", &one(snapshots as f64), 0, 0.0);
    report
}

/// The length of one answer for a window that ends now: as it is, and compressed.
async fn polled(address: &str) -> (usize, usize) {
    let end = stage::seconds_now() as u64 / STEP * STEP;
    let pairs = [("query", stage::query(0)), ("start", (end - WINDOW).to_string()), ("end", end.to_string()), ("step", STEP.to_string())];
    let query: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let mut lengths = Vec::new();
    for encoding in ["identity", "gzip"] {
        let request =
            http().get(format!("http://{address}/api/v1/query_range?{query}")).bearer_auth("token-a").header("accept-encoding", encoding);
        lengths.push(request.send().await.unwrap().bytes().await.unwrap().len());
    }
    (lengths[0], lengths[1])
}
