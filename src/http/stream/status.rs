//! `/api/v1/metrics/stream/status`: one's own open streams on this replica; all of them for those who see the whole cluster.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};

use super::super::call::Visitor;
use super::super::{OwnError, Site};
use crate::stream::Status;

/// The streams that the caller may know of.
pub(in crate::http) async fn status(State(site): State<Arc<Site>>, request: Request) -> Result<Json<Status>, OwnError> {
    let (parts, _) = request.into_parts();
    let visitor = Visitor::of(&parts, &site).await?;
    let user = (!visitor.sees_the_whole_cluster()).then(|| visitor.flow());
    Ok(Json(site.hub.status(user)))
}
