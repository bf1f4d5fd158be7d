//! What is written down of a request when it is over: metrics, access log, slow-query log, trace.

use std::borrow::Cow;
use std::sync::Arc;

use http::request;

use super::arrival::{Arrival, Chapters};
use super::track::Routes;
use crate::query::Outcome;
use crate::telemetry::{
    AccessLog, AccessRecord, Metrics, Namespaces, RouteMetrics, SlowQuery, SlowQueryLog, Span, SpanKind, Tracer, Window,
};
use crate::tenancy::Scope;

/// Writes down every request of one listener.
pub struct Recorder {
    routes: Routes,
    unmatched: Arc<RouteMetrics>,
    access: AccessLog,
    slow: SlowQueryLog,
    tracer: Tracer,
}

impl Recorder {
    /// What no route fits is counted as `unmatched`.
    pub fn new(routes: Routes, metrics: &Metrics, access: AccessLog, slow: SlowQueryLog, tracer: Tracer) -> Recorder {
        Recorder { routes, unmatched: metrics.route("unmatched"), access, slow, tracer }
    }

    /// Notes which route takes the request: to be called with the path that is routed.
    pub fn routed(&self, arrival: &Arrival, path: &str) {
        if let Some(route) = self.routes.find(path) {
            arrival.story.tell(|story| story.route = Some(route.clone()));
        }
    }

    /// Whether a request without a trace of its own starts a sampled one.
    pub fn sample_root(&self) -> bool {
        self.tracer.sample_root()
    }

    /// The server span of a request; ends when it is dropped.
    pub fn span(&self, arrival: &Arrival) -> Span {
        self.tracer.span("http.request", &arrival.trace, SpanKind::Server)
    }

    /// The client left before there was an answer; the logs have nginx's status for it.
    pub fn client_left(&self, arrival: &Arrival, request: &request::Parts, span: Span) {
        self.done(arrival, request, 499, 0, span);
    }

    /// The answer is out, or cut after `bytes` of its body.
    pub fn done(&self, arrival: &Arrival, request: &request::Parts, status: u16, bytes: u64, mut span: Span) {
        let took = arrival.started.elapsed();
        let story = arrival.story.end();
        let route = story.route.as_ref().unwrap_or(&self.unmatched);
        route.observe((&request.method).into(), status, took, bytes);
        if span.is_recording() {
            span.set("http.request.method", request.method.as_str());
            span.set("http.route", route.template());
            span.set("http.response.status_code", status);
            span.set("http.response.body.size", bytes);
        }
        let user = story.identity.as_ref().map(|identity| identity.user.as_str());
        self.access.record(&AccessRecord {
            method: request.method.as_str(),
            route: route.template(),
            path: &without_token(request.uri.path()),
            status,
            bytes,
            duration: took,
            user,
            provider: story.identity.as_ref().map(|identity| identity.provider.as_str()),
            namespaces: namespaces(&story),
            client: arrival.client,
            request_id: &arrival.request_id,
            trace_id: arrival.trace.trace_id(),
            upstream: story.outcome.as_ref().and_then(|outcome| outcome.upstream),
            protocol: if arrival.http2 { "HTTP/2" } else { "HTTP/1.1" },
        });
        if let Some(asked) = story.query.as_ref().filter(|_| self.slow.is_slow(took)) {
            self.slow.record(&SlowQuery {
                original: &asked.original,
                enforced: asked.enforced.as_str(),
                user,
                duration: took,
                route: route.template(),
                window: asked.window.map(|(start_ms, end_ms, step_ms)| Window { start_ms, end_ms, step_ms }),
                trace_id: arrival.trace.trace_id(),
                request_id: &arrival.request_id,
                cache: story.outcome.as_ref().and_then(Outcome::word),
                points_fetched: story.outcome.as_ref().map(|outcome| outcome.points_fetched),
                points_saved: story.outcome.as_ref().map(|outcome| outcome.points_saved),
            });
        }
    }
}

/// The token of a link is a password, and no log holds one.
fn without_token(path: &str) -> Cow<'_, str> {
    let Some((before, rest)) = path.split_once("/api/v1/shared/") else { return Cow::Borrowed(path) };
    let after = rest.find('/').map_or("", |end| &rest[end..]);
    Cow::Owned(format!("{before}/api/v1/shared/********{after}"))
}

fn namespaces(story: &Chapters) -> Namespaces {
    match &story.scope {
        None => Namespaces::Unknown,
        Some(Scope::ClusterWide) => Namespaces::Cluster,
        Some(Scope::Namespaces(set)) => Namespaces::Count(set.len()),
        Some(Scope::Nothing) => Namespaces::Count(0),
    }
}

#[cfg(test)]
mod tests {
    use super::without_token;

    #[test]
    fn tokens_of_links_are_not_logged() {
        for (path, logged) in [
            ("/api/v1/shared/abc", "/api/v1/shared/********"),
            ("/ns/a/api/v1/shared/abc/query_range", "/ns/a/api/v1/shared/********/query_range"),
            ("/api/v1/query", "/api/v1/query"),
        ] {
            assert_eq!(without_token(path), logged);
        }
    }
}
