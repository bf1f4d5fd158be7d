//! Asking upstreams, on behalf of a request or of a fetch that outlives it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::BodyExt;

use super::QueryError;
use super::answer::Held;
use crate::config::{self, UpstreamKind};
use crate::telemetry::{RequestId, SpanKind, TraceContext, Tracer};
use crate::upstream::{Answer, ApiPath, Call, NativeScope, Tier, Upstreams, prometheus_error};

/// The longest error body that is read.
const ERROR_BYTES: usize = 64 * 1024;

/// Asks upstreams.
pub(super) struct Asking {
    pub(super) upstreams: Arc<Upstreams>,
    pub(super) limits: config::Limits,
    tracer: Tracer,
}

/// On whose behalf an upstream is asked.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// The trace of the request.
    pub(super) trace: TraceContext,
    /// The name of the request.
    pub(super) request_id: RequestId,
    /// Whose turn it is in an upstream's queue.
    pub(super) flow: u64,
    /// What a backend that can enforce by itself is told to.
    pub(super) native: Option<Arc<NativeScope>>,
}

/// A whole answer with a good status.
pub(super) struct Whole {
    /// 200, or 204 without a body.
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Bytes,
    /// What answered.
    pub(super) kind: UpstreamKind,
    /// When the upstream took the question, in milliseconds since 1970: by the earlier one of two clocks.
    pub(super) as_of_ms: i64,
    /// The upstream forbids to keep it.
    pub(super) no_store: bool,
    /// Until the answer began.
    pub(super) waited: Duration,
}

impl Asking {
    pub(super) fn new(upstreams: Arc<Upstreams>, limits: config::Limits, tracer: Tracer) -> Asking {
        Asking { upstreams, limits, tracer }
    }

    /// A question for this path; `timeout` is the caller's own, which the upstream keeps.
    pub(super) fn call(&self, path: ApiPath, params: crate::upstream::Params, timeout: Option<Duration>) -> Call {
        let mut call = Call::new(path, params, self.limits.response_bytes);
        // The upstream says that it timed out, in its own words: ours is the net below.
        call.timeout = timeout.map(|timeout| timeout + Duration::from_secs(1));
        call
    }

    /// An answer with a good status, its body still on the way; everything else is an error.
    pub(super) async fn send(&self, tier: &Tier, mut call: Call, origin: &Origin) -> Result<Answer, QueryError> {
        let trace = origin.trace.child();
        let mut span = self.tracer.span("upstream.request", &trace, SpanKind::Client).attr("hecate.upstream", tier.name());
        call.trace = Some(trace.to_header());
        call.trace_state = trace.state().map(str::to_owned);
        call.request_id = Some(origin.request_id.as_str().to_owned());
        call.flow = origin.flow;
        call.native = origin.native.clone();
        let path = call.path().clone();
        let mut answer = tier.send(call).await.inspect_err(|error| span.fail(error.kind()))?;
        span.set("http.response.status_code", answer.status);
        if answer.status == 200 && !fits(&path, answer.content_type.as_ref().map(http::HeaderValue::as_bytes)) {
            let detail = format!("Content-Type: {:?}", answer.content_type);
            return Err(QueryError::Unreadable { upstream: tier.name().to_owned(), detail });
        }
        if matches!(answer.status, 200 | 204) {
            return Ok(answer);
        }
        let body = answer.body.read_up_to(ERROR_BYTES).await?.unwrap_or_default();
        let error = prometheus_error(answer.status, &body);
        if let Some(withheld) = &error.withheld {
            tracing::warn!(
                upstream = tier.name(), status = answer.status, request_id = origin.request_id.as_str(), detail = %withheld,
                "the upstream answered with an error whose text is not passed on"
            );
        }
        Err(QueryError::Refused { status: answer.status, error, retry_after: answer.retry_after })
    }

    /// The same with the body read to its end, within `limits.series` and `limits.response_bytes`.
    pub(super) async fn whole(&self, tier: &Tier, call: Call, origin: &Origin) -> Result<Whole, QueryError> {
        let (started, asked_ms) = (Instant::now(), now_ms());
        let answer = self.send(tier, call, origin).await?;
        let waited = started.elapsed();
        let content_type = content_type(&answer);
        let (status, no_store) = (answer.status, answer.no_store);
        let as_of_ms = answer.date_ms.map_or(asked_ms, |date| date.min(asked_ms));
        let body = gathered(Held::begin(answer.body, self.limits.series).await?).await?;
        Ok(Whole { status, content_type, body, kind: tier.kind(), as_of_ms, no_store, waited })
    }

    /// The whole body of an answer that we read ourselves and that may have any number of series.
    pub(super) async fn bytes(&self, tier: &Tier, call: Call, origin: &Origin) -> Result<Bytes, QueryError> {
        gathered(self.send(tier, call, origin).await?.body).await
    }
}

impl Whole {
    /// An answer with a good status has to be a good answer: whole JSON that says so itself. A gate in between may say 200 to anything.
    pub(super) fn checked(&self, upstream: &str) -> Result<(), QueryError> {
        #[derive(serde::Deserialize)]
        struct Said<'a> {
            #[serde(borrow)]
            status: std::borrow::Cow<'a, str>,
        }
        let problem = match serde_json::from_slice::<Said<'_>>(&self.body) {
            _ if self.status == 204 => return Ok(()),
            Ok(said) if said.status == "success" => return Ok(()),
            Ok(said) => format!("status {} with a good HTTP status", said.status),
            Err(error) => error.to_string(),
        };
        Err(QueryError::Unreadable { upstream: upstream.to_owned(), detail: problem })
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// As the upstream said it; JSON where it said nothing.
pub(super) fn content_type(answer: &Answer) -> String {
    answer.content_type.as_ref().and_then(|value| value.to_str().ok()).unwrap_or("application/json").to_owned()
}

/// Whether an answer of this type can be Prometheus': the page of a gate in between is no data.
fn fits(path: &ApiPath, content_type: Option<&[u8]>) -> bool {
    let expected: &[&[u8]] =
        if *path == ApiPath::Federate { &[b"text/plain", b"application/openmetrics-text"] } else { &[b"application/json"] };
    content_type.is_none_or(|found| expected.iter().any(|expected| found.starts_with(expected)))
}

/// A body read to its end; the upstream's own bound on bytes holds.
pub(super) async fn gathered<B, E>(mut body: B) -> Result<Bytes, QueryError>
where
    B: http_body::Body<Data = Bytes, Error = E> + Unpin,
    QueryError: From<E>,
{
    let mut pieces: Vec<Bytes> = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(piece) = frame?.into_data() {
            pieces.push(piece);
        }
    }
    Ok(match pieces.as_slice() {
        [only] => only.clone(),
        _ => pieces.concat().into(),
    })
}
