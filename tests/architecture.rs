//! The floors of the house: imports run downward only, and each outside library is named by one room (ARCHITECTURE.md).

#![allow(clippy::unwrap_used, reason = "a test may fail loudly anywhere")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From the roof to the cellar. Rooms on one floor do not import each other; the stairwell is open to everybody.
const FLOORS: &[&[&str]] = &[
    &["main"],
    &["app"],
    &["proxy"],
    &["http"],
    &["query", "stream", "dashboards", "workloads"],
    &["cache", "upstream", "tenancy"],
    &["promql", "series"],
];

/// Imports nothing but itself and, for telemetry, config.
const STAIRWELL: &[&str] = &["config", "telemetry"];

/// Outside crates that only one room, folder or file may name.
const PRIVATE: &[(&str, &[&str])] = &[
    ("pingora", &["src/proxy"]),
    ("promql_parser", &["src/promql"]),
    ("redis", &["src/cache"]),
    ("fred", &["src/stream/bus.rs"]),
    ("sqlx", &["src/dashboards"]),
    ("kube", &["src/workloads", "src/tenancy/kubernetes"]),
    ("jsonwebtoken", &["src/tenancy"]),
    ("axum", &["src/http", "src/proxy", "src/app.rs"]),
    ("saphyr", &["src/config", "src/tenancy", "src/dashboards/exchange"]),
];

/// Rooms whose code knows no HTTP status: only the doors do.
const KNOW_NO_STATUS: &[&str] = &["promql", "series", "tenancy", "cache", "query", "stream", "dashboards", "workloads", "config"];

struct Source {
    path: PathBuf,
    room: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let relative = path.strip_prefix(root).unwrap().to_owned();
                let room = relative.iter().nth(1).unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
                found.push(Source { text: fs::read_to_string(&path).unwrap(), path: relative, room });
            }
        }
    }
    assert!(found.len() > 50, "the sources were not found");
    found
}

/// The code without comments and texts, in which words could be anything.
fn code(text: &str) -> String {
    text.lines().map(|line| without_texts(line.split("//").next().unwrap_or_default())).collect::<Vec<_>>().join("\n")
}

fn without_texts(line: &str) -> String {
    line.replace("\\\"", "").split('"').step_by(2).collect::<Vec<_>>().join("\"")
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

/// Rooms that a source names as `crate::room`, in a path or in a braced `use crate::{…}`.
fn rooms_named(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, word) in text.match_indices("crate::").chain(text.match_indices("hecate::")) {
        let rest = &text[at + word.len()..];
        if let Some(braced) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut item = String::new();
            for c in braced.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 || (c == ',' && depth == 1) {
                    rooms.insert(first_word(item.trim()));
                    item.clear();
                } else {
                    item.push(c);
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            rooms.insert(first_word(rest));
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect()
}

#[test]
fn imports_run_downward_only() {
    let mut wrong = Vec::new();
    // Tests of a room may quote anything.
    for source in sources().iter().filter(|s| s.room != "lib" && !s.path.iter().any(|part| part == "tests")) {
        for named in rooms_named(&code(&source.text)) {
            let fine = if named == source.room {
                true
            } else if STAIRWELL.contains(&source.room.as_str()) {
                source.room == "telemetry" && named == "config"
            } else if STAIRWELL.contains(&named.as_str()) {
                true
            } else {
                match (floor_of(&source.room), floor_of(&named)) {
                    (Some(from), Some(to)) => from < to,
                    (None, _) => false,
                    // A name of the crate's root that is no room, such as a macro.
                    (_, None) => true,
                }
            };
            if !fine {
                wrong.push(format!("{}: {} must not import {named}", source.path.display(), source.room));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows upward or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn outside_libraries_stay_in_their_room() {
    let mut wrong = Vec::new();
    for source in sources() {
        let text = code(&source.text);
        for (library, homes) in PRIVATE {
            let named = text.contains(&format!("{library}::")) || text.contains(&format!("use {library};"));
            if named && !homes.iter().any(|home| source.path.starts_with(home)) {
                wrong.push(format!("{} names {library}, which belongs to {homes:?}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn domain_rooms_know_no_http_status() {
    let wrong: Vec<_> = sources()
        .iter()
        .filter(|s| KNOW_NO_STATUS.contains(&s.room.as_str()) && code(&s.text).contains("StatusCode"))
        .map(|s| s.path.display().to_string())
        .collect();
    assert!(wrong.is_empty(), "these name an HTTP status: {wrong:?}");
}

#[test]
fn an_enforced_text_is_made_in_one_place() {
    let makers: Vec<_> = sources().iter().filter(|s| code(&s.text).contains("EnforcedText(")).map(|s| s.path.clone()).collect();
    assert!(!makers.is_empty() && makers.iter().all(|path| path.starts_with("src/promql")), "{makers:?}");
}

#[test]
fn every_room_stands_in_the_layout() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for source in sources().iter().filter(|s| !matches!(s.room.as_str(), "lib" | "main")) {
        assert!(lib.contains(&format!("[`{}`]", source.room)), "{} is missing in the layout of lib.rs", source.room);
    }
}

#[test]
fn files_have_one_subject() {
    let long: Vec<_> =
        sources().iter().map(|s| (s.text.lines().count(), s.path.display().to_string())).filter(|(lines, _)| *lines > 500).collect();
    assert!(long.is_empty(), "over 500 lines: {long:?}");
}

#[test]
fn the_guard_itself_sees_what_it_guards() {
    let named = rooms_named("use crate::{http::{Arrival, x}, telemetry::Metrics};\nlet x = crate::promql::parse();");
    assert_eq!(named, ["http", "telemetry", "promql"].map(str::to_owned).into());
    assert!(floor_of("proxy") < floor_of("http") && floor_of("query") < floor_of("promql"));
}
