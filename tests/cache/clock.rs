//! A replica whose clock jumps: its answers and those of its neighbours stay right.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use crate::house::{House, Plan, seconds_now};
use crate::load::{Load, verify};

/// The library that the program `faketime` puts in front of a process.
fn library() -> PathBuf {
    let listed = Command::new("dpkg").args(["-L", "libfaketime"]).output().expect("dpkg is missing");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let found = listed.lines().map(PathBuf::from).find(|path| path.ends_with("libfaketimeMT.so.1"));
    found.expect("libfaketime is missing: run make setup")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_spoils_nothing() {
    let plan = Plan { redis: Some(&[]), cache: "self_check: 0, fresh_ttl: 2s", ..Plan::default() };
    let mut house = House::start(Plan { redis: Some(&[]), cache: "self_check: 0, fresh_ttl: 2s", ..Plan::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let offset = folder.path().join("offset");
    fs::write(&offset, "+0").unwrap();
    let environment = [
        ("LD_PRELOAD", library().to_str().unwrap().to_owned()),
        ("FAKETIME_TIMESTAMP_FILE", offset.to_str().unwrap().to_owned()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        // Timers go on: it is the time of day that is put right.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    house.replicas.push(house.one_more_in(&environment, &plan));
    let load = Load::start(&house, &[0, 1], 13);
    let mut told = Vec::new();
    for jump in ["+0", "+15m", "-15m", "-2h", "+400d", "+0"] {
        fs::write(&offset, jump).unwrap();
        tokio::time::sleep(Duration::from_millis(1200)).await;
        let answer = house.at(1, "admin").get("/api/v1/query", &[("query", "vector(1)")]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let now = httpdate::parse_http_date(answer.header("date")).expect("an answer without a date");
        told.push(now.duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 - seconds_now());
    }
    let shown = load.end().await;
    assert!(shown.failed.is_empty(), "{:#?}", &shown.failed[..shown.failed.len().min(5)]);
    assert!(shown.wrong.is_empty(), "{:#?}", &shown.wrong[..shown.wrong.len().min(5)]);
    assert!(shown.took.len() > 100, "{} requests", shown.took.len());
    println!("{} requests while the clock was wrong by {told:?} s", shown.took.len());
    assert!(told[1] > 800 && told[2] < -800 && told[3] < -7000 && told[4] > 30_000_000, "the clock did not jump: {told:?}");
    house.replicas[1].assert_no_bug();
    verify(&house, &[0, 1]).await;
}
