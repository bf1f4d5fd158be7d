//! Texts of queries with variables in them, filled in to be checked.

use std::collections::BTreeMap;

use serde_json::Value;

/// What Perses fills in by itself, and something that it could be.
const BUILT_IN: [(&str, &str); 10] = [
    ("__rate_interval", "5m"),
    ("__interval", "1m"),
    ("__interval_ms", "60000"),
    ("__range", "1h"),
    ("__range_s", "3600"),
    ("__range_ms", "3600000"),
    ("__from", "1700000000000"),
    ("__to", "1700003600000"),
    ("__dashboard", "dashboard"),
    ("__project", "project"),
];

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// As it stands.
    Text(&'a str),
    /// The name of a variable.
    Variable(&'a str),
}

/// The text with a value for every variable: the document's own defaults, or something that fits between quotes.
pub fn filled(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Variable(name) => {
                let built_in = BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
                out.push_str(values.get(name).map(String::as_str).or(built_in).unwrap_or("x"));
            }
        }
    }
    out
}

/// The values that a document has for its variables.
pub fn default_values(document: &Value) -> BTreeMap<String, String> {
    let variables = document.pointer("/spec/variables").and_then(Value::as_array).into_iter().flatten();
    variables
        .filter_map(|variable| {
            let spec = variable.get("spec")?;
            let value = match spec.get("value").or(spec.get("defaultValue")) {
                Some(Value::String(text)) if text != "$__all" => text.clone(),
                Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|"),
                _ => ".*".to_owned(),
            };
            Some((spec.get("name")?.as_str()?.to_owned(), value))
        })
        .collect()
}

/// All values that a document itself has for its variables: fixed texts, defaults, and the values of static lists.
pub(super) fn own_values(document: &Value) -> BTreeMap<String, Vec<String>> {
    let variables = document.pointer("/spec/variables").and_then(Value::as_array).into_iter().flatten();
    variables
        .filter_map(|variable| {
            let spec = variable.get("spec")?;
            let listed = spec.pointer("/plugin/spec/values").and_then(Value::as_array).into_iter().flatten();
            let given = [spec.get("value"), spec.get("defaultValue")].into_iter().flatten();
            let given = given.flat_map(|value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice));
            let text = |value: &Value| value.get("value").unwrap_or(value).as_str().map(str::to_owned);
            let values = listed.chain(given).filter_map(text).filter(|value| !value.is_empty() && value != "$__all");
            Some((spec.get("name")?.as_str()?.to_owned(), values.collect()))
        })
        .collect()
}

/// `$name`, `${name}` and `${name:format}`; anything else is text.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    parts(text).into_iter().map(|(piece, _)| piece).collect()
}

/// The same, each variable with its format where it has one.
pub(super) fn parts(text: &str) -> Vec<(Piece<'_>, Option<&str>)> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(offset) = text[at..].find('$') {
        let dollar = at + offset;
        let rest = &text[dollar + 1..];
        let (name, format, length) = match rest.strip_prefix('{') {
            Some(inner) => match inner.find('}') {
                Some(end) => {
                    let (name, format) = inner[..end].split_once(':').map_or((&inner[..end], None), |(name, format)| (name, Some(format)));
                    (name.split('.').next().unwrap_or_default(), format, end + 3)
                }
                None => ("", None, 1),
            },
            None => {
                let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
                (&rest[..length], None, length + 1)
            }
        };
        at = dollar + length.max(1);
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        if dollar > start {
            pieces.push((Piece::Text(&text[start..dollar]), None));
        }
        pieces.push((Piece::Variable(name), format));
        start = at;
    }
    if start < text.len() {
        pieces.push((Piece::Text(&text[start..]), None));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_fall_into_pieces() {
        use Piece::{Text, Variable};
        assert_eq!(pieces("a$b-${c:csv}${d}$"), [Text("a"), Variable("b"), Text("-"), Variable("c"), Variable("d"), Text("$")]);
        assert_eq!(pieces("x\"}$ ${"), [Text("x\"}$ ${")]);
        assert_eq!(pieces("ä$ä"), [Text("ä$ä")]);
    }

    #[test]
    fn variables_are_filled_in() {
        let document = json!({"spec": {"variables": [
            {"spec": {"name": "a", "value": "one"}},
            {"spec": {"name": "b", "defaultValue": ["x", "y"]}},
            {"spec": {"name": "c", "defaultValue": "$__all"}},
        ]}});
        let values = default_values(&document);
        assert_eq!(
            filled("up{a=\"$a\",b=~\"${b:regex}\",c=~\"$c\",d=\"$d\"}[$__rate_interval]", &values),
            "up{a=\"one\",b=~\"x|y\",c=~\".*\",d=\"x\"}[5m]"
        );
    }

    #[test]
    fn a_document_knows_values_of_its_own() {
        let document = json!({"spec": {"variables": [
            {"spec": {"name": "a", "value": "one"}},
            {"spec": {"name": "b", "defaultValue": ["x", "$__all"], "plugin": {"spec": {"values": ["y", {"value": "z", "label": "Z"}, 7]}}}},
            {"spec": {"name": "c", "defaultValue": "$__all"}},
        ]}});
        let own = own_values(&document);
        assert_eq!(own["a"], ["one"]);
        assert_eq!(own["b"], ["y", "z", "x"]);
        assert!(own["c"].is_empty());
    }
}
