//! One decoded call: who asks, how far they may see in this request, and with which parameters.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::error::ApiError;
use super::params::Params;
use super::{Arrival, PrometheusError, Site, narrow};
use crate::query::{Admission, Asker, Throttled};
use crate::telemetry::{AuthOutcome, AuthProvider, RejectReason};
use crate::tenancy::{AuthError, Credentials, Identity, Namespace, Permission, ProviderKind, Scope};

/// What every handler that reads metrics starts from. Taking it as an argument is what enforces sign-in, the
/// permission `Metrics:query`, narrowing, rate and concurrency: there is no other way to a scope.
pub struct Call {
    /// How far they may see in this request.
    pub scope: Scope,
    /// URL and form together.
    pub params: Params,
    /// The request as it came in.
    pub arrival: Arc<Arrival>,
    /// The place among the user's requests; goes with the answer until its last byte.
    pub admission: Admission,
}

impl Call {
    /// What the engine wants to know of the caller.
    pub fn asker(&self) -> Asker<'_> {
        Asker { scope: &self.scope, trace: &self.arrival.trace, request_id: &self.arrival.request_id, notes: &*self.arrival }
    }

    async fn read(request: Request, site: &Site) -> Result<Call, ApiError> {
        let (parts, body) = request.into_parts();
        let visitor = Visitor::of(&parts, site).await?;
        // The edge has read and bounded the body already.
        let body = to_bytes(body, usize::MAX).await.map_err(|_| ApiError::internal())?;
        let params = Params::decode(parts.uri.query(), &parts.headers, &body)?;
        let scope = visitor.scope(&parts, &params, &[])?;
        Ok(Call { scope, params, arrival: visitor.arrival, admission: visitor.admission })
    }
}

/// Somebody who was let in.
pub(super) struct Visitor {
    pub(super) identity: Arc<Identity>,
    pub(super) arrival: Arc<Arrival>,
    pub(super) admission: Admission,
}

impl Visitor {
    /// Signed in, permitted to ask for metrics, not asking too often.
    pub(super) async fn of(parts: &Parts, site: &Site) -> Result<Visitor, ApiError> {
        Visitor::with(parts, site, Some(Permission::MetricsQuery)).await
    }

    /// The same with another permission, or with none for what is everybody's own.
    pub(super) async fn with(parts: &Parts, site: &Site, permission: Option<Permission>) -> Result<Visitor, ApiError> {
        let arrival = parts.extensions.get::<Arc<Arrival>>().cloned().ok_or_else(ApiError::internal)?;
        let identity = identify(site, &parts.headers, &arrival).await?;
        if let Some(permission) = permission.filter(|permission| !identity.may(*permission)) {
            let details = serde_json::json!({"required_permission": permission.as_str()});
            return Err(ApiError::forbidden(format!("this needs the permission {permission}")).with_details(details));
        }
        let admission = admit(site, &identity, &arrival)?;
        Ok(Visitor { identity, arrival, admission })
    }

    /// Their scope, narrowed by everything in the request that names namespaces, and by `also`.
    pub(super) fn scope(&self, parts: &Parts, params: &Params, also: &[Namespace]) -> Result<Scope, ApiError> {
        let mut scope = self.identity.scope.narrow(also)?;
        for asked in narrow::requested(&parts.extensions, &parts.headers, params)? {
            // What the caller may not see at all is refused first: the places of one request have to agree only on what is theirs.
            self.identity.scope.narrow(&asked)?;
            scope = scope.narrow(&asked).map_err(narrow::Disagree)?;
        }
        self.arrival.story.tell(|story| story.scope = Some(scope.clone()));
        Ok(scope)
    }
}

/// Derived once per request; nothing else reads the `Authorization` header.
pub(super) async fn identify(site: &Site, headers: &http::HeaderMap, arrival: &Arrival) -> Result<Arc<Identity>, ApiError> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let credentials = Credentials { authorization: sent.next().map(http::HeaderValue::as_bytes) };
    if sent.next().is_some() {
        return Err(ApiError::bad_request("the Authorization header was sent more than once"));
    }
    match site.authenticator.authenticate(&credentials).await {
        Ok(identity) => {
            site.metrics.authenticated(super::auth_provider(identity.provider), AuthOutcome::Allowed);
            arrival.story.tell(|story| story.identity = Some(identity.clone()));
            Ok(identity)
        }
        Err(error) => {
            let outcome = match &error {
                AuthError::Missing => AuthOutcome::Missing,
                AuthError::Nothing => AuthOutcome::Denied,
                AuthError::Unavailable { .. } => AuthOutcome::Unavailable,
                _ => AuthOutcome::Invalid,
            };
            site.metrics.authenticated(AuthProvider::None, outcome);
            let challenges = site.authenticator.challenges(&error);
            Err(ApiError { challenges, ..error.into() })
        }
    }
}

fn admit(site: &Site, identity: &Identity, arrival: &Arrival) -> Result<Admission, ApiError> {
    // People who need no name share one; their addresses tell them apart.
    let user = match (identity.provider, arrival.client) {
        (ProviderKind::Anonymous | ProviderKind::None, Some(address)) => format!("address {address}"),
        (provider, _) => format!("{} {}", provider.as_str(), identity.user),
    };
    site.fairness.admit(&user).map_err(|throttled| {
        site.metrics.rejected(match throttled {
            Throttled::Rate { .. } => RejectReason::Rate,
            Throttled::Concurrent { .. } => RejectReason::Concurrency,
        });
        throttled.into()
    })
}

impl FromRequest<Arc<Site>> for Call {
    type Rejection = PrometheusError;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Call, PrometheusError> {
        Ok(Call::read(request, site).await?)
    }
}
