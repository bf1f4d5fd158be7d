//! One upstream: requests built, sent, sent again where that is safe, and their answers bounded.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use tokio::time::{Instant, timeout_at};

use super::body::{Answer, Body, Bounds};
use super::budget::Allowance;
use super::call::Call;
use super::credentials::Authorization;
use super::error::{self, UpstreamError};
use super::health::Health;
use super::metrics::{Families, Metrics};
use super::native::{Native, NativeScope};
use super::params::ParamName;
use super::path::{ApiPath, PATHS};
use super::places::{NoPlace, Place, Places};
use super::set_up::{self, SetUpError};
use super::wire::{Client, Received};
use crate::config::{Role, Upstream, UpstreamKind};

/// Longer parameters go as a form where the path takes one. Short ones stay in the URL, because gates before an
/// upstream ask for other rights on POST (OpenShift: `create` instead of `get`).
const FORM_ABOVE_BYTES: usize = 2 * 1024;
/// Longest URL: the `http` crate ends at 64 KiB - 2.
const URL_LIMIT_BYTES: usize = 60 * 1024;
/// First pause before a retry; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// No pause of our own choice is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT_FORMAT: HeaderValue = HeaderValue::from_static("text/plain;version=0.0.4");

/// One configured upstream.
pub struct Backend {
    pub(super) name: Arc<str>,
    pub(super) settings: Upstream,
    pub(super) health: Health,
    pub(super) client: Client,
    /// The path of the configured URL, without a slash at its end.
    prefix: String,
    /// One path for each template, so that a request does not have to join any.
    paths: Vec<Option<String>>,
    fixed: HeaderMap,
    native: Native,
    authorization: Authorization,
    places: Places,
    pub(super) retry_budget: Allowance,
    pub(super) metrics: Metrics,
}

impl Backend {
    pub(super) fn new(settings: &Upstream, families: &Families) -> Result<Backend, SetUpError> {
        check_url(settings)?;
        let name: Arc<str> = Arc::from(settings.name.as_str());
        let metrics = Metrics::of(families, &name);
        let authorization =
            Authorization::new(settings.auth.credentials.as_ref()).map_err(|problem| SetUpError::credentials(settings, &problem))?;
        Ok(Backend {
            health: Health::new(Arc::clone(&name), metrics.up.clone()),
            client: Client::new(settings)?,
            prefix: settings.url.path().trim_end_matches('/').to_owned(),
            paths: vec![None; PATHS],
            fixed: set_up::fixed_headers(settings)?,
            native: Native::of(settings),
            authorization,
            places: Places::new(settings.max_concurrent, settings.timeout, metrics.inflight.clone(), metrics.queued.clone()),
            retry_budget: Allowance::of_retries(),
            metrics,
            name,
            settings: settings.clone(),
        }
        .with_paths())
    }

    fn with_paths(mut self) -> Backend {
        for path in ApiPath::fixed() {
            self.paths[path.index()] = Some(self.joined(&path.text()));
        }
        self
    }

    /// The configured name, which metrics and messages use.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    pub fn kind(&self) -> UpstreamKind {
        self.settings.kind
    }

    /// Where it stands on the time line.
    pub fn role(&self) -> Role {
        self.settings.role
    }

    /// How it is, as far as we know; nothing waits for this.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Sends the call and waits for the head of the answer. Dropping the future or the body gives the place back.
    ///
    /// Connect errors, connections that end before any byte and 502, 503, 504 are tried again within the timeout. Error
    /// statuses (400, 422, 5xx after the last try) are answers; redirects and refused credentials are errors.
    pub async fn send(&self, call: Call) -> Result<Answer, UpstreamError> {
        let within = self.within(&call);
        self.ask(call, within, self.settings.retries).await
    }

    /// The time that this call has from now on.
    pub(super) fn within(&self, call: &Call) -> Within {
        let timeout = call.timeout.map_or(self.settings.timeout, |asked| asked.min(self.settings.timeout));
        Within { deadline: Instant::now() + timeout, timeout }
    }

    /// As [`Backend::send`], with this deadline and this number of retries.
    pub(super) async fn ask(&self, call: Call, within: Within, retries: u32) -> Result<Answer, UpstreamError> {
        let began = Instant::now();
        let Within { deadline, timeout } = within;
        let bounds = Bounds { limit_bytes: call.limit_bytes, between_pieces: self.settings.read_timeout, deadline, timeout };
        let path = call.path().clone();
        let outcome = match timeout_at(bounds.deadline, self.placed(call, bounds, retries)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(UpstreamError::Timeout { upstream: Arc::clone(&self.name), after: timeout }),
        };
        self.metrics.answered(&path, outcome.as_ref().ok().map(|answer| answer.status), began.elapsed());
        match &outcome {
            Ok(_) => self.health.seen_up(),
            Err(error) => {
                self.metrics.failed(error.kind());
                if error.is_unreachable() {
                    self.health.seen_down(error);
                }
            }
        }
        outcome
    }

    async fn placed(&self, call: Call, bounds: Bounds, retries: u32) -> Result<Answer, UpstreamError> {
        let place = match self.places.take(call.flow).await {
            Ok(place) => place,
            Err(NoPlace { retry_after }) => return Err(UpstreamError::Busy { upstream: Arc::clone(&self.name), retry_after }),
        };
        let draft = self.draft(call)?;
        let response = self.tried(&draft, bounds.deadline, retries).await?;
        self.received(response, bounds, Some(place))
    }

    /// As [`Backend::send`], once, without a place and unseen by the metrics: how health is looked at.
    pub(super) async fn probe(&self, path: &str, params: &str, limit_bytes: u64, timeout: Duration) -> Result<Answer, UpstreamError> {
        let deadline = Instant::now() + timeout;
        let bounds = Bounds { limit_bytes, between_pieces: timeout, deadline, timeout };
        let target = self.target(self.joined(path), params)?;
        let draft = Draft { method: Method::GET, target, headers: self.fixed.clone(), form: Bytes::new() };
        match timeout_at(deadline, self.once(&draft)).await {
            Ok(response) => self.received(response?, bounds, None),
            Err(_) => Err(UpstreamError::Timeout { upstream: Arc::clone(&self.name), after: timeout }),
        }
    }

    /// Tries until there is an answer, an error that no further try will mend, or no allowance.
    async fn tried(&self, draft: &Draft, deadline: Instant, retries: u32) -> Result<Response<Received>, UpstreamError> {
        self.retry_budget.pay_in();
        let mut tries = 0;
        let mut reconnected = false;
        let mut renewed = false;
        loop {
            let outcome = self.once(draft).await;
            let pause = match &outcome {
                // A pooled connection that the other side closed just now: a new one is made at once, whatever `retries` and
                // the allowance say, but only once, lest a query that kills the upstream is sent on and on.
                Err(UpstreamError::Closed { .. }) if !reconnected => {
                    reconnected = true;
                    self.metrics.retries.inc();
                    continue;
                }
                Ok(response) if response.status() == StatusCode::UNAUTHORIZED && !renewed => {
                    renewed = true;
                    if !self.authorization.renewed().await {
                        return outcome;
                    }
                    Duration::ZERO
                }
                _ if tries >= retries || !is_passing(&outcome) => return outcome,
                Ok(response) => {
                    tries += 1;
                    asked_pause(response.headers()).unwrap_or_else(|| pause(tries))
                }
                Err(_) => {
                    tries += 1;
                    pause(tries)
                }
            };
            // What is known now is worth more than a timeout later.
            if Instant::now() + pause >= deadline || !self.retry_budget.take() {
                return outcome;
            }
            drop(outcome);
            self.metrics.retries.inc();
            tokio::time::sleep(pause).await;
        }
    }

    async fn once(&self, draft: &Draft) -> Result<Response<Received>, UpstreamError> {
        let mut request = Request::new(Full::new(draft.form.clone()));
        *request.method_mut() = draft.method.clone();
        *request.uri_mut() = draft.target.clone();
        *request.headers_mut() = draft.headers.clone();
        let authorization = self
            .authorization
            .header()
            .await
            .map_err(|problem| UpstreamError::BadCredentialsFile { upstream: Arc::clone(&self.name), detail: problem.to_string() })?;
        if let Some(authorization) = authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization);
        }
        self.client.send(request).await.map_err(|cause| error::of_request(&self.name, cause))
    }

    fn draft(&self, call: Call) -> Result<Draft, UpstreamError> {
        let path = match &self.paths[call.path().index()] {
            Some(path) => path.clone(),
            None => self.joined(&call.path().text()),
        };
        let mut headers = self.fixed.clone();
        headers.insert(ACCEPT, if *call.path() == ApiPath::Federate { TEXT_FORMAT } else { JSON });
        insert_text(&mut headers, X_REQUEST_ID, call.request_id.as_deref());
        insert_text(&mut headers, TRACEPARENT, call.trace.as_deref());
        insert_text(&mut headers, TRACESTATE, call.trace_state.as_deref());
        let call = self.exactly(call);
        let added = call.native.as_deref().and_then(|scope| self.bind_natively(scope, &call, &path, &mut headers));
        let params = added.as_deref().unwrap_or_else(|| call.params().encoded());
        if params.len() > FORM_ABOVE_BYTES && call.path().takes_form() {
            headers.insert(CONTENT_TYPE, FORM);
            let target = self.target(path, "")?;
            return Ok(Draft { method: Method::POST, target, headers, form: Bytes::copy_from_slice(params.as_bytes()) });
        }
        let bytes = path.len() + 1 + params.len();
        if bytes > URL_LIMIT_BYTES {
            return Err(UpstreamError::TooLong { upstream: Arc::clone(&self.name), bytes, limit: URL_LIMIT_BYTES });
        }
        let target = self.target(path, params)?;
        Ok(Draft { method: Method::GET, target, headers, form: Bytes::new() })
    }

    /// VictoriaMetrics moves the window of a range query to its step unless it is told not to use its own cache.
    fn exactly(&self, call: Call) -> Call {
        if self.settings.kind == UpstreamKind::VictoriaMetrics && *call.path() == ApiPath::QueryRange {
            return call.with(ParamName::NOCACHE, "1");
        }
        call
    }

    /// Adds the backend's own enforcement: to the headers, or to the parameters that are returned.
    fn bind_natively(&self, scope: &NativeScope, call: &Call, path: &str, headers: &mut HeaderMap) -> Option<String> {
        if !self.native.set_headers(scope, call.path(), headers) {
            self.metrics.left_out.inc();
        }
        let room = URL_LIMIT_BYTES.saturating_sub(path.len() + 1);
        let added = self.native.params(scope, call.path(), call.params().encoded(), room);
        if added.is_none() && self.native.is_in_params(call.path()) {
            self.metrics.left_out.inc();
        }
        added
    }

    /// What stands in the request line. Both parts are encoded already.
    fn target(&self, path: String, params: &str) -> Result<Uri, UpstreamError> {
        let mut text = path;
        if !params.is_empty() {
            text.reserve(params.len() + 1);
            text.push('?');
            text.push_str(params);
        }
        Uri::from_maybe_shared(Bytes::from(text)).map_err(|cause| UpstreamError::Protocol {
            upstream: Arc::clone(&self.name),
            detail: format!("the path of its configured url cannot be sent: {cause}"),
        })
    }

    fn received(&self, response: Response<Received>, bounds: Bounds, place: Option<Place>) -> Result<Answer, UpstreamError> {
        let status = response.status();
        let headers = response.headers();
        let upstream = || Arc::clone(&self.name);
        if status.is_redirection() || status.is_informational() {
            let detail = headers.get(LOCATION).map_or_else(String::new, |to| format!("Location: {to:?}"));
            return Err(UpstreamError::Redirected { upstream: upstream(), status: status.as_u16(), detail });
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED) {
            return Err(UpstreamError::Denied { upstream: upstream(), status: status.as_u16() });
        }
        if let Some(encoding) = headers.get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
            let detail = format!("Content-Encoding {encoding:?} although identity was asked for");
            return Err(UpstreamError::Protocol { upstream: upstream(), detail });
        }
        let content_type = headers.get(CONTENT_TYPE).filter(|text| text.to_str().is_ok()).cloned();
        let retry_after = asked_pause(headers);
        let (no_store, date_ms) = (forbids_storing(headers), date_ms(headers));
        let is_passing = is_passing_status(status, headers);
        let body = Body::new(&self.name, response.into_body(), bounds, &self.metrics, place)?;
        Ok(Answer { upstream: upstream(), status: status.as_u16(), content_type, retry_after, no_store, date_ms, body, is_passing })
    }

    /// The API path behind the path of the configured URL.
    fn joined(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

/// How long one call may take, everything included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Within {
    pub(super) deadline: Instant,
    /// How long that was at the beginning, for the message.
    pub(super) timeout: Duration,
}

/// A request that can be sent several times.
struct Draft {
    method: Method,
    target: Uri,
    headers: HeaderMap,
    form: Bytes,
}

fn check_url(settings: &Upstream) -> Result<(), SetUpError> {
    let url = &settings.url;
    let problem = if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        "expected http:// or https:// with a host"
    } else if !url.username().is_empty() || url.password().is_some() {
        "credentials in it would reach logs: use auth"
    } else if url.query().is_some() || url.fragment().is_some() {
        "expected no ? and no #"
    } else {
        return Ok(());
    };
    Err(SetUpError::BadUrl { upstream: settings.name.clone(), problem })
}

/// Whether another try may do better.
fn is_passing(outcome: &Result<Response<Received>, UpstreamError>) -> bool {
    match outcome {
        Ok(response) => is_passing_status(response.status(), response.headers()),
        Err(error) => {
            matches!(error, UpstreamError::Connect { .. } | UpstreamError::ConnectTimeout { .. } | UpstreamError::Closed { .. })
        }
    }
}

/// A 503 in JSON is Prometheus itself speaking of this very query (it timed out, it was aborted): asking again would only
/// double the load.
fn is_passing_status(status: StatusCode, headers: &HeaderMap) -> bool {
    match status {
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => true,
        StatusCode::SERVICE_UNAVAILABLE => headers.contains_key(RETRY_AFTER) || !is_json(headers),
        _ => false,
    }
}

fn forbids_storing(headers: &HeaderMap) -> bool {
    let words = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    words.map(str::trim).any(|word| word.eq_ignore_ascii_case("no-store"))
}

fn date_ms(headers: &HeaderMap) -> Option<i64> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}

/// `Retry-After` in its form of seconds; the form of a date is too coarse to be of use here.
fn asked_pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u32 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(u64::from(seconds)))
}

/// Doubles with each try; half of it is chance, so that callers who failed together do not come back together.
pub(super) fn pause(tries: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << (tries.saturating_sub(1)).min(10)).min(LONGEST_PAUSE);
    longest.mul_f64(rand::random_range(0.5..1.0))
}

fn insert_text(headers: &mut HeaderMap, name: HeaderName, text: Option<&str>) {
    if let Some(value) = text.and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(name, value);
    }
}
