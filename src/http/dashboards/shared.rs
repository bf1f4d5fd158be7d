//! What a link opens, for people who have not signed in: one dashboard, and the queries that stand in it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use super::super::call::{Link, whole};
use super::super::error::{ApiError, OwnError};
use super::super::params::Params;
use super::super::prometheus::{query as expressions, series as selections};
use super::super::stream as live;
use super::super::{Arrival, Call, PrometheusError, Site, authors};
use super::answer;
use crate::dashboards::{Question, Shared, StoreError, rfc3339, stands_in};
use crate::query::Admission;
use crate::tenancy::{Namespace, Scope};

/// Larger documents are looked through outside of the runtime's threads: that takes more than half a millisecond.
const SMALL: usize = 32 * 1024;

type Answer = Result<Response<Body>, PrometheusError>;

/// The document, and until when it can be seen.
pub(super) async fn document(
    State(site): State<Arc<Site>>,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let visit = Visit::open(&site, &token, request).await?;
    let expires_at = rfc3339(visit.shared.share.expires_at);
    let mut response = answer::json(format!("{{\"dashboard\":{},\"expires_at\":\"{expires_at}\"}}", visit.shared.dashboard.text()));
    // Whoever gets the answer must not tell the token to the next site.
    response.headers_mut().insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// One of its queries, at one moment.
pub(super) async fn query(State(site): State<Arc<Site>>, Path(token): Path<String>, request: Request) -> Answer {
    let visit = Visit::open(&site, &token, request).await?;
    visit.expect(Question::Expression(visit.params.required("query")?.to_owned())).await?;
    expressions::instant(State(site), visit.into_call()?).await
}

/// One of its queries, over a window.
pub(super) async fn query_range(State(site): State<Arc<Site>>, Path(token): Path<String>, request: Request) -> Answer {
    let visit = Visit::open(&site, &token, request).await?;
    visit.expect(Question::Expression(visit.params.required("query")?.to_owned())).await?;
    expressions::range(State(site), visit.into_call()?).await
}

/// Its panels, live.
pub(super) async fn stream(State(site): State<Arc<Site>>, Path(token): Path<String>, request: Request) -> Result<Response<Body>, OwnError> {
    let visit = Visit::open(&site, &token, request).await?;
    let last_event_id = live::last_event_id(&visit.parts, &visit.params)?;
    let dashboard = visit.shared.dashboard.clone();
    Ok(live::open_by_link(&site, token, &dashboard, last_event_id, visit.into_call()?).await?)
}

/// The series that the selectors of its variables find.
pub(super) async fn series(State(site): State<Arc<Site>>, Path(token): Path<String>, request: Request) -> Answer {
    let visit = Visit::open(&site, &token, request).await?;
    visit.expect(Question::Series(visit.matches())).await?;
    selections::series(State(site), visit.into_call()?).await
}

/// Names of labels, for a variable of it that has them as values.
pub(super) async fn labels(State(site): State<Arc<Site>>, Path(token): Path<String>, request: Request) -> Answer {
    let visit = Visit::open(&site, &token, request).await?;
    visit.expect(Question::LabelNames(visit.matches())).await?;
    selections::labels(State(site), visit.into_call()?).await
}

/// Values of a label, for a variable of it that has them as values.
pub(super) async fn label_values(State(site): State<Arc<Site>>, Path((token, name)): Path<(String, String)>, request: Request) -> Answer {
    let visit = Visit::open(&site, &token, request).await?;
    visit.expect(Question::LabelValues(name.clone(), visit.matches())).await?;
    selections::values_of(&site, &name, visit.into_call()?).await
}

/// Somebody who came by a link that works.
struct Visit {
    shared: Shared,
    params: Params,
    parts: Parts,
    arrival: Arc<Arrival>,
    admission: Admission,
    visitor: String,
}

impl Visit {
    async fn open(site: &Site, token: &str, request: Request) -> Result<Visit, ApiError> {
        let (parts, body) = request.into_parts();
        let arrival = parts.extensions.get::<Arc<Arrival>>().cloned().ok_or_else(ApiError::internal)?;
        // Guessing costs as much as looking.
        let address = arrival.client.map(|address| address.to_string()).unwrap_or_default();
        site.visitors.admit(&address)?;
        let visitor = format!("visitor {address}");
        let admission = site.fairness.admit(&visitor)?;
        let body = whole(body).await?;
        let params = Params::decode(parts.uri.query(), &parts.headers, &body)?;
        let shared = site.dashboards.shared(token, arrival.client).await?;
        if !authors::may_still_share(site, &shared, &arrival).await? {
            return Err(StoreError::NoShare.into());
        }
        Ok(Visit { shared, params, parts, arrival, admission, visitor })
    }

    fn matches(&self) -> Vec<String> {
        self.params.all("match[]").map(str::to_owned).collect()
    }

    /// Only what the dashboard itself asks is answered.
    async fn expect(&self, question: Question) -> Result<(), ApiError> {
        let text = self.shared.dashboard.text();
        let is_small = text.len() <= SMALL;
        let find = move || serde_json::from_str(&text).is_ok_and(|document: Value| stands_in(&document, &question));
        let found = if is_small { find() } else { tokio::task::spawn_blocking(find).await.map_err(|_| ApiError::internal())? };
        if found {
            return Ok(());
        }
        let message = "this link opens one dashboard: only the queries that stand in it are answered";
        Err(ApiError::forbidden(message).with_details(json!({"reason": "not_in_dashboard"})))
    }

    /// In the scope of the dashboard's project, whoever asks.
    fn into_call(self) -> Result<Call, ApiError> {
        let project = Namespace::new(&self.shared.dashboard.project).map_err(|_| ApiError::internal())?;
        let link = Link { scope: Scope::of([project]), admission: self.admission, visitor: self.visitor };
        Call::by_link(&self.parts, self.params, self.arrival, link)
    }
}

/// 401: it leads nowhere, whether it never did, does no more, or was taken back.
pub(in crate::http) fn no_share(message: String) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", "INVALID_SHARE_TOKEN", message)
}
