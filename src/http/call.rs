//! One decoded call: who asks, how far they may see in this request, and with which parameters.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderValue, Method};
use http_body::Body as _;

use super::auth::Shown;
use super::error::ApiError;
use super::params::Params;
use super::{Arrival, PrometheusError, Site, narrow};
use crate::query::{self, Admission, Asker, Throttled};
use crate::telemetry::{AuthOutcome, AuthProvider, RejectReason};
use crate::tenancy::{AuthError, Identity, Namespace, Permission, ProviderKind, Scope};

/// What every handler that reads metrics starts from. Taking it as an argument is what enforces sign-in, the
/// permission `Metrics:query`, narrowing, rate and concurrency: there is no other way to a scope.
pub struct Call {
    /// How far they may see in this request.
    pub scope: Scope,
    /// URL and form together.
    pub params: Params,
    /// The request as it came in.
    pub arrival: Arc<Arrival>,
    /// Equal for all requests of one user.
    pub flow: u64,
    /// The client wants an answer that was not kept.
    pub no_store: bool,
    /// The client wants to know what upstreams were asked.
    pub explain: bool,
    /// What the client has already, when it asks in a way that can be answered so.
    pub if_none_match: Option<HeaderValue>,
    /// The place among the user's requests; goes with the answer until its last byte.
    pub admission: Admission,
}

impl Call {
    /// What the engine wants to know of the caller.
    pub fn asker(&self) -> Asker<'_> {
        Asker {
            scope: &self.scope,
            trace: &self.arrival.trace,
            request_id: &self.arrival.request_id,
            flow: self.flow,
            accepts: query::Accepts { gzip: self.arrival.accepts.gzip },
            no_store: self.no_store,
            notes: &*self.arrival,
        }
    }

    async fn read(request: Request, site: &Site) -> Result<Call, ApiError> {
        let (parts, body) = request.into_parts();
        let visitor = Visitor::of(&parts, site).await?;
        let body = whole(body).await?;
        let params = Params::decode(parts.uri.query(), &parts.headers, &body)?;
        let scope = visitor.scope(&parts, &params, &[])?;
        let (no_store, if_none_match) = (wants_no_store(&parts.headers), known_tags(&parts));
        let explain = parts.headers.get("x-hecate-explain").is_some_and(|value| value == "1");
        let Visitor { arrival, admission, flow, .. } = visitor;
        Ok(Call { scope, params, arrival, flow, no_store, explain, if_none_match, admission })
    }
}

/// What a link to a dashboard stands for: nobody signed in, and whoever comes by it sees what the link opens.
pub(super) struct Link {
    /// What it opens.
    pub scope: Scope,
    /// The place among the requests from one address.
    pub admission: Admission,
    /// The address, as a name for fairness.
    pub visitor: String,
}

impl Call {
    /// The call of somebody who came by a link.
    pub(super) fn by_link(parts: &Parts, params: Params, arrival: Arc<Arrival>, link: Link) -> Result<Call, ApiError> {
        let Link { scope, admission, visitor } = link;
        let scope = narrowed(&scope, scope.clone(), parts, &params)?;
        arrival.story.tell(|story| story.scope = Some(scope.clone()));
        let if_none_match = known_tags(parts);
        Ok(Call { scope, params, arrival, flow: flow_of(&visitor), no_store: false, explain: false, if_none_match, admission })
    }
}

/// `no-cache` is no wish of the user's: browsers send it with every request while their tools are open.
fn wants_no_store(headers: &http::HeaderMap) -> bool {
    let words = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    words.map(str::trim).any(|word| word.eq_ignore_ascii_case("no-store"))
}

/// The edge has read and bounded the body already; most requests have none.
pub(super) async fn whole(body: Body) -> Result<Bytes, ApiError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    to_bytes(body, usize::MAX).await.map_err(|_| ApiError::internal())
}

/// A list over several lines counts as none: then the answer is sent, which is never wrong.
fn known_tags(parts: &Parts) -> Option<HeaderValue> {
    let mut lists = parts.headers.get_all(IF_NONE_MATCH).iter();
    let only = lists.next().filter(|_| matches!(parts.method, Method::GET | Method::HEAD))?;
    lists.next().is_none().then(|| only.clone())
}

/// Somebody who was let in.
pub(super) struct Visitor {
    pub(super) identity: Arc<Identity>,
    pub(super) arrival: Arc<Arrival>,
    pub(super) admission: Admission,
    flow: u64,
}

impl Visitor {
    /// Equal for all requests of one user.
    pub(super) fn flow(&self) -> u64 {
        self.flow
    }

    /// Before any narrowing.
    pub(super) fn sees_the_whole_cluster(&self) -> bool {
        self.identity.scope.is_cluster_wide()
    }

    /// Signed in, permitted to ask for metrics, not asking too often.
    pub(super) async fn of(parts: &Parts, site: &Site) -> Result<Visitor, ApiError> {
        Visitor::with(parts, site, Some(Permission::MetricsQuery)).await
    }

    /// The same with another permission, or with none for what is everybody's own.
    pub(super) async fn with(parts: &Parts, site: &Site, permission: Option<Permission>) -> Result<Visitor, ApiError> {
        let arrival = parts.extensions.get::<Arc<Arrival>>().cloned().ok_or_else(ApiError::internal)?;
        let identity = identify(site, parts, &arrival).await?;
        if let Some(permission) = permission.filter(|permission| !identity.may(*permission)) {
            return Err(missing(permission));
        }
        let (admission, flow) = admit(site, &identity, &arrival)?;
        Ok(Visitor { identity, arrival, admission, flow })
    }

    /// Their scope, narrowed by everything in the request that names namespaces, and by `also`.
    pub(super) fn scope(&self, parts: &Parts, params: &Params, also: &[Namespace]) -> Result<Scope, ApiError> {
        let whole = &self.identity.scope;
        let scope = narrowed(whole, whole.narrow(also)?, parts, params)?;
        self.arrival.story.tell(|story| story.scope = Some(scope.clone()));
        Ok(scope)
    }
}

/// 403, and what would be needed.
pub(super) fn missing(permission: Permission) -> ApiError {
    let details = serde_json::json!({"required_permission": permission.as_str()});
    ApiError::forbidden(format!("this needs the permission {permission}")).with_details(details)
}

/// A part of a scope, narrowed by everything in the request that names namespaces.
fn narrowed(whole: &Scope, mut part: Scope, parts: &Parts, params: &Params) -> Result<Scope, ApiError> {
    for asked in narrow::requested(&parts.extensions, &parts.headers, params)? {
        // What the caller may not see at all is refused first: the places of one request have to agree only on what is theirs.
        whole.narrow(&asked)?;
        part = part.narrow(&asked).map_err(narrow::Disagree)?;
    }
    Ok(part)
}

/// Derived once per request, from what [`Shown`] reads.
pub(super) async fn identify(site: &Site, parts: &Parts, arrival: &Arrival) -> Result<Arc<Identity>, ApiError> {
    let shown = Shown::by(site, parts)?;
    match site.authenticator.authenticate(&shown.credentials()).await {
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
            Err(shown.refusal(site, error))
        }
    }
}

fn admit(site: &Site, identity: &Identity, arrival: &Arrival) -> Result<(Admission, u64), ApiError> {
    // People who need no name share one; their addresses tell them apart.
    let user = match (identity.provider, arrival.client) {
        (ProviderKind::Anonymous | ProviderKind::None, Some(address)) => format!("address {address}"),
        (provider, _) => [provider.as_str(), " ", &identity.user].concat(),
    };
    let admitted = site.fairness.admit(&user).map_err(|throttled| {
        site.metrics.rejected(match throttled {
            Throttled::Rate { .. } => RejectReason::Rate,
            Throttled::Concurrent { .. } => RejectReason::Concurrency,
        });
        ApiError::from(throttled)
    });
    Ok((admitted?, flow_of(&user)))
}

/// 0 stands for nobody.
fn flow_of(user: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    user.hash(&mut hasher);
    hasher.finish().max(1)
}

impl FromRequest<Arc<Site>> for Call {
    type Rejection = PrometheusError;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Call, PrometheusError> {
        Ok(Call::read(request, site).await?)
    }
}
