//! How much one user may ask: 429 with `Retry-After`, and nobody else waits.

use std::time::Duration;

use tokio::net::TcpListener;

use crate::house::House;
use crate::support::{Hecate, client, eventually};

#[tokio::test]
async fn a_rate_per_user() {
    let house = House::start("limits: {rate_per_user: 2/s}\n").await;
    let before = house.reached_upstream().await;
    let mut statuses = Vec::new();
    let mut refused = None;
    for n in 0..6 {
        // Each one is new, so that whoever is let in reaches the upstream.
        let answer = house.get("alice", &format!("/api/v1/query?query=depth&time={n}")).await;
        statuses.push(answer.status);
        refused = refused.or((answer.status == 429).then_some(answer));
    }
    let let_in = statuses.iter().filter(|status| **status == 200).count() as u64;
    let refused = refused.unwrap_or_else(|| panic!("{statuses:?}"));
    assert_eq!(refused.header("retry-after"), "1", "{refused:?}");
    assert_eq!(refused.json()["errorType"], "too_many_requests");
    assert!(["2", "limits.rate_per_user"].iter().all(|word| refused.error().contains(word)), "{refused:?}");
    assert_eq!(house.reached_upstream().await, before + let_in, "{statuses:?}");
    assert_eq!(house.get("bob", "/api/v1/query?query=depth").await.status, 200, "bob does not wait for alice");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(house.get("alice", "/api/v1/query?query=depth").await.status, 200, "later it goes on");
}

#[tokio::test]
async fn so_many_at_the_same_time() {
    // Takes requests and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", silent.local_addr().unwrap());
    let hecate = Hecate::in_front_of(&upstream, "limits: {concurrent_per_user: 2}\n");
    let http = client();
    let ask = |user: &str| http.get(format!("{}/api/v1/query?query=up", hecate.url())).bearer_auth(format!("token-{user}"));
    let waiting: Vec<_> = (0..2).map(|_| tokio::spawn(ask("alice").send())).collect();
    eventually("two requests are under way", async || {
        let metrics = http.get(format!("{}/metrics", hecate.admin_url())).send().await.ok()?.text().await.ok()?;
        // The scrape itself is one.
        metrics.contains("hecate_http_inflight 3").then_some(())
    })
    .await;
    let refused = ask("alice").send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    let body = refused.text().await.unwrap();
    assert!(["2", "limits.concurrent_per_user"].iter().all(|word| body.contains(word)), "{body}");
    let bob = ask("bob").timeout(Duration::from_millis(500)).send().await;
    assert!(bob.is_err_and(|error| error.is_timeout()), "bob is let in, and waits for the upstream");
    // Who leaves frees the place.
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    eventually("the places are free again", async || {
        ask("alice").timeout(Duration::from_millis(300)).send().await.is_err_and(|error| error.is_timeout()).then_some(())
    })
    .await;
}
