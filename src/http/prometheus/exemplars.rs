//! `/api/v1/query_exemplars`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::Response;

use super::super::{Call, PrometheusError, Site, pass, read};
use crate::query::ExemplarQuery;

/// Exemplars of the series that an expression reads.
pub(super) async fn exemplars(State(site): State<Arc<Site>>, call: Call) -> Result<Response<Body>, PrometheusError> {
    let query = ExemplarQuery {
        text: call.params.required("query")?.to_owned(),
        start_ms: read::time(&call.params, "start")?,
        end_ms: read::time(&call.params, "end")?,
    };
    let reply = site.engine.exemplars(&call.asker(), query).await?;
    Ok(pass::reply(reply, call).await?)
}
