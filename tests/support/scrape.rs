//! What Hecate tells about itself: metrics, log lines, memory.

use std::time::Duration;

use serde_json::Value;

use super::{Hecate, Wire, client, eventually};

impl Hecate {
    /// Everything at `/metrics`.
    pub async fn metrics(&self) -> String {
        let mut wire = Wire::connect(self.admin_url().split("://").nth(1).unwrap()).await;
        wire.send("GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
        let answer = wire.answer().await.expect("no metrics");
        assert_eq!((answer.status, answer.complete), (200, true));
        answer.text()
    }

    /// The sum of all series of this name, or of one with its labels; 0 when there is none.
    pub async fn metric(&self, series: &str) -> f64 {
        let text = self.metrics().await;
        let fits = |line: &&str| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ') || rest.starts_with('{'));
        text.lines().filter(fits).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until the series has this value.
    pub async fn metric_becomes(&self, series: &str, value: f64) {
        eventually(&format!("{series} is {value}"), async || (self.metric(series).await == value).then_some(())).await;
    }

    /// The JSON lines of its log with this target, once there are as many.
    pub async fn log_lines(&self, target: &str, at_least: usize) -> Vec<Value> {
        eventually(&format!("{at_least} lines of {target}"), async || {
            let lines: Vec<Value> = self
                .log()
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .filter(|event| event["target"] == target)
                .collect();
            (lines.len() >= at_least).then_some(lines)
        })
        .await
    }

    /// Resident memory, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Fails when something panicked or was called a bug.
    pub fn assert_no_bug(&self) {
        let log = self.log();
        assert!(!log.contains("panicked") && !log.contains("this is a bug"), "{log}");
    }

    /// Nothing is under way any more, here and at the upstream.
    pub async fn comes_to_rest(&self) {
        self.metric_becomes("hecate_upstream_inflight", 0.0).await;
        self.metric_becomes("hecate_upstream_queued", 0.0).await;
        // The scrape itself is one of them.
        self.metric_becomes("hecate_http_inflight", 1.0).await;
        self.assert_no_bug();
    }

    /// One query of alice: status and body.
    pub async fn query(&self) -> (u16, String) {
        self.query_of("token-alice").await
    }

    /// One query with this token: status and body. Nothing takes longer than 20 s.
    pub async fn query_of(&self, token: &str) -> (u16, String) {
        let request = client().get(format!("{}/api/v1/query?query=up", self.url())).bearer_auth(token).timeout(Duration::from_secs(20));
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}
