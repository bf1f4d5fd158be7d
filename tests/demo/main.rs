//! The demo's data: a real Prometheus that holds an hour of it answers every query of the system templates.
//!
//! Needs prometheus and promtool in `.cache/bin` (`make setup`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![allow(clippy::disallowed_methods, reason = "answers of parts that the test started itself")]

#[path = "../support/mod.rs"]
mod support;

mod made;
mod people;
mod prometheus;
mod templates;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::Prometheus;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[tokio::test]
async fn every_template_query_has_data() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 15 * 15;
    write_history(folder.path(), now);
    let prometheus = Prometheus::start(folder.path()).await;
    let mut empty = Vec::new();
    for panel in templates::PANELS {
        for query in panel.queries {
            let text = templates::fill(panel.template, query);
            let answer = prometheus.query(&text, now - 15).await;
            if answer["data"]["result"].as_array().is_none_or(Vec::is_empty) {
                empty.push(format!("{} {}: {text}\n  {answer}", panel.template, panel.title));
            }
        }
    }
    assert!(empty.is_empty(), "{} queries without data:\n{}", empty.len(), empty.join("\n"));
}

#[tokio::test]
async fn the_history_has_no_seams() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 15 * 15;
    // The same hour, once in one piece and once in two.
    for (name, from, to) in [("whole", now - 3_600, now), ("left", now - 3_600, now - 1_800), ("right", now - 1_800, now)] {
        demo_data(
            &["history", "--from", &from.to_string(), "--to", &to.to_string(), "--anchor", &now.to_string()],
            &folder.path().join(name),
        );
    }
    let samples = |name: &str| {
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
        let mut lines: Vec<String> = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    let mut pieces = samples("left");
    pieces.extend(samples("right"));
    pieces.sort_unstable();
    let whole = samples("whole");
    assert!(whole.len() > 400_000, "only {} samples", whole.len());
    let different = whole.iter().zip(&pieces).find(|(left, right)| left != right);
    assert_eq!(different, None, "{} and {} samples", whole.len(), pieces.len());
}

#[test]
fn rules_and_configuration_are_valid() {
    let rules: Vec<PathBuf> =
        std::fs::read_dir(Path::new(ROOT).join("config/demo/rules")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(rules.len() >= 5, "{rules:?}");
    run(Command::new(tool("promtool")).args(["check", "rules"]).args(&rules));
    run(Command::new(tool("promtool")).args(["check", "config"]).arg(Path::new(ROOT).join("config/demo/prometheus.yml")));
}

/// One hour, and the blocks of it in the folder.
fn write_history(folder: &Path, now: u64) {
    let text = folder.join("history.om");
    demo_data(&["history", "--from", &(now - 3_600).to_string(), "--to", &now.to_string(), "--anchor", &now.to_string()], &text);
    run(Command::new(tool("promtool")).args(["tsdb", "create-blocks-from", "openmetrics", "--quiet"]).arg(&text).arg(folder.join("data")));
}

/// Runs the example. `cargo test` has built it; `cargo test --test demo` alone has not.
fn demo_data(arguments: &[&str], out: &Path) {
    let example = Path::new(env!("CARGO_BIN_EXE_hecate")).with_file_name("examples").join("demo_data");
    let built = example.metadata().and_then(|file| file.modified()).ok();
    if built.is_none_or(|built| newest(&Path::new(ROOT).join("examples/demo_data")) > built) {
        run(Command::new(env!("CARGO")).args(["build", "--quiet", "--locked", "--example", "demo_data"]).current_dir(ROOT));
    }
    run(Command::new(example).args(arguments).arg("--out").arg(out));
}

/// When a file of the folder was written last.
fn newest(folder: &Path) -> SystemTime {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let times = entries.map(|path| if path.is_dir() { newest(&path) } else { path.metadata().unwrap().modified().unwrap() });
    times.max().unwrap_or(UNIX_EPOCH)
}

/// A command that set-up has built.
fn tool(name: &str) -> PathBuf {
    let path = Path::new(ROOT).join(".cache/bin").join(name);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    path
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let told = || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, told());
}
