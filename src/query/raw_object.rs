//! A JSON object whose members keep their order and their very bytes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Members in the order in which they came. Used to filter an answer without rewriting what stays.
#[derive(Debug, Default)]
pub(super) struct RawObject<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> RawObject<'a> {
    /// The member of this name, unread.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// The member of this name, read.
    pub(super) fn read<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        self.get(name).and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    /// All members.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), *value))
    }

    /// The same object with some members replaced (`Some`) or left as they are (`None`), as text.
    pub(super) fn with(&self, out: &mut String, replacement: impl Fn(&str) -> Option<String>) {
        out.push('{');
        for (i, (key, value)) in self.0.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            push_string(out, key);
            out.push(':');
            match replacement(key) {
                Some(text) => out.push_str(&text),
                None => out.push_str(value.get()),
            }
        }
        out.push('}');
    }
}

/// A JSON string.
pub(super) fn push_string(out: &mut String, text: &str) {
    // A string is always serialisable; were it not, an empty one would be a valid stand-in.
    out.push_str(&serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned()));
}

impl<'de: 'a, 'a> Deserialize<'de> for RawObject<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<'a>(std::marker::PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for Members<'a> {
            type Value = RawObject<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<RawObject<'a>, M::Error> {
                let mut members = Vec::new();
                while let Some(entry) = map.next_entry::<KeyText<'de>, &'de RawValue>()? {
                    members.push((entry.0.0, entry.1));
                }
                Ok(RawObject(members))
            }
        }

        deserializer.deserialize_map(Members(std::marker::PhantomData))
    }
}

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
struct KeyText<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_bytes_stay() {
        let text = r#"{"z":1.50,"a":{"x":[1, 2]},"é\n":"\u00e9","b":null}"#;
        let object: RawObject<'_> = serde_json::from_str(text).unwrap();
        let mut out = String::new();
        object.with(&mut out, |key| (key == "a").then(|| "[]".to_owned()));
        assert_eq!(out, "{\"z\":1.50,\"a\":[],\"é\\n\":\"\\u00e9\",\"b\":null}");
        assert_eq!(object.read::<f64>("z"), Some(1.5));
        assert_eq!(object.get("missing").map(RawValue::get), None);
    }
}
