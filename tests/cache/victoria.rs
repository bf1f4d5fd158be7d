//! A real VictoriaMetrics behind the cache: other order, other text around the data, and windows that it would rather move.

use std::fmt::Write as _;

use crate::house::{door, hecate, range, seconds_now};
use crate::support::{Door, Verb, VictoriaMetrics};

struct Victoria {
    database: VictoriaMetrics,
    /// A moment in the middle of its data, in seconds.
    base: i64,
}

impl Victoria {
    async fn start() -> Victoria {
        let base = seconds_now() - 3 * 3600;
        Victoria { database: VictoriaMetrics::with(&samples(base)).await, base }
    }

    async fn direct(&self, text: &str, (start, end, step): (i64, i64, &str)) -> String {
        let direct = Door::new("VictoriaMetrics", &self.database.url, None);
        let (start, end) = (start.to_string(), end.to_string());
        let params = [("query", text), ("start", &start), ("end", &end), ("step", step), ("nocache", "1")];
        direct.ask(Verb::Get, "/api/v1/query_range", &params).await.data_bytes().to_owned()
    }
}

/// Two hours of a sample every 15 s, one series with a gap and one that comes late.
fn samples(base: i64) -> String {
    let mut text = String::new();
    for step in 0..480_i64 {
        let ms = (base - 3600 + step * 15) * 1000;
        for (pod, value) in [("b", step * 3), ("a", 1000 - step), ("C", step % 7)] {
            let is_there = match pod {
                "b" => !(200..260).contains(&step),
                "C" => step > 240,
                _ => true,
            };
            if is_there {
                let _ = writeln!(text, "work{{namespace=\"team-a\",pod=\"{pod}\"}} {value} {ms}");
            }
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cached_windows_are_what_victoria_metrics_says() {
    let victoria = Victoria::start().await;
    let upstream = format!("{{name: v, url: \"{}\", kind: victoriametrics, settle: 1m}}", victoria.database.url);
    let replica = hecate(&upstream, "self_check: 0");
    let admin = door(&replica, "admin");
    let base = victoria.base;
    let mut hits = 0;
    for text in ["work", "sum(work)", "sum by (pod) (work)", "work * 2", "max_over_time(work[5m])"] {
        // Not on the step: a window that was moved would show.
        for window in [
            (base - 1803, base + 1797, "15"),
            (base - 1803, base + 1812, "15"),
            (base - 1203, base + 897, "15"),
            (base - 1800, base + 1800, "60"),
        ] {
            let got = range(&admin, text, window).await;
            assert_eq!(got.status, 200, "{text}: {}", got.body);
            assert!(got.values() > 0, "{text} {window:?} has no values, so that nothing was compared");
            assert_eq!(got.data_bytes(), victoria.direct(text, window).await, "{text} {window:?} {}", got.header("cache-status"));
            hits += usize::from(got.header("cache-status").contains("hit"));
        }
    }
    assert_eq!(hits, 5, "a window inside of a cached one is answered from it");
}
