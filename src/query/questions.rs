//! The questions that may be answered from what is kept, and how each of them is.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::ask::{Origin, now_ms};
use super::engine::{Asked, Asker, Engine, millis};
use super::kept::Subject;
use super::metrics::Question as Counted;
use super::outcome::{AskedUpstream, Outcome};
use super::range::{self, Blocked, Blocks, Caller, Horizon, LOOKBACK_MS, route};
use super::rewrites::Numbered;
use super::whole::{self, Life, Question};
use super::wire::{instant_params, range_params, scalar, times};
use super::{Accepts, ExemplarQuery, InstantQuery, QueryError, RangeQuery, Reply, SeriesSelection, limits};
use crate::cache::KeyBuilder;
use crate::promql::{EnforcedText, ScopedQuery, ScopedSelectors, Window};
use crate::upstream::{ApiPath, LabelName, ParamName, Params};

impl Engine {
    /// `/api/v1/query`.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn instant(&self, asker: &Asker<'_>, query: InstantQuery) -> Result<Reply, QueryError> {
        let rules = self.rules(asker.scope)?;
        let scoped = self.enforce_with(&rules, asker.scope, &query.text)?;
        let window = Window::default();
        limits::check(&scoped, window, &self.limits, &self.parts.estimates)?;
        let enforced = scoped.text(Some(window))?;
        let params = instant_params(&enforced, query.time_ms, &query.evaluation)?;
        let time = query.time_ms.map(|time| (time, time, None));
        asker.notes.asked(Asked { original: query.text, enforced: enforced.clone(), window: time });
        let lookback_ms = query.evaluation.lookback_delta.map_or(LOOKBACK_MS, millis);
        let horizon = Horizon::of(&scoped, window, lookback_ms)?;
        let ask = Ask {
            counted: Counted::Instant,
            path: ApiPath::Query,
            params,
            timeout: query.evaluation.timeout,
            subject: Subject::of(self.parts.backends.clone(), &scoped),
            reads_from_ms: horizon.reads_from_ms(query.time_ms.unwrap_or_else(now_ms)),
            life: self.life(horizon, query.time_ms, None),
            text: enforced.as_str().to_owned(),
            times: query.time_ms.map(|time| (time, time)),
            bypass: query.evaluation.stats.is_some().then_some("statistics are asked for"),
        };
        self.ask_whole(asker, &rules, ask).await
    }

    /// `/api/v1/query_range`.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn range(&self, asker: &Asker<'_>, query: RangeQuery) -> Result<Reply, QueryError> {
        self.range_since(asker, query, None).await
    }

    /// The same, with points that may still change taken from what is kept only when they were fetched since then.
    pub(super) async fn range_since(&self, asker: &Asker<'_>, query: RangeQuery, since_ms: Option<i64>) -> Result<Reply, QueryError> {
        let rules = self.rules(asker.scope)?;
        let scoped = self.enforce_with(&rules, asker.scope, &query.text)?;
        let window = Window { step_ms: millis(query.step), range_ms: query.end_ms.saturating_sub(query.start_ms) };
        let enforced = scoped.text(Some(window))?;
        let asked =
            Asked { original: query.text, enforced: enforced.clone(), window: Some((query.start_ms, query.end_ms, Some(window.step_ms))) };
        asker.notes.asked(asked);
        let admit = |window: Window| limits::check(&scoped, window, &self.limits, &self.parts.estimates);
        let reason = match self.apart(asker, &scoped, &query.evaluation, query.step, window.points()) {
            Some(reason) => reason,
            None => {
                let blocks = Blocks {
                    query: &scoped,
                    enforced: &enforced,
                    evaluation: &query.evaluation,
                    start_ms: query.start_ms,
                    end_ms: query.end_ms,
                    step_ms: window.step_ms,
                    since_ms,
                };
                let native = rules.native(&self.parts.asking.upstreams)?;
                let caller =
                    Caller { origin: || self.origin_with(asker, native.clone()), admit, native: native.as_deref(), accepts: asker.accepts };
                match range::answer(&self.parts, &blocks, caller).await? {
                    Blocked::Answer(reply) => {
                        self.parts.metrics.answered(Counted::Range, &reply.outcome);
                        return Ok(*reply);
                    }
                    Blocked::Apart(reason) => reason,
                }
            }
        };
        admit(window)?;
        let lookback_ms = query.evaluation.lookback_delta.map_or(LOOKBACK_MS, millis);
        let horizon = Horizon::of(&scoped, window, lookback_ms)?;
        let ask = Ask {
            counted: Counted::Range,
            path: ApiPath::QueryRange,
            params: range_params(&enforced, query.start_ms, query.end_ms, query.step, &query.evaluation)?,
            timeout: query.evaluation.timeout,
            subject: Subject::of(self.parts.backends.clone(), &scoped),
            reads_from_ms: horizon.reads_from_ms(query.start_ms),
            life: self.life(horizon, Some(query.end_ms), Some(window.step_ms)),
            text: enforced.as_str().to_owned(),
            times: Some((query.start_ms, query.end_ms)),
            bypass: query.evaluation.stats.is_some().then_some("statistics are asked for"),
        };
        let mut reply = self.ask_whole(asker, &rules, ask).await?;
        reply.outcome.detail = reply.outcome.detail.or(Some(reason));
        Ok(reply)
    }

    /// `/api/v1/query_exemplars`.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn exemplars(&self, asker: &Asker<'_>, query: ExemplarQuery) -> Result<Reply, QueryError> {
        let rules = self.rules(asker.scope)?;
        let scoped = self.enforce_with(&rules, asker.scope, &query.text)?;
        let text = scoped.text(None)?;
        let ask = Ask {
            counted: Counted::Exemplars,
            path: ApiPath::QueryExemplars,
            params: times(Params::new().query(&text), query.start_ms, query.end_ms)?,
            timeout: None,
            subject: Subject::of(self.parts.backends.clone(), &scoped),
            reads_from_ms: query.start_ms,
            life: self.life(Horizon::plain(), query.end_ms, None),
            text: text.as_str().to_owned(),
            times: query.start_ms.zip(query.end_ms),
            bypass: None,
        };
        self.ask_whole(asker, &rules, ask).await
    }

    /// `/api/v1/series`.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn series(&self, asker: &Asker<'_>, selection: SeriesSelection) -> Result<Reply, QueryError> {
        self.select(asker, ApiPath::Series, selection).await
    }

    /// `/api/v1/labels`.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn labels(&self, asker: &Asker<'_>, selection: SeriesSelection) -> Result<Reply, QueryError> {
        self.select(asker, ApiPath::Labels, selection).await
    }

    /// `/api/v1/label/{name}/values`.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn label_values(&self, asker: &Asker<'_>, name: &str, selection: SeriesSelection) -> Result<Reply, QueryError> {
        let name = LabelName::new(name).map_err(|e| QueryError::Parameter(e.to_string()))?;
        self.select(asker, ApiPath::LabelValues(name), selection).await
    }

    /// `/api/v1/metadata`, unfiltered, for those who may see all of it.
    pub(super) async fn metadata_of_all(&self, asker: &Asker<'_>, params: Params) -> Result<Reply, QueryError> {
        let rules = self.rules(asker.scope)?;
        let ask = Ask {
            counted: Counted::Metadata,
            path: ApiPath::Metadata,
            params,
            timeout: None,
            subject: Subject::anything(self.parts.backends.clone()),
            reads_from_ms: None,
            life: self.life(Horizon::plain(), None, None),
            text: String::new(),
            times: None,
            bypass: None,
        };
        self.ask_whole(asker, &rules, ask).await
    }

    /// The same as bytes, for the filter: every scope shares them.
    pub(super) async fn whole_metadata(&self, asker: &Asker<'_>, params: Params) -> Result<(Bytes, Outcome), QueryError> {
        let plain = Asker { accepts: Accepts::default(), ..*asker };
        let reply = self.metadata_of_all(&plain, params).await?;
        Ok((reply.body.gathered().await?, reply.outcome))
    }

    async fn select(&self, asker: &Asker<'_>, path: ApiPath, selection: SeriesSelection) -> Result<Reply, QueryError> {
        let rules = self.rules(asker.scope)?;
        let Selected { params, texts } = self.selected(&rules, &selection)?;
        let ask = Ask {
            counted: Counted::Series,
            path,
            params,
            timeout: None,
            subject: Subject::anything(self.parts.backends.clone()),
            reads_from_ms: selection.start_ms,
            life: self.life(Horizon::plain(), selection.end_ms, None),
            text: texts,
            times: selection.start_ms.zip(selection.end_ms),
            bypass: None,
        };
        self.ask_whole(asker, &rules, ask).await
    }

    /// `match[]`, enforced; where there is none, everything in the scope.
    pub(super) fn selected(&self, rules: &Numbered, selection: &SeriesSelection) -> Result<Selected, QueryError> {
        let selectors = if selection.matches.is_empty() {
            ScopedSelectors::everything(&rules.rules)?
        } else {
            ScopedSelectors::new(&selection.matches, &rules.rules, &self.options, self.conflict)?
        };
        let params = selectors.texts().iter().fold(Params::new(), |params, text| params.matcher(text));
        let params = times(params, selection.start_ms, selection.end_ms)?;
        let params = match selection.limit {
            Some(limit) => scalar(params, ParamName::LIMIT, &limit.to_string())?,
            None => params,
        };
        let texts: Vec<&str> = selectors.texts().iter().map(EnforcedText::as_str).collect();
        Ok(Selected { params, texts: texts.join(", ") })
    }

    /// Why a range query has no blocks: then only the same window again has the same answer.
    fn apart(
        &self,
        asker: &Asker<'_>,
        query: &ScopedQuery,
        evaluation: &super::Evaluation,
        step: Duration,
        points: u64,
    ) -> Option<&'static str> {
        if self.parts.memory.is_none() {
            return Some("cache.enabled is false");
        }
        if asker.no_store {
            return Some("the request says no-store");
        }
        if evaluation.stats.is_some() {
            return Some("statistics are asked for");
        }
        if evaluation.limit.is_some() {
            return Some("parts of an answer with a limit cannot be joined");
        }
        if !query.time_dependence().per_step() {
            return Some("the value at a step depends on the window");
        }
        if query.time_dependence().sorts {
            return Some("Prometheus warns of sort() by the length of the window");
        }
        if query.may_collide() {
            return Some("parts of the window could succeed where the whole fails");
        }
        if points > self.parts.asking.upstreams.hot().max_points() {
            return Some("more points than an upstream gives at once");
        }
        if !step.subsec_nanos().is_multiple_of(1_000_000) {
            return Some("the step is no whole number of milliseconds");
        }
        None
    }

    /// How long an answer is good for; without a last time it is about now.
    fn life(&self, horizon: Horizon, last_ms: Option<i64>, step_ms: Option<i64>) -> Life {
        let freshness = self.parts.freshness(horizon, step_ms);
        let settled_from_ms = last_ms.map_or(i64::MAX, |last| horizon.settled_from_ms(last, freshness.settle_ms));
        Life { fresh_ms: freshness.fresh_ttl_ms, settled_from_ms }
    }

    fn origin_with(&self, asker: &Asker<'_>, native: Option<Arc<crate::upstream::NativeScope>>) -> Origin {
        Origin { trace: asker.trace.clone(), request_id: asker.request_id.clone(), flow: asker.flow, native }
    }

    /// Answers a question that has no parts.
    async fn ask_whole(&self, asker: &Asker<'_>, rules: &Numbered, ask: Ask) -> Result<Reply, QueryError> {
        let origin = self.origin(asker, rules)?;
        let parts = &self.parts;
        let tier = route::whole(&parts.asking.upstreams, ask.reads_from_ms, now_ms());
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let account = AskedUpstream {
            upstream: tier.name().to_owned(),
            query: ask.text,
            start: ask.times.map(|(start, _)| seconds(start)),
            end: ask.times.map(|(_, end)| seconds(end)),
            step: None,
        };
        let call = parts.asking.call(ask.path.clone(), ask.params, ask.timeout);
        let off = parts.memory.is_none().then_some("cache.enabled is false");
        let bypass = off.or(asker.no_store.then_some("the request says no-store")).or(ask.bypass);
        let reply = match bypass {
            Some(reason) => {
                let outcome = Outcome { asked: vec![account], ..Outcome::bypass(reason) };
                self.pass(tier, call, &origin, outcome).await?
            }
            None => {
                // The path stands in the key as it is sent: the name of a label is a part of it.
                let key: KeyBuilder = parts.key("whole", origin.native.as_deref()).text(&call.path().text()).text(tier.name());
                let key = key.text(call.params().encoded()).finish();
                let (subject, tier, life) = (ask.subject, tier.clone(), ask.life);
                let question = Question { key, subject, tier, call, origin, life, account };
                whole::answer(parts, question, asker.accepts).await?
            }
        };
        parts.metrics.answered(ask.counted, &reply.outcome);
        Ok(reply)
    }
}

/// Selectors, ready to be sent.
pub(super) struct Selected {
    pub(super) params: Params,
    pub(super) texts: String,
}

/// A question without parts.
struct Ask {
    counted: Counted,
    path: ApiPath,
    params: Params,
    timeout: Option<Duration>,
    subject: Subject,
    /// The earliest sample that it reads; None when that is not known.
    reads_from_ms: Option<i64>,
    life: Life,
    /// What is shown to those who want to know what was asked.
    text: String,
    times: Option<(i64, i64)>,
    /// Why it is never kept.
    bypass: Option<&'static str>,
}
