//! A cursor over a document that knows its place, and what several checks ask.

use serde_json::Value;

use super::super::strict::piece;
use super::Problem;

/// A value and where it stands.
#[derive(Clone)]
pub(super) struct At<'a> {
    pub(super) value: &'a Value,
    pub(super) pointer: String,
    is_placed: bool,
}

impl<'a> At<'a> {
    /// Where only whether something is wrong is asked, pointers are not written: that takes longer than the checks.
    pub(super) fn root(value: &'a Value, is_placed: bool) -> At<'a> {
        At { value, pointer: String::new(), is_placed }
    }

    /// The pointer of a member.
    pub(super) fn below(&self, key: &str) -> String {
        if self.is_placed { [&self.pointer, "/", &piece(key)].concat() } else { String::new() }
    }

    fn under(&self, key: &str, value: &'a Value) -> At<'a> {
        At { value, pointer: self.below(key), is_placed: self.is_placed }
    }

    fn member(&self, key: &str) -> Option<At<'a>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(self.under(key, value))
    }

    /// A text that has to be there.
    pub(super) fn text(&self, problems: &mut Vec<Problem>, key: &str) -> Option<&'a str> {
        match self.member(key) {
            None => missing(problems, self.below(key), "a text"),
            Some(at) => as_text(problems, &at),
        }
    }

    pub(super) fn optional_text(&self, problems: &mut Vec<Problem>, key: &str) -> Option<&'a str> {
        self.member(key).and_then(|at| as_text(problems, &at))
    }

    /// An object that has to be there.
    pub(super) fn object(&self, problems: &mut Vec<Problem>, key: &str) -> Option<At<'a>> {
        match self.member(key) {
            None => missing(problems, self.below(key), "an object"),
            Some(at) => as_object(problems, at),
        }
    }

    pub(super) fn optional_object(&self, problems: &mut Vec<Problem>, key: &str) -> Option<At<'a>> {
        self.member(key).and_then(|at| as_object(problems, at))
    }

    /// The items of a list that may be missing.
    pub(super) fn items(&self, problems: &mut Vec<Problem>, key: &str, most: usize) -> Vec<At<'a>> {
        let Some(at) = self.member(key) else { return Vec::new() };
        let Value::Array(items) = at.value else {
            problems.push(Problem::new(at.pointer, format!("{} stands where a list is expected", describe(at.value))));
            return Vec::new();
        };
        if items.len() > most {
            problems.push(Problem::new(&at.pointer, format!("it has {} entries, at most {most} are kept", items.len())));
        }
        items.iter().take(most).enumerate().map(|(index, value)| at.under(&index.to_string(), value)).collect()
    }

    /// The members of an object that may be missing.
    pub(super) fn members(&self, problems: &mut Vec<Problem>, key: &str, most: usize) -> Vec<(&'a str, At<'a>)> {
        let Some(at) = self.optional_object(problems, key) else { return Vec::new() };
        let Value::Object(members) = at.value else { return Vec::new() };
        if members.len() > most {
            problems.push(Problem::new(&at.pointer, format!("it has {} entries, at most {most} are kept", members.len())));
        }
        members.iter().take(most).map(|(key, value)| (key.as_str(), at.under(key, value))).collect()
    }

    /// A whole number from `least` on, that has to be there.
    pub(super) fn number(&self, problems: &mut Vec<Problem>, key: &str, least: u64) -> Option<u64> {
        let found = self.member(key);
        let number = found.as_ref().and_then(|at| at.value.as_u64()).filter(|number| *number >= least && *number <= 100_000);
        if number.is_none() {
            let shown = found.map_or("nothing", |at| describe(at.value));
            problems.push(Problem::new(self.below(key), format!("{shown} stands where a whole number from {least} on is expected")));
        }
        number
    }
}

fn missing<T>(problems: &mut Vec<Problem>, pointer: String, expected: &str) -> Option<T> {
    problems.push(Problem::new(pointer, format!("it is missing: {expected} is expected")));
    None
}

fn as_text<'a>(problems: &mut Vec<Problem>, at: &At<'a>) -> Option<&'a str> {
    let text = at.value.as_str();
    if text.is_none() {
        problems.push(Problem::new(&at.pointer, format!("{} stands where a text is expected", describe(at.value))));
    }
    text
}

fn as_object<'a>(problems: &mut Vec<Problem>, at: At<'a>) -> Option<At<'a>> {
    if at.value.is_object() {
        return Some(at);
    }
    problems.push(Problem::new(at.pointer, format!("{} stands where an object is expected", describe(at.value))));
    None
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A name of a resource, as Perses has it: 1 to 75 of `a-z A-Z 0-9 _ . -`. Not `.` and `..`, which are no path.
pub(in crate::dashboards) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=75).contains(&text.len()) && text.bytes().all(allowed) && !matches!(text, "." | "..")
}

/// Milliseconds of a duration as Prometheus writes it: `30s`, `1h30m`, `0s`, or a plain `0`.
pub(in crate::dashboards) fn duration(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 7] =
        [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000), ("y", 31_536_000_000)];
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_lowercase).count();
        let (unit, after) = after.split_at(letters);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*factor)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}
