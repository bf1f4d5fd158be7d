//! `POST /api/v1/metrics/validate`: what would be sent for an expression, what it costs and why; nothing is run.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use serde::Deserialize;
use serde_json::Value;

use super::call::{Visitor, whole};
use super::error::ApiError;
use super::params::{ParamError, Params};
use super::time::{parse_duration, parse_time};
use super::{OwnError, Site};
use crate::promql::Window;
use crate::query::Explained;
use crate::tenancy::Namespace;

/// `{"query": "…", "start": …, "end": …, "step": "15s"}`; without times an instant query is meant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    query: String,
    start: Option<Value>,
    end: Option<Value>,
    step: Option<Value>,
    /// Narrows, as the parameter of the other paths does.
    #[serde(default)]
    namespaces: Vec<String>,
}

/// Explains an expression to the caller, for their scope.
pub(super) async fn validate(State(site): State<Arc<Site>>, request: Request) -> Result<Json<Explained>, OwnError> {
    let (parts, body) = request.into_parts();
    let visitor = Visitor::of(&parts, &site).await?;
    let params = Params::decode(parts.uri.query(), &parts.headers, b"")?;
    let body = whole(body).await?;
    let question: Question = serde_json::from_slice(&body).map_err(|error| {
        let expected = r#"expected {"query": "…"} with optional start, end, step and namespaces"#;
        ApiError::bad_request(format!("the body is not a valid question: {error}; {expected}"))
    })?;
    let namespaces: Vec<Namespace> = question
        .namespaces
        .iter()
        .map(|n| Namespace::new(n))
        .collect::<Result<_, _>>()
        .map_err(|e| ApiError::bad_request(e.to_string()))?;
    let scope = visitor.scope(&parts, &params, &namespaces)?;
    let window = window(&question)?;
    Ok(Json(site.engine.explain(&scope, &question.query, window)))
}

fn window(question: &Question) -> Result<Window, ApiError> {
    let (start, end) = match (&question.start, &question.end, &question.step) {
        (None, None, None) => return Ok(Window::default()),
        (Some(start), Some(end), Some(_)) => (value("start", start, parse_time)?, value("end", end, parse_time)?),
        _ => return Err(ApiError::bad_request("start, end and step belong together: all three for a range, none for an instant query")),
    };
    let step = question.step.as_ref().map(|step| value("step", step, parse_duration)).transpose()?.unwrap_or_default();
    if step.is_zero() || end < start {
        return Err(ApiError::bad_request("the step has to be positive, and the end not before the start"));
    }
    Ok(Window { step_ms: i64::try_from(step.as_millis()).unwrap_or(i64::MAX), range_ms: end.saturating_sub(start) })
}

/// Times are numbers or texts in JSON.
fn value<T>(name: &'static str, value: &Value, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, ParamError> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    parse(&text).map_err(|reason| ParamError::Invalid { name, reason })
}
