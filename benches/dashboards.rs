//! The store of dashboards under load: reads, lists and saves with many clients at the same time, on SQLite and on a real PostgreSQL.
//!
//! `cargo bench --bench dashboards`; prints one line a figure. Nothing is asserted: what a machine reaches is written down in docs/performance.md.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a benchmark is read by the person who runs it")]
#![allow(missing_docs, reason = "nobody calls it")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hecate::config::{Dashboards, Secret};
use hecate::dashboards::{Action, Actor, Document, Expect, Expected, NewDashboard, Save, Search, Sort, Store};
use hecate::tenancy::Scope;
use serde_json::json;

const DASHBOARDS: usize = 10_000;

fn main() {
    // `cargo test --benches` asks whether it runs, not how fast.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite:{}", folder.path().join("bench.db").display());
    runtime.block_on(measure("sqlite", sqlite));
    runtime.block_on(measure("postgresql", support::Postgres::shared().new_database()));
}

async fn measure(name: &str, address: String) {
    let settings = Dashboards { database: Secret::new(address), ..Dashboards::default() };
    let store = Arc::new(Store::new(&settings, &prometheus::Registry::new()).unwrap());
    store.migrate().await.unwrap();
    fill(&store).await;

    let (_, times) = clients(50, Duration::from_secs(5), &store, async |store, n| {
        store.get("p", &format!("n{}", n * 7919 % DASHBOARDS)).await.unwrap();
    })
    .await;
    println!("{name}: get, 50 clients: {times}");
    let (_, times) = clients(50, Duration::from_secs(5), &store, async |store, n| {
        let sort = [Sort::Name, Sort::Title, Sort::Updated, Sort::Created][n % 4];
        let search = Search { sort, limit: 100, heads_only: true, ..Search::default() };
        store.search(&Scope::ClusterWide, &search).await.unwrap();
    })
    .await;
    println!("{name}: list 100 of {DASHBOARDS}, 50 clients: {times}");
    let (per_second, times) = clients(200, Duration::from_secs(5), &store, async |store, n| {
        save(store, &format!("n{}", n % DASHBOARDS), 20).await;
    })
    .await;
    println!("{name}: 200 clients save different dashboards: {per_second:.0}/s, {times}");
    let (_, times) = clients(1, Duration::from_secs(5), &store, async |store, n| save(store, &format!("n{}", n % 100), 670).await).await;
    println!("{name}: save a dashboard of 200 kB: {times}");
}

async fn fill(store: &Arc<Store>) {
    let makers = (0..8).map(|part| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in (part..DASHBOARDS).step_by(8) {
                let document = document(&format!("n{n}"), 20);
                let new = NewDashboard { document: &document, template: None, key: None, message: "" };
                store.create(&actor(), new).await.unwrap();
            }
        })
    });
    for maker in makers.collect::<Vec<_>>() {
        maker.await.unwrap();
    }
}

async fn save(store: &Store, name: &str, panels: usize) {
    let document = document(name, panels);
    let save = Save { document: &document, expected: Expected::Any, message: "", action: Action::Update };
    store.save(&actor(), save).await.unwrap();
}

fn actor() -> Actor {
    Actor { user: "bench".into(), address: None, request_id: "bench".into() }
}

/// About 300 bytes a panel.
fn document(name: &str, panels: usize) -> Document {
    let panel = |n: usize| {
        let query = json!({"kind": "TimeSeriesQuery", "spec": {"plugin": {"kind": "PrometheusTimeSeriesQuery",
            "spec": {"query": format!("sum by (pod)(rate(http_requests_total{{namespace=\"p\",code=\"{n}\"}}[5m]))")}}}});
        json!({"kind": "Panel", "spec": {"display": {"name": format!("Panel {n}")}, "plugin": {"kind": "TimeSeriesChart", "spec": {}}, "queries": [query]}})
    };
    let panels: serde_json::Map<String, serde_json::Value> = (0..panels).map(|n| (format!("p{n}"), panel(n))).collect();
    let text =
        json!({"kind": "Dashboard", "metadata": {"name": name, "project": "p"}, "spec": {"display": {"name": name}, "panels": panels}});
    Document::read(&text.to_string(), Expect::default()).unwrap()
}

/// Runs clients side by side for a while: calls a second, and how long a call took.
async fn clients(
    count: usize,
    time: Duration,
    store: &Arc<Store>,
    call: impl AsyncFn(&Store, usize) + Clone + Send + Sync + 'static,
) -> (f64, String) {
    let next = Arc::new(AtomicUsize::new(0));
    let local = tokio::task::LocalSet::new();
    let started = Instant::now();
    let mut times: Vec<Duration> = local
        .run_until(async {
            let running = (0..count).map(|_| {
                let (store, next, call) = (store.clone(), next.clone(), call.clone());
                tokio::task::spawn_local(async move {
                    let mut times = Vec::new();
                    while started.elapsed() < time {
                        let began = Instant::now();
                        call(&store, next.fetch_add(1, Ordering::Relaxed)).await;
                        times.push(began.elapsed());
                    }
                    times
                })
            });
            let mut all = Vec::new();
            for client in running.collect::<Vec<_>>() {
                all.extend(client.await.unwrap());
            }
            all
        })
        .await;
    let per_second = times.len() as f64 / started.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    (per_second, format!("{} calls, p50 {:.2} ms, p99 {:.2} ms", times.len(), at(0.5), at(0.99)))
}
