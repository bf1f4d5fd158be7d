//! `?check=queries`: whether every PromQL text of a document would be answered, before it is kept.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::Site;
use super::super::error::ApiError;
use super::caller::Caller;
use crate::dashboards::{Document, default_values, filled, stored_queries};
use crate::promql::Window;
use crate::tenancy::{Namespace, Scope};

/// Looks at the queries when the request asks for it.
///
/// # Errors
/// When one of them would be refused: with the result of each.
pub(super) async fn queries(site: &Arc<Site>, caller: &Caller, project: &Namespace, document: &Document) -> Result<(), ApiError> {
    match caller.params.one("check")? {
        None => return Ok(()),
        Some("queries") => {}
        Some(other) => return Err(ApiError::bad_request(format!("invalid parameter \"check\": {other:?} is not queries"))),
    }
    let scope = Scope::of([project.clone()]);
    // Who sees the whole cluster may keep what reads what belongs to nobody.
    let scope = if caller.scope.is_cluster_wide() { Scope::ClusterWide } else { scope };
    let site = site.clone();
    let (values, stored) = (default_values(document.value()), stored_queries(document.value()));
    // Hundreds of queries take more than half a millisecond.
    let explain = move || -> Vec<Value> {
        let results = stored.iter().map(|stored| {
            let told = site.engine.explain(&scope, &filled(&stored.text, &values), Window::default());
            json!({"pointer": stored.pointer, "panel": stored.panel, "query": stored.text, "valid": told.valid, "errors": told.errors})
        });
        results.collect()
    };
    let results = tokio::task::spawn_blocking(explain).await.map_err(|_| ApiError::internal())?;
    let wrong = results.iter().filter(|result| result["valid"] == false).count();
    if wrong == 0 {
        return Ok(());
    }
    let message = format!("{wrong} of {} queries of the dashboard would be refused", results.len());
    Err(ApiError::invalid_dashboard(message, json!({"queries": results})))
}
