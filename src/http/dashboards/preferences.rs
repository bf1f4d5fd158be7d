//! What is kept of a person, for themselves.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use http::Response;
use serde::Deserialize;

use super::super::Site;
use super::super::error::{ApiError, OwnError};
use super::answer;
use super::caller::Caller;
use crate::dashboards::{Place, Preferences, Remembered, merged};

/// The whole of it, as it is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    theme: Option<String>,
    time_zone: Option<String>,
    default_range: Option<String>,
    refresh: Option<String>,
    home: Option<String>,
    #[serde(default)]
    favourites: Vec<Place>,
    #[serde(default)]
    recents: Vec<Place>,
}

/// What is kept.
pub(super) async fn get(State(site): State<Arc<Site>>, request: Request) -> Result<Response<Body>, OwnError> {
    let caller = Caller::own(&site, request).await?;
    Ok(answer::value(&site.dashboards.remembered(&caller.owner()).await?)?)
}

/// Keeps this instead.
pub(super) async fn put(State(site): State<Arc<Site>>, request: Request) -> Result<Response<Body>, OwnError> {
    let caller = Caller::own(&site, request).await?;
    Ok(keep(&site, &caller, caller.json()?).await?)
}

/// Changes some of it (RFC 7396).
pub(super) async fn patch(State(site): State<Arc<Site>>, request: Request) -> Result<Response<Body>, OwnError> {
    let caller = Caller::own(&site, request).await?;
    let text = caller.json()?;
    let kept = site.dashboards.remembered(&caller.owner()).await?;
    let kept = serde_json::to_string(&kept).map_err(|_| ApiError::internal())?;
    serde_json::from_str::<serde_json::Value>(text).map_err(|error| ApiError::bad_request(format!("the body is not JSON: {error}")))?;
    Ok(keep(&site, &caller, &merged(&kept, text)).await?)
}

/// Marks a dashboard as a favourite.
pub(super) async fn mark(
    State(site): State<Arc<Site>>,
    Path(at): Path<(String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::own(&site, request).await?;
    site.dashboards.add_favourite(&caller.owner(), &place(&caller, at)?).await?;
    Ok(answer::nothing())
}

/// Takes the mark away.
pub(super) async fn unmark(
    State(site): State<Arc<Site>>,
    Path(at): Path<(String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::own(&site, request).await?;
    site.dashboards.remove_favourite(&caller.owner(), &Place { project: at.0, name: at.1 }).await?;
    Ok(answer::nothing())
}

/// Remembers that the caller looked at it.
pub(super) async fn looked_at(
    State(site): State<Arc<Site>>,
    Path(at): Path<(String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::own(&site, request).await?;
    site.dashboards.looked_at(&caller.owner(), &place(&caller, at)?).await?;
    Ok(answer::nothing())
}

async fn keep(site: &Site, caller: &Caller, text: &str) -> Result<Response<Body>, ApiError> {
    let sent: Sent = serde_json::from_str(text).map_err(|error| ApiError::bad_request(format!("these are no preferences: {error}")))?;
    let Sent { theme, time_zone, default_range, refresh, home, favourites, recents } = sent;
    let preferences = Preferences { theme, time_zone, default_range, refresh, home };
    preferences.check()?;
    for place in favourites.iter().chain(&recents) {
        check(place)?;
    }
    let remembered = Remembered { preferences, favourites, recents };
    site.dashboards.put_remembered(&caller.owner(), &remembered).await?;
    answer::value(&site.dashboards.remembered(&caller.owner()).await?)
}

/// A place in a project that the caller may see.
fn place(caller: &Caller, (project, name): (String, String)) -> Result<Place, ApiError> {
    caller.project(&project)?;
    let place = Place { project, name };
    check(&place)?;
    Ok(place)
}

fn check(place: &Place) -> Result<(), ApiError> {
    if place.is_plausible() { Ok(()) } else { Err(ApiError::bad_request(format!("{}/{} is no dashboard", place.project, place.name))) }
}
