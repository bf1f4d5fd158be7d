//! The two Prometheis, Hecate, and the doors into them; shared by the tests that run at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::Mutex;

use crate::support::exporter::Exporter;
use crate::support::{Door, Hecate, Prometheus, PrometheusOptions, Reply, eventually};
use crate::{history, live, rule_files};

const FEATURES: &str =
    "--enable-feature=exemplar-storage,promql-experimental-functions,promql-binop-fill-modifiers,st-storage,use-start-timestamps";

pub struct House {
    mixed_prometheus: Prometheus,
    only_prometheus: Prometheus,
    hecate: Hecate,
    #[expect(dead_code, reason = "serves until it is dropped")]
    exporter: Exporter,
    /// The last sample of what is scraped, in seconds.
    pub live_end: i64,
    /// Answers of [`House::only_a`] that several tests compare with.
    pub known: std::sync::Mutex<HashMap<String, Reply>>,
}

/// The one that others use already, else a new one.
pub async fn house() -> Arc<House> {
    static SHARED: Mutex<Weak<House>> = Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(house) = shared.upgrade() {
        return house;
    }
    let house = Arc::new(House::start().await);
    *shared = Arc::downgrade(&house);
    house
}

impl House {
    async fn start() -> House {
        let now = seconds_now();
        let exporter = live::exporter(now - 1);
        let mixed_config = config(
            &exporter,
            &[("a", "/mixed/a"), ("b", "/mixed/b"), ("", "/mixed/platform")],
            &[("a", "/mixed/native/a"), ("b", "/mixed/native/b")],
            rule_files::MIXED,
        );
        let only_config = config(&exporter, &[("a", "/only/a")], &[("a", "/only/native/a")], rule_files::ONLY_A);
        let (mixed_history, only_history) = (history::mixed(), history::only_a());
        let (mixed, only) = tokio::join!(
            Prometheus::start(options(&mixed_config, rule_files::MIXED, &mixed_history)),
            Prometheus::start(options(&only_config, rule_files::ONLY_A, &only_history)),
        );
        let hecate = in_front_of(&mixed.url());
        let house = House {
            mixed_prometheus: mixed,
            only_prometheus: only,
            hecate,
            exporter,
            live_end: now - 1,
            known: std::sync::Mutex::default(),
        };
        house.settle().await;
        house
    }

    /// Until both hold everything that is scraped, and have evaluated the rules on it.
    async fn settle(&self) {
        let time = self.live_end.to_string();
        for (door, wanted) in [(self.mixed(), 14), (self.only_a(), 6)] {
            eventually("the live data", async || {
                // One family of every page.
                let query = "count({__name__=~'live_size_bytes|live_temperature|kube_pod_info'})";
                let live = door.get("/api/v1/query", &[("query", query), ("time", &time)]).await;
                live.body.contains(&format!("\"{wanted}\"]")).then_some(())
            })
            .await;
            // Then every rule once more, and a scrape, whose `up` is a series too.
            let after = seconds_now().to_string();
            eventually("the rules", async || {
                let written = ["ALERTS", "up", "team:temperature:max", "team:requests:sum", "shared:second", "namespace:pods:count"];
                let query = written.map(|name| format!("min(timestamp({name})) > {after}")).join(" and ");
                let seen = door.get("/api/v1/query", &[("query", &query)]).await;
                let rules = door.get("/api/v1/rules", &[]).await;
                (seen.body.contains("\"value\"") && !rules.body.contains("\"health\":\"unknown\"")).then_some(())
            })
            .await;
        }
        // `now` is a whole second: what was written within the present one lies after it.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }

    /// Where everything is.
    pub fn mixed_url(&self) -> String {
        self.mixed_prometheus.url()
    }

    /// Everything, as its owner sees it.
    pub fn mixed(&self) -> Door {
        Door::new("the mixed Prometheus", &self.mixed_prometheus.url(), None)
    }

    /// The data of `a` and nothing else.
    pub fn only_a(&self) -> Door {
        Door::new("the Prometheus of a", &self.only_prometheus.url(), None)
    }

    fn user(&self, name: &'static str, token: &'static str) -> Door {
        Door::new(name, self.hecate.url(), Some(token))
    }

    pub fn alice(&self) -> Door {
        self.user("alice", "token-alice")
    }

    pub fn bob(&self) -> Door {
        self.user("bob", "token-bob")
    }

    pub fn both(&self) -> Door {
        self.user("both", "token-both")
    }

    pub fn admin(&self) -> Door {
        self.user("admin", "token-admin")
    }

    /// Every way to be no more than `a`.
    pub fn narrowed(&self) -> Vec<Door> {
        vec![
            self.admin().under("admin under /ns/a", "/ns/a"),
            self.admin().narrowed("admin with ?namespace=a", "a"),
            self.admin().with_header("admin with the header", "a"),
            self.both().under("both under /ns/a", "/ns/a"),
            self.both().narrowed("both with ?namespace=a", "a"),
            self.both().with_header("both with the header", "a"),
            self.both()
                .under("both, narrowed three times", "/ns/a")
                .narrowed("both, narrowed three times", "a")
                .with_header("both, narrowed three times", "a"),
            self.alice().under("alice under /ns/a", "/ns/a"),
        ]
    }

    /// Folders that stand in the `file` of rule groups.
    pub fn folders(&self) -> [String; 2] {
        [&self.mixed_prometheus, &self.only_prometheus].map(|p| p.folder().display().to_string())
    }

    /// The present moment, for both Prometheis.
    pub fn now(&self) -> String {
        seconds_now().to_string()
    }
}

/// Hecate with the features of both Prometheis and no limits that a test would meet.
pub fn in_front_of(upstream: &str) -> Hecate {
    Hecate::in_front_of(
        upstream,
        "promql: {features: [promql-experimental-functions, promql-binop-fill-modifiers]}\n\
         limits: {rate_per_user: 100000/s, concurrent_per_user: 1000}\ntelemetry: {access_log: false}",
    )
}

fn seconds_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

fn options<'a>(config: &'a str, files: &'a [(&'a str, &'a str)], history: &'a str) -> PrometheusOptions<'a> {
    PrometheusOptions { config, files, flags: &[FEATURES], history: Some(history) }
}

/// Targets carry the namespace that their tenant has; the platform's carries none.
fn config(exporter: &Exporter, targets: &[(&str, &str)], native: &[(&str, &str)], rules: &[(&str, &str)]) -> String {
    let mut text = String::from("global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nrule_files:\n");
    for (file, _) in rules {
        text += &format!("- {file}\n");
    }
    text += "scrape_configs:\n";
    for (kind, pages) in [("live", targets), ("native", native)] {
        for (namespace, path) in pages {
            let labels = if namespace.is_empty() { String::new() } else { format!(", labels: {{namespace: {namespace}}}") };
            text += &format!(
                "- {{job_name: \"{kind} {namespace}\", metrics_path: {path}, honor_labels: true, scrape_native_histograms: {}, \
                 static_configs: [{{targets: [\"{}\"]{labels}}}]}}\n",
                kind == "native",
                exporter.address(),
            );
        }
    }
    text
}
