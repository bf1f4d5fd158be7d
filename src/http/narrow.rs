//! Narrowing: `/ns/{namespace}/…`, `?namespace=…` and `X-Hecate-Namespaces` make a scope smaller, never larger.

use axum::body::Body;
use http::{HeaderMap, Request};

use super::params::Params;
use crate::tenancy::{InvalidNamespace, Namespace, OutsideScope};

/// The namespace of the path prefix, as it stood there.
#[derive(Clone, Debug)]
struct PathNamespace(String);

/// Takes `/ns/{namespace}` off the path, so that one set of routes serves both forms.
pub fn take_prefix(request: &mut Request<Body>) {
    let Some(rest) = request.uri().path().strip_prefix("/ns/") else { return };
    let Some((namespace, path)) = rest.split_once('/') else { return };
    let target = match request.uri().query() {
        Some(query) => format!("/{path}?{query}"),
        None => format!("/{path}"),
    };
    if let Ok(uri) = target.parse() {
        let namespace = PathNamespace(namespace.to_owned());
        *request.uri_mut() = uri;
        request.extensions_mut().insert(namespace);
    }
}

/// For listeners without namespaces in their paths.
pub fn leave_as_it_is(_: &mut Request<Body>) {}

/// A namespace that is not one.
#[derive(Debug, thiserror::Error)]
#[error("{origin} names a namespace that cannot exist: {reason}")]
pub struct BadNamespace {
    origin: &'static str,
    reason: String,
}

/// Two places of one request name namespaces, and one goes beyond the other.
#[derive(Debug, thiserror::Error)]
#[error("{0} of this request: the path prefix /ns/, the parameter namespace and the header X-Hecate-Namespaces narrow one after the other")]
pub struct Disagree(pub OutsideScope);

/// What a request asks to be narrowed to: each place that names namespaces narrows on its own.
///
/// # Errors
/// When a name is no DNS-1123 label.
pub fn requested(extensions: &http::Extensions, headers: &HeaderMap, params: &Params) -> Result<Vec<Vec<Namespace>>, BadNamespace> {
    let mut asked = Vec::new();
    if let Some(PathNamespace(name)) = extensions.get() {
        asked.push(parse("the path prefix /ns/", std::iter::once(name.as_str()))?);
    }
    let from_params = parse("the parameter namespace", params.all("namespace"))?;
    if !from_params.is_empty() {
        asked.push(from_params);
    }
    let mut from_headers = Vec::new();
    for value in headers.get_all("x-hecate-namespaces") {
        let origin = "the header X-Hecate-Namespaces";
        let text = value.to_str().map_err(|_| BadNamespace { origin, reason: "it has bytes that are not ASCII".to_owned() })?;
        from_headers.extend(parse(origin, text.split(',').map(str::trim))?);
    }
    if !from_headers.is_empty() {
        asked.push(from_headers);
    }
    Ok(asked)
}

fn parse<'a>(origin: &'static str, names: impl Iterator<Item = &'a str>) -> Result<Vec<Namespace>, BadNamespace> {
    names.map(|name| Namespace::new(name).map_err(|e: InvalidNamespace| BadNamespace { origin, reason: e.to_string() })).collect()
}
