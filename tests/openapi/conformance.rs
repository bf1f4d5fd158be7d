//! schemathesis makes requests of the document, good ones and bad ones, and holds every answer against it.

use std::fmt::Write as _;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::house::{House, TOKEN};
use crate::operations;
use crate::support::tool;

const SETTINGS: &str = include_str!("schemathesis.toml");
/// It has some six thousand requests to make: half a minute by itself, minutes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);
/// Never a 5xx; no status, content type, header or body that the document does not have.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance";
/// On the admin listener, which schemathesis is not told of; streams, which do not end; and what needs a browser (`tests/oidc`).
const ELSEWHERE: [&str; 7] = [
    "/metrics",
    "/debug/config",
    "/api/v1/metrics/stream",
    "/api/v1/shared/{token}/stream",
    "/auth/login",
    "/auth/callback",
    "/auth/logout",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_as_described() {
    let program = tool("schemathesis");
    let house = House::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("openapi.json"), house.document.to_string()).unwrap();
    let mut settings = SETTINGS.to_owned();
    writeln!(settings, "[dictionaries.tokens]\nvalues = [{:?}]", house.link).unwrap();
    writeln!(settings, "[[operations]]\ninclude-operation-id = \"get_shared\"\nparameters = {{ \"path.token\" = {:?} }}", house.link)
        .unwrap();
    writeln!(settings, "[[operations]]\ninclude-operation-id = \"revoke_share\"\n[operations.parameters]").unwrap();
    writeln!(settings, "\"path.name\" = \"kept\"\n\"path.id\" = {:?}", house.revocable).unwrap();
    writeln!(settings, "\"path.project\" = \"team-b\"\n\"query.namespace\" = [\"team-b\"]\n\"header.X-Hecate-Namespaces\" = \"team-b\"")
        .unwrap();
    std::fs::write(path("schemathesis.toml"), settings).unwrap();
    let mut command = Command::new(program);
    command.arg("--config-file").arg(path("schemathesis.toml")).arg("run").arg(path("openapi.json"));
    command.args(["--url", house.hecate.url(), "--header", &format!("Authorization: Bearer {TOKEN}"), "--checks", CHECKS]);
    command.args(["--phases", "examples,coverage,fuzzing", "--max-examples", "3", "--seed", "1", "--workers", "1"]);
    // How fast requests are thought of depends on the machine, and is nothing that is wrong.
    command.args(["--suppress-health-check", "too_slow", "--request-timeout", "30", "--no-shrink", "--continue-on-failure"]);
    command.args(["--report", "har", "--report-har-path"]).arg(path("requests.har"));
    command.args(ELSEWHERE.iter().flat_map(|elsewhere| ["--exclude-path", elsewhere]));
    command
        .current_dir(folder.path())
        .env("NO_PROXY", "*")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("schemathesis does not end").unwrap();
    let log = house.hecate.log();
    let complaints: Vec<&str> = log.lines().filter(|line| !line.contains(" INFO ")).collect();
    assert!(output.status.success(), "{}\n{complaints:#?}", said(&output.stdout));
    let archive: Value = serde_json::from_slice(&std::fs::read(path("requests.har")).unwrap()).unwrap();
    expect_all_were_reached(&house.document, &archive);
}

/// By the schema that the makers of OpenAPI publish.
#[tokio::test]
async fn the_document_is_openapi_3_1() {
    let python = std::fs::canonicalize(tool("schemathesis")).unwrap().with_file_name("python");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    let program = "import sys, schemathesis; schemathesis.openapi.from_path(sys.argv[1]).validate()";
    let validated = Command::new(&python).args(["-c", program, file]).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, validated).await.expect("Python does not end").unwrap();
    assert!(output.status.success(), "{}", said(&output.stderr));
}

/// A check of answers that are all refusals would prove little.
fn expect_all_were_reached(document: &Value, archive: &Value) {
    let known = operations::all(document);
    let answered = operations::answered(archive, &known);
    let asked = |operation: &&String| ELSEWHERE.iter().all(|elsewhere| !operation.ends_with(elsewhere));
    let succeeded =
        |operation: &String| answered.get(operation).is_some_and(|statuses| statuses.iter().any(|status| (200..300).contains(status)));
    let never: Vec<_> =
        known.iter().filter(asked).filter(|operation| !succeeded(operation)).map(|name| (name, answered.get(name))).collect();
    assert!(never.is_empty(), "never succeeded: {never:#?}");
    let requests = archive["log"]["entries"].as_array().unwrap().len();
    assert!(requests > 3_000, "only {requests} requests were made");
}

/// Its traces quote whole files of Python in a line.
fn said(output: &[u8]) -> String {
    String::from_utf8_lossy(output).lines().map(|line| line.chars().take(300).collect::<String>() + "\n").collect()
}
