//! The start: quick, small, and clear about what stops it.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::simple;

/// Runs `hecate` with this configuration to its end: exit code and standard error.
fn run(config: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hecate.yaml");
    std::fs::write(&file, config).unwrap();
    let began = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_hecate")).arg("--config").arg(file).stdin(Stdio::null()).output().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(output.stdout.is_empty(), "it says that it serves: {}", String::from_utf8_lossy(&output.stdout));
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn an_address_that_is_taken_is_said_at_once() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for (listen, admin) in [(address.to_string(), "127.0.0.1:0".to_owned()), ("127.0.0.1:0".to_owned(), address.to_string())] {
        let (code, said) = run(&format!("server: {{listen: \"{listen}\", admin_listen: \"{admin}\"}}\n"));
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&format!("cannot listen on {address}")) && said.contains("in use"), "{said}");
        assert!(!said.contains("onfiguration"), "the configuration is not at fault: {said}");
    }
}

#[test]
fn a_bad_certificate_is_said_at_once() {
    let (code, said) =
        run("server: {listen: \"127.0.0.1:0\", admin_listen: \"127.0.0.1:0\", tls: {cert: /nowhere/tls.crt, key: /nowhere/tls.key}}\n");
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("/nowhere/tls.crt"), "{said}");
}

/// A smoke test with a debug build on whatever machine: `bench/` measures the release build against its figures.
#[tokio::test]
async fn it_starts_quickly_and_stays_small() {
    let began = Instant::now();
    let (hecate, _upstream) = simple("").await;
    let took = began.elapsed();
    assert_eq!(hecate.query().await.0, 200);
    let resident_kib = hecate.resident_kib();
    println!("start to ready {took:?}, resident {resident_kib} KiB");
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(resident_kib < 80 * 1024, "{resident_kib} KiB");
}
