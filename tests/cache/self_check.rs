//! A cache that is wrong says so itself and drops what it had; and what answers showed is known afterwards.

use std::time::Duration;

use serde_json::json;

use crate::house::{House, Plan, range};
use crate::support::{Mood, eventually};

const TEXT: &str = "sum by (pod) (wide)";
const ENFORCED: &str = "sum by (pod) (wide{namespace=\"a\"})";

/// The upstream tells a lie once: it is kept, found out by the next hit, and gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_entry_is_found_out_and_dropped() {
    let house = House::start(Plan { cache: "self_check: 1", redis: Some(&[]), ..Plan::default() }).await;
    let alice = house.user("alice");
    let end = house.settled();
    let window = (end - 900, end, "15");
    let truth = range(&house.prometheus.door(), ENFORCED, window).await;
    let (at, digit) = truth.body.char_indices().rfind(|(_, c)| c.is_ascii_digit()).unwrap();
    let mut lie = truth.body.clone();
    lie.replace_range(at..=at, if digit == '7' { "3" } else { "7" });
    house.upstream.becomes(Mood::Saying(200, lie.clone(), Duration::ZERO));
    assert_eq!(range(&alice, TEXT, window).await.body, lie, "nobody can know better");
    house.upstream.becomes(Mood::Well);
    // An answer is given before it is kept.
    eventually("the lie is kept", async || {
        let again = range(&alice, TEXT, window).await;
        assert_eq!(again.body, lie);
        (again.header("cache-status") == "hecate; hit").then_some(())
    })
    .await;
    eventually("the lie is found out", async || {
        let found = house.replicas[0].metric("hecate_cache_self_checks_total{result=\"different\"}").await;
        (found == 1.0).then_some(())
    })
    .await;
    house.check(&alice, TEXT, ENFORCED, window).await;
}

/// What an answer showed is in the estimates of its selectors afterwards, for those who see the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn estimates_know_what_answers_showed() {
    let house = House::start(Plan::default()).await;
    let alice = house.user("alice");
    let end = house.settled();
    let question = json!({"query": "rate(wide[5m])", "start": end - 900, "end": end, "step": "15s"});
    let told =
        async |door| -> serde_json::Value { crate::support::Door::post_json(door, "/api/v1/metrics/validate", &question).await.json() };
    let before = told(&alice).await;
    assert_eq!((&before["estimate"]["series"], &before["estimate"]["selectors_known"]), (&json!(1), &json!(0)), "{before}");
    let shown = house.check(&alice, "wide", "wide{namespace=\"a\"}", (end - 900, end, "15")).await;
    let series = shown.data()["result"].as_array().unwrap().len();
    assert!(series > 1);
    // The answer is given before it is looked at.
    let after = eventually("the selector is known", async || {
        let told = told(&alice).await;
        (told["estimate"]["selectors_known"] == json!(1)).then_some(told)
    })
    .await;
    assert_eq!(after["estimate"]["series"], json!(series), "{after}");
    let samples = |told: &serde_json::Value| told["estimate"]["samples"].as_u64().unwrap();
    assert_eq!(samples(&after), samples(&before) * series as u64);
    let bob = told(&house.user("bob")).await;
    assert_eq!(bob["estimate"]["selectors_known"], json!(0), "others' answers tell nothing: {bob}");
}
