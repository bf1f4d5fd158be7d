//! Texts of queries with variables in them: filled in to be checked, and recognised when somebody else has filled them in.

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
enum Piece<'a> {
    Text(&'a str),
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

/// Whether a text is this one with values in it. Between quotes a value is anything that does not end them; elsewhere it has no quotes, braces,
/// parentheses or spaces, so that it stays one value. In time proportional to the product of both lengths at worst.
pub fn is_filled_form_of(template: &str, text: &str) -> bool {
    let bytes = text.as_bytes();
    // The places in the text at which the pieces so far can have ended.
    let mut ends = vec![false; bytes.len() + 1];
    ends[0] = true;
    let mut quote = None;
    for piece in pieces(template) {
        let mut next = vec![false; bytes.len() + 1];
        match piece {
            Piece::Text(literal) => {
                for at in (0..=bytes.len()).filter(|at| ends[*at]) {
                    if bytes[at..].starts_with(literal.as_bytes()) {
                        next[at + literal.len()] = true;
                    }
                }
                quote = quote_after(literal, quote);
            }
            Piece::Variable(_) => {
                let mut open = false;
                for at in 0..=bytes.len() {
                    open |= ends[at];
                    next[at] = open;
                    open &= bytes.get(at).is_some_and(|byte| is_value(*byte, quote));
                }
            }
        }
        ends = next;
    }
    ends[bytes.len()]
}

/// The quote that is open after a text, when one was open before it.
fn quote_after(text: &str, before: Option<u8>) -> Option<u8> {
    let (mut quote, mut escaped) = (before, false);
    for byte in text.bytes() {
        match (quote, byte) {
            _ if escaped => escaped = false,
            // Between backticks a backslash is one.
            (Some(b'"' | b'\''), b'\\') => escaped = true,
            (Some(open), byte) if open == byte => quote = None,
            (None, b'"' | b'\'' | b'`') => quote = Some(byte),
            _ => {}
        }
    }
    quote
}

fn is_value(byte: u8, quote: Option<u8>) -> bool {
    if quote.is_some() {
        return !byte.is_ascii_control() && !matches!(byte, b'"' | b'\'' | b'`' | b'\\');
    }
    byte.is_ascii_alphanumeric()
        || byte >= 0x80
        || matches!(byte, b'_' | b'.' | b':' | b'/' | b'|' | b'-' | b'*' | b'+' | b'?' | b'[' | b']' | b'^' | b'@')
}

/// `$name`, `${name}` and `${name:format}`; anything else is text.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(offset) = text[at..].find('$') {
        let dollar = at + offset;
        let rest = &text[dollar + 1..];
        let (name, length) = match rest.strip_prefix('{') {
            Some(inner) => match inner.find('}') {
                Some(end) => (inner[..end].split(':').next().unwrap_or_default(), end + 3),
                None => ("", 1),
            },
            None => {
                let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
                (&rest[..length], length + 1)
            }
        };
        at = dollar + length.max(1);
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        if dollar > start {
            pieces.push(Piece::Text(&text[start..dollar]));
        }
        pieces.push(Piece::Variable(name));
        start = at;
    }
    if start < text.len() {
        pieces.push(Piece::Text(&text[start..]));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
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
    fn a_filled_form_is_recognised_and_nothing_else() {
        let template = "sum(rate(x{ns=\"$ns\",pod=~\"${pods:regex}\"}[$__rate_interval]))";
        for text in [
            "sum(rate(x{ns=\"a\",pod=~\"b-[0-9]+|c\"}[5m]))",
            "sum(rate(x{ns=\"\",pod=~\"\"}[1h30m]))",
            "sum(rate(x{ns=\"a\",pod=~\"b-(c|d)-.* e\"}[5m]))",
        ] {
            assert!(is_filled_form_of(template, text), "{text}");
        }
        for text in [
            "",
            "sum(rate(y{ns=\"a\",pod=~\"b\"}[5m]))",
            "sum(rate(x{ns=\"a\"} or secret{a=\"\",pod=~\"b\"}[5m]))",
            "sum(rate(x{ns=\"a\",pod=~\"b\"}[5m])) + 1",
            "sum(rate(x{ns=\"a\",pod=~\"b\"}[5m] offset 1d))",
            "sum(rate(x{ns=\"a\\\",pod=~\"b\"}[5m]))",
        ] {
            assert!(!is_filled_form_of(template, text), "{text}");
        }
        assert!(!is_filled_form_of("topk($n, up)", "topk(count(secret), up)") && is_filled_form_of("topk($n, up)", "topk(5, up)"));
        assert!(is_filled_form_of("up", "up") && !is_filled_form_of("up", "up2") && is_filled_form_of("$a$b", "xy"));
    }

    proptest! {
        #[test]
        fn what_is_filled_in_is_recognised(template in "[a-c$\\{\\}]{0,12}", value in "[a-z0-9.|-]{0,5}") {
            let values = ["a", "b", "c", "aa", "ab"].iter().map(|name| ((*name).to_owned(), value.clone())).collect();
            prop_assert!(is_filled_form_of(&template, &filled(&template, &values)));
        }
    }
}
