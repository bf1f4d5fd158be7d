//! A real browser reads what is put together from compressed pieces.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::house::{House, Plan};
use crate::support::{Hecate, Verb, eventually};

/// Starts in seconds, on a busy machine in more.
const PATIENCE: Duration = Duration::from_secs(90);

/// The page that Chromium makes of an address, as HTML.
async fn page(address: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let chromium = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--dump-dom", address])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let page = tokio::time::timeout(PATIENCE, chromium).await.expect("Chromium does not end");
    String::from_utf8(page.expect("chromium is missing: run `make setup`").stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_reads_joined_pieces() {
    let house = House::start(Plan::default()).await;
    let open = Hecate::start("", &format!("upstreams: [{{name: p, url: \"{}\"}}]\ncache: {{self_check: 0}}", house.upstream.url()), &[]);
    let end = house.settled();
    let (start, end) = ((end - 3600).to_string(), end.to_string());
    let params = [("query", "wide*1.234567"), ("start", start.as_str()), ("end", end.as_str()), ("step", "15")];
    let address = format!("{}/api/v1/query_range?query=wide*1.234567&start={start}&end={end}&step=15", open.url());
    let truth = house.prometheus.door().ask(Verb::Get, "/api/v1/query_range", &params).await;
    assert!(truth.body.len() > 100_000, "{} bytes are not worth compressing", truth.body.len());
    let http = crate::support::client();
    let ask = async || {
        let answer = http.get(&address).header("accept-encoding", "gzip").send().await.unwrap();
        let said = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        (said("cache-status"), said("content-encoding"))
    };
    // The first answer goes out before its points are kept.
    eventually("the answer is kept", async || {
        let (status, encoding) = ask().await;
        (status == "hecate; hit").then(|| assert_eq!(encoding, "gzip"))
    })
    .await;
    // Quotes are the only characters of JSON here that HTML may write otherwise, and Chromium does not.
    let page = page(&address).await;
    assert!(page.contains(&truth.body), "the page has {} bytes: {}", page.len(), &page[..page.len().min(300)]);
}
