//! `/api/v1/format_query` and `/api/v1/parse_query`: about the text only, no data is read.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::Response;

use super::super::{Call, PrometheusError, Site, pass};
use crate::query::TextPath;

/// The expression as Prometheus would lay it out.
pub(super) async fn format_query(State(site): State<Arc<Site>>, call: Call) -> Result<Response<Body>, PrometheusError> {
    about_text(&site, call, TextPath::Format).await
}

/// The expression as a tree.
pub(super) async fn parse_query(State(site): State<Arc<Site>>, call: Call) -> Result<Response<Body>, PrometheusError> {
    about_text(&site, call, TextPath::Parse).await
}

async fn about_text(site: &Site, call: Call, path: TextPath) -> Result<Response<Body>, PrometheusError> {
    let text = call.params.required("query")?.to_owned();
    let reply = site.engine.about_text(&call.asker(), path, &text).await?;
    Ok(pass::reply(reply, call).await?)
}
