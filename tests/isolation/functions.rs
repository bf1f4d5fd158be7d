//! Every function and aggregation of the Prometheus that is tested with has an entry whose answer has values.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The folder of Prometheus' Go module, as tools/prometheus pins it.
fn module() -> String {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/prometheus");
    let listed = Command::new("go").args(["list", "-m", "-f", "{{.Dir}}", "github.com/prometheus/prometheus"]).current_dir(tools).output();
    let listed = listed.expect("go is missing: run make setup");
    assert!(listed.status.success(), "run make setup: {}", String::from_utf8_lossy(&listed.stderr));
    String::from_utf8(listed.stdout).unwrap().trim().to_owned()
}

/// The functions of `parser/functions.go`.
pub fn functions() -> BTreeSet<String> {
    let text = fs::read_to_string(format!("{}/promql/parser/functions.go", module())).unwrap();
    let name = |line: &str| line.strip_prefix("\t\"")?.strip_suffix("\": {").map(str::to_owned);
    let found: BTreeSet<String> = text.lines().filter_map(name).collect();
    assert!(found.len() >= 90, "only {} functions were found", found.len());
    found
}

/// The aggregations of `parser/lex.go`: the words between the marks of that group.
pub fn aggregations() -> BTreeSet<String> {
    let text = fs::read_to_string(format!("{}/promql/parser/lex.go", module())).unwrap();
    let group = text.split("// Aggregators.").nth(1).unwrap().split("// Keywords.").next().unwrap();
    let found: BTreeSet<String> = group.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(found.len() >= 14, "only {found:?} were found");
    found
}

/// Whether the text calls the function, or aggregates so.
pub fn calls(text: &str, name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.match_indices(name).any(|(at, _)| {
        let after = text[at + name.len()..].trim_start();
        !text[..at].ends_with(word) && (after.starts_with('(') || after.starts_with("by") || after.starts_with("without"))
    })
}
