//! The namespaces that the caller may see, as projects of Perses.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use http::Response;
use serde_json::{Value, json};

use super::super::Site;
use super::super::error::OwnError;
use super::answer;
use super::caller::Caller;
use crate::tenancy::{Permission, Scope};

/// All of them; for cluster-wide callers those that have dashboards.
pub(super) async fn list(State(site): State<Arc<Site>>, request: Request) -> Result<Response<Body>, OwnError> {
    let caller = Caller::reading(&site, request, Permission::DashboardRead).await?;
    let names: Vec<String> = match &caller.scope {
        Scope::Namespaces(set) => set.iter().map(|namespace| namespace.as_str().to_owned()).collect(),
        Scope::ClusterWide | Scope::Nothing => site.dashboards.projects(&caller.scope).await?,
    };
    let prefix = caller.params.one("name")?.unwrap_or_default();
    let projects: Vec<Value> = names.iter().filter(|name| name.starts_with(prefix)).map(|name| project(name)).collect();
    Ok(answer::value(&projects)?)
}

/// One of them.
pub(super) async fn one(State(site): State<Arc<Site>>, Path(name): Path<String>, request: Request) -> Result<Response<Body>, OwnError> {
    let caller = Caller::reading(&site, request, Permission::DashboardRead).await?;
    Ok(answer::value(&project(caller.project(&name)?.as_str()))?)
}

fn project(name: &str) -> Value {
    json!({"kind": "Project", "metadata": {"name": name}, "spec": {"display": {"name": name}}})
}
