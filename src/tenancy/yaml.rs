//! Reads the files of users and roles; every complaint knows its line.

use std::collections::BTreeSet;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

use super::{Namespace, Permissions, Scope};

/// What is wrong with a file, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: Option<usize>,
    pub(super) text: String,
}

/// One mapping of a list, with its known keys.
pub(super) struct Entry<'a, 'y> {
    node: &'a MarkedYaml<'y>,
}

fn fault<T>(node: &MarkedYaml<'_>, text: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { line: Some(node.span.start.line()), text: text.into() })
}

/// Calls `each` for every entry of the one list `key` that the file consists of; an empty file has no entries.
pub(super) fn entries(
    text: &str,
    key: &str,
    known: &[&str],
    mut each: impl FnMut(&Entry<'_, '_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let documents = MarkedYaml::load_from_str(text)
        .map_err(|error| Fault { line: Some(error.marker().line()), text: format!("not valid YAML: {error}") })?;
    let [document] = documents.as_slice() else {
        return if documents.is_empty() {
            Ok(())
        } else {
            Err(Fault { line: None, text: "more than one YAML document; expected one".into() })
        };
    };
    if is_null(document) {
        return Ok(());
    }
    let root = Entry { node: document };
    root.known_keys(&[key])?;
    let Some(list) = root.get(key) else {
        return Ok(());
    };
    let YamlData::Sequence(items) = &list.data else {
        return if is_null(list) { Ok(()) } else { fault(list, format!("`{key}` has to be a list")) };
    };
    for item in items {
        let entry = Entry { node: item };
        entry.known_keys(known)?;
        each(&entry)?;
    }
    Ok(())
}

fn is_null(node: &MarkedYaml<'_>) -> bool {
    matches!(node.data, YamlData::Value(Scalar::Null))
}

impl<'a, 'y> Entry<'a, 'y> {
    /// An error at the line of this entry.
    pub(super) fn fault<T>(&self, text: impl Into<String>) -> Result<T, Fault> {
        fault(self.node, text)
    }

    /// An error at the line of this key's value.
    pub(super) fn fault_at<T>(&self, key: &str, text: impl Into<String>) -> Result<T, Fault> {
        fault(self.get(key).unwrap_or(self.node), text)
    }

    fn known_keys(&self, known: &[&str]) -> Result<(), Fault> {
        let YamlData::Mapping(pairs) = &self.node.data else {
            return self.fault(format!("expected a mapping with the keys {}", known.join(", ")));
        };
        for key in pairs.keys() {
            match &key.data {
                YamlData::Value(Scalar::String(name)) if known.contains(&name.as_ref()) => {}
                YamlData::Value(Scalar::String(name)) => {
                    return fault(key, format!("unknown key `{name}`; known keys: {}", known.join(", ")));
                }
                _ => return fault(key, format!("a key that is no word; known keys: {}", known.join(", "))),
            }
        }
        Ok(())
    }

    fn get(&self, key: &str) -> Option<&'a MarkedYaml<'y>> {
        self.node.data.as_mapping_get(key)
    }

    /// A text, if the key is there.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, Fault> {
        match self.get(key) {
            None => Ok(None),
            Some(node) => match &node.data {
                YamlData::Value(Scalar::String(text)) if !text.trim().is_empty() => Ok(Some(text.as_ref())),
                _ => fault(node, format!("`{key}` has to be a text; put it in quotes if it looks like a number")),
            },
        }
    }

    /// `true` or `false`, if the key is there.
    pub(super) fn flag(&self, key: &str) -> Result<bool, Fault> {
        match self.get(key) {
            None => Ok(false),
            Some(node) => match &node.data {
                YamlData::Value(Scalar::Boolean(value)) => Ok(*value),
                _ => fault(node, format!("`{key}` has to be true or false")),
            },
        }
    }

    /// A list of texts, if the key is there.
    pub(super) fn list(&self, key: &str) -> Result<Option<Vec<&'a str>>, Fault> {
        let Some(node) = self.get(key) else {
            return Ok(None);
        };
        let YamlData::Sequence(items) = &node.data else {
            return fault(node, format!("`{key}` has to be a list, such as [a, b]"));
        };
        let text = |item: &'a MarkedYaml<'y>| match &item.data {
            YamlData::Value(Scalar::String(text)) => Ok(text.as_ref()),
            _ => fault(item, format!("an entry of `{key}` is not a text; put it in quotes if it looks like a number")),
        };
        items.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// `namespaces` and `cluster` together.
    pub(super) fn scope(&self) -> Result<Scope, Fault> {
        let cluster = self.flag("cluster")?;
        let names = self.list("namespaces")?.unwrap_or_default();
        if cluster && !names.is_empty() {
            return self.fault_at("namespaces", "`namespaces` beside `cluster: true` means nothing: keep one of the two");
        }
        let mut set = BTreeSet::new();
        for name in names {
            match Namespace::new(name) {
                Ok(namespace) => set.insert(namespace),
                Err(error) => return self.fault_at("namespaces", error.to_string()),
            };
        }
        Ok(if cluster { Scope::ClusterWide } else { Scope::of(set) })
    }

    /// `permissions`, if the key is there.
    pub(super) fn permissions(&self) -> Result<Option<Permissions>, Fault> {
        let Some(texts) = self.list("permissions")? else {
            return Ok(None);
        };
        match Permissions::parse(texts) {
            Ok(set) => Ok(Some(set)),
            Err(error) => self.fault_at("permissions", error.to_string()),
        }
    }
}
