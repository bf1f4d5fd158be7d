//! The queries of a dashboard's panels, ready to be asked again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::interpolate::VariableValue;
use super::live_text::LiveText;
use super::queries::stored_queries;

/// The scrape interval that Perses takes where nobody says another.
const SCRAPE_INTERVAL: Duration = Duration::from_secs(60);
/// The value that stands for all of a list.
const ALL: &str = "$__all";
/// All of a list whose values only a backend knows: every series that has the label.
const ANYTHING: &str = ".+";

/// One query of a panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveQuery {
    /// The panel's key and which of its queries it is: `cpu.0`; where a variable repeats its row, that variable's value too:
    /// `cpu.0[job=api]`.
    pub id: String,
    /// What it asks, or why nothing.
    pub text: Result<LiveText, String>,
}

/// How a dashboard is looked at.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Values of variables by name, as they were given.
    pub given: &'a BTreeMap<String, Vec<String>>,
    /// Distance of points.
    pub step: Duration,
    /// How far back.
    pub window: Duration,
    /// Where the dashboard is kept.
    pub project: &'a str,
    /// What it is called there.
    pub name: &'a str,
}

/// All queries of all panels, in the order of the panels' keys. A panel in a row that a variable repeats is asked once for each of its
/// values.
pub fn live_queries(document: &Value, view: &View<'_>) -> Vec<LiveQuery> {
    let values = values(document, view);
    let repeats = repeats(document);
    let mut of_panel: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for stored in stored_queries(document) {
        let Some(panel) = stored.panel else { continue };
        let nth = of_panel.entry(panel.clone()).or_default();
        let id = format!("{panel}.{nth}");
        *nth += 1;
        let min_step = stored.pointer.strip_suffix("/query").and_then(|spec| document.pointer(spec)?.get("minStep")?.as_str());
        let once = BTreeSet::from([None]);
        let mut is_there_once = false;
        for repeat in repeats.get(panel.as_str()).unwrap_or(&once) {
            // As Perses has it: a variable with one value, or with a text for all of them, repeats nothing.
            let Some((name, several)) = repeat.and_then(|name| match values.get(name) {
                Some(VariableValue::Many(several)) => Some((name, several)),
                _ => None,
            }) else {
                if !std::mem::replace(&mut is_there_once, true) {
                    found.push(LiveQuery { id: id.clone(), text: filled(&stored.text, &values, view, min_step) });
                }
                continue;
            };
            let mut values = values.clone();
            for value in several {
                values.insert(name.to_owned(), VariableValue::One(value.clone()));
                found.push(LiveQuery { id: format!("{id}[{name}={value}]"), text: filled(&stored.text, &values, view, min_step) });
            }
        }
    }
    found
}

/// In which rows each panel stands that is in one: by the variable that repeats it, or in one that is there once.
fn repeats(document: &Value) -> BTreeMap<&str, BTreeSet<Option<&str>>> {
    let mut repeats: BTreeMap<&str, BTreeSet<Option<&str>>> = BTreeMap::new();
    for row in document.pointer("/spec/layouts").and_then(Value::as_array).into_iter().flatten() {
        let variable = row.pointer("/spec/repeatVariable").and_then(Value::as_str).filter(|name| !name.is_empty());
        for item in row.pointer("/spec/items").and_then(Value::as_array).into_iter().flatten() {
            let panel = item.pointer("/content/$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix("#/spec/panels/"));
            if let Some(panel) = panel {
                repeats.entry(panel).or_default().insert(variable);
            }
        }
    }
    repeats
}

fn filled(text: &str, values: &BTreeMap<String, VariableValue>, view: &View<'_>, min_step: Option<&str>) -> Result<LiveText, String> {
    let mut values = values.clone();
    let mut built_in = |name: &str, value: String| drop(values.insert(name.to_owned(), VariableValue::One(value)));
    let scrape = min_step.and_then(duration).unwrap_or(SCRAPE_INTERVAL);
    built_in("__interval", written(view.step));
    built_in("__interval_ms", view.step.as_millis().to_string());
    built_in("__rate_interval", written((view.step + scrape).max(4 * scrape)));
    built_in("__range", written(view.window));
    built_in("__range_s", view.window.as_secs().to_string());
    built_in("__range_ms", view.window.as_millis().to_string());
    built_in("__dashboard", view.name.to_owned());
    built_in("__project", view.project.to_owned());
    LiveText::fill(text, values).map_err(|missing| missing.to_string())
}

/// What each variable is: as given, else as the document has it.
fn values(document: &Value, view: &View<'_>) -> BTreeMap<String, VariableValue> {
    let mut values: BTreeMap<String, VariableValue> = view
        .given
        .iter()
        .filter_map(|(name, given)| Some((name.clone(), chosen(given, given.len() > 1, || ANYTHING.into(), &[])?)))
        .collect();
    let variables = document.pointer("/spec/variables").and_then(Value::as_array).into_iter().flatten();
    for spec in variables.filter_map(|variable| variable.get("spec")) {
        let Some(name) = spec.get("name").and_then(Value::as_str) else { continue };
        let own = spec.get("value").or(spec.get("defaultValue")).map(texts).unwrap_or_default();
        let given = view.given.get(name).unwrap_or(&own);
        let is_many = spec.get("allowMultiple").and_then(Value::as_bool).unwrap_or(false) || given.len() > 1;
        let custom = || spec.get("customAllValue").and_then(Value::as_str).unwrap_or(ANYTHING).to_owned();
        let listed: Vec<String> = match spec.pointer("/plugin/kind").and_then(Value::as_str) {
            Some("StaticListVariable") if spec.get("customAllValue").is_none() => {
                spec.pointer("/plugin/spec/values").map(texts).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        if let Some(value) = chosen(given, is_many, custom, &listed) {
            values.insert(name.to_owned(), value);
        }
    }
    values
}

/// None where there is no value at all.
fn chosen(given: &[String], is_many: bool, custom_all: impl Fn() -> String, listed: &[String]) -> Option<VariableValue> {
    // As Perses writes several into one parameter; each is meant once.
    let mut seen = BTreeSet::new();
    let split: Vec<String> =
        given.iter().flat_map(|value| value.split(',')).filter(|value| seen.insert((*value).to_owned())).map(str::to_owned).collect();
    let is_many = is_many || split.len() > 1;
    if split.iter().any(|value| value == ALL) {
        let mut seen = BTreeSet::new();
        let each_once: Vec<String> = listed.iter().filter(|value| seen.insert(*value)).cloned().collect();
        return Some(if listed.is_empty() { VariableValue::All(custom_all()) } else { VariableValue::Many(each_once) });
    }
    match split.as_slice() {
        [] => None,
        [one] if !is_many => Some(VariableValue::One(one.clone())),
        _ => Some(VariableValue::Many(split)),
    }
}

/// One text or several; entries of static lists may have labels beside their values.
fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    list.iter().filter_map(|one| one.get("value").unwrap_or(one).as_str()).map(str::to_owned).collect()
}

/// As PromQL has it: `1h30m`.
fn written(duration: Duration) -> String {
    let mut left = duration.as_millis();
    let mut out = String::new();
    for (unit, ms) in [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        if left >= ms {
            out.push_str(&format!("{}{unit}", left / ms));
            left %= ms;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

/// A number and a unit, or several of them.
fn duration(text: &str) -> Option<Duration> {
    let mut total = 0_u64;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (digits, behind) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, remaining) = behind.split_at(behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len()));
        let ms = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(ms)?)?;
        rest = remaining;
    }
    (total > 0).then(|| Duration::from_millis(total))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(query: &str, variables: &Value) -> Value {
        let query = json!({"kind": "TimeSeriesQuery", "spec": {"plugin": {"kind": "PrometheusTimeSeriesQuery", "spec": {"query": query}}}});
        json!({"spec": {"panels": {"cpu": {"spec": {"queries": [query]}}}, "variables": variables}})
    }

    fn text(query: &str, variables: &Value, given: &[(&str, &[&str])]) -> Result<String, String> {
        let given = given.iter().map(|(name, values)| ((*name).to_owned(), values.iter().map(|v| (*v).to_owned()).collect())).collect();
        let view =
            View { given: &given, step: Duration::from_secs(15), window: Duration::from_secs(5400), project: "team-a", name: "board" };
        let mut all = live_queries(&document(query, variables), &view);
        assert_eq!(all[0].id, "cpu.0");
        all.remove(0).text.map(|text| text.over(1000, 5_401_000).into_owned())
    }

    fn list(spec: Value) -> Value {
        let mut spec = spec;
        spec["name"] = "x".into();
        json!([{"kind": "ListVariable", "spec": spec}])
    }

    #[test]
    fn built_in_variables_are_those_of_perses() {
        let check = |query, expected: &str| assert_eq!(text(query, &json!([]), &[]).as_deref(), Ok(expected), "{query}");
        check("rate(up[$__rate_interval])", "rate(up[4m])");
        check("$__interval ${__interval_ms} $__range $__range_s $__range_ms", "15s 15000 1h30m 5400 5400000");
        check("x{p=\"$__project\",d=\"${__dashboard}\"}", "x{p=\"team-a\",d=\"board\"}");
        check("up > $__from < ${__to}", "up > 1000 < 5401000");
    }

    #[test]
    fn a_query_knows_how_often_is_scraped() {
        let mut document = document("rate(up[$__rate_interval])", &json!([]));
        let given = BTreeMap::new();
        let mut check = |min_step: &str, step, expected: &str| {
            document["spec"]["panels"]["cpu"]["spec"]["queries"][0]["spec"]["plugin"]["spec"]["minStep"] = min_step.into();
            let view = View { given: &given, step: Duration::from_secs(step), window: Duration::from_secs(60), project: "p", name: "n" };
            assert_eq!(live_queries(&document, &view)[0].text, Ok(LiveText::from(expected.to_owned())), "{min_step}");
        };
        check("30s", 15, "rate(up[2m])");
        check("30s", 300, "rate(up[5m30s])");
        check("nonsense", 15, "rate(up[4m])");
    }

    #[test]
    fn values_are_given_or_the_documents_own() {
        let query = "up{x=~\"$x\"}";
        let check = |variables: &Value, given: &[(&str, &[&str])], expected: &str| {
            assert_eq!(text(query, variables, given).as_deref(), Ok(expected), "{variables} {given:?}");
        };
        let plain = list(json!({"defaultValue": "d"}));
        check(&plain, &[], "up{x=~\"d\"}");
        check(&plain, &[("x", &["a"])], "up{x=~\"a\"}");
        check(&plain, &[("x", &["a", "b"])], "up{x=~\"(a|b)\"}");
        check(&plain, &[("x", &["a,b"])], "up{x=~\"(a|b)\"}");
        check(&list(json!({"defaultValue": ["a", "b"]})), &[], "up{x=~\"(a|b)\"}");
        check(&list(json!({"allowMultiple": true})), &[("x", &["a"])], "up{x=~\"(a)\"}");
        check(&json!([{"kind": "TextVariable", "spec": {"name": "x", "value": "t"}}]), &[], "up{x=~\"t\"}");
        // Of a variable that the document does not have.
        check(&json!([]), &[("x", &["a"])], "up{x=~\"a\"}");
        assert!(text(query, &list(json!({})), &[]).unwrap_err().contains("var-x="));
    }

    #[test]
    fn a_row_is_repeated_for_each_value() {
        let fixed = json!({"kind": "StaticListVariable", "spec": {"values": ["a", "b", "c", "b"]}});
        let row = |repeat: Value| json!({"kind": "Grid", "spec": {"repeatVariable": repeat, "items": [{"content": {"$ref": "#/spec/panels/cpu"}}]}});
        let asked = |variables: &Value, given: &[&str], rows: &[&Value]| {
            let mut document = document("up{x=~\"$x\"}", variables);
            document["spec"]["layouts"] = rows.iter().map(|row| (*row).clone()).collect();
            let given = match given {
                [] => BTreeMap::new(),
                given => BTreeMap::from([("x".to_owned(), given.iter().map(|value| (*value).to_owned()).collect())]),
            };
            let view = View { given: &given, step: Duration::from_secs(15), window: Duration::from_secs(60), project: "p", name: "n" };
            let shown = |query: LiveQuery| format!("{} {}", query.id, query.text.unwrap().over(0, 0));
            live_queries(&document, &view).into_iter().map(shown).collect::<Vec<_>>()
        };
        let many = list(json!({"allowMultiple": true, "allowAllValue": true, "defaultValue": ["a"], "plugin": fixed}));
        let (one_row, repeated) = (row(Value::Null), row("x".into()));
        assert_eq!(asked(&many, &["a", "b"], &[&repeated]), ["cpu.0[x=a] up{x=~\"a\"}", "cpu.0[x=b] up{x=~\"b\"}"]);
        assert_eq!(asked(&many, &[], &[&repeated, &repeated]), ["cpu.0[x=a] up{x=~\"a\"}"]);
        assert_eq!(asked(&many, &[ALL], &[&repeated]).len(), 3, "each once");
        // The same panel in a row of its own.
        let both = asked(&many, &["a", "b"], &[&repeated, &one_row]);
        assert_eq!(both, ["cpu.0 up{x=~\"(a|b)\"}", "cpu.0[x=a] up{x=~\"a\"}", "cpu.0[x=b] up{x=~\"b\"}"]);
        // Nothing to repeat it for.
        let single = list(json!({"plugin": fixed, "defaultValue": "b"}));
        assert_eq!(asked(&single, &[], &[&repeated, &one_row]), ["cpu.0 up{x=~\"b\"}"]);
        let backend = list(json!({"allowMultiple": true, "plugin": {"kind": "PrometheusLabelValuesVariable"}}));
        assert_eq!(asked(&backend, &[ALL], &[&repeated]), ["cpu.0 up{x=~\".+\"}"], "only a backend knows its values");
        assert_eq!(asked(&many, &["a"], &[&row("none".into())]), ["cpu.0 up{x=~\"(a)\"}"]);
    }

    #[test]
    fn all_is_what_the_list_has_or_says_itself() {
        let query = "up{x=~\"$x\"}";
        let check = |spec: Value, expected: &str| assert_eq!(text(query, &list(spec), &[("x", &[ALL])]).as_deref(), Ok(expected));
        let fixed = json!({"kind": "StaticListVariable", "spec": {"values": ["a", {"label": "B", "value": "b"}]}});
        check(json!({"plugin": fixed}), "up{x=~\"(a|b)\"}");
        check(json!({"plugin": fixed, "customAllValue": "[ab]"}), "up{x=~\"[ab]\"}");
        check(json!({"plugin": {"kind": "PrometheusLabelValuesVariable"}}), "up{x=~\".+\"}");
    }
}
