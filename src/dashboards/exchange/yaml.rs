//! YAML to JSON and back. Aliases and tags are refused: a few lines of them can stand for gigabytes.

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::Value;

use super::super::members::Members;

/// Deeper than any dashboard.
const MAX_DEPTH: usize = 64;

/// Why a text is no YAML that is read here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct YamlError {
    line: usize,
    reason: String,
}

/// The JSON of the one document in a text; keys in their order.
pub(super) fn to_json(text: &str) -> Result<String, YamlError> {
    let mut reader = Reader { parser: Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)), line: 1, json: String::new() };
    let mut documents = 0;
    loop {
        match reader.next()? {
            Event::StreamEnd => break,
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err(reader.error("a second document begins here: send one, or an archive"));
                }
                let event = reader.next()?;
                reader.node(event, 0)?;
            }
            _ => {}
        }
    }
    Ok(if reader.json.is_empty() { "null".to_owned() } else { reader.json })
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    line: usize,
    json: String,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, YamlError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(event)
            }
            Some(Err(error)) => Err(YamlError { line: error.marker().line(), reason: error.info().to_owned() }),
            None => Err(self.error("it ends too early")),
        }
    }

    fn error(&self, reason: &str) -> YamlError {
        YamlError { line: self.line, reason: reason.to_owned() }
    }

    /// The recursion is bounded by `MAX_DEPTH`.
    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<(), YamlError> {
        if depth > MAX_DEPTH {
            return Err(self.error("it is nested too deeply"));
        }
        match event {
            Event::Scalar(text, style, _, None) => self.json.push_str(&scalar(&text, style)),
            Event::SequenceStart(_, None) => {
                self.json.push('[');
                let mut first = true;
                loop {
                    let event = self.next()?;
                    if event == Event::SequenceEnd {
                        break;
                    }
                    self.comma(&mut first);
                    self.node(event, depth + 1)?;
                }
                self.json.push(']');
            }
            Event::MappingStart(_, None) => {
                self.json.push('{');
                let mut first = true;
                loop {
                    let key = match self.next()? {
                        Event::MappingEnd => break,
                        Event::Scalar(key, _, _, None) => key,
                        _ => return Err(self.error("a key has to be a plain text")),
                    };
                    self.comma(&mut first);
                    self.json.push_str(&Value::from(&*key).to_string());
                    self.json.push(':');
                    let event = self.next()?;
                    self.node(event, depth + 1)?;
                }
                self.json.push('}');
            }
            Event::Alias(_) => return Err(self.error("aliases (*name) are not read: write the value out")),
            _ => return Err(self.error("tags (!name) are not read")),
        }
        Ok(())
    }

    fn comma(&mut self, first: &mut bool) {
        if !std::mem::take(first) {
            self.json.push(',');
        }
    }
}

/// The core schema of YAML 1.2: what is quoted is text, `yes` is text too.
fn scalar(text: &str, style: ScalarStyle) -> String {
    if style == ScalarStyle::Plain {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return "null".to_owned(),
            "true" | "True" | "TRUE" => return "true".to_owned(),
            "false" | "False" | "FALSE" => return "false".to_owned(),
            // A number of JSON stays as it is written; others, such as 0x1f or .5, are rare enough to be text.
            _ if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') && serde_json::from_str::<serde_json::Number>(text).is_ok() => {
                return text.to_owned();
            }
            _ => {}
        }
    }
    Value::from(text).to_string()
}

/// YAML in block style of a JSON text.
pub fn to_yaml(json: &str) -> String {
    let mut out = String::new();
    write(&mut out, json.trim(), 0, false);
    out
}

fn write(out: &mut String, json: &str, level: usize, in_list: bool) {
    if let Some(members) = Members::read(json).filter(|_| json.starts_with('{')) {
        let mut first = true;
        for (key, value) in members.iter() {
            // The first member of an object in a list stands behind its dash.
            if !(in_list && first) {
                indent(out, level);
            }
            first = false;
            out.push_str(&text(key));
            out.push(':');
            below(out, value.trim(), level, false);
        }
        if first {
            out.push_str("{}\n");
        }
    } else if let Some(items) =
        json.starts_with('[').then(|| serde_json::from_str::<Vec<Box<serde_json::value::RawValue>>>(json).ok()).flatten()
    {
        for item in &items {
            indent(out, level);
            out.push('-');
            below(out, item.get().trim(), level, true);
        }
        if items.is_empty() {
            out.push_str("[]\n");
        }
    } else {
        out.push_str(&leaf(json));
        out.push('\n');
    }
}

/// What follows a key or a dash.
fn below(out: &mut String, value: &str, level: usize, in_list: bool) {
    let is_object = value.starts_with('{');
    let is_empty = matches!(value.get(1..).map(str::trim_start), Some("}" | "]"));
    match value.as_bytes().first() {
        Some(b'{' | b'[') if is_empty => {
            out.push(' ');
            write(out, value, level, false);
        }
        Some(b'{') if in_list && is_object => {
            out.push(' ');
            write(out, value, level + 1, true);
        }
        Some(b'{' | b'[') => {
            out.push('\n');
            write(out, value, level + 1, false);
        }
        _ => {
            out.push(' ');
            write(out, value, level, false);
        }
    }
}

fn indent(out: &mut String, level: usize) {
    out.extend(std::iter::repeat_n("  ", level));
}

fn leaf(json: &str) -> String {
    match serde_json::from_str::<Value>(json) {
        Ok(Value::String(value)) => text(&value),
        _ => json.to_owned(),
    }
}

/// Plain only where no reader could take it for something else; a text of JSON is a text of YAML.
fn text(value: &str) -> String {
    let is_plain = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_'))
        && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(&value.to_ascii_lowercase().as_str());
    if is_plain { value.to_owned() } else { Value::from(value).to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn yaml_as_people_write_it() {
        let text = "# c\nkind: Dashboard\nspec:\n  on: yes\n  z: 1.50\n  a: [1, 'x', null, ~]\n  t: |\n    two\n    lines\n  empty:\n  q: \"$__x{a=\\\"b\\\"}\"\n";
        let json = r#"{"kind":"Dashboard","spec":{"on":"yes","z":1.50,"a":[1,"x",null,null],"t":"two\nlines\n","empty":null,"q":"$__x{a=\"b\"}"}}"#;
        assert_eq!(to_json(text).unwrap(), json);
    }

    #[test]
    fn what_is_not_read() {
        for (text, words) in [
            ("a: &x 1\nb: *x\n", "line 2: aliases"),
            ("a: !!int 1\n", "tags"),
            ("a: 1\n---\nb: 2\n", "second document"),
            ("? [1]\n: 2\n", "plain text"),
            (&"[".repeat(100), "nested too deeply"),
        ] {
            let message = to_json(text).unwrap_err().to_string();
            assert!(message.contains(words), "{text}: {message}");
        }
    }

    #[test]
    fn yaml_as_it_is_written() {
        let json = r#"{"kind":"Dashboard","n":1.50,"e":{},"l":[],"spec":{"a b":["x","1",{"k":"true","m":[1]}],"t":"two\nlines"}}"#;
        let expected = "kind: Dashboard\n\"n\": 1.50\ne: {}\nl: []\nspec:\n  \"a b\":\n    - x\n    - \"1\"\n    - k: \"true\"\n      m:\n        - 1\n  t: \"two\\nlines\"\n";
        assert_eq!(to_yaml(json), expected);
        assert_eq!(to_json(expected).unwrap(), json);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 30, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,6}", inner, 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn there_and_back(value in any_json()) {
            let yaml = to_yaml(&value.to_string());
            let json = to_json(&yaml).map_err(|error| TestCaseError::fail(format!("{error}\n{yaml}")))?;
            prop_assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value, "{}", yaml);
        }
    }
}
