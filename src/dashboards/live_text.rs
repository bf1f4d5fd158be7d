//! A query that is asked over one window after the other, and may name their ends: `$__from`, `$__to`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::filled::{Piece, pieces};
use super::interpolate::{NoValue, VariableValue, interpolate};

const FROM: &str = "__from";
const TO: &str = "__to";

/// PromQL without variables, once the window is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveText(Form);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// The same for every window.
    Still(String),
    /// With places for the ends of the window, and the values for all others.
    Moving(String, BTreeMap<String, VariableValue>),
}

impl From<String> for LiveText {
    /// PromQL as it stands.
    fn from(text: String) -> LiveText {
        LiveText(Form::Still(text))
    }
}

impl LiveText {
    /// A text with these values in it.
    ///
    /// # Errors
    /// When it names a variable without a value, other than the ends of the window.
    pub fn fill(text: &str, mut values: BTreeMap<String, VariableValue>) -> Result<LiveText, NoValue> {
        let is_end = |piece: &Piece<'_>| matches!(piece, Piece::Variable(FROM | TO));
        put_ends(&mut values, "$__from", "$__to");
        let filled = interpolate(text, &values)?;
        Ok(LiveText(if pieces(text).iter().any(is_end) { Form::Moving(text.to_owned(), values) } else { Form::Still(filled) }))
    }

    /// What is asked over one window, its ends in milliseconds since 1970.
    pub fn over(&self, start_ms: i64, end_ms: i64) -> Cow<'_, str> {
        match &self.0 {
            Form::Still(text) => text.into(),
            Form::Moving(text, values) => {
                let mut values = values.clone();
                put_ends(&mut values, &start_ms.to_string(), &end_ms.to_string());
                refilled(text, &values).into()
            }
        }
    }

    /// What tells it from all others, where one window does not.
    pub fn moving(&self) -> Option<String> {
        match &self.0 {
            Form::Still(_) => None,
            Form::Moving(text, values) => Some(format!("{text:?} {values:?}")),
        }
    }
}

impl fmt::Display for LiveText {
    /// The ends of the window as `$__from` and `$__to`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Still(text) => f.write_str(text),
            Form::Moving(text, values) => f.write_str(&refilled(text, values)),
        }
    }
}

fn put_ends(values: &mut BTreeMap<String, VariableValue>, from: &str, to: &str) {
    for (name, end) in [(FROM, from), (TO, to)] {
        values.insert(name.to_owned(), VariableValue::One(end.to_owned()));
    }
}

/// A text that was filled with values of the same names before.
fn refilled(text: &str, values: &BTreeMap<String, VariableValue>) -> String {
    interpolate(text, values).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, value: &str) -> LiveText {
        LiveText::fill(text, BTreeMap::from([("x".to_owned(), VariableValue::One(value.to_owned()))])).unwrap()
    }

    #[test]
    fn a_text_that_names_no_end_stays() {
        let text = filled("up{x=\"$x\"}", "$__from");
        assert_eq!((text.over(1, 2).as_ref(), text.moving()), ("up{x=\"$__from\"}", None), "a value is none of its places");
        assert_eq!(text, LiveText::from("up{x=\"$__from\"}".to_owned()));
    }

    #[test]
    fn the_ends_are_those_of_the_window() {
        let text = filled("up{x=\"$x\"} > $__from < ${__to:csv}", "a");
        assert_eq!(text.over(1, 2), "up{x=\"a\"} > 1 < 2");
        assert_eq!(text.over(3, 4), "up{x=\"a\"} > 3 < 4");
        assert_eq!(text.to_string(), "up{x=\"a\"} > $__from < $__to");
    }

    #[test]
    fn what_is_filled_differently_is_not_the_same() {
        let names = [("up > $__from", "a"), ("up > $__to", "a"), ("up > $__from + $x", "1"), ("up > $__from + $x", "2")];
        let names: Vec<_> = names.iter().map(|(text, value)| filled(text, value).moving().unwrap()).collect();
        assert!((0..4).all(|a| (0..a).all(|b| names[a] != names[b])), "{names:?}");
    }

    #[test]
    fn a_variable_without_a_value_is_named() {
        assert_eq!(LiveText::fill("up > $__from + $y", BTreeMap::new()), Err(NoValue("y".to_owned())));
    }
}
