//! `PersesDashboard`, the custom resource of the Perses operator.

use serde_json::{Value, json};

use super::super::members::Members;

/// Where a resource keeps what has no place of its own in it.
const NAME: &str = "hecate/dashboard-name";
const TAGS: &str = "hecate/tags";

/// The resource of a dashboard, as JSON: `perses.dev/v1alpha2`, the body below `spec.config`.
pub fn to_resource(text: &str) -> String {
    let document = Members::read(text).unwrap_or_default();
    let metadata: Value = document.get("metadata").and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    let name = metadata["name"].as_str().unwrap_or_default();
    let object = object_name(name);
    let mut annotations = Members::default();
    if object != name {
        annotations.set(NAME, name);
    }
    if let Some(tags) = metadata["tags"].as_array().filter(|tags| !tags.is_empty()) {
        annotations.set(TAGS, Value::from(tags.clone()).to_string());
    }
    let mut place = Members::default();
    place.set("name", object);
    place.set("namespace", &metadata["project"]);
    if annotations.iter().next().is_some() {
        place.set_text("annotations", annotations.to_text());
    }
    let mut spec = Members::default();
    spec.set_text("config", document.get("spec").unwrap_or("{}").to_owned());
    let mut resource = Members::default();
    resource.set("apiVersion", "perses.dev/v1alpha2");
    resource.set("kind", "PersesDashboard");
    resource.set_text("metadata", place.to_text());
    resource.set_text("spec", spec.to_text());
    resource.to_text()
}

/// The dashboard in a resource: `v1alpha2` has it below `spec.config`, `v1alpha1` in `spec` itself.
pub(super) fn from_resource(resource: &Members) -> String {
    let metadata: Value = resource.get("metadata").and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    let annotation = |name: &str| metadata.get("annotations").and_then(|all| all.get(name)?.as_str());
    let mut own = Members::default();
    own.set("name", annotation(NAME).map_or(metadata["name"].clone(), |name| json!(name)));
    if let Some(namespace) = metadata["namespace"].as_str() {
        own.set("project", namespace);
    }
    if let Some(tags) = annotation(TAGS).and_then(|text| serde_json::from_str::<Vec<String>>(text).ok()) {
        own.set("tags", tags);
    }
    let spec = resource.get("spec").unwrap_or("{}");
    let body = Members::read(spec).and_then(|spec| spec.get("config").map(str::to_owned)).unwrap_or_else(|| spec.to_owned());
    let mut dashboard = Members::default();
    dashboard.set("kind", "Dashboard");
    dashboard.set_text("metadata", own.to_text());
    dashboard.set_text("spec", body);
    dashboard.to_text()
}

/// A name that Kubernetes takes: lower case, digits, `-` and `.`, beginning and ending with a letter or a digit.
fn object_name(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-' { c } else { '-' };
    let mapped: String = name.to_ascii_lowercase().chars().map(fits).collect();
    let trimmed = mapped.trim_matches(['-', '.']);
    // Every piece between dots has to begin and end well, too.
    let pieces: Vec<&str> = trimmed.split('.').map(|piece| piece.trim_matches('-')).filter(|piece| !piece.is_empty()).collect();
    if pieces.is_empty() { "dashboard".to_owned() } else { pieces.join(".") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let text = r#"{"kind":"Dashboard","metadata":{"name":"GPU_main","project":"team-a","tags":["x","y"],"version":3},"spec":{"z":1.50,"a":{"b":1}}}"#;
        let resource = to_resource(text);
        assert_eq!(
            resource,
            r#"{"apiVersion":"perses.dev/v1alpha2","kind":"PersesDashboard","metadata":{"name":"gpu-main","namespace":"team-a","annotations":{"hecate/dashboard-name":"GPU_main","hecate/tags":"[\"x\",\"y\"]"}},"spec":{"config":{"z":1.50,"a":{"b":1}}}}"#
        );
        let back = from_resource(&Members::read(&resource).unwrap());
        assert_eq!(
            back,
            r#"{"kind":"Dashboard","metadata":{"name":"GPU_main","project":"team-a","tags":["x","y"]},"spec":{"z":1.50,"a":{"b":1}}}"#
        );
        let old = r#"{"apiVersion":"perses.dev/v1alpha1","kind":"PersesDashboard","metadata":{"name":"n"},"spec":{"panels":{}}}"#;
        assert_eq!(from_resource(&Members::read(old).unwrap()), r#"{"kind":"Dashboard","metadata":{"name":"n"},"spec":{"panels":{}}}"#);
    }

    #[test]
    fn names_that_kubernetes_takes() {
        for (name, expected) in
            [("a.b-c", "a.b-c"), ("GPU_main", "gpu-main"), ("...", "dashboard"), ("-a.-b-.c_", "a.b.c"), ("_", "dashboard")]
        {
            assert_eq!(object_name(name), expected, "{name}");
        }
    }
}
