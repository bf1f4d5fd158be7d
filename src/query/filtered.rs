//! Rules, alerts and metadata: fetched whole, then filtered to the scope.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

use super::engine::{Asker, Engine};
use super::metadata::{self, Entry};
use super::outcome::Outcome;
use super::rewrites::Numbered;
use super::rules::{self, UnreadableAnswer, Visibility};
use super::wire::scalar;
use super::{MetadataSelection, QueryError, Reply, RuleSelection};
use crate::promql::{ScopedQuery, ScopedSelectors};
use crate::telemetry::{Check, CheckRole, State};
use crate::tenancy::Scope;
use crate::upstream::{ApiPath, HealthState, LabelName, ParamName, Params};

/// How long the names that a scope has series of are remembered.
const NAMES_TTL: Duration = Duration::from_secs(30);
/// Scopes whose names are remembered.
const SCOPES: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// The metrics of each scope, for a short while.
pub(super) struct Catalogue(Mutex<LruCache<Scope, (Instant, Arc<Own>)>>);

impl Default for Catalogue {
    fn default() -> Self {
        Catalogue(Mutex::new(LruCache::new(SCOPES)))
    }
}

/// What a scope has of its own.
#[derive(Default)]
struct Own {
    names: BTreeSet<String>,
    entries: BTreeMap<String, BTreeSet<Entry>>,
}

impl Engine {
    /// `/api/v1/rules`.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn rules_of(&self, asker: &Asker<'_>, selection: RuleSelection) -> Result<Reply, QueryError> {
        let rules = self.rules(asker.scope)?;
        let cluster = asker.scope.is_cluster_wide();
        let params = self.rule_params(&selection, cluster)?;
        if cluster {
            return self.read(asker, ApiPath::Rules, params).await;
        }
        let started = Instant::now();
        let body = self.read_whole(asker, ApiPath::Rules, params).await?;
        let sees = Sees { engine: self, rules: &rules };
        let kept = rules::filter_rules(&body, &selection.page, &sees).map_err(|e| self.unreadable(e))?;
        Ok(Reply::made(kept, Outcome { upstream: Some(started.elapsed()), ..Outcome::default() }))
    }

    /// `/api/v1/alerts`.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn alerts(&self, asker: &Asker<'_>) -> Result<Reply, QueryError> {
        let rules = self.rules(asker.scope)?;
        if asker.scope.is_cluster_wide() {
            return self.read(asker, ApiPath::Alerts, Params::new()).await;
        }
        let started = Instant::now();
        // Alerts by themselves do not say which rule they are of.
        let params = scalar(Params::new(), ParamName::TYPE, "alert")?;
        let body = self.read_whole(asker, ApiPath::Rules, params).await?;
        let kept = rules::alerts_of_rules(&body, &Sees { engine: self, rules: &rules }).map_err(|e| self.unreadable(e))?;
        Ok(Reply::made(kept, Outcome { upstream: Some(started.elapsed()), ..Outcome::default() }))
    }

    /// `/api/v1/metadata`.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn metadata(&self, asker: &Asker<'_>, selection: MetadataSelection) -> Result<Reply, QueryError> {
        let mut params = Params::new();
        if let Some(metric) = &selection.metric {
            params = scalar(params, ParamName::METRIC, metric)?;
        }
        if asker.scope.is_cluster_wide() {
            for (name, value) in [(ParamName::LIMIT, selection.limits.metrics), (ParamName::LIMIT_PER_METRIC, selection.limits.per_metric)]
            {
                if let Some(value) = value {
                    params = scalar(params, name, &value.to_string())?;
                }
            }
            return self.metadata_of_all(asker, params).await;
        }
        let own = self.own(asker).await?;
        let (body, outcome) = self.whole_metadata(asker, params).await?;
        let kept = metadata::filter(&body, &own.names, &own.entries, selection.limits).map_err(|e| self.unreadable(e))?;
        Ok(Reply::made(kept, outcome))
    }

    /// Whether each upstream answers, and whether Redis is connected where there is one, for `/api/v1/health`.
    pub fn checks(&self) -> BTreeMap<String, Check> {
        let backends = self.parts.asking.upstreams.all().iter();
        let mut checks: BTreeMap<String, Check> =
            backends.map(|backend| (format!("upstream:{}", backend.name()), check(&backend.health().state()))).collect();
        if let Some(remote) = &self.parts.remote {
            let check = match remote.is_connected() {
                true => Check::new(CheckRole::Optional, State::Healthy),
                false => Check::new(CheckRole::Optional, State::Degraded).detail("no connection: this replica goes on without the others"),
            };
            checks.insert("redis".to_owned(), check);
        }
        checks
    }

    async fn own(&self, asker: &Asker<'_>) -> Result<Arc<Own>, QueryError> {
        let known = self.catalogue.0.lock().unwrap_or_else(PoisonError::into_inner).get(asker.scope).cloned();
        if let Some((since, own)) = known
            && since.elapsed() < NAMES_TTL
        {
            return Ok(own);
        }
        let rules = self.rules(asker.scope)?;
        let selectors = ScopedSelectors::everything(&rules.rules)?;
        let params = selectors.texts().iter().fold(Params::new(), |params, text| params.matcher(text));
        let name_path = ApiPath::LabelValues(LabelName::new("__name__").map_err(|e| QueryError::Parameter(e.to_string()))?);
        let names = metadata::names(&self.read_whole(asker, name_path, params).await?).map_err(|e| self.unreadable(e))?;
        // The label of a target says whose it is in the same words as the labels of its series.
        let mut entries: BTreeMap<String, BTreeSet<Entry>> = BTreeMap::new();
        for text in ScopedSelectors::of_targets(&rules.rules)?.texts() {
            match self.read_whole(asker, ApiPath::TargetsMetadata, Params::new().match_target(text)).await {
                Ok(body) => entries.extend(metadata::own_entries(&body).map_err(|e| self.unreadable(e))?),
                // No target of the caller's own: Prometheus says so with a 404.
                Err(QueryError::Refused { status: 404, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let own = Arc::new(Own { names, entries });
        self.catalogue.0.lock().unwrap_or_else(PoisonError::into_inner).put(asker.scope.clone(), (Instant::now(), own.clone()));
        Ok(own)
    }

    /// For a tenant the page is cut after filtering: the upstream's pages would have holes.
    fn rule_params(&self, selection: &RuleSelection, cluster: bool) -> Result<Params, QueryError> {
        let mut params = Params::new();
        let lists =
            [(ParamName::RULE_NAME, &selection.names), (ParamName::RULE_GROUP, &selection.groups), (ParamName::FILE, &selection.files)];
        for (name, values) in lists {
            for value in values {
                params = scalar(params, name, value)?;
            }
        }
        if let Some(kind) = &selection.kind {
            params = scalar(params, ParamName::TYPE, kind)?;
        }
        if selection.exclude_alerts {
            params = scalar(params, ParamName::EXCLUDE_ALERTS, "true")?;
        }
        if !selection.matches.is_empty() {
            // They choose rules by the labels of rules, and read no series: with the caller's matchers in them they would miss
            // rules that are the caller's by their queries. What is not the caller's is filtered from the answer.
            let everything = self.rules(&Scope::ClusterWide)?;
            let plain = ScopedSelectors::new(&selection.matches, &everything.rules, &self.options, self.conflict)?;
            params = plain.texts().iter().fold(params, |params, text| params.matcher(text));
        }
        if cluster {
            if let Some(limit) = selection.page.limit {
                params = scalar(params, ParamName::GROUP_LIMIT, &limit.to_string())?;
            }
            if let Some(token) = &selection.page.token {
                params = scalar(params, ParamName::GROUP_NEXT_TOKEN, token)?;
            }
        }
        Ok(params)
    }

    fn unreadable(&self, error: UnreadableAnswer) -> QueryError {
        QueryError::Unreadable { upstream: self.parts.asking.upstreams.default_hot().name().to_owned(), detail: error.to_string() }
    }
}

/// The state of an upstream, for people.
fn check(state: &HealthState) -> Check {
    match state {
        HealthState::Unknown => Check::new(CheckRole::Upstream, State::Degraded).detail("not heard yet"),
        HealthState::Up => Check::new(CheckRole::Upstream, State::Healthy),
        HealthState::Down { since, last_error } => {
            let seconds = since.elapsed().unwrap_or_default().as_secs();
            let detail = format!("no answer for {seconds} s: {last_error}");
            Check::new(CheckRole::Upstream, State::Unhealthy).detail(detail)
        }
    }
}

/// A caller's scope, asked about rules.
struct Sees<'a> {
    engine: &'a Engine,
    rules: &'a Numbered,
}

impl Visibility for Sees<'_> {
    fn admits(&self, metric: &str, labels: &BTreeMap<String, String>) -> bool {
        self.rules.rules.admits(Some(metric), |name| labels.get(name).map(String::as_str))
    }

    fn is_foreign(&self, metric: &str, labels: &BTreeMap<String, String>) -> bool {
        let has_tenant = self.rules.rules.tenant_label(metric).is_none_or(|label| labels.contains_key(label));
        has_tenant && !self.admits(metric, labels)
    }

    /// Every selector lies inside the scope by its own matchers, so that enforcement has nothing to add, and there is one.
    fn reads_only_own(&self, query: &str) -> bool {
        let Ok(scoped) = ScopedQuery::new(query, &self.rules.rules, &self.engine.options, self.engine.conflict) else { return false };
        let Ok(everything) = self.engine.rules(&Scope::ClusterWide) else { return false };
        let Ok(open) = ScopedQuery::new(query, &everything.rules, &self.engine.options, self.engine.conflict) else { return false };
        let (Ok(bound), Ok(open)) = (scoped.text(None), open.text(None)) else { return false };
        let selectors = scoped.selectors();
        bound == open && !selectors.is_empty() && selectors.iter().all(|selector| selector.label.is_some())
    }
}
