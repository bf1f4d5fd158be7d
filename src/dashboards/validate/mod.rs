//! What Perses requires of a dashboard, as a list of JSON pointers. What belongs to plugins stays theirs: their specs are not looked into.

mod layouts;
pub(super) mod pieces;
pub(super) mod variables;

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::strict::piece;
use pieces::{At, duration, is_name};

/// Panels, variables and layouts that one dashboard may have; and problems that are told at once.
const MOST_PANELS: usize = 500;
const MOST_VARIABLES: usize = 200;
const MOST_LAYOUTS: usize = 200;
const MOST_DATASOURCES: usize = 100;
const MOST_QUERIES: usize = 100;
const MOST_PROBLEMS: usize = 100;
/// As Perses has it.
const MOST_TAGS: usize = 20;
const LONGEST_TAG: usize = 50;
/// Names that would hide a path of the API.
const RESERVED: [&str; 3] = ["import", "export", "from-template"];
const LONGEST_TITLE: usize = 256;
const LONGEST_TEXT: usize = 10_000;

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where: a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What was found, and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem at a place.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem { pointer: pointer.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.pointer.is_empty() { "the document" } else { &self.pointer }, self.message)
    }
}

/// Everything that is wrong with a document, up to a hundred problems.
pub(super) fn dashboard(document: &Value) -> Vec<Problem> {
    let is_wrong = !problems_of(&At::root(document, false)).is_empty();
    if is_wrong { problems_of(&At::root(document, true)) } else { Vec::new() }
}

/// Texts and names with a NUL. PostgreSQL has no place for one, and no screen shows it.
pub(super) fn nuls(document: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    no_nul(&mut problems, document, &mut String::new());
    problems.truncate(MOST_PROBLEMS);
    problems
}

fn problems_of(root: &At<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(kind) = root.text(&mut problems, "kind").filter(|kind| *kind != "Dashboard") {
        problems.push(Problem::new("/kind", format!("{kind:?} is not \"Dashboard\"")));
    }
    if let Some(metadata) = root.object(&mut problems, "metadata") {
        check_metadata(&mut problems, &metadata);
    }
    if let Some(spec) = root.object(&mut problems, "spec") {
        check_spec(&mut problems, &spec);
    }
    problems.truncate(MOST_PROBLEMS);
    problems
}

fn check_metadata(problems: &mut Vec<Problem>, metadata: &At<'_>) {
    if let Some(name) = metadata.text(problems, "name")
        && !is_name(name)
    {
        problems.push(Problem::new("/metadata/name", format!("{name:?} is not a name: 1 to 75 of a-z, A-Z, 0-9, '_', '.' and '-'")));
    }
    // Beside the dashboards of a project these paths stand for themselves.
    if let Some(name) = metadata.value.get("name").and_then(Value::as_str).filter(|name| RESERVED.contains(name)) {
        problems.push(Problem::new("/metadata/name", format!("{name:?} is the name of a path of its own: take another one")));
    }
    let tags = metadata.items(problems, "tags", MOST_TAGS);
    for tag in &tags {
        match tag.value.as_str() {
            Some(text) if !text.is_empty() && text.chars().count() <= LONGEST_TAG => {}
            _ => problems.push(Problem::new(&tag.pointer, format!("a tag is a text of 1 to {LONGEST_TAG} characters"))),
        }
    }
}

fn check_spec(problems: &mut Vec<Problem>, spec: &At<'_>) {
    check_display(problems, spec);
    for key in ["duration", "refreshInterval"] {
        if let Some(text) = spec.optional_text(problems, key)
            && !text.is_empty()
            && duration(text).is_none()
        {
            problems.push(Problem::new(spec.below(key), format!("{text:?} is not a duration: write 30m or 1h30m")));
        }
    }
    let panels = spec.members(problems, "panels", MOST_PANELS);
    for (key, panel) in &panels {
        check_key(problems, panel, key);
        check_panel(problems, panel);
    }
    let keys: Vec<&str> = panels.iter().map(|(key, _)| *key).collect();
    let grids = spec.items(problems, "layouts", MOST_LAYOUTS);
    layouts::check(problems, &grids, &keys);
    let variables = spec.items(problems, "variables", MOST_VARIABLES);
    variables::check(problems, &variables);
    check_datasources(problems, spec);
}

fn check_display(problems: &mut Vec<Problem>, at: &At<'_>) {
    let Some(display) = at.optional_object(problems, "display") else { return };
    for (key, longest) in [("name", LONGEST_TITLE), ("description", LONGEST_TEXT)] {
        if let Some(text) = display.optional_text(problems, key)
            && text.chars().count() > longest
        {
            problems
                .push(Problem::new(display.below(key), format!("it has {} characters, at most {longest} are kept", text.chars().count())));
        }
    }
}

fn check_key(problems: &mut Vec<Problem>, at: &At<'_>, key: &str) {
    if !is_name(key) {
        problems.push(Problem::new(
            &at.pointer,
            format!("the key {:?} is not a name: 1 to 75 of a-z, A-Z, 0-9, '_', '.' and '-'", shortened(key)),
        ));
    }
}

fn check_panel(problems: &mut Vec<Problem>, panel: &At<'_>) {
    if let Some(kind) = panel.text(problems, "kind").filter(|kind| *kind != "Panel") {
        problems.push(Problem::new(panel.below("kind"), format!("{kind:?} is not \"Panel\"")));
    }
    let Some(spec) = panel.object(problems, "spec") else { return };
    check_display(problems, &spec);
    check_plugin(problems, &spec);
    for query in spec.items(problems, "queries", MOST_QUERIES) {
        query.text(problems, "kind");
        if let Some(spec) = query.object(problems, "spec") {
            check_plugin(problems, &spec);
        }
    }
}

/// A kind that is not empty; the spec is the plugin's own, but an object.
fn check_plugin(problems: &mut Vec<Problem>, at: &At<'_>) {
    let Some(plugin) = at.object(problems, "plugin") else { return };
    if plugin.text(problems, "kind") == Some("") {
        problems.push(Problem::new(plugin.below("kind"), "it is empty: which plugin is it"));
    }
    plugin.optional_object(problems, "spec");
}

fn check_datasources(problems: &mut Vec<Problem>, spec: &At<'_>) {
    let mut defaults: Vec<&str> = Vec::new();
    for (key, datasource) in spec.members(problems, "datasources", MOST_DATASOURCES) {
        check_key(problems, &datasource, key);
        check_plugin(problems, &datasource);
        let kind = datasource.value.pointer("/plugin/kind").and_then(Value::as_str).unwrap_or_default();
        match datasource.value.get("default") {
            None | Some(Value::Null | Value::Bool(false)) => {}
            Some(Value::Bool(true)) if defaults.contains(&kind) => {
                problems.push(Problem::new(datasource.below("default"), format!("another datasource is the default of {kind} already")));
            }
            Some(Value::Bool(true)) => defaults.push(kind),
            Some(_) => problems.push(Problem::new(datasource.below("default"), "it has to be true or false")),
        }
    }
}

fn no_nul(problems: &mut Vec<Problem>, value: &Value, pointer: &mut String) {
    let mut below = |problems: &mut Vec<Problem>, key: &str, value: &Value| {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&piece(key));
        if key.contains('\0') {
            problems.push(Problem::new(pointer.as_str(), "its name has a NUL character"));
        }
        no_nul(problems, value, pointer);
        pointer.truncate(length);
    };
    match value {
        Value::String(text) if text.contains('\0') => problems.push(Problem::new(pointer.as_str(), "the text has a NUL character")),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| below(problems, &index.to_string(), item)),
        Value::Object(members) => members.iter().for_each(|(key, value)| below(problems, key, value)),
        _ => {}
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests;
