//! Nothing in a file can make the reader panic, hang or grow.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{folder, load, load_with};
use crate::config::values::{parse_duration, print_duration};

/// Single pieces of YAML and of our own keys, which together reach further than random letters.
fn yaml_like() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "server",
        "listen",
        "upstreams",
        "name",
        "url",
        "auth",
        "basic",
        "providers",
        "kind",
        "jwt",
        "limits",
        "depth",
        "tenancy",
        "cache",
        "redis",
        ": ",
        ":",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "\"",
        "'",
        "|",
        ">",
        "&a ",
        "*a",
        "!!str ",
        "%YAML 1.2\n",
        "---\n",
        "...\n",
        "#",
        "? ",
        "\t",
        "~",
        "0",
        "15s",
        "http://a",
        "127.0.0.1:1",
        "é",
        "\u{0}",
        "\u{2028}",
        "<<: ",
        "\r\n",
        "\u{feff}",
    ]);
    prop::collection::vec(prop_oneof![9 => words.prop_map(str::to_owned), 1 => "\\PC{0,8}"], 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in yaml_like()) {
        let folder = folder(&text);
        if let Err(errors) = load(folder.path()) {
            prop_assert!(errors.iter().count() > 0);
            prop_assert!(errors.iter().all(|error| !error.message().is_empty()));
        }
    }

    #[test]
    fn no_variable_panics(name in "(SERVER|UPSTREAMS|AUTH|[0-9]{1,3}|_{1,3}|PROVIDERS|KIND|[A-Z]{0,4}){0,6}", value in yaml_like()) {
        let folder = folder("");
        let _ = load_with(folder.path(), &[&format!("HECATE__{name}={value}")]);
    }

    #[test]
    fn durations_are_read_as_they_are_written(milliseconds in 0u64..=40_000 * 86_400_000) {
        let duration = Duration::from_millis(milliseconds);
        prop_assert_eq!(parse_duration(&print_duration(duration)), Some(duration));
    }
}

#[test]
fn hostile_files_are_refused_soon() {
    let megabyte = 1024 * 1024;
    let many = |piece: &str| piece.repeat(megabyte / piece.len());
    let keys: String = (0..100_000).map(|number| format!("k{number}: 1\n")).collect();
    let cases = [
        ("deep flow", many("["), "recursion limit exceeded"),
        ("deep mappings", many("{a: "), "recursion limit exceeded"),
        ("deep block", many("- "), "nested too deeply"),
        ("too large", "#".repeat(megabyte + 1), "larger than 1 MiB"),
        ("unknown keys", keys, "unknown key"),
        ("same key", many("a: 1\n"), "a second time"),
        ("documents", many("---\n"), "a second document"),
        ("long scalar", format!("server: {}", "x".repeat(megabyte - 100)), "a single value stands"),
        ("long duration", format!("server: {{drain: {}}}", "9".repeat(megabyte - 100)), "is not a duration"),
        ("alias bomb", "a: &a [x,x,x]\nb: &b [*a,*a,*a]\nserver: [*b,*b,*b]\n".to_owned(), "aliases"),
    ];
    for (name, text, expected) in cases {
        let folder = folder(&text);
        let start = Instant::now();
        let errors = load(folder.path()).unwrap_err().to_string();
        assert!(errors.contains(expected), "{name}: {}", errors.chars().take(500).collect::<String>());
        assert!(errors.len() < 200_000, "{name}: {} bytes of errors", errors.len());
        assert!(start.elapsed() < Duration::from_secs(20), "{name}: {:?}", start.elapsed());
    }
}

#[test]
fn files_that_cannot_be_read() {
    let folder = folder("");
    std::fs::write(folder.path().join("hecate.yaml"), b"server: \xff").unwrap();
    assert!(load(folder.path()).unwrap_err().to_string().contains("not UTF-8 text, at byte 8"));
    std::fs::remove_file(folder.path().join("hecate.yaml")).unwrap();
    let printed = load(folder.path()).unwrap_err().to_string();
    assert!(printed.contains("hecate.yaml: cannot read the file: No such file"), "{printed}");
    assert!(printed.ends_with("\n1 error in the configuration"), "{printed}");
}
