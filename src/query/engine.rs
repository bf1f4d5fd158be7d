//! The engine: what it is made of, and what every question goes through first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt;

use super::answer::Held;
use super::ask::{self, Origin};
use super::invalidation::{self, NotTold};
use super::kept::Selection;
use super::outcome::Outcome;
use super::parts::Parts;
use super::reply::ReplyBody;
use super::rewrites::{Numbered, Rewrites};
use super::{Accepts, QueryError, Reply};
use crate::cache::Remote;
use crate::config;
use crate::promql::{ConflictMode, EnforcedText, Options, ScopedQuery};
use crate::telemetry::{Metrics, RequestId, ScopeKind, TraceContext, Tracer};
use crate::tenancy::{Policy, Scope};
use crate::upstream::{ApiPath, Call, Params, Tier, Upstreams};

/// Answers requests within a scope.
pub struct Engine {
    pub(super) parts: Arc<Parts>,
    pub(super) policy: Policy,
    pub(super) options: Options,
    pub(super) conflict: ConflictMode,
    pub(super) limits: config::Limits,
    pub(super) metrics: Metrics,
    pub(super) rewrites: Rewrites,
    pub(super) catalogue: super::filtered::Catalogue,
}

/// What an engine is made of.
pub struct EngineSettings<'a> {
    /// Who is asked.
    pub upstreams: Arc<Upstreams>,
    /// Which label carries the tenant.
    pub policy: Policy,
    /// The bounds of `limits:` and the dialect.
    pub options: Options,
    /// What a matcher outside of the scope gives.
    pub conflict: ConflictMode,
    /// `limits:`
    pub limits: config::Limits,
    /// `cache:`
    pub cache: config::Cache,
    /// What replicas share.
    pub remote: Option<Arc<Remote>>,
    /// Everything that is counted.
    pub metrics: &'a Metrics,
    /// Traces.
    pub tracer: Tracer,
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
    /// Equal for all requests of one user: whose turn it is in an upstream's queue. Never part of a key.
    pub flow: u64,
    /// Which forms of a body they read.
    pub accepts: Accepts,
    /// They want an answer that was not kept (`Cache-Control: no-store`).
    pub no_store: bool,
    /// Who writes down what was asked.
    pub notes: &'a dyn Notes,
}

/// Is told of every query before the upstream is asked: a query that fails, or whose caller leaves, is the one to look for.
pub trait Notes: Send + Sync {
    /// The query as it was asked and as it is sent.
    fn asked(&self, asked: Asked);
}

/// A query as it was asked and as it was sent.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The user's text.
    pub original: String,
    /// What goes upstream.
    pub enforced: EnforcedText,
    /// `start`, `end` in milliseconds since 1970, and the step in milliseconds for a range query.
    pub window: Option<(i64, i64, Option<i64>)>,
}

impl Engine {
    /// Puts the parts together; asks nobody.
    ///
    /// # Errors
    /// When a name of a metric is taken.
    pub fn new(settings: EngineSettings<'_>) -> Result<Engine, prometheus::Error> {
        let EngineSettings { upstreams, policy, options, conflict, limits, cache, remote, metrics, tracer } = settings;
        let fingerprint = policy.fingerprint();
        let parts = Parts::new(upstreams, limits.clone(), cache, remote, tracer, metrics.registry(), fingerprint)?;
        let rewrites = Rewrites::new(metrics.clone());
        let catalogue = super::filtered::Catalogue::default();
        Ok(Engine { parts: Arc::new(parts), policy, options, conflict, limits, metrics: metrics.clone(), rewrites, catalogue })
    }

    /// Hears what other replicas drop from their caches, for as long as the runtime lives.
    pub fn listen(&self) {
        tokio::spawn(invalidation::listen(self.parts.clone()));
    }

    /// Drops what is kept and fits; says how many entries there were in this process.
    ///
    /// # Errors
    /// When there is a Redis and it cannot be told.
    pub async fn drop_kept(&self, selection: &Selection) -> Result<usize, NotTold> {
        self.parts.drop_kept(selection).await
    }

    /// The text with the scope's matchers on every selector.
    ///
    /// # Errors
    /// When it is no PromQL, or reads what the scope does not hold.
    pub fn enforce(&self, scope: &Scope, text: &str) -> Result<Arc<ScopedQuery>, QueryError> {
        self.enforce_with(&*self.rules(scope)?, scope, text)
    }

    pub(super) fn enforce_with(&self, rules: &Numbered, scope: &Scope, text: &str) -> Result<Arc<ScopedQuery>, QueryError> {
        let made = self.rewrites.get(rules, text, || ScopedQuery::new(text, &rules.rules, &self.options, self.conflict));
        self.metrics.query_enforced(if scope.is_cluster_wide() { ScopeKind::Cluster } else { ScopeKind::Tenant });
        Ok(made?)
    }

    /// Whether there is an upstream of this name.
    pub fn has_upstream(&self, name: &str) -> bool {
        self.parts.asking.upstreams.get(name).is_some()
    }

    /// What the first upstream says of its version, once it has been heard.
    pub fn upstream_version(&self) -> Option<Arc<serde_json::Value>> {
        self.parts.asking.upstreams.default_hot().health().version()
    }

    pub(super) fn rules(&self, scope: &Scope) -> Result<Arc<Numbered>, QueryError> {
        if *scope == Scope::Nothing {
            return Err(QueryError::NothingInScope);
        }
        Ok(self.rewrites.rules(&self.policy, scope))
    }

    /// On whose behalf upstreams are asked in this request.
    pub(super) fn origin(&self, asker: &Asker<'_>, rules: &Numbered) -> Result<Origin, QueryError> {
        let native = rules.native(&self.parts.asking.upstreams)?;
        Ok(Origin { trace: asker.trace.clone(), request_id: asker.request_id.clone(), flow: asker.flow, native })
    }

    /// Asks the newest upstream and hands its answer on as it comes.
    pub(super) async fn read(&self, asker: &Asker<'_>, path: ApiPath, params: Params) -> Result<Reply, QueryError> {
        let origin = self.origin(asker, &*self.rules(asker.scope)?)?;
        let call = self.parts.asking.call(path, params, None);
        self.pass(self.parts.asking.upstreams.hot(), call, &origin, Outcome::default()).await
    }

    pub(super) async fn pass(&self, tier: &Tier, call: Call, origin: &Origin, outcome: Outcome) -> Result<Reply, QueryError> {
        let started = Instant::now();
        let answer = self.parts.asking.send(tier, call, origin).await?;
        let outcome = Outcome { upstream: Some(started.elapsed()), ..outcome };
        let (status, content_type) = (answer.status, ask::content_type(&answer));
        let body = Held::begin(answer.body, self.limits.series).await?.boxed_unsync();
        Ok(Reply { status, content_type, body: ReplyBody::Coming(body), outcome })
    }

    /// Asks the newest upstream and reads its whole answer, for the filters.
    pub(super) async fn read_whole(&self, asker: &Asker<'_>, path: ApiPath, params: Params) -> Result<Bytes, QueryError> {
        let origin = self.origin(asker, &*self.rules(asker.scope)?)?;
        let call = self.parts.asking.call(path, params, None);
        self.parts.asking.bytes(self.parts.asking.upstreams.hot(), call, &origin).await
    }
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
