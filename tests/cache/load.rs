//! A steady, bounded load of range queries, every answer compared with what Prometheus says, and how long each took.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::house::{House, range};
use crate::rng::Rng;
use crate::support::{Door, Reply, Verb, difference, eventually};

/// Clients, each with one request at a time.
const CLIENTS: usize = 6;
/// Between two requests of a client.
const PAUSE: Duration = Duration::from_millis(25);

/// User, text, and what is sent for it.
const QUERIES: [(&str, &str, &str); 8] = [
    ("alice", "live_temperature", r#"live_temperature{namespace="a"}"#),
    ("bob", "live_temperature", r#"live_temperature{namespace="b"}"#),
    ("alice", "sum by (parity) (wide)", r#"sum by (parity) (wide{namespace="a"})"#),
    ("both", "wide", r#"wide{namespace=~"a|b"}"#),
    ("admin", "rate(live_requests_total[5m])", "rate(live_requests_total[5m])"),
    ("alice", "live_size_bytes", r#"live_size_bytes{namespace="a"}"#),
    ("bob", "pausing", r#"pausing{namespace="b"}"#),
    ("admin", "histogram_quantile(0.9, rate(live_wait_seconds_bucket[5m]))", "histogram_quantile(0.9, rate(live_wait_seconds_bucket[5m]))"),
];

/// A window of the load: settled, in one of two steps, sliding over an hour.
fn window(rng: &mut Rng, settled: i64) -> (i64, i64, &'static str) {
    let (step, text) = [(15, "15"), (60, "60")][rng.below(2)];
    let end = (settled - rng.below(60) as i64 * step).div_euclid(step) * step;
    (end - step * [20, 60, 130][rng.below(3)], end, text)
}

/// What the load has shown so far.
#[derive(Default)]
pub struct Shown {
    /// When each was asked, and how long it took.
    pub took: Vec<(Instant, Duration)>,
    pub wrong: Vec<String>,
    pub failed: Vec<String>,
}

impl Shown {
    /// The time under which 99 of 100 requests stayed that were asked from then on, and the longest.
    pub fn p99_and_longest_since(&self, then: Instant) -> (Duration, Duration) {
        let mut took: Vec<Duration> = self.took.iter().filter(|(at, _)| *at >= then).map(|(_, took)| *took).collect();
        took.sort_unstable();
        (took[took.len() * 99 / 100], *took.last().unwrap())
    }

    /// The longest before then.
    pub fn longest_before(&self, then: Instant) -> Duration {
        self.took.iter().filter(|(at, _)| *at < then).map(|(_, took)| *took).max().unwrap_or_default()
    }
}

/// Running until [`Load::end`].
pub struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Shown>>,
    answered: Arc<AtomicUsize>,
}

impl Load {
    /// On these replicas of the house, drawn from this seed.
    pub fn start(house: &House, replicas: &[usize], seed: u64) -> Load {
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let settled = house.settled();
        let clients = (0..CLIENTS).map(|client| {
            let at = replicas[client % replicas.len()];
            let doors: HashMap<&'static str, Door> = ["alice", "bob", "both", "admin"].map(|name| (name, house.at(at, name))).into();
            let (origin, stop, answered) = (house.prometheus.door(), stop.clone(), answered.clone());
            tokio::spawn(async move {
                let mut rng = Rng::new(seed + client as u64);
                let mut shown = Shown::default();
                let mut known: HashMap<String, Reply> = HashMap::new();
                while !stop.load(Ordering::Relaxed) {
                    one(&mut rng, settled, &doors, &origin, &mut known, &mut shown).await;
                    answered.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
                shown
            })
        });
        Load { clients: clients.collect(), stop, answered }
    }

    /// Goes on for this long, and on a busy machine until something was asked in that time.
    pub async fn goes_on(&self, long: Duration) {
        let before = self.answered.load(Ordering::Relaxed);
        tokio::time::sleep(long).await;
        eventually("the load goes on", async || (self.answered.load(Ordering::Relaxed) > before + 30).then_some(())).await;
    }

    /// Ends it, and says what it showed.
    pub async fn end(self) -> Shown {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Shown::default();
        for client in self.clients {
            let shown = client.await.unwrap();
            all.took.extend(shown.took);
            all.wrong.extend(shown.wrong);
            all.failed.extend(shown.failed);
        }
        all
    }
}

async fn one(
    rng: &mut Rng,
    settled: i64,
    doors: &HashMap<&'static str, Door>,
    origin: &Door,
    known: &mut HashMap<String, Reply>,
    shown: &mut Shown,
) {
    let (user, text, enforced) = QUERIES[rng.below(QUERIES.len())];
    let window = window(rng, settled);
    let began = Instant::now();
    let got = try_range(&doors[user], text, window).await;
    shown.took.push((began, began.elapsed()));
    let place = format!("`{text}` {window:?} as {user}");
    match got {
        Err(error) => shown.failed.push(format!("{place}: {error:?}")),
        Ok(got) if got.status != 200 => shown.failed.push(format!("{place}: {} {}", got.status, got.body)),
        Ok(got) => {
            let key = format!("{enforced} {window:?}");
            if !known.contains_key(&key) {
                known.insert(key.clone(), range(origin, enforced, window).await);
            }
            if let Some(why) = difference(&got, &known[&key]) {
                shown.wrong.push(format!("{place}, {}: {why}", got.header("cache-status")));
            }
        }
    }
}

async fn try_range(door: &Door, text: &str, (start, end, step): (i64, i64, &str)) -> Result<Reply, reqwest::Error> {
    let (start, end) = (start.to_string(), end.to_string());
    door.try_ask(Verb::Get, "/api/v1/query_range", &[("query", text), ("start", &start), ("end", &end), ("step", step)]).await
}

/// Every query over the whole stretch that the load touches, at each replica: whatever lies in a cache now is looked at.
pub async fn verify(house: &House, replicas: &[usize]) {
    let end = house.settled();
    for at in replicas {
        for (user, text, enforced) in QUERIES {
            for window in [(end - 60 * 15 - 130 * 15, end, "15"), ((end - 60 * 190).div_euclid(60) * 60, end.div_euclid(60) * 60, "60")] {
                house.check(&house.at(*at, user), text, enforced, window).await;
            }
        }
    }
}
