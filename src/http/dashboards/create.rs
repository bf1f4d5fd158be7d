//! `POST`: a new dashboard.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use http::Response;

use super::super::Site;
use super::super::error::{ApiError, OwnError};
use super::caller::{Caller, read_document};
use super::{answer, check};
use crate::dashboards::{Action, Document, NewDashboard};
use crate::tenancy::Permission;

/// In the project of the path.
pub(super) async fn in_project(
    State(site): State<Arc<Site>>,
    Path(project): Path<String>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::changing(&site, request, Permission::DashboardCreate, Action::Create, (&project, "")).await?;
    Ok(create(&site, &caller, &project).await?)
}

/// In the project that the document names.
pub(super) async fn anywhere(State(site): State<Arc<Site>>, request: Request) -> Result<Response<Body>, OwnError> {
    let caller = Caller::changing(&site, request, Permission::DashboardCreate, Action::Create, ("", "")).await?;
    let project = Document::names(caller.json()?).project;
    let project = project.ok_or_else(|| ApiError::bad_request("metadata.project is missing: which project is the dashboard for"))?;
    Ok(create(&site, &caller, &project).await?)
}

async fn create(site: &Arc<Site>, caller: &Caller, project: &str) -> Result<Response<Body>, ApiError> {
    let project = caller.project(project)?;
    let document = read_document(caller.json()?.to_owned(), project.as_str(), None).await?;
    check::queries(site, caller, &project, &document).await?;
    let key = caller.headers.get("idempotency-key").map(|key| key.to_str()).transpose();
    let key = key.map_err(|_| ApiError::bad_request("the Idempotency-Key has characters that are not ASCII"))?;
    let new = NewDashboard { document: &document, template: None, key, message: caller.message()? };
    let created = site.dashboards.create(&caller.actor(), new).await?;
    Ok(answer::document(&created.dashboard))
}
