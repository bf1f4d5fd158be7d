//! The expressions in the tests of Prometheus' own Go module.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The groups and their expressions.
pub(crate) fn read() -> Vec<(&'static str, Vec<String>)> {
    let promql = module().join("promql");
    let go = |file: &str, keys: &[&str]| unique(strings_after(&read_file(&promql.join("parser").join(file)), keys));
    vec![
        ("eval lines", eval_lines(&promql.join("promqltest/testdata"))),
        ("parse_test", go("parse_test.go", &["input:"])),
        ("printer_test", go("printer_test.go", &["in:", "out:", "input:"])),
        ("prettier_test", go("prettier_test.go", &["in:", "out:"])),
    ]
}

fn module() -> PathBuf {
    let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/prometheus");
    let go = |args: &[&str]| Command::new("go").args(args).current_dir(&pinned).output().expect("go: run `make setup`");
    let listed = go(&["list", "-m", "-f", "{{.Dir}}", "github.com/prometheus/prometheus"]);
    let folder = PathBuf::from(String::from_utf8_lossy(&listed.stdout).trim());
    assert!(folder.is_dir(), "Prometheus' Go module is not here: run `make setup`\n{}", String::from_utf8_lossy(&listed.stderr));
    folder
}

fn read_file(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn unique(mut texts: Vec<String>) -> Vec<String> {
    texts.retain(|t| !t.is_empty() && !t.contains('\u{FFFD}'));
    texts.sort();
    texts.dedup();
    texts
}

/// The expressions of `eval instant at 5m …` and `eval range from 0 to 5m step 1m …`.
fn eval_lines(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    let files = std::fs::read_dir(folder).expect("promqltest/testdata");
    for path in files.flatten().map(|f| f.path()).filter(|p| p.extension().is_some_and(|e| e == "test")) {
        let content = read_file(&path);
        for line in content.lines().filter(|l| l.trim_start().starts_with("eval")) {
            let mut words = line.split_whitespace();
            words.next();
            let skip = match words.next() {
                Some("instant") if line.contains(" at ") => 4,
                Some("range") => 8,
                _ => continue,
            };
            let mut rest = line.trim_start();
            for _ in 0..skip {
                rest = rest.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
            }
            texts.push(rest.trim_end().to_owned());
        }
    }
    unique(texts)
}

/// Go string literals after the keys.
fn strings_after(source: &str, keys: &[&str]) -> Vec<String> {
    let mut texts = Vec::new();
    for line_start in source.match_indices('\n').map(|(i, _)| i + 1) {
        let line = source[line_start..].trim_start();
        let line = line.strip_prefix('{').map_or(line, str::trim_start);
        let Some(rest) = keys.iter().find_map(|key| line.strip_prefix(key)).map(str::trim_start) else { continue };
        texts.extend(go_string(rest));
    }
    texts
}

fn go_string(text: &str) -> Option<String> {
    if let Some(raw) = text.strip_prefix('`') {
        return raw.split_once('`').map(|(content, _)| content.to_owned());
    }
    let mut chars = text.strip_prefix('"')?.chars();
    let mut bytes = Vec::new();
    loop {
        let c = match chars.next()? {
            '"' => return String::from_utf8(bytes).ok(),
            '\\' => match chars.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                c @ ('"' | '\\') => c,
                'x' => {
                    let hex: String = chars.by_ref().take(2).collect();
                    bytes.push(u8::from_str_radix(&hex, 16).ok()?);
                    continue;
                }
                'u' => char::from_u32(u32::from_str_radix(&chars.by_ref().take(4).collect::<String>(), 16).ok()?)?,
                _ => return None,
            },
            c => c,
        };
        bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}
