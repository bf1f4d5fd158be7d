//! One panel: what it asks and how it is drawn, short as people write it; and as Perses draws it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::validate::pieces::is_name;

/// The kinds of charts that are known, with the width and height of each.
const KINDS: &[(&str, u64, u64)] =
    &[("TimeSeriesChart", 12, 8), ("StatChart", 6, 5), ("GaugeChart", 6, 5), ("Table", 12, 8), ("BarChart", 12, 8)];

/// What stands in a query for the labels of a workload.
const SHORTHANDS: &[(&str, &str)] = &[
    ("M()", "namespace=\"$namespace\",model_name=~\"$model\""),
    ("P()", "namespace=\"$namespace\",pod=~\"$pods\""),
    ("G()", "exported_namespace=\"$namespace\",exported_pod=~\"$pods\""),
];

/// Colours by what they mean.
const COLOURS: &[(&str, &str)] =
    &[("good", "#388E3C"), ("info", "#1976D2"), ("warning", "#EE6C00"), ("critical", "#B71C1C"), ("idle", "#9E9E9E")];

/// A panel that stands for itself: `ts.latency`, to be put into any dashboard.
pub type Preset = Panel;

/// A panel.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// Its key in the dashboard.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// What it means, where the title does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The Perses plugin that draws it.
    pub kind: String,
    /// The unit of its values, as Perses has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What it asks. `M()`, `P()` and `G()` stand for the labels of a model, of pods, and of GPUs of pods.
    pub queries: Vec<PanelQuery>,
    /// Which values are good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Thresholds>,
    /// Settings of the plugin, as Perses has them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
}

/// One query.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PanelQuery {
    /// PromQL, with variables of the dashboard in it.
    pub query: String,
    /// How its series are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legend: Option<String>,
}

/// Steps from value to value.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// The colour below the first step.
    pub below: String,
    /// From each value on, the colour.
    pub steps: Vec<Step>,
}

/// One of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// From here on.
    pub value: f64,
    /// `good`, `info`, `warning`, `critical` or `idle`.
    pub colour: String,
}

impl Panel {
    /// What is wrong with it.
    pub(super) fn problem(&self) -> Option<String> {
        let colours = self.thresholds.iter().flat_map(|t| t.steps.iter().map(|step| &step.colour).chain([&t.below]));
        let unknown = colours.into_iter().find(|colour| COLOURS.iter().all(|(name, _)| name != colour));
        if !is_name(&self.id) {
            Some(format!("the id {:?} is not a name", self.id))
        } else if KINDS.iter().all(|(kind, ..)| *kind != self.kind) {
            let known: Vec<&str> = KINDS.iter().map(|(kind, ..)| *kind).collect();
            Some(format!("{:?} is no kind of chart: it is one of {}", self.kind, known.join(", ")))
        } else if self.queries.is_empty() || self.queries.len() > 20 {
            Some("a panel has 1 to 20 queries".to_owned())
        } else {
            unknown.map(|colour| format!("{colour:?} is no colour: it is good, info, warning, critical or idle"))
        }
    }

    /// Columns and rows of the grid.
    pub(super) fn size(&self) -> (u64, u64) {
        KINDS.iter().find(|(kind, ..)| *kind == self.kind).map_or((12, 8), |(_, width, height)| (*width, *height))
    }

    /// The PromQL of its queries, shorthands written out.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.queries.iter().map(|query| SHORTHANDS.iter().fold(query.query.clone(), |text, (short, long)| text.replace(short, long)))
    }

    /// A `Panel` of Perses.
    pub fn to_perses(&self) -> Value {
        let mut spec = Map::new();
        let format = self.unit.as_ref().map(|unit| json!({"unit": unit}));
        match self.kind.as_str() {
            "TimeSeriesChart" => {
                spec.insert("legend".into(), json!({"position": "bottom", "mode": "list"}));
                spec.extend(format.map(|format| ("yAxis".to_owned(), json!({"format": format}))));
            }
            "Table" => {}
            _ => {
                spec.insert("calculation".into(), json!("last-number"));
                spec.extend(format.map(|format| ("format".to_owned(), format)));
            }
        }
        if let Some(thresholds) =
            self.thresholds.as_ref().filter(|_| matches!(self.kind.as_str(), "TimeSeriesChart" | "StatChart" | "GaugeChart"))
        {
            let steps: Vec<Value> =
                thresholds.steps.iter().map(|step| json!({"value": step.value, "color": colour(&step.colour)})).collect();
            spec.insert("thresholds".into(), json!({"defaultColor": colour(&thresholds.below), "steps": steps}));
        }
        spec.extend(self.options.clone());
        let queries: Vec<Value> =
            self.queries.iter().zip(self.texts()).map(|(query, text)| perses_query(&text, query.legend.as_deref())).collect();
        let mut display = json!({"name": self.title});
        if let (Some(description), Some(display)) = (&self.description, display.as_object_mut()) {
            display.insert("description".into(), json!(description));
        }
        json!({"kind": "Panel", "spec": {"display": display, "plugin": {"kind": self.kind, "spec": spec}, "queries": queries}})
    }
}

fn perses_query(text: &str, legend: Option<&str>) -> Value {
    let mut spec = Map::from_iter([("query".to_owned(), json!(text))]);
    spec.extend(legend.map(|legend| ("seriesNameFormat".to_owned(), json!(legend))));
    json!({"kind": "TimeSeriesQuery", "spec": {"plugin": {"kind": "PrometheusTimeSeriesQuery", "spec": spec}}})
}

fn colour(name: &str) -> &'static str {
    COLOURS.iter().find(|(known, _)| *known == name).map_or("#9E9E9E", |(_, colour)| colour)
}
