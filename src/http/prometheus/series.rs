//! `/api/v1/series`, `/api/v1/labels`, `/api/v1/label/{name}/values` and `/federate`: everything with `match[]`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use http::Response;

use super::super::error::ApiError;
use super::super::params::{ParamError, Params};
use super::super::{Call, PrometheusError, Site, pass, read};
use crate::query::SeriesSelection;

/// The label sets of the series that fit.
pub(in crate::http) async fn series(State(site): State<Arc<Site>>, call: Call) -> Result<Response<Body>, PrometheusError> {
    let selection = selection(&call.params)?;
    if selection.matches.is_empty() {
        return Err(ApiError::bad_request("no match[] parameter provided").into());
    }
    let reply = site.engine.series(&call.asker(), selection).await?;
    Ok(pass::reply(reply, call).await?)
}

/// The names of labels.
pub(in crate::http) async fn labels(State(site): State<Arc<Site>>, call: Call) -> Result<Response<Body>, PrometheusError> {
    let reply = site.engine.labels(&call.asker(), selection(&call.params)?).await?;
    Ok(pass::reply(reply, call).await?)
}

/// The values of one label.
pub(super) async fn label_values(
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response<Body>, PrometheusError> {
    values_of(&site, &name, call).await
}

/// The same, whatever path the name stands in.
pub(in crate::http) async fn values_of(site: &Site, name: &str, call: Call) -> Result<Response<Body>, PrometheusError> {
    let reply = site.engine.label_values(&call.asker(), name, selection(&call.params)?).await?;
    Ok(pass::reply(reply, call).await?)
}

/// The newest sample of every series that fits, in the text format.
pub(super) async fn federate(State(site): State<Arc<Site>>, call: Call) -> Result<Response<Body>, PrometheusError> {
    let selection = SeriesSelection { matches: call.params.all("match[]").map(str::to_owned).collect(), ..SeriesSelection::default() };
    let reply = site.engine.federate(&call.asker(), selection).await?;
    Ok(pass::reply(reply, call).await?)
}

fn selection(params: &Params) -> Result<SeriesSelection, ParamError> {
    Ok(SeriesSelection {
        matches: params.all("match[]").map(str::to_owned).collect(),
        start_ms: read::time(params, "start")?,
        end_ms: read::time(params, "end")?,
        limit: read::count(params, "limit")?,
    })
}
