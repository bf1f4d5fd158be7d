//! Requests to an issuer. Every answer has a time limit and a size limit.

use reqwest::{Client, RequestBuilder, redirect};
use serde_json::Value;

use crate::config;
use crate::telemetry::with_causes;
use crate::tenancy::{SetUpError, Timing};

/// Largest answer that is read, in bytes.
const LARGEST: usize = 512 * 1024;

/// Asks one issuer.
#[derive(Clone)]
pub(super) struct IssuerClient(Client);

/// Why there is no answer. For the log: the caller only hears that the issuer does not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{url}: {}", with_causes(.source))]
    Request { url: String, source: reqwest::Error },
    #[error("{url}: status {status}, expected 200")]
    Status { url: String, status: u16 },
    #[error("{url}: the answer is larger than {LARGEST} bytes")]
    TooLarge { url: String },
    #[error("{url}: the answer is not the JSON expected: {fault}")]
    Content { url: String, fault: String },
}

impl IssuerClient {
    /// With the authorities and the times of this issuer.
    pub(super) fn new(settings: &config::Jwt, timing: Timing) -> Result<IssuerClient, SetUpError> {
        let refuse = |why: String| SetUpError::Issuer(settings.issuer.to_string(), why);
        // The provider of the process, should nobody have chosen one yet; a second choice is refused and does no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .connect_timeout(timing.issuer_connect)
            .timeout(timing.issuer_total)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(1)
            .user_agent("hecate");
        if let Some(file) = &settings.ca_file {
            let pem = std::fs::read(file).map_err(|error| refuse(format!("ca_file {}: {error}", file.display())))?;
            let certificates =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| refuse(format!("ca_file {}: {error}", file.display())))?;
            if certificates.is_empty() {
                return Err(refuse(format!("ca_file {}: no certificate in it", file.display())));
            }
            builder = builder.tls_certs_only(certificates);
        }
        Ok(IssuerClient(builder.build().map_err(|error| refuse(format!("no HTTP client: {}", with_causes(&error))))?))
    }

    /// JSON from a place.
    pub(super) async fn get(&self, url: &str) -> Result<Value, FetchError> {
        match send(url, self.0.get(url)).await? {
            (200, document) => document,
            (status, _) => Err(FetchError::Status { url: url.to_owned(), status }),
        }
    }

    /// Sends a form; the status, and the JSON if it is some.
    pub(super) async fn post_form(
        &self,
        url: &str,
        authorization: Option<&str>,
        form: String,
    ) -> Result<(u16, Result<Value, FetchError>), FetchError> {
        let request = self.0.post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
        let request = match authorization {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        };
        send(url, request).await
    }
}

async fn send(url: &str, request: RequestBuilder) -> Result<(u16, Result<Value, FetchError>), FetchError> {
    let failed = |source| FetchError::Request { url: url.to_owned(), source };
    let mut response = request.header("accept", "application/json").send().await.map_err(failed)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        if body.len() + piece.len() > LARGEST {
            return Err(FetchError::TooLarge { url: url.to_owned() });
        }
        body.extend_from_slice(&piece);
    }
    let document = serde_json::from_slice(&body).map_err(|error| FetchError::Content { url: url.to_owned(), fault: error.to_string() });
    Ok((status, document))
}
