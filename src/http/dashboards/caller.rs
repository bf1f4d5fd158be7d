//! Who asks, what they may do, and what they sent.

use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use super::super::call::{Visitor, missing};
use super::super::error::ApiError;
use super::super::params::Params;
use super::super::{Arrival, Site, authors};
use crate::dashboards::{Action, Actor, Document, DocumentError, Event, Expect, Outcome};
use crate::query::Admission;
use crate::tenancy::{Identity, Namespace, Permission, Scope};

/// Larger documents are read outside of the runtime's threads: that takes more than half a millisecond.
const SMALL: usize = 32 * 1024;

/// A caller who may do what the handler does.
pub(super) struct Caller {
    pub(super) identity: Arc<Identity>,
    /// How far they may see, narrowed by the request.
    pub(super) scope: Scope,
    pub(super) params: Params,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) arrival: Arc<Arrival>,
    /// The place among their requests, held until the handler is done.
    _admission: Admission,
}

impl Caller {
    /// Signed in, with this permission, not asking too often.
    pub(super) async fn reading(site: &Site, request: Request, permission: Permission) -> Result<Caller, ApiError> {
        let (parts, body) = request.into_parts();
        let visitor = Visitor::with(&parts, site, None).await?;
        authors::notice(site, &visitor.identity, &visitor.arrival).await;
        if !visitor.identity.may(permission) {
            return Err(missing(permission));
        }
        Caller::of(visitor, parts, body).await
    }

    /// The same for what is everybody's own.
    pub(super) async fn own(site: &Site, request: Request) -> Result<Caller, ApiError> {
        let (parts, body) = request.into_parts();
        let visitor = Visitor::with(&parts, site, None).await?;
        Caller::of(visitor, parts, body).await
    }

    /// The same for a change: who tries without the permission is written down.
    pub(super) async fn changing(
        site: &Site,
        request: Request,
        permission: Permission,
        action: Action,
        at: (&str, &str),
    ) -> Result<Caller, ApiError> {
        let (parts, body) = request.into_parts();
        let visitor = Visitor::with(&parts, site, None).await?;
        authors::notice(site, &visitor.identity, &visitor.arrival).await;
        if !visitor.identity.may(permission) {
            let event = Event { action, project: at.0, name: at.1, version: None, outcome: Outcome::Denied };
            // The refusal stands, whether or not it could be written down.
            if let Err(error) = site.dashboards.note(&actor(&visitor.identity, &visitor.arrival), event).await {
                tracing::warn!(%error, request_id = visitor.arrival.request_id.as_str(), "a refusal is missing in the audit log");
            }
            return Err(missing(permission));
        }
        Caller::of(visitor, parts, body).await
    }

    async fn of(visitor: Visitor, parts: Parts, body: axum::body::Body) -> Result<Caller, ApiError> {
        let params = Params::decode(parts.uri.query(), &parts.headers, b"")?;
        let scope = visitor.scope(&parts, &params, &[])?;
        // The edge has read and bounded the body already.
        let body = to_bytes(body, usize::MAX).await.map_err(|_| ApiError::internal())?;
        let Visitor { identity, arrival, admission, .. } = visitor;
        Ok(Caller { identity, scope, params, headers: parts.headers, body, arrival, _admission: admission })
    }

    /// A project that the caller may see. Others are not there, whether they exist or not.
    pub(super) fn project(&self, name: &str) -> Result<Namespace, ApiError> {
        let namespace = Namespace::new(name).ok().filter(|namespace| self.scope.contains(namespace));
        namespace.ok_or_else(|| ApiError::not_found(format!("there is no project {name:?}")))
    }

    /// For the audit log.
    pub(super) fn actor(&self) -> Actor {
        actor(&self.identity, &self.arrival)
    }

    /// Whose preferences they are: a name is unique within its provider only.
    pub(super) fn owner(&self) -> String {
        authors::author(&self.identity)
    }

    /// What the caller has to say about a change.
    pub(super) fn message(&self) -> Result<&str, ApiError> {
        Ok(self.params.one("message")?.unwrap_or_default())
    }

    /// The body, which has to be JSON.
    pub(super) fn json(&self) -> Result<&str, ApiError> {
        let text = |name| self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default();
        let (kind, coding) = (text(CONTENT_TYPE), text(CONTENT_ENCODING));
        let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_json = essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
        if !is_json || !matches!(coding.as_str(), "" | "identity") {
            let message = "the body has to be JSON: send Content-Type: application/json, and no Content-Encoding";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_data", "INVALID_REQUEST", message));
        }
        std::str::from_utf8(&self.body).map_err(|_| ApiError::bad_request("the body is not UTF-8"))
    }

    /// The dashboard in the body.
    pub(super) async fn document(&self, project: &str, name: Option<&str>) -> Result<Document, ApiError> {
        read_document(self.json()?.to_owned(), project, name).await
    }
}

/// Reads and checks a document.
pub(super) async fn read_document(text: String, project: &str, name: Option<&str>) -> Result<Document, ApiError> {
    let read = |text: &str, project: &str, name: Option<&str>| Document::read(text, Expect { project: Some(project), name });
    if text.len() <= SMALL {
        return Ok(read(&text, project, name)?);
    }
    let (project, name) = (project.to_owned(), name.map(str::to_owned));
    let work = tokio::task::spawn_blocking(move || -> Result<Document, DocumentError> { read(&text, &project, name.as_deref()) });
    Ok(work.await.map_err(|_| ApiError::internal())??)
}

fn actor(identity: &Identity, arrival: &Arrival) -> Actor {
    Actor { user: identity.user.clone(), address: arrival.client, request_id: arrival.request_id.as_str().to_owned() }
}
