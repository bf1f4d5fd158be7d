//! A Prometheus whose data never change, a counting proxy in front of it, and replicas of Hecate, with Redis where a test wants it.

use std::sync::{Arc, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::Mutex;

use crate::data;
use crate::support::counting::Asked;
use crate::support::{
    Counting, Door, Hecate, Prometheus, PrometheusOptions, RedisServer, Reply, Verb, difference, eventually, remote_write, users,
};

/// How to build one.
pub struct Plan<'a> {
    /// How many of Hecate.
    pub replicas: usize,
    /// Flags of redis-server, if there is to be one.
    pub redis: Option<&'a [&'a str]>,
    /// The time for Redis on one request.
    pub budget: &'a str,
    /// Further keys of `cache:`.
    pub cache: &'a str,
    /// Further keys of the upstream.
    pub upstream: &'a str,
}

impl Default for Plan<'_> {
    fn default() -> Self {
        // Counts are tested, not times, on machines that may be busy: Redis always gets its turn.
        Plan { replicas: 1, redis: None, budget: "1s", cache: "self_check: 0", upstream: "settle: 1m, timeout: 20s" }
    }
}

pub struct House {
    pub prometheus: Arc<Stored>,
    pub upstream: Counting,
    pub replicas: Vec<Hecate>,
    pub redis: Option<RedisServer>,
}

/// A Prometheus with what `data.rs` describes.
pub struct Stored {
    prometheus: Prometheus,
    /// The present when it was written, in seconds.
    pub base: i64,
}

impl Stored {
    /// The one that other tests use already, else a new one.
    pub async fn shared() -> Arc<Stored> {
        static SHARED: Mutex<Weak<Stored>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(stored) = shared.upgrade() {
            return stored;
        }
        let stored = Arc::new(Stored::start(seconds_now().div_euclid(15) * 15, data::BACK).await);
        *shared = Arc::downgrade(&stored);
        stored
    }

    /// With nothing that is older than this many seconds.
    pub async fn start(base: i64, back: i64) -> Stored {
        let prometheus = Prometheus::start(PrometheusOptions {
            config: "global: {scrape_interval: 1h}\n",
            flags: &["--web.enable-remote-write-receiver", "--storage.tsdb.min-block-duration=1d"],
            ..PrometheusOptions::default()
        })
        .await;
        let mut all = data::recent(base, 1);
        let first_ms = (base - back) * 1000;
        for series in &mut all {
            series.samples.retain(|sample| sample.time_ms >= first_ms);
            series.histograms.retain(|histogram| histogram.time_ms >= first_ms);
            series.exemplars.clear();
        }
        remote_write::write(&prometheus.url(), all).await;
        let stored = Stored { prometheus, base };
        let written = [("query", "count(wide)"), ("time", &(base + data::AHEAD).to_string())];
        eventually("what was written", async || stored.door().get("/api/v1/query", &written).await.body.contains("\"120\"").then_some(()))
            .await;
        stored
    }

    pub fn door(&self) -> Door {
        Door::new("Prometheus", &self.prometheus.url(), None)
    }

    pub fn url(&self) -> String {
        self.prometheus.url()
    }
}

impl House {
    pub async fn start(plan: Plan<'_>) -> House {
        let prometheus = Stored::shared().await;
        let upstream = Counting::in_front_of(&prometheus.url()).await;
        let redis = match plan.redis {
            Some(flags) => Some(RedisServer::start(flags).await),
            None => None,
        };
        let mut house = House { prometheus, upstream, replicas: Vec::new(), redis };
        for _ in 0..plan.replicas {
            house.replicas.push(house.one_more(&plan));
        }
        house
    }

    /// A replica that has answered nothing yet.
    pub fn one_more(&self, plan: &Plan<'_>) -> Hecate {
        self.one_more_in(&[], plan)
    }

    /// The same with these variables in its environment.
    pub fn one_more_in(&self, environment: &[(&str, &str)], plan: &Plan<'_>) -> Hecate {
        let upstream = format!("{{name: prometheus, url: \"{}\", {}}}", self.upstream.url(), plan.upstream);
        hecate_in(environment, &upstream, &self.cache_keys(plan))
    }

    fn cache_keys(&self, plan: &Plan<'_>) -> String {
        let redis = self.redis.as_ref().map(|redis| format!(", redis: {{url: \"{}\", budget: {}}}", redis.url(), plan.budget));
        format!("{}{}", plan.cache, redis.unwrap_or_default())
    }

    /// The first replica, as this user.
    pub fn user(&self, name: &'static str) -> Door {
        self.at(0, name)
    }

    /// A replica, as this user.
    pub fn at(&self, replica: usize, name: &'static str) -> Door {
        door(&self.replicas[replica], name)
    }

    /// Some minutes before the present, on the grid of 15 s: all of it is settled.
    pub fn settled(&self) -> i64 {
        self.prometheus.base - 600
    }

    /// What was asked upstream since the last look: range queries only.
    pub fn ranges(&self) -> Vec<Asked> {
        self.upstream.take().into_iter().filter(|asked| asked.path.ends_with("/query_range")).collect()
    }

    /// How many steps were asked for upstream since the last look.
    pub fn points(&self) -> i64 {
        self.ranges().iter().map(Asked::points).sum()
    }

    /// Asks, and compares with what Prometheus says to the enforced text.
    pub async fn check(&self, door: &Door, text: &str, enforced: &str, window: (i64, i64, &str)) -> Reply {
        let got = range(door, text, window).await;
        let want = range(&self.prometheus.door(), enforced, window).await;
        assert_eq!(difference(&got, &want), None, "`{text}` {window:?} as {}, {}", door.name, got.header("cache-status"));
        assert!(want.values() > 0, "`{text}` {window:?} has no values, so that nothing was compared");
        got
    }
}

/// Hecate with these upstreams, as entries of a YAML flow list, and keys of `cache:`.
pub fn hecate(upstreams: &str, cache_keys: &str) -> Hecate {
    hecate_in(&[], upstreams, cache_keys)
}

fn hecate_in(environment: &[(&str, &str)], upstreams: &str, cache_keys: &str) -> Hecate {
    let rest = format!(
        "upstreams: [{upstreams}]\nauth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\n\
         limits: {{rate_per_user: 1000000/s, concurrent_per_user: 1000}}\ntelemetry: {{access_log: false}}\n\
         cache: {{{cache_keys}}}"
    );
    let people = users(&[
        ("alice", "token-alice", "namespaces: [a]"),
        ("alia", "token-alia", "namespaces: [a]"),
        ("bob", "token-bob", "namespaces: [b]"),
        ("both", "token-both", "namespaces: [a, b]"),
        ("admin", "token-admin", "cluster: true, permissions: [\"*\"]"),
    ]);
    Hecate::start_in(environment, "", &rest, &[("users.yaml", &people)])
}

/// A way into a replica as one of its users.
pub fn door(replica: &Hecate, name: &'static str) -> Door {
    let token = match name {
        "alice" => "token-alice",
        "alia" => "token-alia",
        "bob" => "token-bob",
        "both" => "token-both",
        "admin" => "token-admin",
        other => panic!("there is no {other}"),
    };
    Door::new(name, replica.url(), Some(token))
}

/// One range query.
pub async fn range(door: &Door, text: &str, (start, end, step): (i64, i64, &str)) -> Reply {
    let (start, end) = (start.to_string(), end.to_string());
    door.ask(Verb::Get, "/api/v1/query_range", &[("query", text), ("start", &start), ("end", &end), ("step", step)]).await
}

pub fn seconds_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}
