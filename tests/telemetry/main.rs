//! Telemetry as a process sees it: set up once, spoken to through `tracing` and `log`, written out at the end.

use std::process::Command;

use hecate::{
    config::{LogFormat, Telemetry},
    telemetry::{self, InitError, LogError, Metrics},
};

#[test]
fn what_is_logged_stands_on_standard_error_when_the_process_ends() {
    // In a process of its own, for logging can be set up only once in each.
    let this_program = std::env::current_exe().unwrap();
    let output = Command::new(this_program).args(["--exact", "child_logs", "--ignored", "--nocapture"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    let events: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let said: Vec<_> = events
        .iter()
        .map(|event| (event["level"].as_str().unwrap(), event["target"].as_str().unwrap(), event["message"].as_str().unwrap()))
        .collect();
    assert_eq!(
        said[..3],
        [("INFO", "hecate::x", "through tracing"), ("WARN", "pingora_core", "through log\nforged"), ("DEBUG", "hecate::y", "through log")]
    );
    assert_eq!(said.len(), 1003, "nothing is lost at the end");
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn child_logs() {
    let settings = Telemetry { log: "info,hecate::y=debug".into(), format: LogFormat::Json, ..Telemetry::default() };
    let metrics = Metrics::new().unwrap();
    let guard = telemetry::init(&settings, &metrics).unwrap();
    assert!(!guard.tracer().is_enabled());
    assert!(matches!(telemetry::init(&settings, &metrics), Err(InitError::Log(LogError::AlreadyRunning))));

    tracing::info!(target: "hecate::x", "through tracing");
    log::info!(target: "pingora_core", "nobody asked");
    log::warn!(target: "pingora_core", "through log\nforged");
    log::debug!(target: "hecate::y", "through log");
    for number in 0..1000 {
        tracing::info!(target: "hecate::x", number, "more");
    }
    drop(guard);
}

#[test]
fn a_bad_directive_is_refused_before_anything_is_set_up() {
    let settings = Telemetry { log: "info,hecate=lots".into(), ..Telemetry::default() };
    let error = telemetry::init(&settings, &Metrics::new().unwrap()).err().unwrap().to_string();
    assert!(error.starts_with("telemetry.log: `hecate=lots` is no log directive"), "{error}");
}
