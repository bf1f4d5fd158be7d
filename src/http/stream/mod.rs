//! `/api/v1/metrics/stream`: many queries on one connection, as Server-Sent Events.
//!
//! * `query`, `dashboard`: what is asked for, by itself or as the panels of a dashboard
//! * `rights`: who asked, for as long as the stream lives
//! * `status`: what streams there are

mod dashboard;
mod query;
mod rights;
mod status;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use futures_util::StreamExt as _;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response};

use self::dashboard::{Panels, Viewer};
use self::rights::{Guest, Passer};
use super::auth::Shown;
use super::call::{Visitor, missing, whole};
use super::error::ApiError;
use super::params::Params;
use super::{Arrival, Call, OwnError, Site, narrow};
use crate::dashboards::Dashboard;
use crate::stream::{EventId, Events, Opening, Refusal};
use crate::tenancy::{Namespace, Permission, Scope};

pub(super) use status::status;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells nginx to pass every event on at once.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Opens a stream. GET and a form name queries by parameters, or a dashboard that has some; a body in JSON lists them.
pub(super) async fn open(State(site): State<Arc<Site>>, request: Request) -> Result<Response<Body>, OwnError> {
    let (parts, body) = request.into_parts();
    let visitor = Visitor::of(&parts, &site).await?;
    let body = whole(body).await?;
    let in_json = !body.is_empty() && is_json(&parts.headers);
    let params = Params::decode(parts.uri.query(), &parts.headers, if in_json { b"" } else { &body })?;
    let scope = visitor.scope(&parts, &params, &[])?;
    let bounds = &site.hub.settings().stream;
    let mut permissions = vec![Permission::MetricsQuery];
    let panels = if in_json {
        let asked = query::from_json(&params, &body, bounds)?;
        Panels::of(asked, &site.engine, &scope, visitor.flow())?
    } else if let Some((project, name)) = dashboard::place(&params)? {
        permissions.push(Permission::DashboardRead);
        let dashboard = stored(&site, &visitor, &scope, project, name).await?;
        let viewer = Viewer { engine: &site.engine, scope: &scope, flow: visitor.flow(), by_link: false };
        dashboard::panels(viewer, &dashboard, &params, query::times_of(&params, bounds)?).await?
    } else {
        let asked = query::from_params(&params, bounds)?;
        Panels::of(asked, &site.engine, &scope, visitor.flow())?
    };
    let rights = Arc::new(Guest {
        site: site.clone(),
        shown: Shown::by(&site, &parts)?.keep(),
        permissions,
        narrowed: narrow::requested(&parts.extensions, &parts.headers, &params)?,
        scope,
    });
    let Panels { queries, refused } = panels;
    let last_event_id = last_event_id(&parts, &params)?;
    let arrival = &visitor.arrival;
    let opening = Opening { user: visitor.flow(), queries, refused, last_event_id, is_gzip: arrival.accepts.gzip, rights };
    Ok(response(site.hub.open(opening)?, arrival))
}

/// The same for somebody who came by a link to a dashboard: its panels, in the scope of its project.
pub(super) async fn open_by_link(
    site: &Arc<Site>,
    token: String,
    dashboard: &Arc<Dashboard>,
    last_event_id: Option<EventId>,
    call: Call,
) -> Result<Response<Body>, ApiError> {
    let times = query::times_of(&call.params, &site.hub.settings().stream)?;
    let viewer = Viewer { engine: &site.engine, scope: &call.scope, flow: call.flow, by_link: true };
    let Panels { queries, refused } = dashboard::panels(viewer, dashboard, &call.params, times).await?;
    let rights = Arc::new(Passer { site: site.clone(), token, from: call.arrival.client, arrival: call.arrival.clone() });
    let arrival = &call.arrival;
    let opening = Opening { user: call.flow, queries, refused, last_event_id, is_gzip: arrival.accepts.gzip, rights };
    Ok(response(site.hub.open(opening)?, arrival))
}

/// What the client has of another connection.
pub(super) fn last_event_id(parts: &Parts, params: &Params) -> Result<Option<EventId>, ApiError> {
    match parts.headers.get(LAST_EVENT_ID) {
        Some(header) => Ok(header.to_str().ok().and_then(EventId::read)),
        // For a client that makes a new connection by itself, whose headers a browser does not let it choose.
        None => Ok(params.one("last_event_id")?.and_then(EventId::read)),
    }
}

/// A dashboard that the caller may read. Others are not there, whether they exist or not.
async fn stored(site: &Site, visitor: &Visitor, scope: &Scope, project: &str, name: &str) -> Result<Arc<Dashboard>, ApiError> {
    if !visitor.identity.may(Permission::DashboardRead) {
        return Err(missing(Permission::DashboardRead));
    }
    if !Namespace::new(project).is_ok_and(|namespace| scope.contains(&namespace)) {
        return Err(ApiError::not_found(format!("there is no project {project:?}")));
    }
    Ok(site.dashboards.get(project, name).await?.dashboard)
}

fn response(events: Events, arrival: &Arrival) -> Response<Body> {
    // Events are compressed already where that is wanted: whoever does it from outside holds them back.
    arrival.story.tell(|story| story.finished = true);
    let mut response = Response::new(Body::from_stream(events.map(Ok::<_, Infallible>)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if arrival.accepts.gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// A query of a stream is refused as a request is.
impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Refusal { error_type: error.error_type.to_owned(), message: error.message }
    }
}
