//! Upstreams that say no: what is the caller's business reaches them, the rest does not.

use serde_json::json;

use crate::support::stand_in::say;
use crate::support::{StandIn, eventually};
use crate::{ask, before, error, unavailable};

async fn saying(status: &'static str, body: String) -> StandIn {
    StandIn::start(move |_, mut stream| {
        let body = body.clone();
        async move { say(&mut stream, status, "application/json", &body).await }
    })
    .await
}

#[tokio::test]
async fn a_text_that_names_series_of_others_does_not_pass() {
    let text = "found duplicate series for the match group {pod=\"victim-7\"} on the left side: \
                [{__name__=\"salaries\", namespace=\"b\", pod=\"victim-7\"}, {__name__=\"salaries\", namespace=\"b\", node=\"n\"}]";
    for (status, code, kind) in
        [("500 Internal Server Error", 500, "internal"), ("422 Unprocessable Entity", 422, "storage"), ("503 Away", 503, "gateway")]
    {
        let upstream = saying(status, json!({"status": "error", "errorType": kind, "error": text}).to_string()).await;
        let hecate = before(&upstream);
        let answer = ask(&hecate).await.unwrap();
        assert_eq!(answer.status, code, "{}", answer.text());
        let said = answer.text();
        assert!(!["victim", "salaries", "\"b\"", "namespace"].iter().any(|part| said.contains(part)), "{said}");
        assert!(said.starts_with(r#"{"status":"error","errorType":""#), "{said}");
        // Who operates it can still read what happened.
        eventually("the log tells it", async || hecate.log().contains("not passed on").then_some(())).await;
        hecate.comes_to_rest().await;
    }
}

#[tokio::test]
async fn our_credentials_are_not_the_callers() {
    for status in ["401 Unauthorized", "403 Forbidden", "407 Proxy Authentication Required"] {
        let upstream = saying(status, json!({"status": "error", "errorType": "x", "error": "SECRET"}).to_string()).await;
        let hecate = before(&upstream);
        let answer = ask(&hecate).await.unwrap();
        assert_eq!(answer.header("www-authenticate"), None);
        assert!(!answer.text().contains("SECRET"));
        unavailable(Some(answer), "unavailable", "did not accept the credentials of this proxy");
        hecate.comes_to_rest().await;
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    use tokio::io::AsyncWriteExt;
    let elsewhere = StandIn::answering("SECRET", std::time::Duration::ZERO).await;
    let there = format!("{}/api/v1/query?query=up", elsewhere.url());
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect", "304 Not Modified", "300 Choices"] {
        let head = format!("HTTP/1.1 {status}\r\nLocation: {there}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let upstream = StandIn::start(move |_, mut stream| {
            let head = head.clone();
            async move { drop(stream.write_all(head.as_bytes()).await) }
        })
        .await;
        let hecate = before(&upstream);
        let answer = ask(&hecate).await.unwrap();
        assert_eq!(answer.header("location"), None, "{status}");
        unavailable(Some(answer), "unavailable", "redirect");
        hecate.comes_to_rest().await;
    }
    assert_eq!(elsewhere.queries().len(), 0);
}

/// Prometheus' own words about the query are for the caller.
#[tokio::test]
async fn what_is_about_the_query_stays() {
    let said = "query timed out in expression evaluation";
    let upstream = saying("503 Service Unavailable", json!({"status": "error", "errorType": "timeout", "error": said}).to_string()).await;
    let hecate = before(&upstream);
    assert_eq!(error(&ask(&hecate).await.unwrap(), 503, "timeout"), said);
    assert_eq!(upstream.queries().len(), 1, "a query that timed out is not sent again");
}

#[tokio::test]
async fn a_gate_that_is_overloaded_is_asked_again() {
    let times = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let upstream = StandIn::start(move |_, mut stream| {
        let times = times.clone();
        async move {
            match times.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                0 | 1 => say(&mut stream, "502 Bad Gateway", "text/html", "<html>SECRET</html>").await,
                _ => say(&mut stream, "200 OK", "application/json", crate::support::stand_in::NOTHING).await,
            }
        }
    })
    .await;
    let hecate = before(&upstream);
    assert_eq!(ask(&hecate).await.unwrap().status, 200);
    assert_eq!(hecate.metric("hecate_upstream_retries_total").await, 2.0);
    let gone = saying("502 Bad Gateway", "<html>SECRET</html>".to_owned()).await;
    let hecate = before(&gone);
    let answer = ask(&hecate).await.unwrap();
    assert!(!answer.text().contains("SECRET"));
    assert_eq!((answer.status, answer.header("retry-after").is_some()), (503, true), "{}", answer.text());
}
