//! Versions of a dashboard: listed, shown, compared, restored.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use http::header::LINK;
use http::{HeaderValue, Response};
use serde_json::json;

use super::super::error::{ApiError, OwnError};
use super::super::{Site, read};
use super::caller::{Caller, read_document};
use super::patch::without_version;
use super::{answer, precondition};
use crate::dashboards::{Action, Expected, Save, changes, rfc3339};
use crate::tenancy::Permission;

/// Versions on a page.
const USUAL: u64 = 100;
const MOST: u64 = 1_000;

/// Newest first.
pub(super) async fn list(
    State(site): State<Arc<Site>>,
    Path((project, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::reading(&site, request, Permission::DashboardRead).await?;
    let project = caller.project(&project)?;
    let limit = read::count(&caller.params, "limit")?.unwrap_or(USUAL).clamp(1, MOST);
    let before = read::count(&caller.params, "cursor")?.map(|before| i64::try_from(before).unwrap_or(i64::MAX));
    let limit = usize::try_from(limit).unwrap_or(1);
    let entries = site.dashboards.versions(project.as_str(), &name, before, limit).await?;
    let list: Vec<_> = entries
        .iter()
        .map(|entry| {
            json!({
                "version": entry.version,
                "author": entry.author,
                "created_at": rfc3339(entry.created_at),
                "message": entry.message,
                "size_bytes": entry.size_bytes,
            })
        })
        .collect();
    let mut response = answer::value(&list)?;
    if let Some(last) = entries.last().filter(|last| entries.len() == limit && last.version > 0)
        && let Ok(link) = HeaderValue::from_str(&format!("<?limit={limit}&cursor={}>; rel=\"next\"", last.version))
    {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// The document as it was.
pub(super) async fn one(
    State(site): State<Arc<Site>>,
    Path((project, name, version)): Path<(String, String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::reading(&site, request, Permission::DashboardRead).await?;
    let project = caller.project(&project)?;
    Ok(answer::json(site.dashboards.version(project.as_str(), &name, number(&version)?).await?))
}

/// What is different from this version to another, or to the one that is there now.
pub(super) async fn diff(
    State(site): State<Arc<Site>>,
    Path((project, name, version)): Path<(String, String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::reading(&site, request, Permission::DashboardRead).await?;
    let project = caller.project(&project)?;
    let from = number(&version)?;
    let to = match caller.params.one("to")? {
        Some(text) => number(text)?,
        None => site.dashboards.get(project.as_str(), &name).await?.dashboard.version,
    };
    let (old, new) =
        (site.dashboards.version(project.as_str(), &name, from).await?, site.dashboards.version(project.as_str(), &name, to).await?);
    let work = tokio::task::spawn_blocking(move || changes(&old, &new));
    let found = work.await.map_err(|_| ApiError::internal())?.map_err(|_| ApiError::internal())?;
    Ok(answer::value(&json!({"from": from, "to": to, "patch": found.patch, "summary": found.summary}))?)
}

/// Saves an old version anew.
pub(super) async fn restore(
    State(site): State<Arc<Site>>,
    Path((project, name, version)): Path<(String, String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::changing(&site, request, Permission::DashboardUpdate, Action::Restore, (&project, &name)).await?;
    let project = caller.project(&project)?;
    let number = number(&version)?;
    let old = site.dashboards.version(project.as_str(), &name, number).await?;
    let document = read_document(without_version(&old), project.as_str(), Some(&name)).await?;
    let expected = precondition::if_match(&caller.headers)?.unwrap_or(Expected::Any);
    let message = format!("version {number} again");
    let save = Save { document: &document, expected, message: &message, action: Action::Restore };
    let saved = site.dashboards.save(&caller.actor(), save).await?;
    Ok(answer::document(&saved))
}

fn number(text: &str) -> Result<i64, ApiError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse::<i64>().ok().filter(|_| digits);
    number.ok_or_else(|| ApiError::bad_request(format!("{:?} is not a number of a version", text.chars().take(40).collect::<String>())))
}
