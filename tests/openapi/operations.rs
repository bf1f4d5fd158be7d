//! Which operation of the document a request was.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Method and template, such as `get /api/v1/query`.
pub(crate) fn all(document: &Value) -> BTreeSet<String> {
    let methods = ["get", "post", "put", "patch", "delete"];
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(template, item)| methods.iter().filter(|name| item.get(**name).is_some()).map(move |name| format!("{name} {template}")))
        .collect()
}

/// The statuses of each operation, from a recording in the HTTP archive format.
pub(crate) fn answered(archive: &Value, known: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<u64>> {
    let mut found = BTreeMap::<String, BTreeSet<u64>>::new();
    for entry in archive["log"]["entries"].as_array().unwrap() {
        let method = entry["request"]["method"].as_str().unwrap().to_ascii_lowercase();
        let url: reqwest::Url = entry["request"]["url"].as_str().unwrap().parse().unwrap();
        if let Some(operation) = operation(known, &method, url.path()) {
            found.entry(operation.to_owned()).or_default().insert(entry["response"]["status"].as_u64().unwrap());
        }
    }
    found
}

/// What stands word for word comes before what may be anything.
fn operation<'a>(known: &'a BTreeSet<String>, method: &str, path: &str) -> Option<&'a str> {
    let fits = |template: &str| {
        let (parts, segments): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        parts.len() == segments.len() && parts.iter().zip(&segments).all(|(part, segment)| part.starts_with('{') || part == segment)
    };
    let candidates =
        known.iter().filter(|operation| operation.split_once(' ').is_some_and(|(verb, template)| verb == method && fits(template)));
    candidates.min_by_key(|operation| operation.matches('{').count()).map(String::as_str)
}
