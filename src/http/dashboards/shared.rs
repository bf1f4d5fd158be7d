//! What a link opens, for people who have not signed in: one dashboard, and the queries that stand in it.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use super::super::error::{ApiError, OwnError};
use super::super::params::Params;
use super::super::prometheus::{instant_query, range_query};
use super::super::{Arrival, PrometheusError, Site, pass};
use super::answer;
use crate::dashboards::{Shared, is_filled_form_of, rfc3339, stored_queries};
use crate::query::{Admission, Asker};
use crate::tenancy::{Namespace, Scope};

/// The document, and until when it can be seen.
pub(super) async fn document(
    State(site): State<Arc<Site>>,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let (visit, _) = Visit::open(&site, &token, request).await?;
    let expires_at = rfc3339(visit.shared.share.expires_at);
    let mut response = answer::json(format!("{{\"dashboard\":{},\"expires_at\":\"{expires_at}\"}}", visit.shared.dashboard.text()));
    // Whoever gets the answer must not tell the token to the next site.
    response.headers_mut().insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// One of its queries, at one moment.
pub(super) async fn query(
    State(site): State<Arc<Site>>,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response<Body>, PrometheusError> {
    let (visit, params) = Visit::open(&site, &token, request).await?;
    let query = instant_query(&params)?;
    let scope = visit.expect_stored(&query.text)?;
    let reply = site.engine.instant(&visit.asker(&scope), query).await?;
    Ok(pass::reply_to(reply, &visit.arrival.clone(), visit.admission)?)
}

/// One of its queries, over a window.
pub(super) async fn query_range(
    State(site): State<Arc<Site>>,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response<Body>, PrometheusError> {
    let (visit, params) = Visit::open(&site, &token, request).await?;
    let query = range_query(&params)?;
    let scope = visit.expect_stored(&query.text)?;
    let reply = site.engine.range(&visit.asker(&scope), query).await?;
    Ok(pass::reply_to(reply, &visit.arrival.clone(), visit.admission)?)
}

/// Somebody who came by a link that works.
struct Visit {
    shared: Shared,
    arrival: Arc<Arrival>,
    admission: Admission,
}

impl Visit {
    async fn open(site: &Site, token: &str, request: Request) -> Result<(Visit, Params), ApiError> {
        let (parts, body) = request.into_parts();
        let arrival = parts.extensions.get::<Arc<Arrival>>().cloned().ok_or_else(ApiError::internal)?;
        // Guessing costs as much as looking.
        let address = arrival.client.map(|address| address.to_string()).unwrap_or_default();
        site.visitors.admit(&address)?;
        let admission = site.fairness.admit(&format!("visitor {address}"))?;
        let body = to_bytes(body, usize::MAX).await.map_err(|_| ApiError::internal())?;
        let params = Params::decode(parts.uri.query(), &parts.headers, &body)?;
        let shared = site.dashboards.shared(token, arrival.client).await?;
        Ok((Visit { shared, arrival, admission }, params))
    }

    /// The scope of the dashboard's project, for a text that stands in the dashboard.
    fn expect_stored(&self, text: &str) -> Result<Scope, ApiError> {
        let document: serde_json::Value = serde_json::from_str(&self.shared.dashboard.text()).map_err(|_| ApiError::internal())?;
        let stands_there = stored_queries(&document).iter().any(|stored| is_filled_form_of(&stored.text, text));
        if !stands_there {
            let message = "this link opens one dashboard: only the queries that stand in it are answered";
            return Err(ApiError::forbidden(message).with_details(json!({"reason": "not_in_dashboard"})));
        }
        let project = Namespace::new(&self.shared.dashboard.project).map_err(|_| ApiError::internal())?;
        let scope = Scope::of([project]);
        self.arrival.story.tell(|story| story.scope = Some(scope.clone()));
        Ok(scope)
    }

    fn asker<'a>(&'a self, scope: &'a Scope) -> Asker<'a> {
        Asker { scope, trace: &self.arrival.trace, request_id: &self.arrival.request_id, notes: &*self.arrival }
    }
}

/// 401: it leads nowhere, whether it never did, does no more, or was taken back.
pub(in crate::http) fn no_share(message: String) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", "INVALID_SHARE_TOKEN", message)
}
