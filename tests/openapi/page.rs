//! A real browser shows the page, under its own policy.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::operations;
use crate::support::{Hecate, usual_users};

/// Chromium starts in seconds, on a busy machine in more.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_shows_every_operation() {
    let auth = "auth: {providers: [{kind: static, users_file: users.yaml}]}\n";
    let hecate = Hecate::start("", auth, &[("users.yaml", &usual_users())]);
    let document: Value = serde_json::from_str(include_str!("../../docs/openapi.json")).unwrap();
    // Behind a prefix too: nothing in it may be absolute.
    for address in [format!("{}/api/docs", hecate.url()), format!("{}/ns/team-a/api/docs", hecate.url())] {
        let page = shown(&address).await;
        assert!(page.contains("Evaluates an expression at one moment"), "the script did not run: {page}");
        for operation in operations::all(&document) {
            let (method, template) = operation.split_once(' ').unwrap();
            let line = format!("<span class=\"method {method}\">{method}</span><code>{template}</code>");
            assert!(page.contains(&line), "{operation} is not shown at {address}");
        }
        for schema in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("id=\"schema-{schema}\"")), "{schema}");
        }
    }
}

/// The page that Chromium makes of an address, as HTML.
async fn shown(address: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let chromium = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--virtual-time-budget=20000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--dump-dom", address])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let page = tokio::time::timeout(PATIENCE, chromium).await.expect("Chromium does not end");
    String::from_utf8(page.expect("chromium is missing: run `make setup`").stdout).unwrap()
}
