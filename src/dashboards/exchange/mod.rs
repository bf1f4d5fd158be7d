//! Dashboards on their way in and out: JSON, YAML, the custom resource of the Perses operator, and archives of several.
//!
//! Everything becomes the JSON of a Perses dashboard first; order and spelling are kept as far as the other form has them.

mod archive;
mod resource;
mod yaml;

use serde_json::Value;

use super::members::Members;
pub use archive::{ArchiveError, pack_archive, unpack_archive};
pub use resource::to_resource;
pub use yaml::{YamlError, to_yaml};

/// A document that came in some form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// A Perses dashboard as JSON; not checked yet.
    pub text: String,
    /// What was taken out of it, in words.
    pub notes: Vec<String>,
}

/// Why a text is no dashboard of any form.
#[derive(Debug, thiserror::Error)]
pub enum IncomingError {
    /// Neither JSON nor YAML.
    #[error("this is neither JSON nor YAML: {0}")]
    Yaml(#[from] YamlError),
    /// A dashboard of Grafana, as JSON.
    #[error(
        "this is a dashboard of Grafana: only a Perses server can migrate it, and none is configured (perses.url); migrate it there and import the result"
    )]
    Grafana(String),
    /// Something else.
    #[error("this is no dashboard: a Perses Dashboard or a PersesDashboard resource is expected, and its kind is {0}")]
    Kind(String),
}

/// The Perses dashboard in a text: as it stands, or inside a custom resource; JSON or YAML.
///
/// # Errors
/// When there is none in it.
pub fn read_incoming(text: &str) -> Result<Incoming, IncomingError> {
    let json = if text.trim_start().starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        text.to_owned()
    } else {
        yaml::to_json(text)?
    };
    let members = Members::read(&json).ok_or_else(|| IncomingError::Kind("missing".to_owned()))?;
    let kind = members.get("kind").unwrap_or("missing");
    let dashboard = match kind {
        "\"Dashboard\"" => json,
        "\"PersesDashboard\"" => resource::from_resource(&members),
        _ if members.get("panels").is_some() && members.get("schemaVersion").is_some() => return Err(IncomingError::Grafana(json)),
        other => return Err(IncomingError::Kind(other.chars().take(80).collect())),
    };
    Ok(without_direct_urls(dashboard))
}

/// A datasource with an address of its own would lead browsers around whoever enforces the scope, and tells addresses.
fn without_direct_urls(text: String) -> Incoming {
    let mut notes = Vec::new();
    let Some(mut document) = Members::read(&text) else { return Incoming { text, notes } };
    let Some(mut spec) = document.get("spec").and_then(Members::read) else { return Incoming { text, notes } };
    let Some(mut sources) = spec.get("datasources").and_then(Members::read) else { return Incoming { text, notes } };
    let keys: Vec<String> = sources.iter().map(|(key, _)| key.to_owned()).collect();
    for key in keys {
        let Some(source) = sources.get(&key).and_then(|text| serde_json::from_str::<Value>(text).ok()) else { continue };
        let plugin = source.pointer("/plugin/spec").unwrap_or(&Value::Null);
        if plugin.get("directUrl").is_some() || plugin.get("proxy").is_some() {
            sources.remove(&key);
            notes.push(format!("the datasource {key:?} was left out: it has an address of its own"));
        }
    }
    if notes.is_empty() {
        return Incoming { text, notes };
    }
    spec.set_text("datasources", sources.to_text());
    document.set_text("spec", spec.to_text());
    Incoming { text: document.to_text(), notes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        let plain = read_incoming(r#" {"kind":"Dashboard","spec":{"z":1,"a":1.50}}"#).unwrap();
        assert_eq!((plain.text.as_str(), plain.notes.len()), (r#" {"kind":"Dashboard","spec":{"z":1,"a":1.50}}"#, 0));
        assert_eq!(
            read_incoming("kind: Dashboard\nspec:\n  z: 1\n  a: x\n").unwrap().text,
            r#"{"kind":"Dashboard","spec":{"z":1,"a":"x"}}"#
        );
        for (text, words) in [
            (r#"{"panels":[],"schemaVersion":39,"title":"x"}"#, "Grafana"),
            (r#"{"kind":"Folder"}"#, "its kind is \"Folder\""),
            ("[1]", "its kind is missing"),
            ("a: [", "neither JSON nor YAML"),
            ("", "its kind is missing"),
        ] {
            let message = read_incoming(text).unwrap_err().to_string();
            assert!(message.contains(words), "{text}: {message}");
        }
    }

    #[test]
    fn addresses_of_datasources_are_left_out() {
        let text = r#"{"kind":"Dashboard","spec":{"b":1,"datasources":{"keep":{"plugin":{"kind":"P","spec":{"name":"prom"}}},"go":{"plugin":{"kind":"P","spec":{"directUrl":"http://prom:9090"}}}},"a":2}}"#;
        let incoming = read_incoming(text).unwrap();
        assert_eq!(
            incoming.text,
            r#"{"kind":"Dashboard","spec":{"b":1,"datasources":{"keep":{"plugin":{"kind":"P","spec":{"name":"prom"}}}},"a":2}}"#
        );
        assert_eq!(incoming.notes, ["the datasource \"go\" was left out: it has an address of its own"]);
    }
}
