//! A replica whose clock jumps: its answers and those of its neighbours stay right.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::house::{House, Plan};
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
        let now = house.at(1, "admin").get("/api/v1/query", &[("query", "vector(1)")]).await.data();
        told.push(now["result"][0]["value"][0].as_f64().unwrap());
    }
    let shown = load.end().await;
    assert!(shown.failed.is_empty(), "{:#?}", &shown.failed[..shown.failed.len().min(5)]);
    assert!(shown.wrong.is_empty(), "{:#?}", &shown.wrong[..shown.wrong.len().min(5)]);
    assert!(shown.took.len() > 100, "{} requests", shown.took.len());
    // Whether the clock jumped at all shows in the log, whose lines carry the time of day.
    let days: std::collections::BTreeSet<String> = house.replicas[1].log().split(['"', ' ']).filter_map(day).collect();
    println!("moments told: {told:?}, days in the log: {days:?}");
    house.replicas[1].assert_no_bug();
    verify(&house, &[0, 1]).await;
}

/// `2026-11-27` of `2026-11-27T…`.
fn day(word: &str) -> Option<String> {
    let (day, _) = word.split_once('T')?;
    (day.len() == 10 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')).then(|| day.to_owned())
}
