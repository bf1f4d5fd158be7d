//! Variables: their names, their kinds, and that none needs itself to be known.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Problem;
use super::pieces::At;

/// As long as a name of a resource.
const LONGEST_NAME: usize = 75;

pub(super) fn check(problems: &mut Vec<Problem>, variables: &[At<'_>]) {
    let mut places: BTreeMap<&str, &At<'_>> = BTreeMap::new();
    for variable in variables {
        let kind = variable.text(problems, "kind");
        let Some(spec) = variable.object(problems, "spec") else { continue };
        if let Some(name) = spec.text(problems, "name") {
            check_name(problems, &spec, name);
            if places.insert(name, variable).is_some() {
                problems.push(Problem::new(spec.below("name"), format!("another variable is called {name:?} already")));
            }
        }
        match kind {
            Some("TextVariable") => {
                spec.text(problems, "value");
            }
            Some("ListVariable") => super::check_plugin(problems, &spec),
            Some(kind) => {
                problems.push(Problem::new(variable.below("kind"), format!("{kind:?} is neither \"TextVariable\" nor \"ListVariable\"")));
            }
            None => {}
        }
    }
    check_circles(problems, &places);
}

fn check_name(problems: &mut Vec<Problem>, spec: &At<'_>, name: &str) {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let fits = (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(allowed) && !name.bytes().all(|b| b.is_ascii_digit());
    if !fits {
        problems.push(Problem::new(
            spec.below("name"),
            format!("{name:?} is not a name of a variable: letters, digits and '_', not digits alone"),
        ));
    } else if name.starts_with("__") {
        problems.push(Problem::new(spec.below("name"), format!("{name:?} begins with \"__\", which Perses' own variables do")));
    }
}

/// Takes away the variables that need only known ones, until none goes: what is left stands in a circle, or needs one that does.
fn check_circles(problems: &mut Vec<Problem>, places: &BTreeMap<&str, &At<'_>>) {
    let mut needs: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (name, variable) in places {
        let mut named = BTreeSet::new();
        if let Some(plugin) = variable.value.pointer("/spec/plugin") {
            collect(plugin, &mut named);
        }
        named.retain(|other| places.contains_key(other.as_str()));
        needs.insert(name, named);
    }
    loop {
        let known: Vec<&str> = needs.iter().filter(|(_, named)| named.is_empty()).map(|(name, _)| *name).collect();
        if known.is_empty() {
            break;
        }
        for name in known {
            needs.remove(name);
            needs.values_mut().for_each(|named| {
                named.remove(name);
            });
        }
    }
    for (name, named) in needs {
        let others: Vec<String> = named.iter().map(|other| format!("{other:?}")).collect();
        if let Some(variable) = places.get(name) {
            let message = format!("the variable {name:?} refers to {} in a circle: none of them can be known", others.join(", "));
            problems.push(Problem::new(&variable.pointer, message));
        }
    }
}

fn collect(value: &Value, named: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => named.extend(variables_in(text)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, named)),
        Value::Object(members) => members.values().for_each(|member| collect(member, named)),
        _ => {}
    }
}

/// Names that a text refers to, as `$name`, `${name}` or `${name:format}`.
pub(in crate::dashboards) fn variables_in(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        let inner = rest.strip_prefix('{').unwrap_or(rest);
        let name: String = inner.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if !name.is_empty() {
            names.push(name);
        }
    }
    names
}
