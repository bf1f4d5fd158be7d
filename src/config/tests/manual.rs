//! The shipped file and the manual name every key that the decoder knows.

use std::collections::BTreeSet;
use std::path::Path;

use crate::config::error::Source;
use crate::config::{Config, later, load};

const SHIPPED: &str = include_str!("../../../config/hecate.yaml");
const MANUAL: &str = include_str!("../../../docs/configuration.md");

/// Every key, found by reading a file that has each kind of everything.
fn known_keys() -> BTreeSet<String> {
    let every_kind = "
upstreams: [{name: a, url: 'http://a', auth: {basic: {user: u, password: p}, client_certificate: {cert: a, key: b}}}]
server: {tls: {cert: a, key: b}}
cache: {redis: {url: 'rediss-sentinel://a/m', sentinel: {password: a}, client_certificate: {cert: a, key: b}}}
auth: {providers: [{kind: static}, {kind: jwt, claims: {user: a}}, {kind: anonymous}, {kind: none}], sign_in: {kind: oidc}}
";
    let (_, _, asked) = load::read(&Source::file(Path::new("every.yaml")), every_kind, std::iter::empty());
    assert!(asked.len() > 80, "{}", asked.len());
    asked
}

#[test]
fn shipped_file_is_the_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/hecate.yaml");
    let config = Config::load(Some(&path), std::iter::empty()).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.masked_yaml(), Config::default().masked_yaml());
    assert_eq!(format!("{:?}", config.auth), format!("{:?}", Config::default().auth));
}

#[test]
fn shipped_file_has_every_key() {
    let words: BTreeSet<&str> = SHIPPED.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))).collect();
    let missing: Vec<String> = known_keys()
        .into_iter()
        .filter(|key| key.rsplit('.').next().is_some_and(|name| !words.contains(format!("{name}:").as_str())))
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn manual_has_every_key() {
    let is_there = |key: &String| MANUAL.contains(&format!("`{key}`"));
    let missing: Vec<String> = known_keys().into_iter().filter(|key| !is_there(key)).collect();
    assert_eq!(missing, Vec::<String>::new());
    let later: Vec<&&str> = later::KEYS.iter().filter(|key| !MANUAL.contains(&format!("`{key}`"))).collect();
    assert!(later.is_empty(), "{later:?}");
}

#[test]
fn example_of_errors_in_the_manual_is_real() {
    let blank = "\n".repeat(7);
    let yaml = format!(
        "\nserver:\n  listn: 127.0.0.1:7070\n{blank}upstreams:\n  - name: prometheus\n    url: http://a\n    timeout: 10 parsecs\n"
    );
    let folder = super::folder(&yaml);
    let errors = super::load_with(folder.path(), &["HECATE__LIMITS__DEPTH=many"]).unwrap_err().to_string();
    let printed = errors.replace(&format!("{}/", folder.path().display()), "");
    assert!(MANUAL.contains(&format!("```\n{printed}\n```")), "{printed}");
}
