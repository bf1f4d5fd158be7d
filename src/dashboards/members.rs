//! JSON objects whose order and spelling are kept: only what is changed is written anew.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// The members of an object, in their order, each value as the text that it was.
#[derive(Clone, Debug, Default)]
pub struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// The members of the object in this text; `None` when there is none.
    pub fn read(text: &str) -> Option<Members> {
        serde_json::from_str(text).ok()
    }

    /// The text of a value.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.get())
    }

    /// Puts a value in the place of the one of this name, or at the end. What cannot be written as JSON is left out.
    pub fn set(&mut self, key: &str, value: impl Serialize) {
        if let Ok(value) = to_raw_value(&value) {
            self.put(key, value);
        }
    }

    /// The same with a JSON text.
    pub fn set_text(&mut self, key: &str, text: String) {
        if let Ok(value) = RawValue::from_string(text) {
            self.put(key, value);
        }
    }

    fn put(&mut self, key: &str, value: Box<RawValue>) {
        match self.0.iter_mut().find(|(name, _)| name == key) {
            Some((_, place)) => *place = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(name, _)| name != key);
    }

    /// Names and texts, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.get()))
    }

    /// The object as text.
    pub fn to_text(&self) -> String {
        // Texts and raw values can always be written.
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }
}

/// RFC 7396: the target with the patch merged in; members that stay keep their place and spelling.
pub fn merged(target: &str, patch: &str) -> String {
    let Some(patch_members) = Members::read(patch) else { return patch.trim().to_owned() };
    let mut members = Members::read(target).unwrap_or_default();
    for (key, value) in patch_members.iter() {
        if value.trim() == "null" {
            members.remove(key);
        } else {
            let below = merged(members.get(key).unwrap_or("null"), value);
            members.set_text(key, below);
        }
    }
    members.to_text()
}

/// The text without white space between its pieces. The text has to be valid JSON.
pub(super) fn minified(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // What stands between two texts, then a text.
    while let Some(at) = rest.find('"') {
        out.extend(rest[..at].split(BLANK));
        let end = end_of_text(&rest[at..]);
        out.push_str(&rest[at..at + end]);
        rest = &rest[at + end..];
    }
    out.extend(rest.split(BLANK));
    out
}

const BLANK: [char; 4] = [' ', '\t', '\n', '\r'];

/// Where the text ends that begins here with a quote.
fn end_of_text(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(next) = memchr::memchr2(b'"', b'\\', &bytes[at.min(bytes.len())..]) {
        at += next;
        if bytes[at] == b'"' {
            return at + 1;
        }
        // Whatever follows a backslash does not end it.
        at += 2;
    }
    bytes.len()
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn order_and_spelling_stay() {
        let text = r#"{"z":1.50,"a":{"y":1e3,"b":[ 1, 2 ]},"m":12345678901234567890123}"#;
        let mut members = Members::read(text).unwrap();
        assert_eq!(members.to_text(), text);
        members.set("a", 1);
        members.set("new", "x");
        members.remove("m");
        assert_eq!(members.to_text(), r#"{"z":1.50,"a":1,"new":"x"}"#);
        assert!(Members::read("[1]").is_none() && Members::read("{").is_none());
    }

    #[test]
    fn merge_patches_of_the_rfc() {
        // The table in the appendix of RFC 7396.
        for (target, patch, expected) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, r#"{}"#),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            assert_eq!(merged(target, patch), expected, "{target} {patch}");
        }
    }

    #[test]
    fn white_space_goes_where_it_means_nothing() {
        assert_eq!(minified("{ \"a b\" :\n[ 1 ,\t\"x \\\" y\\\\\" ] }\r\n"), "{\"a b\":[1,\"x \\\" y\\\\\"]}");
        assert_eq!(minified("\"ä \u{2028} 日本\""), "\"ä \u{2028} 日本\"");
    }

    proptest! {
        #[test]
        fn a_minified_text_means_the_same(keys in prop::collection::vec(".{0,8}", 0..4), number in any::<f64>()) {
            let value = serde_json::json!({"keys": keys, "number": number, "nested": {"a": keys}});
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(minified(&pretty), value.to_string());
        }
    }
}
