//! Upstreams that are not there, die, freeze, and come back: under load, with a real Prometheus.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::support::{Hecate, Prometheus, PrometheusOptions, StandIn, client, eventually, free_port};
use crate::{ask, hecate, unavailable};

/// What several clients met who asked again and again.
#[derive(Default, Debug)]
struct Met {
    good: usize,
    unavailable: usize,
    longest: Duration,
}

/// Four clients that ask until they are told to stop; an answer other than 200 or a proper 503 fails.
struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Met>>,
}

impl Load {
    fn on(hecate: &Hecate) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let url = format!("{}/api/v1/query?query=vector(1)", hecate.url());
        let clients = (0..4).map(|_| tokio::spawn(one(url.clone(), stop.clone()))).collect();
        Load { stop, clients }
    }

    async fn end(self) -> Met {
        self.stop.store(true, Ordering::Release);
        let mut all = Met::default();
        for client in self.clients {
            let met = client.await.unwrap();
            all.good += met.good;
            all.unavailable += met.unavailable;
            all.longest = all.longest.max(met.longest);
        }
        all
    }
}

async fn one(url: String, stop: Arc<AtomicBool>) -> Met {
    let http = client();
    let mut met = Met::default();
    while !stop.load(Ordering::Acquire) {
        let began = Instant::now();
        let response = http.get(&url).bearer_auth("token-alice").send().await.expect("Hecate itself cut a connection");
        let (status, retry) = (response.status().as_u16(), response.headers().contains_key("retry-after"));
        let text = response.text().await.expect("a broken answer");
        met.longest = met.longest.max(began.elapsed());
        match status {
            200 if text.contains("\"success\"") => met.good += 1,
            503 if retry && text.starts_with(r#"{"status":"error","errorType":""#) => met.unavailable += 1,
            _ => panic!("{status} {text}"),
        }
        sleep(Duration::from_millis(20)).await;
    }
    met
}

fn send(signal: &str, pid: u32) {
    assert!(Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()).status().unwrap().success());
}

#[tokio::test]
async fn one_that_was_never_there_and_then_comes() {
    let port = free_port();
    let hecate = hecate(&format!("url: \"http://127.0.0.1:{port}\", health_interval: 1s, timeout: 3s"), "");
    let began = Instant::now();
    unavailable(ask(&hecate).await, "unavailable", "");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(hecate.metric("hecate_upstream_up").await, 0.0);
    let _prometheus = Prometheus::start_on(port, PrometheusOptions::default()).await;
    eventually("it answers", async || (ask(&hecate).await?.status == 200).then_some(())).await;
    hecate.metric_becomes("hecate_upstream_up", 1.0).await;
    hecate.comes_to_rest().await;
}

#[tokio::test]
async fn one_whose_address_takes_no_connection() {
    // A full backlog: nobody accepts, and the system answers no more.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let hecate = hecate(&format!("url: \"{url}\", connect_timeout: 1s, timeout: 2s, read_timeout: 1s"), "");
    let answer = ask(&hecate).await;
    let text = answer.as_ref().unwrap().text();
    unavailable(answer, if text.contains("\"timeout\"") { "timeout" } else { "unavailable" }, "prometheus");
    hecate.comes_to_rest().await;
}

#[tokio::test]
async fn a_name_that_does_not_resolve() {
    let hecate = hecate("url: \"http://prometheus.invalid:9090\", connect_timeout: 1s, timeout: 2s", "");
    unavailable(ask(&hecate).await, "unavailable", "");
    hecate.comes_to_rest().await;
}

#[tokio::test]
async fn a_prometheus_that_is_killed_and_started_again() {
    let port = free_port();
    let prometheus = Prometheus::start_on(port, PrometheusOptions::default()).await;
    let hecate = hecate(&format!("url: \"{}\", timeout: 3s, health_interval: 1s", prometheus.url()), "");
    assert_eq!(ask(&hecate).await.unwrap().status, 200);
    let load = Load::on(&hecate);
    sleep(Duration::from_millis(500)).await;
    send("KILL", prometheus.pid());
    hecate.metric_becomes("hecate_upstream_up", 0.0).await;
    drop(prometheus);
    assert!(ask(&hecate).await.unwrap().status == 503);
    let prometheus = Prometheus::start_on(port, PrometheusOptions::default()).await;
    eventually("it answers again", async || (ask(&hecate).await?.status == 200).then_some(())).await;
    sleep(Duration::from_millis(300)).await;
    let met = load.end().await;
    assert!(met.good > 10 && met.unavailable > 0, "{met:?}");
    assert!(met.longest < Duration::from_secs(8), "{met:?}");
    hecate.comes_to_rest().await;
    drop(prometheus);
}

#[tokio::test]
async fn a_prometheus_that_freezes_for_three_seconds() {
    let prometheus = Prometheus::start(PrometheusOptions::default()).await;
    let hecate = hecate(&format!("url: \"{}\", timeout: 1s, read_timeout: 1s, health_interval: 1s", prometheus.url()), "");
    assert_eq!(ask(&hecate).await.unwrap().status, 200);
    let load = Load::on(&hecate);
    sleep(Duration::from_millis(300)).await;
    send("STOP", prometheus.pid());
    sleep(Duration::from_secs(3)).await;
    send("CONT", prometheus.pid());
    eventually("it answers again", async || (ask(&hecate).await?.status == 200).then_some(())).await;
    sleep(Duration::from_millis(300)).await;
    let met = load.end().await;
    assert!(met.good > 10 && met.unavailable > 0, "{met:?}");
    assert!(met.longest < Duration::from_secs(6), "{met:?}");
    hecate.comes_to_rest().await;
}

/// Connections that the upstream closed while they lay idle are nothing that a caller should notice.
#[tokio::test]
async fn pooled_connections_that_were_closed_cost_nobody_an_error() {
    let upstream = StandIn::start(|_, mut stream| async move {
        use tokio::io::AsyncWriteExt;
        // Says that it keeps the connection, and closes it.
        let body = crate::support::stand_in::NOTHING;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        sleep(Duration::from_millis(5)).await;
    })
    .await;
    let hecate = hecate(&format!("url: \"{}\", retries: 0", upstream.url()), "");
    for _ in 0..60 {
        assert_eq!(ask(&hecate).await.unwrap().status, 200);
        sleep(Duration::from_millis(4)).await;
    }
    hecate.comes_to_rest().await;
}
