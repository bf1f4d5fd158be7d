//! What a Prometheus is told while streams run: every second some series grow, flicker, become another kind, arrive late.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::JoinHandle;

use crate::support::remote_write::{self, Histogram, STALE, Series, Span};

/// How late the latest samples come, in seconds: within what the upstream is said to need to settle.
pub const LATE_SECONDS: i64 = 4;

/// Feeds until it is stopped or dropped.
pub struct Feed {
    task: JoinHandle<()>,
}

pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

impl Feed {
    /// With some minutes of history.
    pub async fn start(prometheus: String) -> Feed {
        let now = now_ms() / 1000;
        let mut all = Vec::new();
        for second in now - 180..now {
            all.extend(samples(second));
        }
        remote_write::write(&prometheus, all).await;
        let task = tokio::spawn(async move {
            let mut next = now;
            loop {
                while next <= now_ms() / 1000 {
                    remote_write::write(&prometheus, samples(next)).await;
                    next += 1;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Feed { task }
    }

    /// No more samples; waits for those that are under way.
    pub async fn stop(self) {
        self.task.abort();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What is written in one second, for two namespaces.
fn samples(second: i64) -> Vec<Series> {
    let ms = second * 1000;
    let mut all = Vec::new();
    for namespace in ["a", "b"] {
        let named = |name: &str, i: i64| Series::new(name, &[("namespace", namespace), ("i", &i.to_string()), ("odd", "q\"\\\n\u{e9}")]);
        for i in 0..3 {
            let mut growing = named("growing_total", i);
            growing.push(ms, (second % 100_000 * (i + 1)) as f64);
            all.push(growing);
            // Comes and goes, each at other times.
            let mut flickering = named("flickering", i);
            let is_there = (second / 5 + i) % 3 != 0;
            flickering.push(ms, if is_there { second as f64 / 7.0 } else { STALE });
            all.push(flickering);
            let mut odd = named("odd", i);
            odd.push(ms, [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-300, 0.1 + 0.2][(second / 3 + i).rem_euclid(5) as usize]);
            all.push(odd);
        }
        // Every other sample comes late.
        let mut late = named("late", 0);
        late.push(if second % 2 == 0 { ms } else { ms - LATE_SECONDS * 1000 }, second as f64);
        all.push(late);
        // A float for some time, then a histogram.
        let mut mixed = named("mixed", 0);
        if (second / 6) % 2 == 0 {
            mixed.push(ms, second as f64);
        } else {
            mixed.histograms.push(histogram(ms, second));
        }
        all.push(mixed);
    }
    all
}

fn histogram(time_ms: i64, second: i64) -> Histogram {
    Histogram {
        count: Some(6 + (second % 50) as u64),
        float_count: None,
        sum: second as f64 / 3.0,
        schema: 0,
        zero_threshold: 0.001,
        zero_count: Some((second % 50) as u64),
        float_zero_count: None,
        spans: vec![Span { offset: 0, length: 3 }],
        deltas: vec![1, 1, 1],
        float_counts: Vec::new(),
        time_ms,
        bounds: Vec::new(),
    }
}
