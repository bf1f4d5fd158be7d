//! What is different between two versions: as a patch for machines (RFC 6902), and in words.

use serde_json::{Value, json};

use super::strict::piece;
use super::summary::in_words;

/// What changes with every save and tells nothing.
const NOISE: [&str; 3] = ["/metadata/version", "/metadata/updatedAt", "/metadata/createdAt"];

/// The way from one version to another.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Changes {
    /// RFC 6902: applied to the one it gives the other, but for version and times.
    pub patch: Vec<Value>,
    /// The same for people, one line for each thing that changed.
    pub summary: Vec<String>,
}

/// Compares two documents.
///
/// # Errors
/// When one of them is no JSON.
pub fn changes(from: &str, to: &str) -> Result<Changes, serde_json::Error> {
    let (from, to): (Value, Value) = (serde_json::from_str(from)?, serde_json::from_str(to)?);
    let mut patch = Vec::new();
    compare(&from, &to, &mut String::new(), &mut patch);
    patch.retain(|step| !NOISE.iter().any(|noise| step["path"] == *noise));
    let summary = in_words(&from, &to, &patch);
    Ok(Changes { patch, summary })
}

fn compare(from: &Value, to: &Value, path: &mut String, patch: &mut Vec<Value>) {
    match (from, to) {
        _ if from == to => {}
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                below(path, &piece(key), |path| match new.get(key) {
                    Some(other) => compare(value, other, path, patch),
                    None => patch.push(json!({"op": "remove", "path": path})),
                });
            }
            for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
                below(path, &piece(key), |path| patch.push(json!({"op": "add", "path": path, "value": value})));
            }
        }
        (Value::Array(old), Value::Array(new)) => compare_lists(old, new, path, patch),
        _ => patch.push(json!({"op": "replace", "path": path, "value": to})),
    }
}

/// What is the same at the beginning and at the end stays out of it; between them, place by place.
fn compare_lists(old: &[Value], new: &[Value], path: &mut String, patch: &mut Vec<Value>) {
    let front = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let back = old[front..].iter().rev().zip(new[front..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[front..old.len() - back], &new[front..new.len() - back]);
    let both = old.len().min(new.len());
    for (index, (a, b)) in old.iter().zip(new).enumerate() {
        below(path, &(front + index).to_string(), |path| compare(a, b, path, patch));
    }
    for _ in both..old.len() {
        below(path, &(front + both).to_string(), |path| patch.push(json!({"op": "remove", "path": path})));
    }
    for (index, value) in new.iter().enumerate().skip(both) {
        below(path, &(front + index).to_string(), |path| patch.push(json!({"op": "add", "path": path, "value": value})));
    }
}

fn below(path: &mut String, piece: &str, work: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push('/');
    path.push_str(piece);
    work(path);
    path.truncate(length);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The part of RFC 6902 that is written here.
    fn apply(document: &mut Value, patch: &[Value]) {
        for step in patch {
            let path = step["path"].as_str().unwrap();
            if path.is_empty() {
                *document = step["value"].clone();
                continue;
            }
            let (parent, key) = path.rsplit_once('/').unwrap();
            let key = key.replace("~1", "/").replace("~0", "~");
            let value = step["value"].clone();
            match (document.pointer_mut(parent).unwrap(), step["op"].as_str().unwrap()) {
                (Value::Object(members), "remove") => assert!(members.remove(&key).is_some()),
                (Value::Object(members), "add") => assert!(members.insert(key, value).is_none()),
                (Value::Object(members), "replace") => assert!(members.insert(key, value).is_some()),
                (Value::Array(items), "remove") => {
                    items.remove(key.parse().unwrap());
                }
                (Value::Array(items), "add") => items.insert(key.parse().unwrap(), value),
                (Value::Array(items), "replace") => items[key.parse::<usize>().unwrap()] = value,
                other => panic!("{other:?}"),
            }
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..4_i32).prop_map(Value::from),
            "[a/~]{0,2}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[ab/~]{0,2}", inner, 0..5).prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_patch_leads_from_one_to_the_other(from in any_json(), to in any_json()) {
            let changes = changes(&from.to_string(), &to.to_string()).unwrap();
            let mut patched = from.clone();
            apply(&mut patched, &changes.patch);
            prop_assert_eq!(&patched, &to);
            prop_assert_eq!(changes.patch.is_empty(), from == to);
        }
    }

    #[test]
    fn version_and_times_are_left_out() {
        let from = r#"{"metadata":{"version":1,"updatedAt":"a","createdAt":"c","tags":["x"]}}"#;
        let to = r#"{"metadata":{"version":2,"updatedAt":"b","createdAt":"c","tags":["x","y"]}}"#;
        let found = changes(from, to).unwrap();
        assert_eq!(found.patch, [json!({"op": "add", "path": "/metadata/tags/1", "value": "y"})]);
        assert_eq!(found.summary, ["the tags changed: \"y\" was added"]);
        assert!(changes("{", "{}").is_err());
    }
}
