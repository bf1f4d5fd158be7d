//! `/api/v1/metrics/stream`: many queries on one connection, as Server-Sent Events.

use std::convert::Infallible;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::{Request, State};
use futures_util::StreamExt as _;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response};

use super::call::{Visitor, whole};
use super::error::ApiError;
use super::params::Params;
use super::stream_query::{self, Asked};
use super::{OwnError, Site, narrow};
use crate::stream::{EventId, Events, Opening, Rights, Standing};
use crate::tenancy::{AuthError, Credentials, Namespace, Permission, Scope};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells nginx to pass every event on at once.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Opens a stream. GET and a form name queries by parameters, a body in JSON lists them.
pub(super) async fn open(State(site): State<Arc<Site>>, request: Request) -> Result<Response<Body>, OwnError> {
    let (parts, body) = request.into_parts();
    let visitor = Visitor::of(&parts, &site).await?;
    let body = whole(body).await?;
    let in_json = !body.is_empty() && is_json(&parts.headers);
    let params = Params::decode(parts.uri.query(), &parts.headers, if in_json { b"" } else { &body })?;
    let scope = visitor.scope(&parts, &params, &[])?;
    let settings = site.hub.settings();
    let asked: Vec<Asked> = if in_json {
        stream_query::from_json(&params, &body, &settings.stream)?
    } else {
        stream_query::from_params(&params, &settings.stream)?
    };
    let queries =
        asked.into_iter().map(|asked| stream_query::wanted(&site.engine, &scope, visitor.flow(), asked)).collect::<Result<_, _>>()?;
    let last_event_id = match parts.headers.get(LAST_EVENT_ID) {
        Some(header) => header.to_str().ok().and_then(EventId::read),
        // For a client that makes a new connection by itself, whose headers a browser does not let it choose.
        None => params.one("last_event_id")?.and_then(EventId::read),
    };
    let rights = Arc::new(Guard {
        site: site.clone(),
        // A copy: the original would keep the whole head of the request in memory.
        authorization: parts.headers.get(AUTHORIZATION).and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok()),
        narrowed: narrow::requested(&parts.extensions, &parts.headers, &params)?,
        scope,
    });
    let events = site.hub.open(Opening { user: visitor.flow(), queries, last_event_id, rights })?;
    // Compressing would hold events back.
    visitor.arrival.story.tell(|story| story.finished = true);
    Ok(response(events))
}

fn response(events: Events) -> Response<Body> {
    let mut response = Response::new(Body::from_stream(events.map(Ok::<_, Infallible>)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// Whoever opened a stream, as far as it takes to look at their rights again.
struct Guard {
    site: Arc<Site>,
    authorization: Option<HeaderValue>,
    /// What the request was narrowed to.
    narrowed: Vec<Vec<Namespace>>,
    /// What the stream shows.
    scope: Scope,
}

#[async_trait]
impl Rights for Guard {
    async fn look(&self) -> Standing {
        let credentials = Credentials { authorization: self.authorization.as_ref().map(HeaderValue::as_bytes) };
        let identity = match self.site.authenticator.authenticate(&credentials).await {
            Ok(identity) => identity,
            Err(AuthError::Unavailable { .. }) => return Standing::Unknown,
            Err(error) => return Standing::Lost(error.to_string()),
        };
        if !identity.may(Permission::MetricsQuery) {
            return Standing::Lost("the permission Metrics:query was taken away".to_owned());
        }
        let mut scope = identity.scope.clone();
        for asked in &self.narrowed {
            match scope.narrow(asked) {
                Ok(narrowed) => scope = narrowed,
                Err(outside) => return Standing::Lost(outside.to_string()),
            }
        }
        if scope == self.scope {
            Standing::Good
        } else {
            Standing::Lost("what you may see has changed: come back for what it is now".to_owned())
        }
    }
}

/// A stream is refused as a request is.
impl From<ApiError> for crate::stream::Refusal {
    fn from(error: ApiError) -> Self {
        crate::stream::Refusal { error_type: error.error_type.to_owned(), message: error.message }
    }
}
