//! A patch in words: which panel, which variable, what about it.

use std::collections::BTreeSet;

use serde_json::Value;

/// Lines that anybody reads.
const MOST_LINES: usize = 100;
/// Characters of a value that are quoted.
const SHOWN: usize = 60;

/// One line for each thing that changed, in the order of the patch, none twice.
pub(super) fn in_words(from: &Value, to: &Value, patch: &[Value]) -> Vec<String> {
    let mut lines = Vec::new();
    for step in patch {
        let path = step["path"].as_str().unwrap_or_default();
        let pieces: Vec<String> = path.split('/').skip(1).map(|piece| piece.replace("~1", "/").replace("~0", "~")).collect();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let line = line(from, to, step["op"].as_str().unwrap_or_default(), &pieces);
        if lines.len() < MOST_LINES && !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

fn line(from: &Value, to: &Value, op: &str, pieces: &[&str]) -> String {
    match pieces {
        ["spec", "panels", key] if op != "replace" => format!("panel {} was {}", panel(if op == "add" { to } else { from }, key), done(op)),
        ["spec", "panels", key, rest @ ..] => format!("panel {} changed its {}", panel(to, key), of_panel(rest)),
        ["spec", "layouts", ..] => "the layout changed".to_owned(),
        ["spec", "variables", ..] => variables(from, to, pieces),
        ["spec", "datasources", key] if op != "replace" => format!("datasource {key:?} was {}", done(op)),
        ["spec", "datasources", key, ..] => format!("datasource {key:?} changed"),
        ["spec", "display", "name"] => from_to("title", from, to, "/spec/display/name"),
        ["spec", "display", ..] => "the description changed".to_owned(),
        ["spec", "duration"] => from_to("time range", from, to, "/spec/duration"),
        ["spec", "refreshInterval"] => from_to("refresh interval", from, to, "/spec/refreshInterval"),
        ["metadata", "tags", ..] => tags(from, to),
        ["metadata", "state"] => "the state changed".to_owned(),
        [] => "everything changed".to_owned(),
        _ => format!("/{} changed", pieces.join("/")),
    }
}

fn done(op: &str) -> &'static str {
    if op == "add" { "added" } else { "removed" }
}

/// A panel by its title, which is what people see.
fn panel(document: &Value, key: &str) -> String {
    let title = document.get("spec").and_then(|spec| spec.get("panels")?.get(key)?.pointer("/spec/display/name")?.as_str());
    let shown: String = title.filter(|title| !title.is_empty()).unwrap_or(key).chars().take(SHOWN).collect();
    format!("{shown:?}")
}

fn of_panel(rest: &[&str]) -> &'static str {
    match rest {
        ["spec", "queries", ..] => "query",
        ["spec", "display", "name"] => "title",
        ["spec", "display", ..] => "description",
        ["spec", "plugin", "kind"] => "kind of chart",
        ["spec", "plugin", ..] => "settings",
        ["spec", "links", ..] => "links",
        _ => "content",
    }
}

/// By name, for positions move when one goes.
fn variables(from: &Value, to: &Value, pieces: &[&str]) -> String {
    let (old, new) = (named(from, "/spec/variables", "/spec/name"), named(to, "/spec/variables", "/spec/name"));
    if old != new {
        return format!("the variables changed: {}", difference(&old, &new));
    }
    let index = pieces.get(2).and_then(|index| index.parse::<usize>().ok());
    let name = index.and_then(|index| to.pointer(&format!("/spec/variables/{index}/spec/name"))?.as_str());
    name.map_or("the variables changed".to_owned(), |name| format!("variable {name:?} changed"))
}

fn tags(from: &Value, to: &Value) -> String {
    let (old, new) = (named(from, "/metadata/tags", ""), named(to, "/metadata/tags", ""));
    if old == new { "the tags changed".to_owned() } else { format!("the tags changed: {}", difference(&old, &new)) }
}

fn named(document: &Value, list: &str, name: &str) -> BTreeSet<String> {
    let items = document.pointer(list).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.pointer(name)?.as_str().map(str::to_owned)).collect()
}

fn difference(old: &BTreeSet<String>, new: &BTreeSet<String>) -> String {
    let told = |names: Vec<&String>, done: &str| {
        let quoted: Vec<String> = names.iter().take(10).map(|name| format!("{name:?}")).collect();
        (!quoted.is_empty()).then(|| format!("{} {} {done}", quoted.join(", "), if quoted.len() == 1 { "was" } else { "were" }))
    };
    let pieces = [told(new.difference(old).collect(), "added"), told(old.difference(new).collect(), "removed")];
    pieces.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn from_to(what: &str, from: &Value, to: &Value, pointer: &str) -> String {
    let shown = |document: &Value| {
        let text = document.pointer(pointer).and_then(Value::as_str);
        text.map_or("nothing".to_owned(), |text| format!("{:?}", text.chars().take(SHOWN).collect::<String>()))
    };
    format!("the {what} changed from {} to {}", shown(from), shown(to))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::changes;

    fn document() -> Value {
        let panel = |title: &str| json!({"kind": "Panel", "spec": {"display": {"name": title}, "plugin": {"kind": "StatChart", "spec": {"unit": "s"}}, "queries": [{"q": 1}]}});
        json!({"kind": "Dashboard", "metadata": {"tags": ["a", "b"]}, "spec": {
            "display": {"name": "Old"}, "duration": "1h",
            "panels": {"p1": panel("GPU"), "p2": panel("")},
            "variables": [{"spec": {"name": "x"}}, {"spec": {"name": "y"}}],
            "layouts": [{"spec": {"items": [1, 2]}}]
        }})
    }

    fn check(change: impl FnOnce(&mut Value), expected: &[&str]) {
        let mut changed = document();
        change(&mut changed);
        assert_eq!(changes(&document().to_string(), &changed.to_string()).unwrap().summary, expected);
    }

    #[test]
    fn people_read_what_they_know() {
        check(|d| d["spec"]["panels"]["p1"]["spec"]["queries"][0]["q"] = json!(2), &["panel \"GPU\" changed its query"]);
        check(|d| d["spec"]["panels"]["p2"]["spec"]["plugin"]["spec"] = json!({"a": 1}), &["panel \"p2\" changed its settings"]);
        check(|d| d["spec"]["panels"]["p1"]["spec"]["display"]["name"] = json!("CPU"), &["panel \"CPU\" changed its title"]);
        check(|d| drop(d["spec"]["panels"].as_object_mut().unwrap().remove("p1")), &["panel \"GPU\" was removed"]);
        check(|d| d["spec"]["panels"]["p3"] = json!({"spec": {"display": {"name": "New"}}}), &["panel \"New\" was added"]);
        check(|d| d["spec"]["layouts"][0]["spec"]["items"] = json!([2, 1, 3]), &["the layout changed"]);
        check(|d| d["spec"]["display"]["name"] = json!("Neu"), &["the title changed from \"Old\" to \"Neu\""]);
        check(|d| d["spec"]["refreshInterval"] = json!("5s"), &["the refresh interval changed from nothing to \"5s\""]);
        check(|d| d["spec"]["variables"][1]["spec"]["z"] = json!(1), &["variable \"y\" changed"]);
        check(|d| drop(d["spec"]["variables"].as_array_mut().unwrap().remove(0)), &["the variables changed: \"x\" was removed"]);
        check(|d| d["metadata"]["tags"] = json!(["a", "c", "d"]), &["the tags changed: \"c\", \"d\" were added, \"b\" was removed"]);
        check(|d| d["spec"]["odd"] = json!(1), &["/spec/odd changed"]);
        check(|_| {}, &[]);
    }
}
