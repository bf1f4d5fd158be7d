//! From the tree to values: a cursor that knows the path of its keys and goes on after a mistake.
//!
//! A topic asks for its keys one by one; keys that nobody asked for are unknown. So the decoder is the only list of keys.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::error::{ConfigError, Place};
use super::later;
use super::yaml::{Node, Value};

/// More errors than this help nobody.
const MAX_ERRORS: usize = 200;

/// What the whole reading collects.
#[derive(Debug, Default)]
pub(super) struct Findings {
    errors: RefCell<Vec<ConfigError>>,
    places: RefCell<BTreeMap<String, Place>>,
    /// Every key that was asked for, list positions as `[]`.
    asked: RefCell<BTreeSet<String>>,
}

impl Findings {
    /// Notes an error; beyond the bound they are dropped.
    pub(super) fn error(&self, place: Option<&Place>, key: &str, message: impl Into<String>) {
        let mut errors = self.errors.borrow_mut();
        match errors.len().cmp(&MAX_ERRORS) {
            Ordering::Less => errors.push(ConfigError::new(place.cloned(), key, message)),
            Ordering::Equal => errors.push(ConfigError::new(None, "", "and more, which are shown when these are mended")),
            Ordering::Greater => {}
        }
    }

    fn is_full(&self) -> bool {
        self.errors.borrow().len() > MAX_ERRORS
    }

    /// Where a key stands, as far as it was read.
    pub(super) fn place_of(&self, key: &str) -> Option<Place> {
        self.places.borrow().get(key).cloned()
    }

    /// An error at a key that was read.
    pub(super) fn error_at(&self, key: &str, message: impl Into<String>) {
        self.error(self.place_of(key).as_ref(), key, message);
    }

    /// Errors, places and the keys that were asked for.
    pub(super) fn into_parts(self) -> (Vec<ConfigError>, BTreeMap<String, Place>, BTreeSet<String>) {
        (self.errors.into_inner(), self.places.into_inner(), self.asked.into_inner())
    }

    /// Reads the mapping that a whole file is.
    pub(super) fn root<T>(&self, node: &Node, read: impl FnOnce(&mut Map<'_>) -> T) -> Option<T> {
        self.mapping(node, String::new(), read)
    }

    fn mapping<T>(&self, node: &Node, path: String, read: impl FnOnce(&mut Map<'_>) -> T) -> Option<T> {
        let entries = match &node.value {
            Value::Map(entries) => entries.as_slice(),
            Value::Null => &[],
            other => {
                let message = format!("{} stands where keys with values are expected, one `key: value` a line", describe(other));
                self.error(Some(&node.place), &path, message);
                return None;
            }
        };
        let mut map = Map { findings: self, path, place: &node.place, entries, known: Vec::new() };
        let value = read(&mut map);
        map.refuse_unknown();
        Some(value)
    }
}

/// One mapping of the file, read key by key.
pub(super) struct Map<'a> {
    findings: &'a Findings,
    path: String,
    place: &'a Place,
    entries: &'a [(String, Node)],
    known: Vec<&'static str>,
}

impl<'a> Map<'a> {
    /// The full path of a key in here.
    pub(super) fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Everything found so far, for checks over several keys.
    pub(super) fn findings(&self) -> &'a Findings {
        self.findings
    }

    /// An error about the mapping itself.
    pub(super) fn error(&self, message: impl Into<String>) {
        self.findings.error(Some(self.place), &self.path, message);
    }

    /// An error about one key in here, at its place when it has one.
    pub(super) fn error_at(&self, key: &str, message: impl Into<String>) {
        let path = self.path_of(key);
        let place = self.findings.place_of(&path).unwrap_or_else(|| self.place.clone());
        self.findings.error(Some(&place), &path, message);
    }

    /// Whether the key stands there with a value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, node)| name == key && !matches!(node.value, Value::Null))
    }

    /// Whether a list stands there, without entries.
    pub(super) fn is_empty_list(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, node)| name == key && matches!(&node.value, Value::List(items) if items.is_empty()))
    }

    /// How many entries the list has, right or wrong; 0 when there is no list.
    pub(super) fn length_of(&self, key: &str) -> usize {
        let entry = self.entries.iter().find(|(name, _)| name == key);
        entry.map_or(0, |(_, node)| if let Value::List(items) = &node.value { items.len() } else { 0 })
    }

    /// What else stands in here cannot be judged.
    pub(super) fn ignore_rest(&mut self) {
        self.entries = &[];
    }

    /// The node of a key, which is known from now on; `None` when it is missing or empty.
    pub(super) fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        let path = self.path_of(key);
        self.findings.asked.borrow_mut().insert(without_positions(&path));
        let (_, node) = self.entries.iter().find(|(name, _)| name == key)?;
        self.findings.places.borrow_mut().insert(path, node.place.clone());
        (!matches!(node.value, Value::Null)).then_some(node)
    }

    /// One value; `None` when it is missing or wrong.
    pub(super) fn value<T>(&mut self, key: &'static str, read: impl FnOnce(&Node) -> Result<T, String>) -> Option<T> {
        let node = self.node(key)?;
        read(node).map_err(|message| self.error_at(key, message)).ok()
    }

    /// As [`Map::value`]; a missing key is an error that says what is expected.
    pub(super) fn required<T>(&mut self, key: &'static str, expected: &str, read: impl FnOnce(&Node) -> Result<T, String>) -> Option<T> {
        if !self.has(key) {
            self.node(key);
            self.error_at(key, format!("missing; {expected}"));
            return None;
        }
        self.value(key, read)
    }

    /// A mapping below; `None` when it is missing, empty or no mapping.
    pub(super) fn map<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Map<'_>) -> T) -> Option<T> {
        let node = self.node(key)?;
        self.findings.mapping(node, self.path_of(key), read)
    }

    /// A mapping below that may be missing: the reader is asked even then, so that defaults have one home.
    pub(super) fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Map<'_>) -> T) -> Option<T> {
        match self.node(key) {
            Some(node) => self.findings.mapping(node, self.path_of(key), read),
            None => {
                let path = self.path_of(key);
                let mut map = Map { findings: self.findings, path, place: self.place, entries: &[], known: Vec::new() };
                Some(read(&mut map))
            }
        }
    }

    /// A list of mappings; the reader gives `None` for one that is wrong. `None` when the list is missing.
    pub(super) fn maps<T>(&mut self, key: &'static str, mut read: impl FnMut(&mut Map<'_>) -> Option<T>) -> Option<Vec<T>> {
        let items = self.items(key)?;
        let values = items.into_iter().filter_map(|(path, node)| self.findings.mapping(node, path, &mut read).flatten());
        Some(values.collect())
    }

    /// A list of values; wrong ones are left out. `None` when the list is missing.
    pub(super) fn values<T>(&mut self, key: &'static str, read: impl Fn(&Node) -> Result<T, String>) -> Option<Vec<T>> {
        let mut values = Vec::new();
        for (path, node) in self.items(key)? {
            match read(node) {
                Ok(value) => values.push(value),
                Err(message) => self.findings.error(Some(&node.place), &path, message),
            }
        }
        Some(values)
    }

    /// A mapping whose keys are the person's own, such as header names.
    pub(super) fn entries(&mut self, key: &'static str) -> &'a [(String, Node)] {
        let Some(node) = self.node(key) else { return &[] };
        match &node.value {
            Value::Map(entries) => entries,
            other => {
                self.error_at(key, format!("{} stands where `name: value` pairs are expected", describe(other)));
                &[]
            }
        }
    }

    fn items(&mut self, key: &'static str) -> Option<Vec<(String, &'a Node)>> {
        let node = self.node(key)?;
        let path = self.path_of(key);
        let Value::List(items) = &node.value else {
            self.error_at(key, format!("{} stands where a list is expected; write [a, b] or one `- item` a line", describe(&node.value)));
            return None;
        };
        let mut places = self.findings.places.borrow_mut();
        let items = items.iter().enumerate().map(|(index, item)| {
            let item_path = format!("{path}[{index}]");
            places.insert(item_path.clone(), item.place.clone());
            (item_path, item)
        });
        Some(items.collect())
    }

    fn refuse_unknown(&self) {
        for (name, node) in self.entries {
            if self.findings.is_full() {
                return;
            }
            if self.known.contains(&name.as_str()) {
                continue;
            }
            let path = self.path_of(name);
            if later::refuse(self.findings, &path, node) {
                continue;
            }
            let message = match closest(name, &self.known) {
                Some(known) => match node.place.variable() {
                    Some(_) => format!("unknown key; the closest is {}", as_variable(&self.path_of(known))),
                    None => format!("unknown key; the closest is `{known}`"),
                },
                None => format!("unknown key; known here: {}", self.known.join(", ")),
            };
            self.findings.error(Some(&node.place), &path, message);
        }
    }
}

/// What stands there, for a person: never the value of anything that could be a secret beyond its shape.
pub(super) fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Scalar { .. } => "a single value",
        Value::List(_) => "a list",
        Value::Map(_) => "a mapping",
    }
}

/// `a.b` and `c` are `a.b.c`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// `upstreams[0].url` is `HECATE__UPSTREAMS__0__URL`.
pub(super) fn as_variable(path: &str) -> String {
    format!("HECATE__{}", path.replace('[', "__").replace(']', "").replace('.', "__").to_uppercase())
}

/// `upstreams[3].url` is `upstreams[].url`.
fn without_positions(path: &str) -> String {
    path.chars().filter(|c| !c.is_ascii_digit()).collect::<String>()
}

/// The known name with the smallest edit distance, when it is near enough to be what was meant.
pub(super) fn closest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    if name.len() > 64 {
        return None;
    }
    let bound = (name.len() / 2).max(2);
    known.iter().map(|known| (distance(name, known), *known)).filter(|(steps, _)| *steps <= bound).min().map(|(_, known)| known)
}

/// Levenshtein: how many letters have to be changed, added or taken away.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (position, letter) in left.chars().enumerate() {
        let mut diagonal = position;
        row[0] = position + 1;
        for (column, other) in right.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::{as_variable, closest, distance};

    #[test]
    fn distance_counts_letters() {
        let cases = [
            ("", "", 0),
            ("listen", "listen", 0),
            ("listn", "listen", 1),
            ("lsiten", "listen", 2),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
        ];
        for (left, right, expected) in cases {
            assert_eq!(distance(left, right), expected, "{left} {right}");
            assert_eq!(distance(right, left), expected, "{right} {left}");
        }
    }

    #[test]
    fn closest_is_near_or_nothing() {
        assert_eq!(closest("time_out", &["timeout", "connect_timeout"]), Some("timeout"));
        assert_eq!(closest("banana", &["timeout", "url"]), None);
        assert_eq!(closest(&"x".repeat(1_000_000), &["url"]), None);
    }

    #[test]
    fn variables_are_named_like_keys() {
        assert_eq!(as_variable("upstreams[0].auth.basic.user"), "HECATE__UPSTREAMS__0__AUTH__BASIC__USER");
    }
}
