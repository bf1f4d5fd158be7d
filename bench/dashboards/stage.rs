//! The stage: a database full of dashboards, and Hecate on it.

use std::sync::Arc;

use hecate::config::{self, Secret};
use hecate::dashboards::{Actor, Document, Expect, NewDashboard, Store};
use serde_json::{Map, Value, json};

use crate::common::http::{Answer, Connection};
use crate::common::load::Target;
use crate::common::programs::hecate_with;
use crate::support::Hecate;

/// Panels of most dashboards.
pub const USUAL: usize = 20;
/// Panels of a dashboard of 200 kB.
pub const LARGE: usize = 491;
/// Of the tenant that the benchmarks have.
const PROJECT: &str = "a";

pub struct Stage {
    hecate: Hecate,
}

impl Stage {
    /// Fills the database, then starts Hecate on it. No upstream is needed.
    pub async fn new(database: &str, dashboards: usize) -> Stage {
        let settings = config::Dashboards { database: Secret::new(database.to_owned()), ..config::Dashboards::default() };
        let store = Arc::new(Store::new(&settings, &prometheus::Registry::new()).unwrap());
        store.migrate().await.unwrap();
        let makers: Vec<_> = (0..8).map(|part| tokio::spawn(make(store.clone(), (part..dashboards).step_by(8)))).collect();
        for maker in makers {
            maker.await.unwrap();
        }
        Stage { hecate: hecate_with("http://127.0.0.1:1", &format!("dashboards: {{database: \"{database}\"}}\n")) }
    }

    /// Where it is asked, by somebody who may do everything.
    pub fn target(&self) -> Target {
        Target { name: "Hecate", address: self.hecate.address().to_owned(), token: "token-cluster", also: "", pid: Some(self.hecate.pid()) }
    }

    /// Where a dashboard is.
    pub fn path(&self, number: usize) -> String {
        format!("/api/v1/projects/{PROJECT}/dashboards/n{number}")
    }

    /// Saves a dashboard of so many panels.
    pub fn save(&self, connection: &mut Connection, number: usize, panels: usize) -> Answer {
        connection.put(&self.path(number), &document(&format!("n{number}"), panels))
    }

    pub fn bytes_of(&self, panels: usize) -> usize {
        document("n0", panels).len()
    }
}

async fn make(store: Arc<Store>, numbers: impl Iterator<Item = usize> + Send) {
    let actor = Actor { user: "bench".to_owned(), address: None, request_id: "bench".to_owned() };
    for number in numbers {
        let document = Document::read(&document(&format!("n{number}"), USUAL), Expect::default()).unwrap();
        store.create(&actor, NewDashboard { document: &document, template: None, key: None, message: "" }).await.unwrap();
    }
}

/// About 420 bytes a panel.
pub fn document(name: &str, panels: usize) -> String {
    let panel = |n: usize| {
        let query = format!("sum by (pod) (rate(http_requests_total{{namespace=\"{PROJECT}\",code=\"{n}\"}}[5m]))");
        let about = format!("How many requests with the code {n} were answered a second, by pod, in the five minutes before.");
        let plugin = json!({"kind": "PrometheusTimeSeriesQuery", "spec": {"query": query}});
        json!({"kind": "Panel", "spec": {
            "display": {"name": format!("Panel {n}"), "description": about},
            "plugin": {"kind": "TimeSeriesChart", "spec": {}},
            "queries": [{"kind": "TimeSeriesQuery", "spec": {"plugin": plugin}}],
        }})
    };
    let panels: Map<String, Value> = (0..panels).map(|n| (format!("p{n}"), panel(n))).collect();
    let spec = json!({"display": {"name": format!("Dashboard {name}")}, "panels": panels});
    json!({"kind": "Dashboard", "metadata": {"name": name, "project": PROJECT}, "spec": spec}).to_string()
}
