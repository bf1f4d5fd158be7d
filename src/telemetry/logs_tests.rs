//! What is let through, and that nobody can forge a line.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use super::*;

/// Standard error for a test.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that `work` logs on this thread under these settings.
pub(in crate::telemetry) fn capture(directives: &str, format: LogFormat, work: impl FnOnce(Lines)) -> Vec<String> {
    let captured = Captured::default();
    let dropped = IntCounter::new("dropped", "dropped").unwrap();
    let (lines, worker) = writer::start(captured.clone(), dropped).unwrap();
    let own = Lines { output: lines.clone(), format };
    tracing::subscriber::with_default(subscriber(filter(directives).unwrap(), format, lines), || work(own));
    assert!(worker.flush(Duration::from_secs(10)));
    let bytes = captured.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bad_directives_are_named() {
    for (directives, named) in
        [("inof", "`inof`"), ("info,hecate=verbose", "`hecate=verbose`"), ("info, my target", "`my target`"), ("=", "`=`")]
    {
        let error = filter(directives).expect_err(directives).to_string();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn levels_and_targets_choose_lines_and_libraries_are_quiet_unless_asked_for() {
    let speak = || {
        tracing::debug!(target: "hecate::upstream", "upstream debug");
        tracing::info!(target: "hecate::query", "query info");
        tracing::info!(target: "pingora_core::server", "pingora info");
        tracing::warn!(target: "pingora_core::server", "pingora warn");
    };
    for (directives, expected) in [
        ("info", &["query info", "pingora warn"][..]),
        ("", &["query info", "pingora warn"]),
        ("warn", &["pingora warn"]),
        ("off,pingora=off", &[]),
        ("info,hecate::upstream=debug", &["upstream debug", "query info", "pingora warn"]),
        ("info,pingora=info", &["query info", "pingora info", "pingora warn"]),
        ("info,pingora_core=info", &["query info", "pingora info", "pingora warn"]),
        ("trace", &["upstream debug", "query info", "pingora warn"]),
    ] {
        let lines = capture(directives, LogFormat::Text, |_| speak());
        assert_eq!(lines.len(), expected.len(), "{directives:?}: {lines:?}");
        for (line, part) in lines.iter().zip(expected) {
            assert!(line.ends_with(part), "{directives:?}: {line}");
        }
    }
}

#[test]
fn text_of_a_user_cannot_forge_a_line() {
    let forged = "x\n2026-01-01T00:00:00Z  INFO hecate: all is well\r\x1b[2J\u{2028}\u{202e}";
    let speak = || {
        tracing::info!(user = forged, "field");
        tracing::info!(user = %forged, "display");
        tracing::info!(user = ?forged, "debug");
        tracing::info!("message {forged}");
    };
    for format in [LogFormat::Text, LogFormat::Json] {
        let lines = capture("info", format, |_| speak());
        assert_eq!(lines.len(), 4, "{format:?}: {lines:?}");
        for line in &lines {
            assert!(!line.chars().any(|character| character.is_control() || matches!(character, '\u{2028}' | '\u{202e}')), "{line:?}");
            if format == LogFormat::Json {
                let event: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(event["level"], "INFO");
            }
        }
    }
}

#[test]
fn json_carries_fields_at_the_top() {
    let lines = capture("info", LogFormat::Json, |_| tracing::info!(target: "hecate::x", status = 200, path = "/a\"b", "request"));
    let event: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(
        (&event["message"], &event["status"], &event["path"], &event["target"]),
        (&"request".into(), &200.into(), &"/a\"b".into(), &"hecate::x".into())
    );
}
