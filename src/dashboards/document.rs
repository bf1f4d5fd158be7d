//! A dashboard as it was sent: checked, and ready to be kept as it came.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde_json::{Value, json};

use super::members::{Members, minified};
use super::{Problem, StoreError, strict, validate, words};

/// Largest document, in bytes as sent.
const LARGEST: usize = 4 << 20;

/// Where a dashboard is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not meant for others yet; lists can leave it out.
    Draft,
    /// In use.
    Active,
    /// Deleted, and still to be brought back.
    Archived,
}

impl State {
    /// As it is kept and written.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Draft => "draft",
            State::Active => "active",
            State::Archived => "archived",
        }
    }
}

impl FromStr for State {
    type Err = ();

    fn from_str(text: &str) -> Result<State, ()> {
        [State::Draft, State::Active, State::Archived].into_iter().find(|state| state.as_str() == text).ok_or(())
    }
}

/// Project and name, as the path of a request says; what is missing has to stand in the document.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expect<'a> {
    /// The project.
    pub project: Option<&'a str>,
    /// The name.
    pub name: Option<&'a str>,
}

/// Project and name of a document, read before anything else of it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The project, as far as it stands there as a text.
    pub project: Option<String>,
    /// The same with the name.
    pub name: Option<String>,
}

/// Why a text is no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// No JSON at all.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// JSON, but no object.
    #[error("the body is not a JSON object: a Perses Dashboard is expected")]
    NotAnObject,
    /// More than anybody should have to load.
    #[error("the dashboard has {0} bytes, at most {LARGEST} are kept")]
    TooLarge(usize),
    /// Another project or name than the path has.
    #[error("metadata.{key} is {found:?}, and the path says {expected:?}")]
    Elsewhere {
        /// `project` or `name`.
        key: &'static str,
        /// What stands in the document.
        found: String,
        /// What the path says.
        expected: String,
    },
    /// Not what Perses requires.
    #[error("the dashboard is not valid")]
    Invalid(Vec<Problem>),
}

/// A valid dashboard.
#[derive(Clone, Debug)]
pub struct Document {
    pub(super) project: String,
    pub(super) name: String,
    pub(super) title: String,
    pub(super) tags: Vec<String>,
    pub(super) state: Option<State>,
    pub(super) version: Option<i64>,
    pub(super) words: BTreeSet<String>,
    pub(super) metadata: String,
    /// Everything but the metadata, which belong at `metadata_at`.
    pub(super) rest: String,
    pub(super) metadata_at: usize,
    value: Value,
}

impl Document {
    /// Reads and checks a text.
    ///
    /// # Errors
    /// Everything that is wrong, with a JSON pointer each.
    pub fn read(text: &str, expect: Expect<'_>) -> Result<Document, DocumentError> {
        if text.len() > LARGEST {
            return Err(DocumentError::TooLarge(text.len()));
        }
        let (mut value, mut problems) = strict::read(text).map_err(|error| DocumentError::NotJson(error.to_string()))?;
        let members = Members::read(text).ok_or(DocumentError::NotAnObject)?;
        let mut metadata = Members::read(members.get("metadata").unwrap_or("{}")).unwrap_or_default();
        for (key, expected) in [("project", expect.project), ("name", expect.name)] {
            let Some(expected) = expected else { continue };
            match value.pointer(&format!("/metadata/{key}")).unwrap_or(&Value::Null) {
                Value::Null => {
                    metadata.set(key, expected);
                    put(&mut value, key, expected);
                }
                Value::String(found) if found != expected => {
                    return Err(DocumentError::Elsewhere { key, found: found.clone(), expected: expected.to_owned() });
                }
                _ => {}
            }
        }
        problems.extend(validate::dashboard(&value));
        // There is no other way to write one.
        if text.contains("\\u0000") {
            problems.extend(validate::nuls(&value));
        }
        let (state, version) = (state_of(&value, &mut problems), version_of(&value, &mut problems));
        let project = text_at(&value, "/metadata/project").unwrap_or_default();
        if project.is_empty() {
            problems.push(Problem::new("/metadata/project", "it is missing: a text is expected"));
        }
        if !problems.is_empty() {
            return Err(DocumentError::Invalid(problems));
        }
        Ok(Document::checked(value, &members, &metadata, state, version))
    }

    fn checked(value: Value, members: &Members, metadata: &Members, state: Option<State>, version: Option<i64>) -> Document {
        let name = text_at(&value, "/metadata/name").unwrap_or_default();
        let title = text_at(&value, "/spec/display/name").filter(|title| !title.trim().is_empty()).unwrap_or_else(|| name.clone());
        let tags: BTreeSet<String> = value
            .pointer("/metadata/tags")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let (rest, metadata_at) = without_metadata(members);
        Document {
            project: text_at(&value, "/metadata/project").unwrap_or_default(),
            words: words::of_document(&value, &name, &title),
            name,
            title,
            tags: tags.into_iter().collect(),
            state,
            version,
            metadata: minified(&metadata.to_text()),
            rest,
            metadata_at,
            value,
        }
    }

    /// Project and name of a text, as far as it has any: for those who have to ask whether it may be looked at.
    pub fn names(text: &str) -> Names {
        #[derive(serde::Deserialize)]
        struct Outer {
            metadata: Option<Value>,
        }
        let metadata = serde_json::from_str::<Outer>(text).ok().and_then(|outer| outer.metadata).unwrap_or(Value::Null);
        let one = |key: &str| metadata.get(key).and_then(Value::as_str).map(str::to_owned);
        Names { project: one("project"), name: one("name") }
    }

    /// The project it belongs to.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// Its name in the project.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version that its sender had loaded, as far as they say.
    pub fn version(&self) -> Option<i64> {
        self.version
    }

    /// Whether it comes from a file and not from a server: the tools of Perses write the time of its last change as that of nothing.
    pub fn was_never_loaded(&self) -> bool {
        self.value.pointer("/metadata/updatedAt").and_then(Value::as_str) == Some("0001-01-01T00:00:00Z")
    }

    /// The whole as a tree.
    pub fn value(&self) -> &Value {
        &self.value
    }
}

impl From<DocumentError> for StoreError {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::Invalid(problems) => StoreError::Invalid(problems),
            other => StoreError::Invalid(vec![Problem::new("", other.to_string())]),
        }
    }
}

/// The document as text without the value of `metadata`, and where it belongs.
fn without_metadata(members: &Members) -> (String, usize) {
    let mut text = String::from("{");
    let mut at = None;
    for (key, value) in members.iter() {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&Value::from(key).to_string());
        text.push(':');
        if key == "metadata" {
            at = Some(text.len());
        } else {
            text.push_str(&minified(value));
        }
    }
    let at = at.unwrap_or_else(|| {
        text.push_str(if text.len() > 1 { ",\"metadata\":" } else { "\"metadata\":" });
        text.len()
    });
    text.push('}');
    (text, at)
}

fn put(value: &mut Value, key: &str, text: &str) {
    if let Value::Object(members) = value
        && let Value::Object(metadata) = members.entry("metadata").or_insert_with(|| json!({}))
    {
        metadata.insert(key.to_owned(), Value::from(text));
    }
}

fn text_at(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

fn state_of(value: &Value, problems: &mut Vec<Problem>) -> Option<State> {
    let found = value.pointer("/metadata/state").filter(|found| !found.is_null())?;
    match found.as_str().map(str::parse::<State>) {
        Some(Ok(state @ (State::Draft | State::Active))) => Some(state),
        Some(Ok(State::Archived)) => {
            problems.push(Problem::new(
                "/metadata/state",
                "it cannot be written: delete the dashboard to archive it, restore it to get it back",
            ));
            None
        }
        _ => {
            problems.push(Problem::new("/metadata/state", "it is neither \"draft\" nor \"active\""));
            None
        }
    }
}

fn version_of(value: &Value, problems: &mut Vec<Problem>) -> Option<i64> {
    let found = value.pointer("/metadata/version").filter(|found| !found.is_null())?;
    let version = found.as_i64().filter(|version| *version >= 0);
    if version.is_none() {
        problems.push(Problem::new("/metadata/version", "it is not a whole number from 0 on"));
    }
    version
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{ "spec" : {"z":1.50,"display":{"name":"Größe"},"panels":{},"x":[1, 2]}, "odd":true,
        "metadata":{"tags":["B","a","B"],"version":3,"name":"n.1","custom":{"b":1,"a":2}}, "kind":"Dashboard" }"#;

    #[test]
    fn everything_is_kept_but_white_space() {
        let document = Document::read(TEXT, Expect { project: Some("team"), name: None }).unwrap();
        assert_eq!(
            document.rest,
            r#"{"spec":{"z":1.50,"display":{"name":"Größe"},"panels":{},"x":[1,2]},"odd":true,"metadata":,"kind":"Dashboard"}"#
        );
        assert_eq!(&document.rest[document.metadata_at..], r#","kind":"Dashboard"}"#);
        assert_eq!(document.metadata, r#"{"tags":["B","a","B"],"version":3,"name":"n.1","custom":{"b":1,"a":2},"project":"team"}"#);
        assert_eq!((document.title.as_str(), document.version, document.state), ("Größe", Some(3), None));
        assert_eq!(document.tags, ["B", "a"]);
        assert!(document.words.contains("größe") && document.words.contains("n"), "{:?}", document.words);
    }

    #[test]
    fn what_the_path_says_has_to_fit() {
        let elsewhere = Document::read(TEXT, Expect { project: Some("team"), name: Some("other") }).unwrap_err();
        assert_eq!(elsewhere.to_string(), "metadata.name is \"n.1\", and the path says \"other\"");
        let missing = Document::read(r#"{"kind":"Dashboard","spec":{}}"#, Expect { project: Some("p"), name: Some("n") }).unwrap();
        assert_eq!(
            (missing.metadata.as_str(), missing.rest.as_str()),
            (r#"{"project":"p","name":"n"}"#, r#"{"kind":"Dashboard","spec":{},"metadata":}"#)
        );
        assert_eq!(Document::names(TEXT), Names { project: None, name: Some("n.1".into()) });
    }

    #[test]
    fn what_is_no_document() {
        let check = |text: &str, words: &str| {
            let error = Document::read(text, Expect { project: Some("p"), name: Some("n") }).unwrap_err();
            let told = match &error {
                DocumentError::Invalid(problems) => problems.iter().map(ToString::to_string).collect(),
                other => other.to_string(),
            };
            assert!(told.contains(words), "{text}: {told}");
        };
        check("", "not JSON");
        check("[]", "not a JSON object");
        check("\"x\"", "not a JSON object");
        check("{\"kind\":\"Dashboard\",\"kind\":\"Dashboard\",\"spec\":{}}", "/kind: this key stands there twice");
        check("{\"kind\":\"Dashboard\",\"metadata\":{\"state\":\"archived\"},\"spec\":{}}", "/metadata/state: it cannot be written");
        check("{\"kind\":\"Dashboard\",\"metadata\":{\"state\":1},\"spec\":{}}", "neither");
        check("{\"kind\":\"Dashboard\",\"metadata\":{\"version\":-1},\"spec\":{}}", "/metadata/version");
        check("{\"kind\":\"Dashboard\",\"metadata\":{\"project\":7},\"spec\":{}}", "/metadata/project");
        check(r#"{"kind":"Dashboard","spec":{"odd":["a\u0000"]}}"#, "/spec/odd/0: the text has a NUL character");
        check(r#"{"kind":"Dashboard","spec":{"b\u0000":1}}"#, "its name has a NUL character");
        check(&format!("{{\"kind\":\"{}\"}}", "x".repeat(LARGEST)), "at most");
    }
}
