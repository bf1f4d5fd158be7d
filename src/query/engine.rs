//! Enforce → weigh → ask: the way of every request that reads data.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};

use super::answer::Held;
use super::requests::{Evaluation, duration_seconds, seconds};
use super::rewrites::{Numbered, Rewrites};
use super::{ExemplarQuery, InstantQuery, QueryError, RangeQuery, SeriesSelection, Stats, limits};
use crate::config;
use crate::promql::{ConflictMode, Options, ScopedQuery, ScopedSelectors, Window};
use crate::telemetry::{Metrics, RequestId, ScopeKind, SpanKind, TraceContext, Tracer};
use crate::tenancy::{Policy, Scope};
use crate::upstream::{Answer, ApiPath, Body, Call, LabelName, ParamName, Params, Upstreams, prometheus_error};

/// The longest error body that is read.
const ERROR_BYTES: usize = 64 * 1024;

/// Answers requests within a scope.
pub struct Engine {
    pub(super) upstreams: Arc<Upstreams>,
    pub(super) policy: Policy,
    pub(super) options: Options,
    pub(super) conflict: ConflictMode,
    pub(super) limits: config::Limits,
    pub(super) metrics: Metrics,
    tracer: Tracer,
    pub(super) rewrites: Rewrites,
    pub(super) catalogue: super::filtered::Catalogue,
}

/// Who asks, as far as the engine wants to know.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    /// What they may see in this request.
    pub scope: &'a Scope,
    /// The trace of the request.
    pub trace: &'a TraceContext,
    /// The name of the request.
    pub request_id: &'a RequestId,
    /// Who writes down what was asked.
    pub notes: &'a dyn Notes,
}

/// Is told of every query before the upstream is asked: a query that fails, or whose caller leaves, is the one to look for.
pub trait Notes: Send + Sync {
    /// The query as it was asked and as it is sent.
    fn asked(&self, asked: Asked);
}

/// An answer on its way to the caller.
pub struct Reply {
    /// 200, or 204 without a body: Prometheus' word for a question about exemplars that names no series.
    pub status: u16,
    /// As the upstream sent it.
    pub content_type: String,
    /// The bytes; an error in the middle means that the answer is cut.
    pub body: UnsyncBoxBody<Bytes, QueryError>,
    /// Time to the first byte of the upstream.
    pub upstream: Option<Duration>,
}

/// A query as it was asked and as it was sent.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The user's text.
    pub original: String,
    /// What went upstream.
    pub enforced: String,
    /// `start`, `end` in milliseconds since 1970, and the step in milliseconds for a range query.
    pub window: Option<(i64, i64, Option<i64>)>,
}

/// Paths about a text only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextPath {
    /// `/api/v1/format_query`
    Format,
    /// `/api/v1/parse_query`
    Parse,
}

/// Paths about the whole Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterPath {
    /// `/api/v1/targets`
    Targets,
    /// `/api/v1/targets/metadata`
    TargetsMetadata,
    /// `/api/v1/alertmanagers`
    Alertmanagers,
    /// `/api/v1/status/config`
    Config,
    /// `/api/v1/status/flags`
    Flags,
    /// `/api/v1/status/tsdb`
    Tsdb,
    /// `/api/v1/status/runtimeinfo`
    RuntimeInfo,
}

impl ClusterPath {
    /// The parameters that it takes.
    pub fn parameters(self) -> &'static [&'static str] {
        match self {
            ClusterPath::Targets => &["state", "scrapePool"],
            ClusterPath::TargetsMetadata => &["match_target", "metric", "limit"],
            ClusterPath::Tsdb => &["limit"],
            _ => &[],
        }
    }

    fn api_path(self) -> ApiPath {
        match self {
            ClusterPath::Targets => ApiPath::Targets,
            ClusterPath::TargetsMetadata => ApiPath::TargetsMetadata,
            ClusterPath::Alertmanagers => ApiPath::Alertmanagers,
            ClusterPath::Config => ApiPath::StatusConfig,
            ClusterPath::Flags => ApiPath::StatusFlags,
            ClusterPath::Tsdb => ApiPath::StatusTsdb,
            ClusterPath::RuntimeInfo => ApiPath::RuntimeInfo,
        }
    }
}

impl Engine {
    /// `options` carries the bounds of `limits:` and the dialect.
    pub fn new(
        upstreams: Arc<Upstreams>,
        policy: Policy,
        options: Options,
        conflict: ConflictMode,
        limits: config::Limits,
        metrics: Metrics,
        tracer: Tracer,
    ) -> Engine {
        let rewrites = Rewrites::new(metrics.clone());
        Engine { upstreams, policy, options, conflict, limits, metrics, tracer, rewrites, catalogue: super::filtered::Catalogue::default() }
    }

    /// The text with the scope's matchers on every selector.
    ///
    /// # Errors
    /// When it is no PromQL, or reads what the scope does not hold.
    pub fn enforce(&self, scope: &Scope, text: &str) -> Result<Arc<ScopedQuery>, QueryError> {
        let rules = self.rules(scope)?;
        let made = self.rewrites.get(&rules, text, || ScopedQuery::new(text, &rules.rules, &self.options, self.conflict));
        self.metrics.query_enforced(if scope.is_cluster_wide() { ScopeKind::Cluster } else { ScopeKind::Tenant });
        Ok(made?)
    }

    /// `/api/v1/query`.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn instant(&self, asker: &Asker<'_>, query: InstantQuery) -> Result<Reply, QueryError> {
        let scoped = self.enforce(asker.scope, &query.text)?;
        let window = Window::default();
        limits::check(&scoped, window, &self.limits)?;
        let enforced = scoped.text(Some(window))?;
        let mut params = Params::new().query(&enforced);
        if let Some(time) = query.time_ms {
            params = scalar(params, ParamName::TIME, &seconds(time))?;
        }
        params = evaluation(params, &query.evaluation)?;
        let time = query.time_ms.map(|time| (time, time, None));
        asker.notes.asked(Asked { original: query.text, enforced: enforced.as_str().to_owned(), window: time });
        self.read(asker, ApiPath::Query, params, query.evaluation.timeout).await
    }

    /// `/api/v1/query_range`.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn range(&self, asker: &Asker<'_>, query: RangeQuery) -> Result<Reply, QueryError> {
        let scoped = self.enforce(asker.scope, &query.text)?;
        let window = Window { step_ms: millis(query.step), range_ms: query.end_ms.saturating_sub(query.start_ms) };
        limits::check(&scoped, window, &self.limits)?;
        let enforced = scoped.text(Some(window))?;
        let mut params = Params::new().query(&enforced);
        params = scalar(params, ParamName::START, &seconds(query.start_ms))?;
        params = scalar(params, ParamName::END, &seconds(query.end_ms))?;
        params = scalar(params, ParamName::STEP, &duration_seconds(query.step))?;
        params = evaluation(params, &query.evaluation)?;
        let window = Some((query.start_ms, query.end_ms, Some(window.step_ms)));
        asker.notes.asked(Asked { original: query.text, enforced: enforced.as_str().to_owned(), window });
        self.read(asker, ApiPath::QueryRange, params, query.evaluation.timeout).await
    }

    /// `/api/v1/query_exemplars`.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn exemplars(&self, asker: &Asker<'_>, query: ExemplarQuery) -> Result<Reply, QueryError> {
        let scoped = self.enforce(asker.scope, &query.text)?;
        let params = times(Params::new().query(&scoped.text(None)?), query.start_ms, query.end_ms)?;
        self.read(asker, ApiPath::QueryExemplars, params, None).await
    }

    /// `/api/v1/series`.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn series(&self, asker: &Asker<'_>, selection: SeriesSelection) -> Result<Reply, QueryError> {
        let params = self.selection(asker.scope, &selection)?;
        self.read(asker, ApiPath::Series, params, None).await
    }

    /// `/api/v1/labels`.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn labels(&self, asker: &Asker<'_>, selection: SeriesSelection) -> Result<Reply, QueryError> {
        let params = self.selection(asker.scope, &selection)?;
        self.read(asker, ApiPath::Labels, params, None).await
    }

    /// `/api/v1/label/{name}/values`.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn label_values(&self, asker: &Asker<'_>, name: &str, selection: SeriesSelection) -> Result<Reply, QueryError> {
        let name = LabelName::new(name).map_err(|e| QueryError::Parameter(e.to_string()))?;
        let params = self.selection(asker.scope, &selection)?;
        self.read(asker, ApiPath::LabelValues(name), params, None).await
    }

    /// `/federate`. Without any `match[]` it answers nothing, as Prometheus does. Nobody is asked for it: another backend
    /// could take no selector for all series.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn federate(&self, asker: &Asker<'_>, selection: SeriesSelection) -> Result<Reply, QueryError> {
        if selection.matches.is_empty() {
            let nothing = Full::new(Bytes::new()).map_err(|never| match never {}).boxed_unsync();
            let content_type = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores".to_owned();
            return Ok(Reply { status: 200, content_type, body: nothing, upstream: None });
        }
        let params = self.selection(asker.scope, &selection)?;
        self.read(asker, ApiPath::Federate, params, None).await
    }

    /// `/api/v1/format_query` and `/api/v1/parse_query`: refused here what the parser refuses, laid out by the upstream.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn about_text(&self, asker: &Asker<'_>, path: TextPath, text: &str) -> Result<Reply, QueryError> {
        crate::promql::parse(text, &self.options)?;
        let call = match path {
            TextPath::Format => Call::format_query(text, self.limits.response_bytes),
            TextPath::Parse => Call::parse_query(text, self.limits.response_bytes),
        };
        self.pass(asker, call).await
    }

    /// Everything that tells about the whole Prometheus.
    ///
    /// # Errors
    /// Without cluster-wide scope.
    pub async fn about_cluster(
        &self,
        asker: &Asker<'_>,
        path: ClusterPath,
        asked: Vec<(&'static str, String)>,
    ) -> Result<Reply, QueryError> {
        if !asker.scope.is_cluster_wide() {
            return Err(QueryError::NeedsClusterScope);
        }
        let mut params = Params::new();
        for (name, value) in asked {
            params = match name {
                "state" => scalar(params, ParamName::STATE, &value)?,
                "scrapePool" => scalar(params, ParamName::SCRAPE_POOL, &value)?,
                "metric" => scalar(params, ParamName::METRIC, &value)?,
                "limit" => scalar(params, ParamName::LIMIT, &value)?,
                // A selector on target labels: read like any other, so that only a selector can go there.
                _ => {
                    let rules = self.rules(asker.scope)?;
                    let selectors = ScopedSelectors::new(&[value], &rules.rules, &self.options, self.conflict)
                        .map_err(|e| QueryError::Parameter(format!("invalid parameter \"match_target\": {}", e.error)))?;
                    selectors.texts().iter().fold(params, |params, text| params.match_target(text))
                }
            };
        }
        self.read(asker, path.api_path(), params, None).await
    }

    /// What the first upstream says of its version, once it has been heard.
    pub fn upstream_version(&self) -> Option<Arc<serde_json::Value>> {
        self.upstreams.default_hot().health().version()
    }

    pub(super) fn rules(&self, scope: &Scope) -> Result<Arc<Numbered>, QueryError> {
        if *scope == Scope::Nothing {
            return Err(QueryError::NothingInScope);
        }
        Ok(self.rewrites.rules(&self.policy, scope))
    }

    /// `match[]`, enforced; where there is none, everything in the scope.
    fn selection(&self, scope: &Scope, selection: &SeriesSelection) -> Result<Params, QueryError> {
        let rules = self.rules(scope)?;
        let selectors = if selection.matches.is_empty() {
            ScopedSelectors::everything(&rules.rules)?
        } else {
            ScopedSelectors::new(&selection.matches, &rules.rules, &self.options, self.conflict)?
        };
        let params = selectors.texts().iter().fold(Params::new(), |params, text| params.matcher(text));
        let params = times(params, selection.start_ms, selection.end_ms)?;
        match selection.limit {
            Some(limit) => scalar(params, ParamName::LIMIT, &limit.to_string()),
            None => Ok(params),
        }
    }

    /// Asks the upstream and hands its answer on.
    pub(super) async fn read(
        &self,
        asker: &Asker<'_>,
        path: ApiPath,
        params: Params,
        timeout: Option<Duration>,
    ) -> Result<Reply, QueryError> {
        let mut call = Call::new(path, params, self.limits.response_bytes);
        // The upstream says that it timed out, in its own words: ours is the net below.
        call.timeout = timeout.map(|timeout| timeout + Duration::from_secs(1));
        self.pass(asker, call).await
    }

    async fn pass(&self, asker: &Asker<'_>, call: Call) -> Result<Reply, QueryError> {
        let started = Instant::now();
        let path = call.path().clone();
        let answer = self.send(asker, call).await?;
        let waited = started.elapsed();
        let content_type = answer.content_type.as_ref().and_then(|v| v.to_str().ok()).unwrap_or("application/json").to_owned();
        let status = answer.status;
        if status == 200 && !fits(&path, answer.content_type.as_ref().map(http::HeaderValue::as_bytes)) {
            let upstream = self.upstreams.default_hot().name().to_owned();
            return Err(QueryError::Unreadable { upstream, detail: format!("Content-Type: {content_type}") });
        }
        let status = answer.status;
        let body = Held::begin(answer.body, self.limits.series).await?.boxed_unsync();
        Ok(Reply { status, content_type, body, upstream: Some(waited) })
    }

    /// Asks the upstream and reads its whole answer, for the filters.
    pub(super) async fn read_whole(&self, asker: &Asker<'_>, path: ApiPath, params: Params) -> Result<Bytes, QueryError> {
        let answer = self.send(asker, Call::new(path, params, self.limits.response_bytes)).await?;
        whole(answer.body).await
    }

    /// An answer with a good status; everything else is an error.
    async fn send(&self, asker: &Asker<'_>, mut call: Call) -> Result<Answer, QueryError> {
        let backend = self.upstreams.default_hot();
        let trace = asker.trace.child();
        let mut span = self.tracer.span("upstream.request", &trace, SpanKind::Client).attr("hecate.upstream", backend.name());
        call.trace = Some(trace.to_header());
        call.trace_state = trace.state().map(str::to_owned);
        call.request_id = Some(asker.request_id.as_str().to_owned());
        let mut answer = backend.send(call).await.inspect_err(|error| span.fail(error.kind()))?;
        span.set("http.response.status_code", answer.status);
        if matches!(answer.status, 200 | 204) {
            return Ok(answer);
        }
        let body = answer.body.read_up_to(ERROR_BYTES).await?.unwrap_or_default();
        let error = prometheus_error(answer.status, &body);
        if let Some(withheld) = &error.withheld {
            tracing::warn!(
                upstream = backend.name(), status = answer.status, request_id = asker.request_id.as_str(), detail = %withheld,
                "the upstream answered with an error whose text is not passed on"
            );
        }
        Err(QueryError::Refused { status: answer.status, error, retry_after: answer.retry_after })
    }
}

/// Whether an answer of this type can be Prometheus': the page of a gate in between is no data.
fn fits(path: &ApiPath, content_type: Option<&[u8]>) -> bool {
    let expected: &[&[u8]] =
        if *path == ApiPath::Federate { &[b"text/plain", b"application/openmetrics-text"] } else { &[b"application/json"] };
    content_type.is_none_or(|found| expected.iter().any(|expected| found.starts_with(expected)))
}

/// A body read whole; the upstream's own bound on bytes holds.
async fn whole(mut body: Body) -> Result<Bytes, QueryError> {
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

impl Reply {
    /// An answer that we made from the upstream's.
    pub(super) fn made(body: Vec<u8>, upstream: Duration) -> Reply {
        let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
        Reply { status: 200, content_type: "application/json".to_owned(), body, upstream: Some(upstream) }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn scalar(params: Params, name: ParamName, value: &str) -> Result<Params, QueryError> {
    params.scalar(name, value).map_err(|e| QueryError::Parameter(e.to_string()))
}

fn times(mut params: Params, start_ms: Option<i64>, end_ms: Option<i64>) -> Result<Params, QueryError> {
    for (name, time) in [(ParamName::START, start_ms), (ParamName::END, end_ms)] {
        if let Some(time) = time {
            params = scalar(params, name, &seconds(time))?;
        }
    }
    Ok(params)
}

fn evaluation(mut params: Params, asked: &Evaluation) -> Result<Params, QueryError> {
    if let Some(timeout) = asked.timeout {
        params = scalar(params, ParamName::TIMEOUT, &duration_seconds(timeout))?;
    }
    if let Some(limit) = asked.limit {
        params = scalar(params, ParamName::LIMIT, &limit.to_string())?;
    }
    if let Some(lookback) = asked.lookback_delta {
        params = scalar(params, ParamName::LOOKBACK_DELTA, &duration_seconds(lookback))?;
    }
    match asked.stats {
        None => Ok(params),
        Some(Stats::PerStep) => scalar(params, ParamName::STATS, "all"),
        Some(Stats::Totals) => scalar(params, ParamName::STATS, "true"),
    }
}
