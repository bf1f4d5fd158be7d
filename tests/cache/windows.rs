//! What a window costs upstream when others were asked before.

use std::time::Duration;

use crate::house::{House, Plan, range, seconds_now};
use crate::support::{Door, eventually};

const TEXT: &str = "sum by (parity) (wide)";
const ENFORCED: &str = r#"sum by (parity) (wide{namespace="a"})"#;

/// One hour in steps of 15 s.
const POINTS: i64 = 241;

/// Waits until an answer is kept: it is given before.
async fn is_kept(door: &Door, window: (i64, i64, &str)) {
    let again = async || range(door, TEXT, window).await.header("cache-status").starts_with("hecate; hit").then_some(());
    eventually("the answer is kept", again).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settled_window_that_moves_a_step_asks_for_one_step() {
    let house = House::start(Plan::default()).await;
    let alice = house.user("alice");
    let end = house.settled();
    let got = house.check(&alice, TEXT, ENFORCED, (end - 3600, end, "15")).await;
    assert!(got.header("cache-status").starts_with("hecate; fwd=miss"), "{}", got.header("cache-status"));
    assert_eq!(house.points(), POINTS);
    for i in 1..=8 {
        let got = house.check(&alice, TEXT, ENFORCED, (end - 3600 + 15 * i, end + 15 * i, "15")).await;
        assert!(got.header("cache-status").contains("fwd=partial"), "{}", got.header("cache-status"));
        let asked = house.ranges();
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert_eq!(asked[0].points(), 1, "{asked:?}");
        assert_eq!(asked[0].ms("start"), (end + 15 * i) * 1000, "{asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_inside_a_known_one_asks_nothing() {
    let house = House::start(Plan::default()).await;
    let alice = house.user("alice");
    let end = house.settled();
    house.check(&alice, TEXT, ENFORCED, (end - 3600, end, "15")).await;
    is_kept(&alice, (end - 3600, end, "15")).await;
    assert_eq!(house.points(), POINTS);
    for (start, end) in
        [(end - 3600, end), (end - 3600, end - 1800), (end - 1800, end), (end - 15, end), (end, end), (end - 3600, end - 3600)]
    {
        let got = house.check(&alice, TEXT, ENFORCED, (start, end, "15")).await;
        assert!(got.header("cache-status").starts_with("hecate; hit"), "{}", got.header("cache-status"));
        assert!(!got.header("server-timing").is_empty());
    }
    // The end need not be a step, and other words for the same are the same.
    house.check(&alice, TEXT, ENFORCED, (end - 1800, end - 4, "15s")).await;
    house.check(&alice, "(sum(wide)  by(parity))", ENFORCED, (end - 1800, end, "15000ms")).await;
    assert_eq!(house.points(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_holes_are_asked_for() {
    let house = House::start(Plan::default()).await;
    let alice = house.user("alice");
    let end = house.settled();
    // Twenty minutes, forty missing, twenty minutes.
    house.check(&alice, TEXT, ENFORCED, (end - 4800, end - 3615, "15")).await;
    house.check(&alice, TEXT, ENFORCED, (end - 1200, end, "15")).await;
    assert_eq!(house.points(), 80 + 81);
    house.check(&alice, TEXT, ENFORCED, (end - 4800, end, "15")).await;
    let asked = house.ranges();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!((asked[0].ms("start"), asked[0].ms("end")), ((end - 3600) * 1000, (end - 1215) * 1000), "{asked:?}");
    // Wider at both ends: two holes, which may be asked for one by one or together.
    house.check(&alice, TEXT, ENFORCED, (end - 4830, end + 30, "15")).await;
    let asked = house.ranges();
    assert!(asked.len() <= 2 && asked.iter().map(crate::support::counting::Asked::points).sum::<i64>() == 4, "{asked:?}");
}

/// Another step, another phase, another text, another parameter: nothing in common.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_grids_share_nothing() {
    let house = House::start(Plan::default()).await;
    let alice = house.user("alice");
    let end = house.settled();
    house.check(&alice, TEXT, ENFORCED, (end - 600, end, "15")).await;
    assert_eq!(house.points(), 41);
    house.check(&alice, TEXT, ENFORCED, (end - 600, end, "30")).await;
    assert_eq!(house.points(), 21);
    house.check(&alice, TEXT, ENFORCED, (end - 599, end + 1, "15")).await;
    assert_eq!(house.points(), 41);
    house.check(&alice, "sum(wide)", r#"sum(wide{namespace="a"})"#, (end - 600, end, "15")).await;
    assert_eq!(house.points(), 41);
}

/// A dashboard that is refreshed asks for what may have changed, and for what is new.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_window_asks_for_the_fresh_minute_only() {
    let house = House::start(Plan { cache: "self_check: 0, fresh_ttl: 2s", ..Plan::default() }).await;
    let alice = house.user("alice");
    let now = || seconds_now().div_euclid(15) * 15;
    let mut last = now();
    range(&alice, TEXT, (last - 3600, last, "15")).await;
    assert_eq!(house.points(), POINTS);
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let end = now();
        house.check(&alice, TEXT, ENFORCED, (end - 3600, end, "15")).await;
        let asked = house.ranges();
        // The fresh minute has four or five steps, one more may just have left it, and one for every 15 s is new.
        let points: i64 = asked.iter().map(crate::support::counting::Asked::points).sum();
        assert!((1..=6 + (end - last) / 15).contains(&points), "{points} steps were asked for: {asked:?}");
        last = end;
    }
}

/// A hundred viewers within the life of fresh points cost what one does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_window_is_asked_for_once_while_its_points_live() {
    let house = House::start(Plan { cache: "self_check: 0, fresh_ttl: 10m", ..Plan::default() }).await;
    let alice = house.user("alice");
    let end = seconds_now().div_euclid(15) * 15;
    range(&alice, TEXT, (end - 3600, end, "15")).await;
    is_kept(&alice, (end - 3600, end, "15")).await;
    assert_eq!(house.points(), POINTS);
    for _ in 0..100 {
        let again = range(&alice, TEXT, (end - 3600, end, "15")).await;
        assert!(again.header("cache-status").starts_with("hecate; hit"), "{}", again.header("cache-status"));
    }
    assert_eq!(house.points(), 0);
}

/// What depends on start and end is kept for the very same window only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_depends_on_the_window_is_asked_for_anew() {
    let house = House::start(Plan::default()).await;
    let alice = house.user("alice");
    let end = house.settled();
    for (text, enforced) in [
        ("live_temperature - live_temperature @ start()", r#"live_temperature{namespace="a"} - live_temperature{namespace="a"} @ start()"#),
        ("live_temperature @ end()", r#"live_temperature{namespace="a"} @ end()"#),
        ("max_over_time(live_temperature[range() + 1m])", r#"max_over_time(live_temperature{namespace="a"}[range() + 1m])"#),
    ] {
        house.check(&alice, text, enforced, (end - 600, end, "15")).await;
        house.check(&alice, text, enforced, (end - 600, end, "15")).await;
        house.upstream.take();
        house.check(&alice, text, enforced, (end - 600, end + 15, "15")).await;
        assert_eq!(house.points(), 42, "{text}");
        house.check(&alice, text, enforced, (end - 585, end, "15")).await;
        assert_eq!(house.points(), 40, "{text}");
    }
}

/// Instant queries and lists, repeated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeats_of_the_other_paths_ask_nothing() {
    let house = House::start(Plan::default()).await;
    let alice = house.user("alice");
    let time = house.settled().to_string();
    let start = (house.settled() - 3600).to_string();
    let window = [("start", start.as_str()), ("end", time.as_str())];
    for (path, own) in [
        ("/api/v1/query", vec![("query", TEXT), ("time", time.as_str())]),
        ("/api/v1/series", [&window[..], &[("match[]", "live_temperature")]].concat()),
        ("/api/v1/labels", [&window[..], &[("match[]", "live_temperature")]].concat()),
        ("/api/v1/label/pod/values", window.to_vec()),
    ] {
        let first = alice.get(path, &own).await;
        assert_eq!(first.status, 200, "{path} {}", first.body);
        assert_eq!(house.upstream.take().len(), 1, "{path}");
        let second = alice.get(path, &own).await;
        assert_eq!(house.upstream.take().len(), 0, "{path} {}", second.header("cache-status"));
        assert_eq!(first.body, second.body, "{path}");
        assert!(second.header("cache-status").starts_with("hecate; hit"), "{path} {}", second.header("cache-status"));
        // Another limit is another question.
        assert_eq!(alice.get(path, &[&own[..], &[("limit", "1")]].concat()).await.status, 200);
        assert_eq!(house.upstream.take().len(), 1, "{path} with a limit");
    }
}
