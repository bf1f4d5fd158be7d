//! Which methods a path takes, and what is said to others.

use std::sync::Arc;

use axum::extract::Request;
use axum::routing::MethodRouter;

use super::Site;
use super::error::method_not_allowed;

/// A path for GET.
pub(super) fn read(router: MethodRouter<Arc<Site>>) -> MethodRouter<Arc<Site>> {
    router.fallback(async |request: Request| method_not_allowed(request.method(), request.uri().path(), "GET, HEAD, OPTIONS"))
}

/// A path for GET and for POST with a form.
pub(super) fn both(router: MethodRouter<Arc<Site>>) -> MethodRouter<Arc<Site>> {
    router.fallback(async |request: Request| method_not_allowed(request.method(), request.uri().path(), "GET, HEAD, OPTIONS, POST"))
}

/// A path for these methods.
pub(super) fn only(allowed: &'static str, router: MethodRouter<Arc<Site>>) -> MethodRouter<Arc<Site>> {
    router.fallback(move |request: Request| async move { method_not_allowed(request.method(), request.uri().path(), allowed) })
}

/// A path for POST.
pub(super) fn write(router: MethodRouter<Arc<Site>>) -> MethodRouter<Arc<Site>> {
    router.fallback(async |request: Request| method_not_allowed(request.method(), request.uri().path(), "OPTIONS, POST"))
}

/// A path for DELETE.
pub(super) fn drops(router: MethodRouter<Arc<Site>>) -> MethodRouter<Arc<Site>> {
    router.fallback(async |request: Request| method_not_allowed(request.method(), request.uri().path(), "DELETE, OPTIONS"))
}
