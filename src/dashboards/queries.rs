//! The PromQL that stands in a dashboard: in the queries of its panels and in its variables.

use serde_json::Value;

use super::strict::piece;

/// One text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredQuery {
    /// Where it stands: a JSON pointer.
    pub pointer: String,
    /// The key of the panel, when it is a panel's.
    pub panel: Option<String>,
    /// The PromQL, variables as they stand; a series selector where `is_selector`.
    pub text: String,
    /// A selector of a label variable, not an expression.
    pub is_selector: bool,
}

/// All of them, panels first, in the order of their keys.
pub fn stored_queries(document: &Value) -> Vec<StoredQuery> {
    let mut found = Vec::new();
    for (key, panel) in document["spec"]["panels"].as_object().into_iter().flatten() {
        for (index, query) in panel["spec"]["queries"].as_array().into_iter().flatten().enumerate() {
            let plugin = &query["spec"]["plugin"];
            let is_prometheus = plugin["kind"].as_str().is_some_and(|kind| kind.starts_with("Prometheus"));
            if let Some(text) = plugin["spec"]["query"].as_str().filter(|_| is_prometheus) {
                let pointer = format!("/spec/panels/{}/spec/queries/{index}/spec/plugin/spec/query", piece(key));
                found.push(StoredQuery { pointer, panel: Some(key.clone()), text: text.to_owned(), is_selector: false });
            }
        }
    }
    for (index, variable) in document["spec"]["variables"].as_array().into_iter().flatten().enumerate() {
        let plugin = &variable["spec"]["plugin"];
        let at = format!("/spec/variables/{index}/spec/plugin/spec");
        match plugin["kind"].as_str() {
            Some("PrometheusPromQLVariable") => {
                if let Some(text) = plugin["spec"]["expr"].as_str() {
                    found.push(StoredQuery { pointer: format!("{at}/expr"), panel: None, text: text.to_owned(), is_selector: false });
                }
            }
            Some("PrometheusLabelValuesVariable" | "PrometheusLabelNamesVariable") => {
                let matchers = plugin["spec"]["matchers"].as_array();
                for (position, matcher) in matchers.into_iter().flatten().enumerate() {
                    if let Some(text) = matcher.as_str() {
                        let pointer = format!("{at}/matchers/{position}");
                        found.push(StoredQuery { pointer, panel: None, text: text.to_owned(), is_selector: true });
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// A variable that lists labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LabelList {
    /// Of this label it lists the values; without one it lists the names of labels.
    pub(super) label: Option<String>,
    /// Of which series; of all when there are none.
    pub(super) matchers: Vec<String>,
}

/// All of them, in their order.
pub(super) fn label_lists(document: &Value) -> Vec<LabelList> {
    let variables = document["spec"]["variables"].as_array().into_iter().flatten();
    variables
        .filter_map(|variable| {
            let plugin = &variable["spec"]["plugin"];
            let label = match plugin["kind"].as_str()? {
                "PrometheusLabelValuesVariable" => Some(plugin["spec"]["labelName"].as_str()?.to_owned()),
                "PrometheusLabelNamesVariable" => None,
                _ => return None,
            };
            let matchers = plugin["spec"]["matchers"].as_array().into_iter().flatten();
            Some(LabelList { label, matchers: matchers.filter_map(Value::as_str).map(str::to_owned).collect() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn panels_and_variables_are_read_and_other_plugins_are_not() {
        let query =
            |kind: &str, text: &str| json!({"kind": "TimeSeriesQuery", "spec": {"plugin": {"kind": kind, "spec": {"query": text}}}});
        let document = json!({"spec": {
            "panels": {"a/b": {"spec": {"queries": [query("PrometheusTimeSeriesQuery", "up"), query("TempoTraceQuery", "{}")]}}},
            "variables": [
                {"kind": "TextVariable", "spec": {"name": "x", "value": "up"}},
                {"spec": {"plugin": {"kind": "PrometheusPromQLVariable", "spec": {"expr": "sum(x)"}}}},
                {"spec": {"plugin": {"kind": "PrometheusLabelValuesVariable", "spec": {"labelName": "job", "matchers": ["up", "down"]}}}},
            ]
        }});
        let found: Vec<(String, String, bool)> =
            stored_queries(&document).into_iter().map(|q| (q.pointer, q.text, q.is_selector)).collect();
        let expected = [
            ("/spec/panels/a~1b/spec/queries/0/spec/plugin/spec/query", "up", false),
            ("/spec/variables/1/spec/plugin/spec/expr", "sum(x)", false),
            ("/spec/variables/2/spec/plugin/spec/matchers/0", "up", true),
            ("/spec/variables/2/spec/plugin/spec/matchers/1", "down", true),
        ];
        assert_eq!(found, expected.map(|(pointer, text, selector)| (pointer.to_owned(), text.to_owned(), selector)));
    }
}
