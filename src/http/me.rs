//! `/api/v1/auth/me`: who the caller is to Hecate, for people who wonder why they see what they see.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use serde_json::{Value, json};

use super::call::identify;
use super::error::ApiError;
use super::{Arrival, OwnError, Site};
use crate::tenancy::Scope;

/// Name, groups, provider, permissions and namespaces of the caller.
pub(super) async fn me(State(site): State<Arc<Site>>, request: Request) -> Result<Json<Value>, OwnError> {
    let arrival = request.extensions().get::<Arc<Arrival>>().cloned().ok_or_else(ApiError::internal)?;
    let identity = identify(&site, request.headers(), &arrival).await?;
    let namespaces: Vec<&str> = match &identity.scope {
        Scope::Namespaces(set) => set.iter().map(|namespace| namespace.as_str()).collect(),
        Scope::ClusterWide | Scope::Nothing => Vec::new(),
    };
    let permissions: Vec<&str> = identity.permissions.iter().map(|permission| permission.as_str()).collect();
    Ok(Json(json!({
        "user": identity.user,
        "groups": identity.groups,
        "provider": identity.provider.as_str(),
        "cluster": identity.scope.is_cluster_wide(),
        "namespaces": namespaces,
        "permissions": permissions,
    })))
}
