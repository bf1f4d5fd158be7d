//! Links to a dashboard: handed out, listed, taken back.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use http::Response;
use http::StatusCode;
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Site;
use super::super::error::{ApiError, OwnError};
use super::super::time::parse_duration;
use super::answer;
use super::caller::Caller;
use crate::dashboards::{Action, MOST_NETWORKS, NewShare, SHARE_LIFE, Share, rfc3339};
use crate::tenancy::Permission;

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// Such as `1h`.
    expires_in: String,
    /// Networks that it works from.
    #[serde(default)]
    cidrs: Vec<String>,
}

/// A new link: the only time that its token is shown.
pub(super) async fn create(
    State(site): State<Arc<Site>>,
    Path((project, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::changing(&site, request, Permission::DashboardShare, Action::ShareCreate, (&project, &name)).await?;
    let project = caller.project(&project)?;
    let wish: Wish = serde_json::from_str(caller.json()?).map_err(|error| {
        ApiError::bad_request(format!("the body is not understood: {error}; expected {{\"expires_in\": \"1h\"}} with optional cidrs"))
    })?;
    let life = life(&wish.expires_in)?;
    let cidrs = networks(&wish.cidrs)?;
    let owner = caller.owner();
    let new = NewShare { author: &owner, life, cidrs: &cidrs };
    let (share, token) = site.dashboards.share(&caller.actor(), (project.as_str(), &name), new).await?;
    let url = format!("{}/api/v1/shared/{token}", site.public_url.as_deref().unwrap_or_default());
    let told = json!({"id": share.id, "token": token, "url": url, "expires_at": rfc3339(share.expires_at)});
    let mut response = answer::value(&told)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// All of them, without what opens them.
pub(super) async fn list(
    State(site): State<Arc<Site>>,
    Path((project, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::reading(&site, request, Permission::DashboardShare).await?;
    let project = caller.project(&project)?;
    let shares = site.dashboards.shares(project.as_str(), &name).await?;
    Ok(answer::value(&shares.iter().map(item).collect::<Vec<_>>())?)
}

/// It works no more.
pub(super) async fn revoke(
    State(site): State<Arc<Site>>,
    Path((project, name, id)): Path<(String, String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::changing(&site, request, Permission::DashboardShare, Action::ShareRevoke, (&project, &name)).await?;
    let project = caller.project(&project)?;
    site.dashboards.unshare(&caller.actor(), project.as_str(), &name, &id).await?;
    Ok(answer::nothing())
}

fn item(share: &Share) -> Value {
    json!({
        "id": share.id,
        "created_at": rfc3339(share.created_at),
        "created_by": share.created_by,
        "expires_at": rfc3339(share.expires_at),
        "cidrs": share.cidrs,
        "revoked_at": share.revoked_at.map(rfc3339),
    })
}

fn life(text: &str) -> Result<Duration, ApiError> {
    let life = parse_duration(text).ok().filter(|life| SHARE_LIFE.contains(life));
    life.ok_or_else(|| ApiError::bad_request(format!("expires_in is {text:?}: it has to be a duration from 1m to 7d")))
}

fn networks(texts: &[String]) -> Result<Vec<IpNet>, ApiError> {
    if texts.len() > MOST_NETWORKS {
        return Err(ApiError::bad_request(format!("cidrs has {} networks, at most {MOST_NETWORKS} are kept", texts.len())));
    }
    texts
        .iter()
        .map(|text| text.parse().map_err(|_| ApiError::bad_request(format!("cidrs: {text:?} is no network such as 10.0.0.0/8"))))
        .collect()
}
