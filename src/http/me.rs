//! `/api/v1/auth/me` and `/auth/me`: who the caller is to Hecate, for people who wonder why they see what they see.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::IntoResponse;
use http::header::CACHE_CONTROL;
use serde_json::json;

use super::call::identify;
use super::error::ApiError;
use super::{Arrival, OwnError, Site};
use crate::tenancy::Scope;

/// Name, groups, provider, permissions and namespaces of the caller.
pub(super) async fn me(State(site): State<Arc<Site>>, request: Request) -> Result<impl IntoResponse, OwnError> {
    let (parts, _) = request.into_parts();
    let arrival = parts.extensions.get::<Arc<Arrival>>().cloned().ok_or_else(ApiError::internal)?;
    let identity = identify(&site, &parts, &arrival).await?;
    let namespaces: Vec<&str> = match &identity.scope {
        Scope::Namespaces(set) => set.iter().map(|namespace| namespace.as_str()).collect(),
        Scope::ClusterWide | Scope::Nothing => Vec::new(),
    };
    let permissions: Vec<&str> = identity.permissions.iter().map(|permission| permission.as_str()).collect();
    let who = json!({
        "user": identity.user,
        "groups": identity.groups,
        "provider": identity.provider.as_str(),
        "cluster": identity.scope.is_cluster_wide(),
        "namespaces": namespaces,
        "permissions": permissions,
    });
    // Who somebody is may be over in a moment.
    Ok(([(CACHE_CONTROL, "private, no-store")], Json(who)))
}
