//! A Perses server, asked to migrate dashboards of Grafana: its plugins know how, and they run nowhere else.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};
use reqwest::{Client, redirect};
use tokio::time::Instant;
use url::Url;

use crate::config;
use crate::telemetry::with_causes;

/// To get a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(3);
/// The whole of one request: a large dashboard takes a Perses server seconds.
const TOTAL: Duration = Duration::from_secs(20);
/// Largest answer that is read, in bytes.
const LARGEST: usize = 8 << 20;
/// Characters of the server's own words that are passed on.
const LONGEST_REASON: usize = 400;
const BUCKETS_SECONDS: [f64; 8] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0];

/// The client of one server.
pub struct Perses {
    http: Client,
    migrate: Url,
    requests: IntCounterVec,
    seconds: HistogramVec,
}

/// Why nothing was migrated.
#[derive(Debug, thiserror::Error)]
pub enum PersesError {
    /// It does not answer, or with something that is no answer. `0` is for the log.
    #[error("the Perses server does not answer")]
    Away(String),
    /// It does not take the document.
    #[error("the Perses server does not migrate this dashboard: {0}")]
    Refused(String),
    /// Its answer has no end.
    #[error("the Perses server made more than {} MiB of this dashboard", LARGEST >> 20)]
    TooLarge,
}

impl PersesError {
    const fn outcome(&self) -> &'static str {
        match self {
            PersesError::Away(_) => "away",
            PersesError::Refused(_) => "refused",
            PersesError::TooLarge => "too_large",
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum PersesSetUpError {
    /// The HTTP client of this process cannot be made.
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// A metric whose name is taken.
    #[error("a metric could not be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

impl Perses {
    /// A client of the configured server, where there is one; nothing is connected yet.
    ///
    /// # Errors
    /// When the process cannot make one.
    pub fn new(settings: &config::Perses, registry: &Registry) -> Result<Option<Perses>, PersesSetUpError> {
        let Some(url) = &settings.url else { return Ok(None) };
        super::install_crypto();
        let http = Client::builder()
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(4)
            .user_agent("hecate")
            .build()?;
        let mut migrate = url.clone();
        migrate.set_path(&format!("{}/api/migrate", url.path().trim_end_matches('/')));
        let requests = Opts::new("hecate_perses_requests_total", "Requests to the Perses server, by operation and outcome.");
        let seconds = HistogramOpts::new("hecate_perses_request_seconds", "Time of one request to the Perses server.");
        let requests = IntCounterVec::new(requests, &["operation", "outcome"])?;
        let seconds = HistogramVec::new(seconds.buckets(BUCKETS_SECONDS.to_vec()), &["operation"])?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Some(Perses { http, migrate, requests, seconds }))
    }

    /// The Perses dashboard that a dashboard of Grafana becomes; both are JSON, and the result is not checked.
    ///
    /// # Errors
    /// When the server does not answer, or does not take it.
    pub async fn migrate(&self, grafana: &str) -> Result<String, PersesError> {
        let started = Instant::now();
        let result = self.ask(grafana).await;
        let outcome = result.as_ref().err().map_or("done", PersesError::outcome);
        self.requests.with_label_values(&["migrate", outcome]).inc();
        self.seconds.with_label_values(&["migrate"]).observe(started.elapsed().as_secs_f64());
        if let Err(PersesError::Away(detail)) = &result {
            tracing::warn!(%detail, "the Perses server does not answer");
        }
        result
    }

    async fn ask(&self, grafana: &str) -> Result<String, PersesError> {
        // Panels ask the datasource that is the default here: the one of the Grafana is not.
        let body = format!("{{\"grafanaDashboard\":{grafana},\"useDefaultDatasource\":true}}");
        let request = self.http.post(self.migrate.clone()).header("content-type", "application/json").body(body);
        let away = |error: reqwest::Error| PersesError::Away(with_causes(&error));
        let mut answer = request.send().await.map_err(away)?;
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(away)? {
            if bytes.len() + piece.len() > LARGEST {
                return Err(PersesError::TooLarge);
            }
            bytes.extend_from_slice(&piece);
        }
        let text = String::from_utf8(bytes).map_err(|_| PersesError::Away("its answer is not UTF-8".to_owned()))?;
        if status.is_success() {
            return Ok(text);
        }
        match status.as_u16() {
            400 | 422 => Err(PersesError::Refused(reason(&text))),
            status => Err(PersesError::Away(format!("status {status}: {}", reason(&text)))),
        }
    }
}

/// What the server has to say, from `{"message": …}` where it says it so.
fn reason(text: &str) -> String {
    let value = serde_json::from_str::<serde_json::Value>(text).ok();
    let said = value.as_ref().and_then(|value| value.get("message").or(value.get("error"))?.as_str()).unwrap_or(text);
    said.chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_quoted_shortly() {
        assert_eq!(reason(r#"{"message":"bad request: no panels"}"#), "bad request: no panels");
        assert_eq!(reason("<html>\nx"), "<html>x");
        assert_eq!(reason(&"x".repeat(9000)).len(), LONGEST_REASON);
    }

    #[test]
    fn it_may_live_below_a_path() {
        let perses = |url: &str| {
            let settings = config::Perses { url: Url::parse(url).ok() };
            Perses::new(&settings, &Registry::new()).unwrap().map(|perses| perses.migrate.to_string())
        };
        assert_eq!(perses("http://perses:8080").as_deref(), Some("http://perses:8080/api/migrate"));
        assert_eq!(perses("http://host/perses/").as_deref(), Some("http://host/perses/api/migrate"));
        assert_eq!(perses(""), None);
    }
}
