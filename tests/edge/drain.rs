//! The end of the process: what is under way ends well, and the end comes.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::support::stand_in::NOTHING;
use crate::support::{Hecate, StandIn, Wire, client, eventually};
use crate::{QUERY, hecate, simple};

async fn ready(hecate: &Hecate) -> u16 {
    client().get(format!("{}/ready", hecate.admin_url())).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_running_query_ends_with_its_whole_answer() {
    for signal in ["TERM", "INT"] {
        let (upstream, release) = StandIn::holding().await;
        let mut hecate = hecate("drain: 20s", &format!("url: \"{}\"", upstream.url()), "");
        let mut idle = Wire::connect(hecate.address()).await;
        idle.get("/live").await;
        assert_eq!(idle.answer().await.unwrap().status, 200);
        let mut wire = Wire::connect(hecate.address()).await;
        wire.get(QUERY).await;
        hecate.metric_becomes("hecate_upstream_inflight", 1.0).await;
        hecate.signal(signal);
        let took = idle.closed().await;
        assert!(took < Duration::from_secs(5), "an idle connection holds the drain up: {took:?}");
        release.add_permits(1);
        let answer = wire.answer().await.expect("a running query was cut");
        assert_eq!((answer.status, answer.complete, answer.text().as_str()), (200, true, NOTHING), "{signal}");
        assert!(wire.closed().await < Duration::from_secs(5), "kept open while draining");
        assert_eq!(hecate.ended(Duration::from_secs(10)).await, Some(0), "{signal}: {}", hecate.log());
    }
}

#[tokio::test]
async fn during_the_delay_it_is_not_ready_but_serves() {
    let (mut hecate, _upstream) = simple("drain_delay: 4s").await;
    assert_eq!(ready(&hecate).await, 200);
    hecate.signal("TERM");
    eventually("it is not ready", async || (ready(&hecate).await == 503).then_some(())).await;
    let mut wire = Wire::connect(hecate.address()).await;
    for _ in 0..3 {
        wire.get(QUERY).await;
        assert_eq!(wire.answer().await.unwrap().status, 200);
    }
    let public = client().get(format!("{}/ready", hecate.url())).send().await.unwrap();
    assert_eq!((public.status().as_u16(), public.text().await.unwrap().as_str()), (503, "draining\n"));
    assert_eq!(hecate.metric("hecate_ready").await, 0.0);
    assert_eq!(hecate.ended(Duration::from_secs(15)).await, Some(0));
}

#[tokio::test]
async fn nothing_new_is_taken_after_the_delay() {
    let (upstream, release) = StandIn::holding().await;
    let mut hecate = hecate("drain: 20s", &format!("url: \"{}\"", upstream.url()), "");
    let mut wire = Wire::connect(hecate.address()).await;
    wire.get(QUERY).await;
    hecate.metric_becomes("hecate_upstream_inflight", 1.0).await;
    hecate.signal("TERM");
    let address = hecate.address().to_owned();
    eventually("new connections are refused", async || TcpStream::connect(&address).await.err()).await;
    assert_eq!(hecate.metric("hecate_ready").await, 0.0, "the drain can be watched");
    release.add_permits(1);
    assert_eq!(wire.answer().await.unwrap().status, 200);
    assert_eq!(hecate.ended(Duration::from_secs(10)).await, Some(0));
}

#[tokio::test]
async fn a_query_that_never_ends_does_not_hold_it_up_for_ever() {
    let upstream = StandIn::answering(NOTHING, Duration::from_secs(600)).await;
    let mut hecate = hecate("drain: 1s", &format!("url: \"{}\"", upstream.url()), "");
    let mut wire = Wire::connect(hecate.address()).await;
    wire.get(QUERY).await;
    hecate.metric_becomes("hecate_upstream_inflight", 1.0).await;
    let began = Instant::now();
    hecate.signal("TERM");
    assert_eq!(hecate.ended(Duration::from_secs(15)).await, Some(0));
    assert!((Duration::from_millis(900)..Duration::from_secs(12)).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert!(wire.answer().await.is_none(), "half an answer");
    assert!(hecate.log().contains("the drain time is over"), "{}", hecate.log());
}

#[tokio::test]
async fn with_nothing_to_do_the_end_comes_at_once() {
    let (mut hecate, _upstream) = simple("").await;
    sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    hecate.signal("TERM");
    assert_eq!(hecate.ended(Duration::from_secs(10)).await, Some(0));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert!(!hecate.log().contains("ERROR"), "{}", hecate.log());
}
