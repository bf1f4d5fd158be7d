//! A Prometheus that is fed, a counting proxy in front of it, and replicas of Hecate, with Redis where a test wants it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client::{Client, Plan};
use crate::feed::Feed;
use crate::support::counting::Asked;
use crate::support::{Counting, Door, Hecate, Prometheus, PrometheusOptions, RedisServer, users};

/// Between two ticks of most tests.
pub const STEP: &str = "1s";
pub const STEP_MS: i64 = 1000;
/// Rights that are taken away end a stream within this time.
pub const REVOCATION_BOUND: Duration = Duration::from_secs(4);

pub struct World {
    pub prometheus: Prometheus,
    pub feed: Option<Feed>,
    pub upstream: Counting,
    pub redis: Option<RedisServer>,
    pub replicas: Vec<Hecate>,
    /// Keys of `cache.redis:`, when there is one.
    redis_keys: Option<String>,
    settings: Settings,
}

/// What is not as usual.
#[derive(Clone)]
pub struct Settings {
    pub replicas: usize,
    pub redis: bool,
    /// Keys of `stream:`.
    pub stream: &'static str,
    /// Keys of `server:`.
    pub server: &'static str,
    /// Further sections.
    pub rest: &'static str,
    /// Keys of the upstream.
    pub upstream: &'static str,
    /// Everything for everybody.
    pub open: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            replicas: 1,
            redis: false,
            stream: "min_interval: 1s, heartbeat: 2s",
            server: "",
            rest: "",
            upstream: "settle: 8s, timeout: 20s",
            open: false,
        }
    }
}

impl World {
    pub async fn start(settings: Settings) -> World {
        let redis = if settings.redis { Some(RedisServer::start(&[]).await) } else { None };
        let keys = redis.as_ref().map(|redis| format!("url: \"{}\", budget: 500ms", redis.url()));
        World { redis, ..World::with(settings, keys).await }
    }

    /// With a Redis that the test has started itself, which these keys of `cache.redis:` name.
    pub async fn start_on(settings: Settings, redis_keys: &str) -> World {
        World::with(settings, Some(redis_keys.to_owned())).await
    }

    async fn with(settings: Settings, redis_keys: Option<String>) -> World {
        let prometheus = Prometheus::start(PrometheusOptions {
            config: "global: {scrape_interval: 1h}\nstorage: {tsdb: {out_of_order_time_window: 10m}}\n",
            flags: &["--web.enable-remote-write-receiver", "--enable-feature=native-histograms"],
            ..PrometheusOptions::default()
        })
        .await;
        let feed = Feed::start(prometheus.url()).await;
        let upstream = Counting::in_front_of(&prometheus.url()).await;
        let mut world =
            World { prometheus, feed: Some(feed), upstream, redis: None, replicas: Vec::new(), redis_keys, settings: settings.clone() };
        for _ in 0..settings.replicas {
            let replica = world.one_more(&[]);
            world.replicas.push(replica);
        }
        world
    }

    /// A replica in front of the same Prometheus, with these variables in its environment.
    pub fn one_more(&self, environment: &[(&str, &str)]) -> Hecate {
        let redis = self.redis_keys.as_ref().map(|keys| format!(", redis: {{{keys}}}")).unwrap_or_default();
        let auth = if self.settings.open {
            String::new()
        } else {
            format!("auth: {{providers: [{{kind: static, users_file: users.yaml}}], revocation_bound: {}s}}\n", REVOCATION_BOUND.as_secs())
        };
        let limits = if self.settings.rest.contains("limits:") {
            ""
        } else {
            "limits: {rate_per_user: 1000000/s, concurrent_per_user: 1000, streams_per_user: 1000}\n"
        };
        let rest = format!(
            "upstreams: [{{name: prometheus, url: \"{}\", {}}}]\n{auth}{limits}cache: {{self_check: 0{redis}}}\nstream: {{{}}}\n{}",
            self.upstream.url(),
            self.settings.upstream,
            self.settings.stream,
            self.settings.rest
        );
        Hecate::start_in(environment, self.settings.server, &rest, &[("users.yaml", &people("namespaces: [a]"))])
    }

    /// A stream of alice's on a replica.
    pub fn stream(&self, replica: usize, pairs: &[(&str, &str)]) -> Client {
        Client::start(self.plan(replica, pairs))
    }

    pub fn plan(&self, replica: usize, pairs: &[(&str, &str)]) -> Plan {
        Plan::new(self.replicas[replica].url(), (!self.settings.open).then_some("token-alice"), pairs)
    }

    /// The range queries that were asked upstream since the last look.
    pub fn asked(&self) -> Vec<Asked> {
        self.upstream.take().into_iter().filter(|asked| asked.path.ends_with("/query_range")).collect()
    }

    /// How often each query was asked for each last step.
    pub fn evaluations(&self) -> BTreeMap<(String, i64), usize> {
        let mut all = BTreeMap::new();
        for asked in self.asked() {
            *all.entry((asked.param("query").unwrap_or_default().to_owned(), asked.ms("end"))).or_insert(0) += 1;
        }
        all
    }

    /// What Prometheus itself answers for a window.
    pub async fn truth(&self, enforced: &str, start_ms: i64, end_ms: i64) -> String {
        let seconds = |ms: i64| format!("{}", ms as f64 / 1000.0);
        let door = Door::new("Prometheus", &self.prometheus.url(), None);
        let step = format!("{}ms", STEP_MS);
        let params = [("query", enforced), ("start", &*seconds(start_ms)), ("end", &*seconds(end_ms)), ("step", &*step)];
        let reply = door.get("/api/v1/query_range", &params).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }

    /// Stops the feed, lets all samples be seen, and holds what a client has put together against what Prometheus answers.
    pub async fn settle(&mut self) {
        if let Some(feed) = self.feed.take() {
            feed.stop().await;
        }
    }

    /// Holds what a client has put together against what Prometheus answers for the same windows, byte for byte: `queries` are its ids
    /// and the enforced texts, with the ends of the window where they say `$__from` and `$__to`. Tried again while ticks go by, for some
    /// seconds.
    pub async fn same(&self, client: &Client, queries: &[(&str, &str)]) {
        for (id, enforced) in queries {
            let mut last = None;
            for _ in 0..60 {
                let Some((got, start, end)) = client.see(|seen| seen.queries.get(*id).map(|one| (one.answer(), one.start, one.end))) else {
                    panic!("{id} has nothing: {}", client.story())
                };
                let ended = enforced.replace("$__from", &start.to_string()).replace("$__to", &end.to_string());
                let want = self.truth(&ended, start, end).await;
                if got == want {
                    last = None;
                    break;
                }
                last = Some((got, want));
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            if let Some((got, want)) = last {
                let at = got.bytes().zip(want.bytes()).position(|(a, b)| a != b).unwrap_or(got.len().min(want.len()));
                let around =
                    |text: &str| String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(200)..(at + 200).min(text.len())]).into_owned();
                panic!("{id} {enforced}: differs at byte {at}:\n got {}\nwant {}\n{}", around(&got), around(&want), client.story());
            }
        }
    }
}

/// An environment in which a clock is wrong by this much, such as `+2s`. Timers go on as they should.
pub fn clock(offset: &str) -> Vec<(&'static str, String)> {
    let listed = std::process::Command::new("dpkg").args(["-L", "libfaketime"]).output().expect("dpkg is missing");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let library = listed.lines().find(|path| path.ends_with("libfaketimeMT.so.1")).expect("libfaketime is missing: run make setup");
    vec![("LD_PRELOAD", library.to_owned()), ("FAKETIME", offset.to_owned()), ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned())]
}

/// users.yaml, with what alice may see.
pub fn people(alice: &str) -> String {
    users(&[
        ("alice", "token-alice", alice),
        ("bob", "token-bob", "namespaces: [b]"),
        ("admin", "token-admin", "cluster: true, permissions: [\"*\"]"),
    ])
}
