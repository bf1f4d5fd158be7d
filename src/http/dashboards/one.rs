//! One dashboard: read, saved, archived, brought back.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use http::Response;

use super::super::Site;
use super::super::error::{ApiError, OwnError};
use super::caller::Caller;
use super::{answer, check, precondition};
use crate::dashboards::{Action, Expected, Save};
use crate::tenancy::Permission;

/// The document, or 304 to somebody who has it.
pub(super) async fn get(
    State(site): State<Arc<Site>>,
    Path((project, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::reading(&site, request, Permission::DashboardRead).await?;
    let project = caller.project(&project)?;
    let read = site.dashboards.get(project.as_str(), &name).await?;
    if read.stale_since.is_none() && precondition::is_known(&caller.headers, &read.dashboard)? {
        return Ok(answer::not_modified(&read.dashboard));
    }
    Ok(answer::read(&read, read.dashboard.text()))
}

/// A new version, if nobody was faster.
pub(super) async fn put(
    State(site): State<Arc<Site>>,
    Path((project, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::changing(&site, request, Permission::DashboardUpdate, Action::Update, (&project, &name)).await?;
    let project = caller.project(&project)?;
    let document = caller.document(project.as_str(), Some(&name)).await?;
    check::queries(&site, &caller, &project, &document).await?;
    let expected = match precondition::if_match(&caller.headers)? {
        // It says version 0, having seen none: who applies a file means to replace whatever is there.
        None if document.was_never_loaded() => Expected::Any,
        _ => precondition::expected(&caller.headers, document.version())?,
    };
    let save = Save { document: &document, expected, message: caller.message()?, action: Action::Update };
    let saved = site.dashboards.save(&caller.actor(), save).await?;
    Ok(answer::document(&saved))
}

/// Archives it; `?purge=true` removes archived ones for good.
pub(super) async fn delete(
    State(site): State<Arc<Site>>,
    Path((project, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::changing(&site, request, Permission::DashboardDelete, Action::Archive, (&project, &name)).await?;
    let project = caller.project(&project)?;
    match caller.params.one("purge")? {
        Some("true") => {
            site.dashboards.purge(&caller.actor(), project.as_str(), &name).await?;
        }
        None | Some("false") => {
            let expected = precondition::if_match(&caller.headers)?.unwrap_or(Expected::Any);
            site.dashboards.archive(&caller.actor(), project.as_str(), &name, &expected).await?;
        }
        Some(other) => return Err(ApiError::bad_request(format!("invalid parameter \"purge\": {other:?} is not true or false")).into()),
    }
    Ok(answer::nothing())
}

/// Brings back the one that was archived last.
pub(super) async fn restore(
    State(site): State<Arc<Site>>,
    Path((project, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::changing(&site, request, Permission::DashboardUpdate, Action::Restore, (&project, &name)).await?;
    let project = caller.project(&project)?;
    let restored = site.dashboards.unarchive(&caller.actor(), project.as_str(), &name).await?;
    Ok(answer::document(&restored))
}
