//! The command line, as people type it: texts, exit codes, nothing else.
//!
//! Exit 0: done. 1: a dependency is away, a query is refused, an address is taken. 2: arguments. 64: the configuration.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]
#![allow(clippy::disallowed_methods, reason = "answers of parts that the test started itself")]

#[path = "../support/mod.rs"]
mod support;

mod check;
mod explain;
mod migrate;
mod rooms;
mod start;
mod token;

use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder with files, in which commands run; so that the texts name no folder of this machine.
struct Desk(TempDir);

/// What a command said.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Desk {
    fn with(files: &[(&str, &str)]) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Desk(folder)
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_hecate"))
            .args(arguments)
            .envs(environment.iter().copied())
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }
}

#[test]
fn help_and_version() {
    let desk = Desk::with(&[]);
    let help = desk.run(&["--help"]);
    assert_eq!(help.code, 0);
    for word in ["serve", "check", "migrate", "explain", "token", "--config"] {
        assert!(help.out.contains(word), "{help:?}");
    }
    for command in ["serve", "check", "explain"] {
        let help = desk.run(&[command, "--help"]);
        assert!(help.code == 0 && help.out.contains("--config"), "{help:?}");
    }
    assert!(desk.run(&["token", "new", "--help"]).out.contains("--namespace"));
    assert_eq!(desk.run(&["--version"]).out.trim(), format!("hecate {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_arguments_are_told() {
    let desk = Desk::with(&[]);
    for (arguments, word) in [
        (&["serv"][..], "serve"),
        (&["--confg", "x"], "--config"),
        (&["check", "extra"], "extra"),
        (&["explain"], "<QUERY>"),
        (&["explain", "up", "--window", "1h"], "--step"),
        (&["token"], "new"),
        (&["token", "new"], "<NAME>"),
    ] {
        let said = desk.run(arguments);
        assert!(said.code == 2 && said.out.is_empty() && said.err.contains(word), "{arguments:?}: {said:?}");
    }
}
