//! `HECATE__SERVER__LISTEN=…`: the environment, laid over the tree of the file before anything is decoded.

use std::sync::Arc;

use super::error::{ConfigError, Place, Source};
use super::yaml::{self, Node, Value};

/// Variables that start like this are settings; all of them have to be known.
const PREFIX: &str = "HECATE__";
/// Nothing in the configuration is deeper.
const MAX_SEGMENTS: usize = 16;
/// Longest value, in bytes.
const MAX_VALUE: usize = 64 * 1024;

/// The process's environment, as [`Config::load`](super::Config::load) takes it. What is no Unicode is replaced by `�`, so that it is noticed
/// where it matters.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
}

/// One step of a path, ordered so that list positions count upwards.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Position(usize, String),
    Key(String),
}

/// Lays every variable with the prefix over the tree.
pub(super) fn overlay(root: &mut Node, variables: impl Iterator<Item = (String, String)>, errors: &mut Vec<ConfigError>) {
    let mut settings: Vec<(Vec<Segment>, Place, String)> = Vec::new();
    for (name, value) in variables {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        let place = Place::whole(&Source::variable(&name));
        let segments: Vec<Segment> = path.split("__").map(segment).collect();
        if path.is_empty() || segments.len() > MAX_SEGMENTS || segments.contains(&Segment::Key(String::new())) {
            errors.push(ConfigError::new(
                Some(place),
                "",
                "not the name of a setting; write HECATE__SERVER__LISTEN or HECATE__UPSTREAMS__0__URL",
            ));
        } else if value.len() > MAX_VALUE {
            errors.push(ConfigError::new(Some(place), "", "the value is longer than 64 KiB"));
        } else {
            settings.push((segments, place, value));
        }
    }
    // Short paths first, so that HECATE__UPSTREAMS=[…] is there before HECATE__UPSTREAMS__0__URL changes it.
    settings.sort_by(|left, right| left.0.cmp(&right.0));
    if settings.iter().any(|(segments, _, _)| segments.len() > 1 && segments[0] == Segment::Key("upstreams".to_owned())) {
        seed_default_upstream(root);
    }
    for (segments, place, value) in settings {
        match parse(&place.source, &value, errors) {
            Ok(node) => {
                if let Err(message) = set(root, &segments, &place, node.value) {
                    errors.push(ConfigError::new(Some(place), path_text(&segments), message));
                }
            }
            Err(error) => errors.push(ConfigError::new(Some(place), path_text(&segments), error.message())),
        }
    }
}

/// Without `upstreams:` in the file the variables change the default one.
fn seed_default_upstream(root: &mut Node) {
    let place = root.place.clone();
    if matches!(root.value, Value::Null) {
        root.value = Value::Map(Vec::new());
    }
    let Value::Map(entries) = &mut root.value else { return };
    if entries.iter().any(|(name, node)| name == "upstreams" && !matches!(node.value, Value::Null)) {
        return;
    }
    entries.retain(|(name, _)| name != "upstreams");
    let scalar = |text: &str| Node { place: place.clone(), value: Value::Scalar { text: text.to_owned(), quoted: false } };
    let fields =
        vec![("name".to_owned(), scalar(super::upstreams::DEFAULT_NAME)), ("url".to_owned(), scalar(super::upstreams::DEFAULT_URL))];
    let first = Node { place: place.clone(), value: Value::Map(fields) };
    entries.push(("upstreams".to_owned(), Node { place: place.clone(), value: Value::List(vec![first]) }));
}

fn segment(text: &str) -> Segment {
    match text.parse::<usize>() {
        Ok(position) => Segment::Position(position, text.to_owned()),
        Err(_) => Segment::Key(text.to_lowercase()),
    }
}

fn path_text(segments: &[Segment]) -> String {
    segments.iter().fold(String::new(), |path, segment| match segment {
        Segment::Position(position, _) => format!("{path}[{position}]"),
        Segment::Key(key) => super::reader::join(&path, key),
    })
}

/// Lists, mappings and quoted text are YAML; everything else is text as it stands, so that a password may hold `: ` or ` #`.
fn parse(source: &Arc<Source>, value: &str, errors: &mut Vec<ConfigError>) -> Result<Node, ConfigError> {
    let trimmed = value.trim();
    if trimmed.starts_with(['[', '{', '"', '\'']) {
        return yaml::parse(source, trimmed, errors);
    }
    Ok(Node { place: Place::whole(source), value: yaml::scalar(trimmed, saphyr_parser::ScalarStyle::Plain) })
}

fn set(node: &mut Node, segments: &[Segment], place: &Place, value: Value) -> Result<(), String> {
    let Some((segment, rest)) = segments.split_first() else {
        *node = Node { place: place.clone(), value };
        return Ok(());
    };
    let next = match (segment, &mut node.value) {
        (Segment::Position(position, _), Value::Null) if *position == 0 => {
            node.value = Value::List(Vec::new());
            return set(node, segments, place, value);
        }
        (Segment::Position(position, _), Value::List(items)) => {
            let length = items.len();
            if *position == length {
                items.push(Node { place: place.clone(), value: Value::Null });
            }
            items.get_mut(*position).ok_or_else(|| format!("the list has {length} entries; the next one is number {length}"))?
        }
        (Segment::Position(..), Value::Null) => return Err("the list has 0 entries; the next one is number 0".to_owned()),
        (Segment::Key(_), Value::List(_)) => return Err("a list; its entries have numbers, from 0".to_owned()),
        (_, Value::Scalar { .. }) => return Err("a single value stands above this key".to_owned()),
        (_, Value::Null) => {
            node.value = Value::Map(Vec::new());
            return set(node, segments, place, value);
        }
        (Segment::Key(key) | Segment::Position(_, key), Value::Map(entries)) => {
            // Own keys, such as header names, may be written in any case in the file.
            let known = entries.iter().position(|(name, _)| name.eq_ignore_ascii_case(key)).unwrap_or(entries.len());
            if known == entries.len() {
                entries.push((key.clone(), Node { place: place.clone(), value: Value::Null }));
            }
            &mut entries[known].1
        }
    };
    set(next, rest, place, value)
}
