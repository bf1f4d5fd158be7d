//! `DELETE /api/v1/cache`: drops what is kept, here and on all replicas.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use serde::Serialize;

use super::call::Visitor;
use super::error::ApiError;
use super::params::Params;
use super::{OwnError, Site, narrow};
use crate::query::Selection;

/// What the path takes, for the message about anything else.
const PARAMETERS: [&str; 3] = ["upstream", "namespace", "metric"];

/// What was dropped.
#[derive(Debug, Serialize)]
pub(super) struct Dropped {
    /// Entries in the memory of the replica that answers. Other replicas drop theirs when they hear of it, within moments.
    dropped: usize,
    /// What was meant; nothing is everything.
    selection: Selection,
}

/// Drops entries by upstream, namespace or metric; everything without any of them. Needs cluster-wide scope.
pub(super) async fn drop_kept(State(site): State<Arc<Site>>, request: Request) -> Result<Json<Dropped>, OwnError> {
    let (parts, _) = request.into_parts();
    let visitor = Visitor::of(&parts, &site).await?;
    if !visitor.sees_the_whole_cluster() {
        return Err(ApiError::forbidden("what is kept is shared by everybody: dropping it needs cluster-wide scope").into());
    }
    let params = Params::decode(parts.uri.query(), &parts.headers, b"")?;
    if let Some(unknown) = params.names().find(|name| !PARAMETERS.contains(name)) {
        let message = format!("unknown parameter {unknown:?}; expected {}", PARAMETERS.join(", "));
        return Err(ApiError::bad_request(message).into());
    }
    let mut namespaces: Vec<_> = narrow::requested(&parts.extensions, &parts.headers, &params)?.into_iter().flatten().collect();
    namespaces.dedup();
    let namespace = match namespaces.as_slice() {
        [] => None,
        [one] => Some(one.as_str().to_owned()),
        _ => return Err(ApiError::bad_request("one namespace at a time: send one request for each").into()),
    };
    let selection =
        Selection { upstream: params.one("upstream")?.map(str::to_owned), namespace, metric: params.one("metric")?.map(str::to_owned) };
    if let Some(upstream) = selection.upstream.as_deref().filter(|name| !site.engine.has_upstream(name)) {
        return Err(ApiError::bad_request(format!("there is no upstream {upstream:?}")).into());
    }
    let dropped =
        site.engine.drop_kept(&selection).await.map_err(|error| ApiError::unavailable(error.to_string(), Duration::from_secs(5)))?;
    tracing::info!(?selection, dropped, "entries of the cache were dropped on request");
    Ok(Json(Dropped { dropped, selection }))
}
