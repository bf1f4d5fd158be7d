//! The configuration as its reader meets it: good files, bad files, the shipped file and the manual.

mod bounds;
mod errors;
mod good;
mod manual;

use std::path::Path;

use tempfile::TempDir;

use super::{Config, ConfigErrors};

/// A folder with `hecate.yaml`, a few secrets and a policy.
fn folder(yaml: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("hecate.yaml", yaml),
        ("token", "t0ken\n"),
        ("password", "pass word\r\n\n"),
        ("empty", "\n"),
        ("key", "0123456789abcdef0123456789abcdef\n"),
        ("labels.yaml", "rules:\n  - {metrics: [\"gpu_*\"], label: tenant}\n  - {metrics: [up], scope: shared}\ndefault: project\n"),
    ];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn load(folder: &Path) -> Result<Config, ConfigErrors> {
    load_with(folder, &[])
}

fn load_with(folder: &Path, variables: &[&str]) -> Result<Config, ConfigErrors> {
    let pairs = variables.iter().map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    Config::load(Some(&folder.join("hecate.yaml")), pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
}
