//! What is never kept: warnings, partial and truncated answers, errors.

use std::time::Duration;

use crate::house::{House, Plan, range};
use crate::support::{Mood, Reply};

const TEXT: &str = "sum(wide)";
const ENFORCED: &str = r#"sum(wide{namespace="a"})"#;

async fn with_warnings(house: &House) -> Reply {
    let end = house.settled();
    range(&house.user("alice"), TEXT, (end - 900, end, "15")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_with_warnings_is_told_and_not_kept() {
    let house = House::start(Plan::default()).await;
    house.upstream.becomes(Mood::Adding(r#""warnings":["a store could not be asked"],"#.to_owned()));
    for _ in 0..3 {
        let got = with_warnings(&house).await;
        assert!(got.body.contains("a store could not be asked"), "{}", got.body);
        assert_eq!(house.points(), 61);
    }
    house.upstream.becomes(Mood::Well);
    let end = house.settled();
    let got = house.check(&house.user("alice"), TEXT, ENFORCED, (end - 900, end, "15")).await;
    assert!(!got.body.contains("warnings"), "{}", got.body);
    assert_eq!(house.points(), 61);
}

/// A warning about the new part of a window is told once, and is not kept with the old one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_with_warnings_is_told_and_not_kept() {
    let house = House::start(Plan::default()).await;
    let alice = house.user("alice");
    let end = house.settled();
    house.check(&alice, TEXT, ENFORCED, (end - 900, end, "15")).await;
    house.points();
    house.upstream.becomes(Mood::Adding(r#""warnings":["a store could not be asked"],"#.to_owned()));
    let got = range(&alice, TEXT, (end - 900, end + 60, "15")).await;
    assert!(got.body.contains("a store could not be asked"), "{}", got.body);
    house.upstream.becomes(Mood::Well);
    house.points();
    house.check(&alice, TEXT, ENFORCED, (end - 900, end + 60, "15")).await;
    assert!(house.points() >= 4);
    let got = house.check(&alice, TEXT, ENFORCED, (end - 900, end, "15")).await;
    assert!(!got.body.contains("warnings"), "{}", got.body);
}

/// Informations of the language are kept, and told each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn informations_stay_with_what_they_are_about() {
    let house = House::start(Plan::default()).await;
    let end = house.settled();
    let window = (end - 900, end, "15");
    for asked in [61, 0, 0] {
        let got = house.check(&house.user("alice"), "rate(wide[1m])", r#"rate(wide{namespace="a"}[1m])"#, window).await;
        assert!(got.json()["infos"][0].as_str().is_some_and(|text| text.contains("might not be a counter")), "{}", got.json()["infos"]);
        assert_eq!(house.points(), asked);
    }
}

/// Prometheus says of a truncated answer that it is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncated_answer_is_not_kept() {
    let house = House::start(Plan::default()).await;
    let (alice, direct) = (house.user("alice"), house.prometheus.door());
    let (start, end) = ((house.settled() - 900).to_string(), house.settled().to_string());
    let of = |text| [("query", text), ("start", start.as_str()), ("end", end.as_str()), ("step", "15"), ("limit", "2")];
    let want = direct.get("/api/v1/query_range", &of(r#"wide{namespace="a"}"#)).await;
    assert!(want.body.contains("truncated"), "{}", want.body);
    for _ in 0..2 {
        let got = alice.get("/api/v1/query_range", &of("wide")).await;
        assert_eq!(got.data_bytes(), want.data_bytes());
        assert!(got.body.contains("truncated"));
        assert_eq!(house.points(), 61);
    }
    house.check(&alice, "wide", r#"wide{namespace="a"}"#, (house.settled() - 900, house.settled(), "15")).await;
    assert_eq!(house.points(), 61);
}

/// What the text deserves is remembered for some seconds, so that a broken panel costs little, and no longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_kept_for_seconds_only() {
    let house = House::start(Plan::default()).await;
    let alice = house.user("alice");
    let end = house.settled();
    let refused = async || range(&alice, "topk(NaN, wide)", (end - 900, end, "15")).await;
    let first = refused().await;
    assert_eq!(first.status, 422, "{}", first.body);
    assert_eq!(house.ranges().len(), 1);
    let second = refused().await;
    assert_eq!((second.status, second.body), (first.status, first.body));
    assert_eq!(house.ranges().len(), 0);
    let mut waited = 0;
    while house.ranges().is_empty() {
        assert!(waited < 30, "a refusal is kept for more than {waited} s");
        tokio::time::sleep(Duration::from_secs(1)).await;
        waited += 1;
        assert_eq!(refused().await.status, 422);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_and_broken_answers_are_not_kept() {
    let house = House::start(Plan { upstream: "settle: 1m, timeout: 5s, retries: 0", ..Plan::default() }).await;
    let alice = house.user("alice");
    let end = house.settled();
    let error = |kind: &str| format!(r#"{{"status":"error","errorType":"{kind}","error":"not now"}}"#);
    let half = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"]"#;
    for (i, mood) in [
        Mood::Saying(500, error("internal"), Duration::ZERO),
        Mood::Saying(503, error("unavailable"), Duration::ZERO),
        Mood::Saying(499, error("canceled"), Duration::ZERO),
        Mood::Saying(200, error("internal"), Duration::ZERO),
        Mood::Saying(200, half.to_owned(), Duration::ZERO),
        Mood::Saying(200, String::new(), Duration::ZERO),
        Mood::Saying(200, "<html>a portal</html>".to_owned(), Duration::ZERO),
        Mood::Cut(700),
        Mood::Dead,
    ]
    .into_iter()
    .enumerate()
    {
        let text = format!("sum(wide) + {i}");
        house.upstream.becomes(mood);
        let got = range(&alice, &text, (end - 900, end, "15")).await;
        assert!(got.status >= 400, "{i}: {} {}", got.status, got.body);
        house.upstream.becomes(Mood::Well);
        tokio::time::sleep(Duration::from_millis(100)).await;
        house.points();
        house.check(&alice, &text, &format!("{ENFORCED} + {i}"), (end - 900, end, "15")).await;
        assert_eq!(house.points(), 61, "{i}");
    }
}
