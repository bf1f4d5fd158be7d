use std::collections::BTreeMap;

use super::{Catalogue, Template, VariableError, presets};
use crate::dashboards::{Document, Expect, stored_queries};

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn template(id: &str) -> Template {
    Catalogue::load(None).unwrap().get(id).unwrap().clone()
}

#[test]
fn five_templates_are_built_in_and_valid() {
    let catalogue = Catalogue::load(None).unwrap();
    let counts: Vec<(&str, usize)> = catalogue.iter().map(|template| (template.id.as_str(), template.panels().count())).collect();
    assert_eq!(counts, [("cluster", 12), ("data_pipeline", 9), ("model_serving", 12), ("notebook", 8), ("training_job", 10)]);
    for template in catalogue.iter() {
        let given =
            if template.variables.iter().any(|variable| variable.required) { values(&[("name", "granite-8b")]) } else { values(&[]) };
        let made = template.instantiate("team-a", "n", None, &given).unwrap();
        let document = Document::read(&made.to_string(), Expect::default()).unwrap_or_else(|error| panic!("{}: {error:?}", template.id));
        let queries = stored_queries(document.value());
        assert!(queries.len() >= template.panels().count(), "{}", template.id);
        assert!(queries.iter().all(|query| !query.text.contains("()}") && !query.text.contains("M()") && !query.text.contains("P()")));
    }
}

#[test]
fn there_are_44_presets_of_five_kinds() {
    let presets = presets().unwrap();
    let mut counts = BTreeMap::new();
    for preset in &presets {
        *counts.entry(preset.kind.as_str()).or_insert(0) += 1;
        assert_eq!(preset.problem(), None, "{}", preset.id);
    }
    assert_eq!(counts, BTreeMap::from([("BarChart", 10), ("GaugeChart", 7), ("StatChart", 11), ("Table", 6), ("TimeSeriesChart", 10)]));
    let mut ids: Vec<&str> = presets.iter().map(|preset| preset.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 44);
}

#[test]
fn variables_are_filled_in_from_the_request() {
    let made = template("model_serving").instantiate("team-a", "n", None, &values(&[("name", "llama.3")])).unwrap();
    let value = |index: usize| made["spec"]["variables"][index]["spec"]["value"].as_str().unwrap();
    assert_eq!((value(0), value(1), value(2), value(3)), ("team-a", "llama.3", "llama[.]3", "llama[.]3-(predictor|kserve)-.*"));
    assert_eq!(made["spec"]["display"]["name"], "Model Serving: llama.3");
    let titled = template("cluster").instantiate("team-a", "n", Some("Ours"), &values(&[])).unwrap();
    assert_eq!(titled["spec"]["display"]["name"], "Ours");
}

#[test]
fn what_cannot_be_filled_in() {
    let fill = |pairs: &[(&str, &str)]| template("notebook").instantiate("team-a", "n", None, &values(pairs)).unwrap_err();
    assert_eq!(fill(&[]), VariableError::Missing("name".into()));
    assert_eq!(fill(&[("name", "x"), ("model", "y")]).to_string(), "the template has no variable \"model\": it has name, pods");
    assert!(matches!(fill(&[("name", "x"), ("namespace", "team-b")]), VariableError::Unknown { .. }), "the project is what the path says");
    for odd in ["", "a\"b", "a\\b", "a}", "$other", "a\nb", &"x".repeat(201)] {
        assert_eq!(fill(&[("name", odd)]), VariableError::Value("name".into()), "{odd:?}");
    }
}

#[test]
fn a_folder_adds_and_replaces() {
    let folder = tempfile::tempdir().unwrap();
    let mut own = template("notebook");
    own.title = "Ours".into();
    let mut other = own.clone();
    other.id = "other".into();
    for template in [&own, &other] {
        std::fs::write(folder.path().join(format!("{}.json", template.id)), serde_json::to_string(template).unwrap()).unwrap();
    }
    let catalogue = Catalogue::load(Some(folder.path())).unwrap();
    assert_eq!((catalogue.iter().count(), catalogue.get("notebook").unwrap().title.as_str()), (6, "Ours"));
    for (text, words) in [
        ("{", "EOF"),
        ("{\"id\": 1}", "invalid type"),
        (&serde_json::to_string(&own).unwrap().replace("GaugeChart", "Pie"), "no kind of chart"),
    ] {
        std::fs::write(folder.path().join("bad.json"), text).unwrap();
        let message = Catalogue::load(Some(folder.path())).unwrap_err().to_string();
        assert!(message.contains("bad.json") && message.contains(words), "{message}");
    }
    assert!(Catalogue::load(Some(&folder.path().join("nowhere"))).unwrap_err().to_string().contains("nowhere"));
}
