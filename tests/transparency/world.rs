//! A Prometheus whose data never change, Hecate in front of it, and the doors into both; shared by the tests of this file's binary.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use tokio::sync::Mutex;

use crate::support::{Door, Hecate, Prometheus, PrometheusOptions, Reply, Verb, eventually, remote_write, usual_users};
use crate::window::Window;
use crate::{data, history};

const FEATURES: &str = "--enable-feature=exemplar-storage,promql-experimental-functions,promql-binop-fill-modifiers";

/// As many points as Prometheus gives, and nothing else that a test would meet.
const LIMITS: &str = "limits: {rate_per_user: 1000000/s, concurrent_per_user: 1000, points_per_series: 11001, range: 10000d, \
                      series: 1000000, samples: 100000000000}";

pub struct World {
    prometheus: Prometheus,
    hecate: Hecate,
    /// The present when the data were written, in seconds.
    pub base: i64,
    /// From which everything is drawn.
    pub seed: u64,
}

/// The one that others use already, else a new one.
pub async fn world() -> Arc<World> {
    static SHARED: Mutex<Weak<World>> = Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(world) = shared.upgrade() {
        return world;
    }
    let world = Arc::new(World::start().await);
    *shared = Arc::downgrade(&world);
    world
}

/// A number from the environment.
fn number(variable: &str) -> Option<u64> {
    std::env::var_os(variable).and_then(|text| text.to_str()?.parse().ok())
}

/// Whether everything is to be compared, not a sample.
pub fn is_full() -> bool {
    std::env::var_os("HECATE_TRANSPARENCY").is_some_and(|text| text == "full")
}

impl World {
    async fn start() -> World {
        let seed = number("HECATE_TRANSPARENCY_SEED").unwrap_or(20_261_127);
        let base = seconds_now().div_euclid(15) * 15;
        let history = history::mixed();
        let prometheus = Prometheus::start(PrometheusOptions {
            config: "global: {scrape_interval: 1h}\n",
            files: &[],
            flags: &[FEATURES, "--web.enable-remote-write-receiver", "--storage.tsdb.min-block-duration=1d"],
            history: Some(&history),
        })
        .await;
        remote_write::write(&prometheus.url(), data::recent(base, seed)).await;
        let rest = format!(
            "upstreams: [{{name: prometheus, url: \"{}\", timeout: 40s}}]\n\
             auth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\n\
             promql: {{features: [promql-experimental-functions, promql-binop-fill-modifiers]}}\n{LIMITS}\n\
             telemetry: {{access_log: false}}\ncache: {{memory: 64MiB, self_check: 0.02}}",
            prometheus.url()
        );
        let hecate = Hecate::start("", &rest, &[("users.yaml", &usual_users())]);
        let world = World { prometheus, hecate, base, seed };
        let written = [("query", "count(wide)"), ("time", &(base + data::AHEAD).to_string())];
        eventually("what was written", async || {
            world.prometheus().get("/api/v1/query", &written).await.body.contains("\"120\"").then_some(())
        })
        .await;
        println!("seed {seed}, base {base}");
        world
    }

    /// Everything, as it is stored.
    pub fn prometheus(&self) -> Door {
        Door::new("Prometheus", &self.prometheus.url(), None)
    }

    /// Cluster-wide scope.
    pub fn admin(&self) -> Door {
        Door::new("admin", self.hecate.url(), Some("token-admin"))
    }

    /// Namespace `a`.
    pub fn alice(&self) -> Door {
        Door::new("alice", self.hecate.url(), Some("token-alice"))
    }

    /// Namespaces `a` and `b`.
    pub fn both(&self) -> Door {
        Door::new("both", self.hecate.url(), Some("token-both"))
    }

    pub fn hecate(&self) -> &Hecate {
        &self.hecate
    }
}

fn seconds_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

/// What Hecate sends for a text in this window, as it says itself.
pub async fn enforced(door: &Door, text: &str, window: Option<Window>) -> String {
    let mut question = json!({"query": text});
    for (name, value) in window.map(Window::params).into_iter().flatten() {
        question[name] = json!(value);
    }
    let answer = door.post_json("/api/v1/metrics/validate", &question).await.json();
    answer["enforced_query"].as_str().unwrap_or(text).to_owned()
}

/// Prometheus' answers, each asked for once.
pub struct Direct {
    door: Door,
    known: std::sync::Mutex<HashMap<String, Reply>>,
}

impl Direct {
    pub fn new(door: Door) -> Direct {
        Direct { door, known: std::sync::Mutex::default() }
    }

    pub async fn ask(&self, path: &str, params: &[(&str, &str)]) -> Reply {
        let key = format!("{path} {params:?}");
        let known = self.known.lock().unwrap().get(&key).cloned();
        if let Some(reply) = known {
            return reply;
        }
        let reply = self.again(path, params).await;
        self.known.lock().unwrap().insert(key, reply.clone());
        reply
    }

    pub async fn again(&self, path: &str, params: &[(&str, &str)]) -> Reply {
        self.door.ask(Verb::Post, path, params).await
    }
}
