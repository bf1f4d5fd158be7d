//! Streams that have nothing to do but to be there.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Plan;
use crate::client::{self, Counts};
use crate::common::process::{cpu, resident_kib};
use crate::common::report::{Rounds, Table};
use crate::common::verdict::Report;
use crate::stage::{self, Stage};

/// The longest step there is: between two ticks nothing happens.
const STEP: u64 = 300;

pub async fn measure(plan: &Plan, stage: &Stage) -> Report {
    eprintln!("{} idle streams", plan.idle);
    // Away from the next tick.
    let until_next = STEP as f64 - stage::seconds_now() % STEP as f64;
    if until_next < 110.0 {
        sleep(Duration::from_secs_f64(until_next + 2.0)).await;
    }
    let hecate = stage::hecate(&stage.prometheus.url());
    hecate.query_of("token-a").await;
    let before = resident_kib(hecate.pid());
    let counts: Arc<Counts> = Arc::default();
    let mut streams = Vec::new();
    let began = Instant::now();
    for _ in 0..plan.idle {
        streams.push(client::connect(hecate.address(), &[stage::query(0)], STEP, client::Form::Plain, counts.clone(), None).await);
    }
    while counts.snapshots.load(Relaxed) < plan.idle {
        assert!(began.elapsed() < Duration::from_secs(120), "{} windows", counts.snapshots.load(Relaxed));
        sleep(Duration::from_millis(100)).await;
    }
    let connected = began.elapsed();
    // The room in which they arrived is given back.
    sleep(Duration::from_secs(15)).await;
    let (heartbeats, used) = (counts.heartbeats.load(Relaxed), cpu(hecate.pid()));
    sleep(Duration::from_secs(30)).await;
    let used = (cpu(hecate.pid()) - used).as_secs_f64() / 30.0 * 100.0;
    let heartbeats = counts.heartbeats.load(Relaxed) - heartbeats;
    let after = resident_kib(hecate.pid());
    assert_eq!(hecate.metric("hecate_stream_connections").await, plan.idle as f64);
    streams.iter().for_each(tokio::task::JoinHandle::abort);
    hecate.assert_no_bug();

    let mut report = Report::default();
    let mut table = Table::new(&[
        "streams",
        "connected within s",
        "resident MB",
        "before MB",
        "KiB for each",
        "heartbeats in 30 s",
        "CPU, % of a core",
    ]);
    let mb = |kib: u64| kib as f64 * 1024.0 / 1e6;
    let each = (after.saturating_sub(before)) as f64 / plan.idle as f64;
    table.row(&[
        plan.idle.to_string(),
        format!("{:.1}", connected.as_secs_f64()),
        format!("**{:.0}**", mb(after)),
        format!("{:.0}", mb(before)),
        format!("{each:.1}"),
        heartbeats.to_string(),
        format!("{used:.2}"),
    ]);
    let _ = writeln!(
        report.text,
        "## Idle streams\n\nAll follow one query at {STEP} s; the resident set is that of the whole process.\n\n{}",
        table.text()
    );
    let mut figure = Rounds::default();
    figure.add(mb(after));
    report.at_most(&format!("{} idle streams: resident MB", plan.idle), &figure, 0, 200.0);
    report
}
