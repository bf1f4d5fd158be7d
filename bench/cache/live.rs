//! A dashboard that ends now, over data that arrive while it is looked at. It takes ten minutes of the clock and next to no processor.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::samples::{Cost, Counted, seconds_now};
use crate::stage::{POINTS, SERIES, STEP};
use crate::support::exporter::{Exporter, Page};
use crate::support::{Prometheus, PrometheusOptions};

/// Under way on a thread of its own.
pub struct Live(JoinHandle<Cost>);

/// How much of the past there is before the first look.
const PAST: u64 = 5400;

impl Live {
    /// Begins; the first load does not count, the refreshes after it do.
    pub fn begin(refreshes: usize) -> Live {
        Live(std::thread::spawn(move || watch(refreshes)))
    }

    /// Waits for the last refresh.
    pub fn cost(self) -> Cost {
        eprintln!("waiting for the live dashboard");
        self.0.join().unwrap()
    }
}

fn watch(refreshes: usize) -> Cost {
    let runtime = Runtime::new().unwrap();
    let now = seconds_now();
    let exporter = Exporter::serving(|path| (path == "/metrics").then(page));
    let config = format!(
        "global: {{scrape_interval: {STEP}s}}\nscrape_configs:\n- job_name: bench\n  honor_labels: true\n  \
         static_configs: [{{targets: [\"{}\"], labels: {{instance: one}}}}]\n",
        exporter.address()
    );
    let options = PrometheusOptions { config: &config, history: Some(&past(now)), ..Default::default() };
    let prometheus = runtime.block_on(Prometheus::start(options));
    let counted = Counted::start(&prometheus, &runtime);
    let mut cost = Cost::default();
    for refresh in 0..=refreshes as u64 {
        // Shortly after a step has passed, as dashboards ask: up to that step.
        let due = now.div_ceil(STEP) * STEP + (refresh + 1) * STEP + 1;
        while seconds_now() < due {
            std::thread::park_timeout(Duration::from_millis(100));
        }
        let end = seconds_now() / STEP * STEP;
        let mut this = Cost::default();
        this.refresh(&counted, end - (POINTS - 1) * STEP);
        if refresh > 0 {
            cost.samples = (cost.samples.0 + this.samples.0, cost.samples.1 + this.samples.1);
            cost.steps = (cost.steps.0 + this.steps.0, cost.steps.1 + this.steps.1);
            cost.refreshes += 1;
        }
    }
    cost
}

/// The counters as a scrape sees them: always further on.
fn page() -> Page {
    static SCRAPES: AtomicU64 = AtomicU64::new(0);
    let scrape = SCRAPES.fetch_add(1, Ordering::Relaxed);
    let mut body = String::from("# TYPE bench_requests_total counter\n");
    for pod in 0..SERIES {
        let _ = writeln!(body, "{} {}", labels(pod), 1_000_000 + scrape * (100 + pod * 7));
    }
    Page { content_type: "text/plain; version=0.0.4", body: body.into_bytes() }
}

/// The same counters before `now`, in OpenMetrics.
fn past(now: u64) -> String {
    let mut text = String::from("# TYPE bench_requests counter\n");
    for pod in 0..SERIES {
        for (n, time) in (now - PAST..now).step_by(STEP as usize).enumerate() {
            let value = n as u64 * (100 + pod * 7);
            let (name, labels) = labels(pod).split_once('{').map(|(name, rest)| (name.to_owned(), rest.to_owned())).unwrap();
            let _ = writeln!(text, "{name}{{job=\"bench\",instance=\"one\",{labels} {value} {time}");
        }
    }
    text.push_str("# EOF\n");
    text
}

fn labels(pod: u64) -> String {
    format!("bench_requests_total{{namespace=\"a\",pod=\"pod-{pod}\",code=\"200\"}}")
}
