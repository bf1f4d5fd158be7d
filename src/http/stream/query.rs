//! The queries of a stream: read from parameters or from JSON, held against scope and limits, evaluated by the engine.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::super::error::ApiError;
use super::super::params::{ParamError, Params};
use super::super::read;
use super::super::time::parse_duration;
use super::dashboard::Panels;
use crate::config;
use crate::dashboards::LiveText;
use crate::query::{self, Asker, Engine, Evaluation, Notes, RangeQuery, Watched};
use crate::stream::{Evaluate, Refusal, Wanted};
use crate::telemetry::{RequestId, TraceContext};
use crate::tenancy::Scope;

/// The window of a query that names none.
const WINDOW: Duration = Duration::from_secs(3600);
/// Where the ends of a window stand in a query, it is held against the limits with the one that begins here, in milliseconds.
const SOME_START_MS: i64 = 1_700_000_000_000;
/// Longest name of a query, in bytes.
const LONGEST_ID: usize = 128;

/// One query as it was asked for, its times in bounds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    /// What the client calls it.
    pub(super) id: String,
    /// The user's PromQL.
    pub(super) query: LiveText,
    /// Between two grid points.
    pub(super) step: Duration,
    /// From the first grid point to the last: a multiple of the step.
    pub(super) window: Duration,
}

/// `query=…&query=…&id=…&id=…&step=15s&window=1h`: as many ids as queries, or none.
pub(super) fn from_params(params: &Params, bounds: &config::Stream) -> Result<Vec<Asked>, ApiError> {
    let times = times_of(params, bounds)?;
    let queries: Vec<&str> = params.all("query").collect();
    let ids: Vec<&str> = params.all("id").collect();
    if !ids.is_empty() && ids.len() != queries.len() {
        return Err(ApiError::bad_request(format!(
            "{} ids for {} queries: give as many of one as of the other, or no ids",
            ids.len(),
            queries.len()
        )));
    }
    let asked = queries.iter().enumerate().map(|(nth, query)| {
        let id = ids.get(nth).map_or_else(|| format!("q{nth}"), |id| (*id).to_owned());
        bounded(id, (*query).to_owned(), times)
    });
    checked(asked.collect::<Result<_, _>>()?)
}

/// `[{"query": "…", "id": "…", "step": "15s", "window": "1h"}, …]`: all but the query may be missing; step and window then are those of
/// the parameters.
pub(super) fn from_json(params: &Params, body: &[u8], bounds: &config::Stream) -> Result<Vec<Asked>, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Listed {
        query: String,
        id: Option<String>,
        step: Option<Value>,
        window: Option<Value>,
    }
    let listed: Vec<Listed> = serde_json::from_slice(body).map_err(|error| {
        let expected = r#"expected [{"query": "…"}, …] with optional id, step and window"#;
        ApiError::bad_request(format!("the body is not a list of queries: {error}; {expected}"))
    })?;
    let (step, window) = (read::duration(params, "step")?, read::duration(params, "window")?);
    let asked = listed.into_iter().enumerate().map(|(nth, one)| {
        let step = one.step.map(|step| duration("step", &step)).transpose()?.or(step);
        let window = one.window.map(|window| duration("window", &window)).transpose()?.or(window);
        bounded(one.id.unwrap_or_else(|| format!("q{nth}")), one.query, times(step, window, bounds)?)
    });
    checked(asked.collect::<Result<_, _>>()?)
}

fn duration(name: &'static str, value: &Value) -> Result<Duration, ParamError> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    parse_duration(&text).map_err(|reason| ParamError::Invalid { name, reason })
}

/// How often, and how far back; in bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Times {
    pub(super) step: Duration,
    pub(super) window: Duration,
}

/// Those of the parameters.
pub(super) fn times_of(params: &Params, bounds: &config::Stream) -> Result<Times, ApiError> {
    times(read::duration(params, "step")?, read::duration(params, "window")?, bounds)
}

fn times(step: Option<Duration>, window: Option<Duration>, bounds: &config::Stream) -> Result<Times, ApiError> {
    let invalid = |name, reason| Err(ParamError::Invalid { name, reason }.into());
    let step = step.unwrap_or(bounds.interval);
    if !(bounds.min_interval..=bounds.max_interval).contains(&step) {
        let (shortest, longest) = (bounds.min_interval.as_secs_f64(), bounds.max_interval.as_secs_f64());
        let step = step.as_secs_f64();
        return invalid("step", format!("{step} s is not from {shortest} s to {longest} s (stream.min_interval, stream.max_interval)"));
    }
    if !step.subsec_nanos().is_multiple_of(1_000_000) {
        return invalid("step", "it is no whole number of milliseconds".to_owned());
    }
    let steps = window.unwrap_or(WINDOW).as_millis().div_ceil(step.as_millis());
    let window =
        u32::try_from(steps).ok().and_then(|steps| step.checked_mul(steps)).filter(|window| *window < Duration::from_secs(1 << 33));
    let Some(window) = window else { return invalid("window", "it is longer than anything that is kept".to_owned()) };
    Ok(Times { step, window })
}

fn bounded(id: String, query: String, times: Times) -> Result<Asked, ApiError> {
    if query.is_empty() {
        return Err(ParamError::Missing { name: "query" }.into());
    }
    if id.is_empty() || id.len() > LONGEST_ID {
        return Err(ParamError::Invalid { name: "id", reason: format!("a name of a query has 1 to {LONGEST_ID} bytes") }.into());
    }
    Ok(Asked { id, query: query.into(), step: times.step, window: times.window })
}

fn checked(asked: Vec<Asked>) -> Result<Vec<Asked>, ApiError> {
    let mut seen = HashSet::new();
    if let Some(twice) = asked.iter().find(|one| !seen.insert(one.id.as_str())) {
        return Err(ParamError::Invalid { name: "id", reason: format!("{:?} names two queries", twice.id) }.into());
    }
    if asked.is_empty() {
        return Err(ParamError::Missing { name: "query" }.into());
    }
    Ok(asked)
}

impl Panels {
    /// Queries that were asked for one by one: each has to be good.
    pub(super) fn of(asked: Vec<Asked>, engine: &Arc<Engine>, scope: &Scope, flow: u64) -> Result<Panels, ApiError> {
        let queries = asked.into_iter().map(|asked| wanted(engine, scope, flow, asked)).collect::<Result<_, _>>()?;
        Ok(Panels { queries, refused: Vec::new() })
    }
}

/// The query as the hub wants it, once scope and limits allow it.
pub(super) fn wanted(engine: &Arc<Engine>, scope: &Scope, flow: u64, asked: Asked) -> Result<Wanted, ApiError> {
    let Asked { id, query, step, window } = asked;
    let (step_ms, window_ms) = (millis(step), millis(window));
    let text = query.over(SOME_START_MS, SOME_START_MS + window_ms);
    let watched = engine.watch(scope, &text, query.moving().as_deref(), (step, window)).map_err(|error| {
        let error = ApiError::from(error);
        ApiError { message: format!("query {id:?}: {}", error.message), ..error }
    })?;
    let (key, text) = (watched.key.clone(), query.to_string());
    let question = Question { engine: engine.clone(), scope: scope.clone(), flow, query, step, watched };
    Ok(Wanted { id, query: text, key, step_ms, window_ms, evaluate: Box::new(question) })
}

/// A query, and in whose scope it is asked. All who follow it see the same.
struct Question {
    engine: Arc<Engine>,
    scope: Scope,
    /// Whose turn it is in an upstream's queue.
    flow: u64,
    query: LiveText,
    step: Duration,
    watched: Watched,
}

/// Ticks are nobody's request: there is no slow query of a user to write down.
struct Nobody;

impl Notes for Nobody {
    fn asked(&self, _: query::Asked) {}
}

#[async_trait]
impl Evaluate for Question {
    async fn evaluate(&self, start_ms: i64, end_ms: i64) -> Result<Bytes, Refusal> {
        let asker = Asker {
            scope: &self.scope,
            trace: &TraceContext::new_root(false),
            request_id: &RequestId::generate(),
            flow: self.flow,
            accepts: query::Accepts::default(),
            no_store: false,
            notes: &Nobody,
        };
        let text = self.query.over(start_ms, end_ms).into_owned();
        let query = RangeQuery { text, start_ms, end_ms, step: self.step, evaluation: Evaluation::default() };
        Ok(self.engine.range_at_tick(&asker, query).await.map_err(ApiError::from)?)
    }

    fn settled_until(&self, end_ms: i64) -> Option<i64> {
        self.watched.settled_until(end_ms)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn asked(query: &str) -> Result<Vec<(String, u64, u64)>, String> {
        let params = Params::decode(Some(query), &HeaderMap::new(), b"").unwrap();
        simple(from_params(&params, &config::Stream::default()))
    }

    fn listed(query: &str, body: &str) -> Result<Vec<(String, u64, u64)>, String> {
        let params = Params::decode(Some(query), &HeaderMap::new(), b"").unwrap();
        simple(from_json(&params, body.as_bytes(), &config::Stream::default()))
    }

    fn simple(asked: Result<Vec<Asked>, ApiError>) -> Result<Vec<(String, u64, u64)>, String> {
        let one = |one: Asked| (format!("{}={}", one.id, one.query), one.step.as_secs(), one.window.as_secs());
        asked.map(|list| list.into_iter().map(one).collect()).map_err(|error| error.message)
    }

    #[test]
    fn queries_are_numbered_or_named() {
        assert_eq!(asked("query=up&query=down").unwrap(), [("q0=up".into(), 15, 3600), ("q1=down".into(), 15, 3600)]);
        assert_eq!(asked("query=up&id=a&step=30s&window=1m10s").unwrap(), [("a=up".into(), 30, 90)]);
        let body = r#"[{"query":"up"},{"query":"down","id":"d","step":60,"window":"10m"}]"#;
        assert_eq!(listed("step=5", body).unwrap(), [("q0=up".into(), 5, 3600), ("d=down".into(), 60, 600)]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let check = |got: Result<Vec<(String, u64, u64)>, String>, part: &str| {
            let message = got.unwrap_err();
            assert!(message.contains(part), "{message}");
        };
        check(asked(""), "missing parameter \"query\"");
        check(asked("query=up&query=up&id=a"), "1 ids for 2 queries");
        check(asked("query=up&query=up&id=a&id=a"), "names two queries");
        check(asked("query=up&step=1s"), "from 5 s to 300 s");
        check(asked("query=up&step=5.0005"), "milliseconds");
        check(asked("query=up&step=1h"), "from 5 s to 300 s");
        check(asked("query=up&step=x"), "duration");
        check(asked("query=up&window=290y"), "longer than anything");
        check(asked("query="), "missing parameter \"query\"");
        check(listed("", "[]"), "missing parameter \"query\"");
        check(listed("", r#"{"query":"up"}"#), "not a list of queries");
        check(listed("", r#"[{"query":"up","stp":1}]"#), "unknown field `stp`");
    }
}
