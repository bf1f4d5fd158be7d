//! More requests than there are places: some wait, the rest are told when to come back.

use std::time::Duration;

use futures_util::future::join_all;

use crate::support::stand_in::NOTHING;
use crate::support::{Hecate, StandIn, Wire};
use crate::{QUERY, ask, error, hecate};

async fn many(hecate: &Hecate, times: usize) -> Vec<crate::Answered> {
    join_all((0..times).map(|_| ask(hecate))).await.into_iter().map(|answer| answer.expect("no answer")).collect()
}

fn of(answers: &[crate::Answered], status: u16) -> Vec<&crate::Answered> {
    answers.iter().filter(|answer| answer.status == status).collect()
}

#[tokio::test]
async fn a_queue_and_then_a_refusal() {
    let (upstream, release) = StandIn::holding().await;
    let hecate = hecate(&format!("url: \"{}\", max_concurrent: 2", upstream.url()), "limits: {concurrent_per_user: 100}");
    let released = async {
        hecate.metric_becomes("hecate_upstream_errors_total{kind=\"busy\",upstream=\"prometheus\"}", 14.0).await;
        release.add_permits(7);
    };
    let (answers, ()) = tokio::join!(many(&hecate, 20), released);
    let (good, busy) = (of(&answers, 200), of(&answers, 503));
    // Two run, four wait, the others are refused at once.
    assert_eq!((good.len(), busy.len()), (6, 14));
    for answer in busy {
        assert!(error(answer, 503, "unavailable").contains("is busy"));
    }
    assert_eq!(upstream.queries().len(), 6);
    assert_eq!(hecate.metric("hecate_upstream_errors_total{kind=\"busy\",upstream=\"prometheus\"}").await, 14.0);
    hecate.comes_to_rest().await;
    assert_eq!(hecate.query().await.0, 200);
}

/// Who waits does not wait for ever.
#[tokio::test]
async fn a_queue_that_does_not_move_is_left() {
    let upstream = StandIn::answering(NOTHING, Duration::from_secs(600)).await;
    let hecate = hecate(&format!("url: \"{}\", max_concurrent: 1, timeout: 2s", upstream.url()), "");
    let answers = many(&hecate, 3).await;
    let mut kinds: Vec<_> =
        answers.iter().map(|a| serde_json::from_slice::<serde_json::Value>(&a.body).unwrap()["errorType"].clone()).collect();
    kinds.sort_by_key(ToString::to_string);
    assert_eq!(kinds, ["timeout", "unavailable", "unavailable"]);
    assert_eq!(of(&answers, 503).len(), 3);
    hecate.comes_to_rest().await;
}

#[tokio::test]
async fn a_user_who_asks_too_often_is_slowed_down_alone() {
    let upstream = StandIn::answering(NOTHING, Duration::ZERO).await;
    let hecate = hecate(&format!("url: \"{}\"", upstream.url()), "limits: {rate_per_user: 60/min}");
    assert_eq!(ask(&hecate).await.unwrap().status, 200);
    let answers = many(&hecate, 5).await;
    assert!(of(&answers, 429).len() >= 3, "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
    for answer in of(&answers, 429) {
        assert!(error(answer, 429, "too_many_requests").contains("requests per second"));
    }
    assert_eq!(hecate.query_of("token-bob").await.0, 200, "one user's rate is another's");
    assert!(hecate.metric("hecate_rejected_total{reason=\"rate\"}").await >= 3.0);
    let wait: u64 = of(&answers, 429)[0].header("retry-after").unwrap().parse().unwrap();
    tokio::time::sleep(Duration::from_secs(wait)).await;
    assert_eq!(ask(&hecate).await.unwrap().status, 200, "after the time that was told");
}

#[tokio::test]
async fn a_user_with_too_much_under_way_waits_for_it() {
    let (upstream, release) = StandIn::holding().await;
    let hecate = hecate(&format!("url: \"{}\"", upstream.url()), "limits: {concurrent_per_user: 2}");
    let mut running = Vec::new();
    for _ in 0..2 {
        let mut wire = Wire::connect(hecate.address()).await;
        wire.get(QUERY).await;
        running.push(wire);
    }
    hecate.metric_becomes("hecate_upstream_inflight", 2.0).await;
    assert!(error(&ask(&hecate).await.unwrap(), 429, "too_many_requests").contains("under way"));
    release.add_permits(4);
    assert_eq!(hecate.query_of("token-bob").await.0, 200);
    for wire in &mut running {
        assert_eq!(wire.answer().await.unwrap().status, 200);
    }
    assert_eq!(ask(&hecate).await.unwrap().status, 200, "the places are free again");
    assert_eq!(hecate.metric("hecate_rejected_total{reason=\"concurrency\"}").await, 1.0);
    hecate.comes_to_rest().await;
}
