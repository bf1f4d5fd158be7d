//! Values for the variables of a text, written as Perses writes them: `$x`, `${x}`, `${x:format}`.
//!
//! Each place is filled in for itself, once. Perses fills in name by name, so that a value with a `$` in it, or a second format of one
//! variable in one text, comes out differently there.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::filled::{Piece, parts};

/// What a variable is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariableValue {
    /// One text; it stands as it is where no format is named.
    One(String),
    /// Some of a list; `(a|b)` where no format is named.
    Many(Vec<String>),
    /// All of a list that is not known here: a regular expression that fits them, whatever the format.
    All(String),
}

/// A variable of a text for which there is no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variable {0:?} has no value: give var-{0}=…")]
pub struct NoValue(pub String);

/// The text with the values in it.
///
/// # Errors
/// When it names a variable without a value.
pub fn interpolate(text: &str, values: &BTreeMap<String, VariableValue>) -> Result<String, NoValue> {
    let mut out = String::with_capacity(text.len() * 2);
    for (piece, format) in parts(text) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            // What a regular expression found, as in `label_replace`.
            Piece::Variable(name) if name.bytes().all(|byte| byte.is_ascii_digit()) => out.push_str(&format!("${{{name}}}")),
            Piece::Variable(name) => {
                let value = values.get(name).ok_or_else(|| NoValue(name.to_owned()))?;
                out.push_str(&written(name, value, Format::read(format)));
            }
        }
    }
    Ok(out)
}

fn written(name: &str, value: &VariableValue, format: Option<Format>) -> String {
    match value {
        VariableValue::One(text) => format.unwrap_or(Format::Raw).write(name, std::slice::from_ref(text)),
        VariableValue::Many(texts) => format.unwrap_or(Format::Prometheus).write(name, texts),
        VariableValue::All(expression) => expression.clone(),
    }
}

/// The formats of Perses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Csv,
    Distributed,
    DoubleQuote,
    Glob,
    Json,
    Lucene,
    PercentEncode,
    Pipe,
    Prometheus,
    QueryParam,
    Raw,
    Regex,
    RegexLiteral,
    SingleQuote,
    SqlString,
    Text,
}

impl Format {
    /// None for one that nobody knows: then it is as if there were none.
    fn read(name: Option<&str>) -> Option<Format> {
        Some(match name?.to_ascii_lowercase().as_str() {
            "csv" => Format::Csv,
            "distributed" => Format::Distributed,
            "doublequote" => Format::DoubleQuote,
            "glob" => Format::Glob,
            "json" => Format::Json,
            "lucene" => Format::Lucene,
            "percentencode" => Format::PercentEncode,
            "pipe" => Format::Pipe,
            "prometheus" => Format::Prometheus,
            "queryparam" => Format::QueryParam,
            "raw" => Format::Raw,
            "regex" => Format::Regex,
            "regexliteral" => Format::RegexLiteral,
            "singlequote" => Format::SingleQuote,
            "sqlstring" => Format::SqlString,
            "text" => Format::Text,
            _ => return None,
        })
    }

    fn write(self, name: &str, values: &[String]) -> String {
        let each = |write: &dyn Fn(&String) -> String, between: &str| values.iter().map(write).collect::<Vec<_>>().join(between);
        match self {
            Format::Csv | Format::Raw => values.join(","),
            Format::Distributed => values.join(&format!(",{name}=")),
            Format::DoubleQuote => each(&|value| format!("\"{value}\""), ","),
            Format::Glob => format!("{{{}}}", values.join(",")),
            Format::Json => json(values),
            Format::Lucene => format!("({})", each(&|value| format!("\"{value}\""), " OR ")),
            Format::PercentEncode => encoded(&values.join(",")),
            Format::Pipe => values.join("|"),
            Format::Prometheus => format!("({})", values.join("|")),
            Format::QueryParam => each(&|value| format!("{name}={}", encoded(value)), "&"),
            Format::Regex => format!("({})", each(&|value| escaped(value, "\\"), "|")),
            Format::RegexLiteral => format!("({})", each(&|value| escaped(value, "\\\\"), "|")),
            Format::SingleQuote => each(&|value| format!("'{value}'"), ","),
            Format::SqlString => each(&|value| format!("'{}'", value.replace('\'', "''")), ","),
            Format::Text => values.join(" + "),
        }
    }
}

/// What is JSON stands as it is, everything else as a text.
fn json(values: &[String]) -> String {
    let read = |value: &String| serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::String(value.clone()));
    serde_json::Value::Array(values.iter().map(read).collect()).to_string()
}

/// As `encodeURIComponent` does it.
fn encoded(text: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'!')
        .remove(b'~')
        .remove(b'*')
        .remove(b'\'')
        .remove(b'(')
        .remove(b')');
    utf8_percent_encode(text, KEPT).to_string()
}

fn escaped(text: &str, escape: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if "-/\\^$*+?.()|[]{}".contains(character) {
            out.push_str(escape);
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> BTreeMap<String, VariableValue> {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        BTreeMap::from([
            ("one".to_owned(), VariableValue::One("a.b c'd".to_owned())),
            ("many".to_owned(), VariableValue::Many(own(&["x-1", "y"]))),
            ("single".to_owned(), VariableValue::Many(own(&["x"]))),
            ("all".to_owned(), VariableValue::All(".+".to_owned())),
            ("json".to_owned(), VariableValue::Many(own(&["{\"k\":1}", "z"]))),
            ("one_more".to_owned(), VariableValue::One("m".to_owned())),
        ])
    }

    #[test]
    fn every_format_is_that_of_perses() {
        let check = |text: &str, expected: &str| assert_eq!(interpolate(text, &values()).as_deref(), Ok(expected), "{text}");
        check("$one|$many|$single|$all", "a.b c'd|(x-1|y)|(x)|.+");
        check("${one}${one_more}$one_more", "a.b c'dmm");
        check("${many:csv} ${many:raw}", "x-1,y x-1,y");
        check("many=${many:distributed}", "many=x-1,many=y");
        check("${many:doublequote}", "\"x-1\",\"y\"");
        check("${many:glob}", "{x-1,y}");
        check("${many:json} ${json:json}", r#"["x-1","y"] [{"k":1},"z"]"#);
        check("${many:lucene}", "(\"x-1\" OR \"y\")");
        check("${one:percentencode}", "a.b%20c'd");
        check("${many:pipe}", "x-1|y");
        check("${one:prometheus}", "(a.b c'd)");
        check("${many:queryparam}", "many=x-1&many=y");
        check("${many:regex} ${one:REGEX}", "(x\\-1|y) (a\\.b c'd)");
        check("${many:regexliteral}", "(x\\\\-1|y)");
        check("${many:singlequote}", "'x-1','y'");
        check("${one:sqlstring}", "'a.b c''d'");
        check("${many:text}", "x-1 + y");
        check("${many:nonsense} ${all:regex} ${many.field:pipe}", "(x-1|y) .+ x-1|y");
    }

    #[test]
    fn what_is_no_variable_stays() {
        for text in ["up{a=\"b$\"}", "$ ${ ${} $", "label_replace(up, \"a\", \"${1}\")", "costs 5$ \u{e9}$\u{e9}"] {
            assert_eq!(interpolate(text, &values()).as_deref(), Ok(text));
        }
        assert_eq!(interpolate("label_replace(up, \"a\", \"$1x\")", &values()), Err(NoValue("1x".to_owned())));
        assert_eq!(interpolate("label_replace(up, \"a\", \"$1-$2\")", &values()).as_deref(), Ok("label_replace(up, \"a\", \"${1}-${2}\")"));
        assert_eq!(interpolate("x $nobody", &values()), Err(NoValue("nobody".to_owned())));
    }
}
