//! Templates: dashboards that only miss whom they are about; and presets: single panels, ready to be put into any dashboard.
//!
//! * [`Template`]: what it asks for and what it shows; `variables` fills in, `panel` writes what Perses draws
//! * [`Catalogue`]: those that are built in and those of a folder; custom ones are kept by the store (`kept`)

mod catalogue;
mod kept;
mod panel;
mod variables;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Problem;
use super::validate::pieces::{duration, is_name};
pub use catalogue::{Catalogue, presets};
pub use kept::KeptTemplate;
pub use panel::{Panel, Preset};
pub use variables::{TemplateVariable, VariableError};

/// Rows and panels of a template that anybody can look over.
const MOST_ROWS: usize = 50;
const MOST_PANELS: usize = 200;

/// Who can use what is made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// Everybody, in their projects.
    Namespace,
    /// Callers with cluster-wide scope: its queries read what belongs to nobody.
    Cluster,
}

/// A dashboard that only misses whom it is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// As requests have it.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// `model_serving`, `training_job`, `notebook`, `data_pipeline`, `cluster` or `custom`.
    pub category: String,
    /// Who can use it.
    pub scope: Reach,
    /// Of the dashboards made of it.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The range that they show.
    pub duration: String,
    /// How often they are drawn anew.
    pub refresh_interval: String,
    /// What has to be known.
    #[serde(default)]
    pub variables: Vec<TemplateVariable>,
    /// What is shown, from top to bottom.
    pub rows: Vec<Row>,
}

/// Panels below one heading.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The heading.
    pub title: String,
    /// The panels, from left to right.
    pub panels: Vec<Panel>,
}

impl Template {
    /// Everything that is wrong with it.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut expect = |fits: bool, pointer: &str, message: &str| {
            if !fits {
                problems.push(Problem::new(pointer, message));
            }
        };
        expect(is_name(&self.id), "/id", "it is not a name: 1 to 75 of a-z, A-Z, 0-9, '_', '.' and '-'");
        expect((1..=256).contains(&self.title.chars().count()), "/title", "it has to have 1 to 256 characters");
        expect(duration(&self.duration).is_some_and(|ms| ms > 0), "/duration", "it is not a duration: write 1h");
        expect(duration(&self.refresh_interval).is_some(), "/refresh_interval", "it is not a duration: write 30s");
        expect((1..=MOST_ROWS).contains(&self.rows.len()), "/rows", "1 to 50 rows are expected");
        expect(self.panels().count() <= MOST_PANELS, "/rows", "there may be 200 panels at most");
        let mut ids: Vec<&str> = self.panels().map(|panel| panel.id.as_str()).collect();
        ids.sort_unstable();
        expect(ids.windows(2).all(|pair| pair[0] != pair[1]), "/rows", "two panels have the same id");
        for (index, panel) in self.panels().enumerate() {
            problems.extend(panel.problem().map(|message| Problem::new(format!("/rows (panel {index})"), message)));
        }
        problems.extend(variables::problems(&self.variables));
        problems
    }

    /// The panels of all rows.
    pub fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.rows.iter().flat_map(|row| &row.panels)
    }

    /// A Perses dashboard about what `values` say.
    ///
    /// # Errors
    /// When a value is missing, is not asked for, or has characters that it may not have.
    pub fn instantiate(
        &self,
        project: &str,
        name: &str,
        title: Option<&str>,
        values: &BTreeMap<String, String>,
    ) -> Result<Value, VariableError> {
        let filled = variables::fill(&self.variables, project, values)?;
        let about = values.get("name").map(|name| format!("{}: {name}", self.title));
        let title = title.map(str::to_owned).or(about).unwrap_or_else(|| self.title.clone());
        let variables: Vec<Value> = self
            .variables
            .iter()
            .map(|variable| {
                let spec = json!({"name": variable.name, "display": {"name": variable.label}, "value": filled.get(&variable.name)});
                json!({"kind": "TextVariable", "spec": spec})
            })
            .collect();
        let panels: Map<String, Value> = self.panels().map(|panel| (panel.id.clone(), panel.to_perses())).collect();
        Ok(json!({
            "kind": "Dashboard",
            "metadata": {"name": name, "project": project, "tags": self.tags},
            "spec": {
                "display": {"name": title, "description": self.description},
                "duration": self.duration,
                "refreshInterval": self.refresh_interval,
                "variables": variables,
                "panels": panels,
                "layouts": self.rows.iter().map(grid).collect::<Vec<_>>(),
            },
        }))
    }
}

/// From left to right, then down: Perses has 24 columns.
fn grid(row: &Row) -> Value {
    let (mut x, mut y, mut tallest) = (0, 0, 0);
    let mut items = Vec::new();
    for panel in &row.panels {
        let (width, height) = panel.size();
        if x + width > 24 {
            (x, y, tallest) = (0, y + tallest, 0);
        }
        items.push(json!({"x": x, "y": y, "width": width, "height": height, "content": {"$ref": format!("#/spec/panels/{}", panel.id)}}));
        x += width;
        tallest = tallest.max(height);
    }
    json!({"kind": "Grid", "spec": {"display": {"title": row.title, "collapse": {"open": true}}, "items": items}})
}

#[cfg(test)]
mod tests;
