//! `/api/v1/query` and `/api/v1/query_range`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::Response;

use super::super::params::{ParamError, Params};
use super::super::{Call, PrometheusError, Site, pass, read};
use crate::query::{Evaluation, InstantQuery, RangeQuery, Stats};

/// Evaluates an expression at one moment.
pub(in crate::http) async fn instant(State(site): State<Arc<Site>>, call: Call) -> Result<Response<Body>, PrometheusError> {
    let query = InstantQuery {
        text: call.params.required("query")?.to_owned(),
        time_ms: read::time(&call.params, "time")?,
        evaluation: evaluation(&call.params)?,
    };
    let reply = site.engine.instant(&call.asker(), query).await?;
    Ok(pass::reply(reply, call).await?)
}

/// Evaluates an expression at every step of a window.
pub(in crate::http) async fn range(State(site): State<Arc<Site>>, call: Call) -> Result<Response<Body>, PrometheusError> {
    let params = &call.params;
    let query = RangeQuery {
        // In Prometheus' order: the first thing that is wrong is what it tells.
        start_ms: read::time(params, "start")?.ok_or(ParamError::Missing { name: "start" })?,
        end_ms: read::time(params, "end")?.ok_or(ParamError::Missing { name: "end" })?,
        step: read::duration(params, "step")?.ok_or(ParamError::Missing { name: "step" })?,
        text: params.required("query")?.to_owned(),
        evaluation: evaluation(params)?,
    };
    if query.end_ms < query.start_ms {
        return Err(ParamError::Invalid { name: "end", reason: "end timestamp must not be before start time".to_owned() }.into());
    }
    if query.step.is_zero() {
        let reason = "zero or negative query resolution step widths are not accepted. Try a positive integer".to_owned();
        return Err(ParamError::Invalid { name: "step", reason }.into());
    }
    let reply = site.engine.range(&call.asker(), query).await?;
    Ok(pass::reply(reply, call).await?)
}

fn evaluation(params: &Params) -> Result<Evaluation, ParamError> {
    Ok(Evaluation {
        timeout: read::duration(params, "timeout")?,
        limit: read::count(params, "limit")?,
        lookback_delta: read::duration(params, "lookback_delta")?,
        stats: params.one("stats")?.map(|text| if text == "all" { Stats::PerStep } else { Stats::Totals }),
    })
}
