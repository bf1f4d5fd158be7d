//! `/api/v1/rules` and `/api/v1/alerts`, filtered to the caller's scope.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::Response;

use super::super::params::{ParamError, Params};
use super::super::{Call, PrometheusError, Site, pass, read};
use crate::query::{Page, RuleSelection};

/// Rules with their state.
pub(super) async fn rules(State(site): State<Arc<Site>>, call: Call) -> Result<Response<Body>, PrometheusError> {
    let params = &call.params;
    let list = |name| params.all(name).map(str::to_owned).collect();
    let selection = RuleSelection {
        kind: kind(params)?,
        names: list("rule_name[]"),
        groups: list("rule_group[]"),
        files: list("file[]"),
        matches: list("match[]"),
        exclude_alerts: flag(params, "exclude_alerts")?,
        page: page(params)?,
    };
    let reply = site.engine.rules_of(&call.asker(), selection).await?;
    Ok(pass::reply(reply, call).await?)
}

/// Alerts that are pending or firing.
pub(super) async fn alerts(State(site): State<Arc<Site>>, call: Call) -> Result<Response<Body>, PrometheusError> {
    let reply = site.engine.alerts(&call.asker()).await?;
    Ok(pass::reply(reply, call).await?)
}

fn kind(params: &Params) -> Result<Option<String>, ParamError> {
    match params.one("type")?.map(str::to_ascii_lowercase).as_deref() {
        None => Ok(None),
        Some(kind @ ("alert" | "record")) => Ok(Some(kind.to_owned())),
        Some(other) => Err(ParamError::Invalid { name: "type", reason: format!("not supported value {other:?}: alert or record") }),
    }
}

fn page(params: &Params) -> Result<Page, ParamError> {
    let limit = read::count(params, "group_limit")?;
    if limit == Some(0) {
        return Err(ParamError::Invalid { name: "group_limit", reason: "a page has at least one group".to_owned() });
    }
    let token = params.one("group_next_token")?.map(str::to_owned);
    if token.is_some() && limit.is_none() {
        let reason = "group_limit needs to be present in order to paginate over the groups".to_owned();
        return Err(ParamError::Invalid { name: "group_next_token", reason });
    }
    Ok(Page { limit: limit.map(|n| usize::try_from(n).unwrap_or(usize::MAX)), token })
}

/// A truth value as Go reads it.
fn flag(params: &Params, name: &'static str) -> Result<bool, ParamError> {
    match params.one(name)? {
        None | Some("0" | "f" | "F" | "false" | "False" | "FALSE") => Ok(false),
        Some("1" | "t" | "T" | "true" | "True" | "TRUE") => Ok(true),
        Some(other) => Err(ParamError::Invalid { name, reason: format!("{other:?} is neither true nor false") }),
    }
}
