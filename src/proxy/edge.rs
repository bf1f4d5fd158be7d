//! The checks that every request passes before any handler sees it, and what is written down when it is done.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use http::header::{HOST, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use pingora::ErrorType;
use pingora::apps::{HttpPersistentSettings, ReusedHttpStream};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::ServerSession;

use super::body::{self, BodyError};
use super::bridge::EdgeError;
use super::draining::Draining;
use super::{bridge, client, leave, path, watchdog};
use crate::config;
use crate::http::{Accepts, Arrival, Recorder, Story, compressed, refusal, with_error_id};
use crate::telemetry::{Metrics, RejectReason, RequestId, Span, TraceContext};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How a request is changed before it is routed, such as a prefix taken off its path.
pub type Prepare = fn(&mut Request<Body>);

/// One listener's door: bounds, then the router.
#[derive(Clone)]
pub struct Edge {
    router: Router,
    prepare: Prepare,
    settings: Arc<config::Server>,
    metrics: Metrics,
    recorder: Arc<Recorder>,
    draining: Arc<Draining>,
}

impl Edge {
    /// A door that leads to this router.
    pub fn new(router: Router, prepare: Prepare, settings: Arc<config::Server>, metrics: Metrics, recorder: Arc<Recorder>) -> Edge {
        Edge { router, prepare, settings, metrics, recorder, draining: Arc::default() }
    }

    pub(super) fn settings(&self) -> &config::Server {
        &self.settings
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(super) fn start_draining(&self) {
        self.draining.begin();
    }

    /// One request, from its first byte to the last one of its answer. Gives back the connection when it can take another.
    pub(super) async fn serve(&self, mut session: ServerSession) -> Option<ReusedHttpStream> {
        if !self.has_request(&mut session).await {
            return None;
        }
        watchdog::head_is_complete();
        let _inflight = self.metrics.request_started();
        session.set_write_timeout(Some(self.settings.write_timeout));
        session.set_read_timeout(Some(self.settings.read_timeout));
        // Looking for the departure of a client reads a byte: with this, the byte of a next request is kept for it.
        session.set_pipelining_enabled(true);
        let idle_seconds = if self.draining.has_begun() { None } else { Some(self.settings.idle_timeout.as_secs().max(1)) };
        if session.get_keepalive().is_some() {
            session.set_keepalive(idle_seconds);
        }
        let done = self.exchange(&mut session).await;
        watchdog::request_is_done(self.settings.idle_timeout + self.settings.read_timeout);
        // After a cut answer nobody may take the connection for a good one.
        done.ok()?;
        let settings = HttpPersistentSettings::for_session(&session);
        let reusable = session.finish().await.ok().flatten()?;
        Some(ReusedHttpStream::from_reusable_stream(reusable, settings))
    }

    /// Waits for the head of a request; says what is wrong with one that cannot be read.
    async fn has_request(&self, session: &mut ServerSession) -> bool {
        let read = tokio::select! {
            biased;
            read = session.read_request() => read,
            () = self.draining.begun() => return false,
        };
        let Err(error) = read else { return read.unwrap_or(false) };
        if *error.etype() == ErrorType::InvalidHTTPHeader {
            self.metrics.rejected(RejectReason::Headers);
            // What the library says repeats the head, and a token may be in it.
            tracing::info!(client = ?session.client_addr(), "a request was refused: its head cannot be read");
            bridge::refuse_head(session).await;
        } else {
            tracing::debug!(reason = error.etype().as_str(), "a connection broke before its request was read");
        }
        session.shutdown().await;
        false
    }

    /// Answers the request whose head was read.
    async fn exchange(&self, session: &mut ServerSession) -> Result<(), EdgeError> {
        let arrival = Arc::new(self.arrival(session));
        let mut span = self.recorder.span(&arrival);
        let answered = match self.answer(session, &arrival).await {
            Ok(response) if session.req_header().version == http::Version::HTTP_10 => bridge::gather(session, response).await,
            answered => answered,
        };
        let mut response = match answered {
            Ok(response) => response,
            Err(gone) => {
                self.recorder.client_left(&arrival, session.req_header(), span);
                return Err(gone);
            }
        };
        with_error_id(&mut response, arrival.request_id.as_str());
        if let Ok(id) = arrival.request_id.as_str().parse() {
            response.headers_mut().insert(X_REQUEST_ID, id);
        }
        if session.req_header().version == http::Version::HTTP_10 || self.draining.has_begun() {
            session.set_keepalive(None);
        }
        if let Some(exit) = leave::exit().filter(|_| session.req_header().method != Method::HEAD && bridge::is_events(&response)) {
            return self.leave(session, response, arrival, span, &exit).await;
        }
        let status = response.status().as_u16();
        let sent = bridge::send(session, response).await;
        if let Err(error) = &sent {
            span.fail(&error.to_string());
            tracing::info!(request_id = arrival.request_id.as_str(), status, reason = %error, "an answer was not sent to its end");
        }
        self.recorder.done(&arrival, session.req_header(), status, session.body_bytes_sent() as u64, span);
        if sent.is_ok() && !session.is_http2() && !session.is_body_done() {
            body::linger(session).await;
        }
        sent
    }

    /// Everything up to the answer. A refusal is an answer too.
    async fn answer(&self, session: &mut ServerSession, arrival: &Arc<Arrival>) -> Result<Response<Body>, EdgeError> {
        let head = session.req_header();
        let target = match self.check(head) {
            Ok(target) => target,
            Err(refused) => {
                let (reason, refused) = *refused;
                self.metrics.rejected(reason);
                // What follows on this connection may be the body of what was refused.
                session.set_keepalive(None);
                return Ok(refused);
            }
        };
        let (method, mut headers, version) = (head.method.clone(), head.headers.clone(), head.version);
        if let (false, Some(authority)) = (headers.contains_key(HOST), head.uri.authority()) {
            // HTTP/2 says it elsewhere; the target that goes on has a path only.
            headers.extend(HeaderValue::from_str(authority.as_str()).ok().map(|host| (HOST, host)));
        }
        let bodiless = matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
        let bytes = match body::read(session, if bodiless { 0 } else { self.settings.max_body }, self.settings.read_timeout).await {
            Ok(bytes) => bytes,
            Err(error) => {
                session.set_keepalive(None);
                return self.refuse_body(&error, bodiless, target.path());
            }
        };
        let mut request = Request::new(if bytes.is_empty() { Body::empty() } else { Body::from(bytes) });
        *request.method_mut() = method;
        *request.uri_mut() = target;
        *request.version_mut() = version;
        *request.headers_mut() = headers;
        request.extensions_mut().insert(arrival.clone());
        (self.prepare)(&mut request);
        self.recorder.routed(arrival, request.uri().path());
        let response = bridge::call(session, self.router.clone(), request).await?;
        let as_it_is = !self.settings.compression || arrival.story.is_finished();
        Ok(if as_it_is { response } else { compressed(response, arrival.accepts, &session.req_header().method).await })
    }

    /// The bounds on the head of a request, and its target in the one spelling that is looked at later.
    fn check(&self, head: &RequestHeader) -> Result<http::Uri, Box<(RejectReason, Response<Body>)>> {
        let no = |reason, status, text: String| Err(Box::new((reason, refusal(head.uri.path(), status, &text))));
        let target_bytes = head.raw_path().len();
        if target_bytes > self.settings.max_uri {
            let text = format!(
                "the request target has {target_bytes} bytes, at most {} are allowed: send long queries as a POST form",
                self.settings.max_uri
            );
            return no(RejectReason::Uri, StatusCode::URI_TOO_LONG, text);
        }
        let header_bytes: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if header_bytes > self.settings.max_headers {
            let text = format!("the request headers have {header_bytes} bytes, at most {} are allowed", self.settings.max_headers);
            return no(RejectReason::Headers, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text);
        }
        if !matches!(
            head.method,
            Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS
        ) {
            return no(RejectReason::Method, StatusCode::METHOD_NOT_ALLOWED, format!("the method {} is not served here", head.method));
        }
        if !head.raw_path_is_utf8() {
            return no(RejectReason::Path, StatusCode::BAD_REQUEST, "the request target is not UTF-8".to_owned());
        }
        if let Some(text) = unread_coding(head) {
            return no(RejectReason::Body, StatusCode::BAD_REQUEST, text);
        }
        // Ordinary paths are spelled in the one way already.
        if let Some(target) = head.uri.path_and_query().filter(|target| path::is_plain(target.path())) {
            return Ok(target.clone().into());
        }
        let decoded = match path::normalise(head.uri.path()) {
            Ok(decoded) => decoded,
            Err(error) => return no(RejectReason::Path, StatusCode::BAD_REQUEST, error.to_string()),
        };
        let target = match head.uri.query() {
            Some(query) => format!("{}?{query}", path::encode(&decoded)),
            None => path::encode(&decoded),
        };
        match target.parse() {
            Ok(uri) => Ok(uri),
            Err(_) => no(RejectReason::Path, StatusCode::BAD_REQUEST, "the request target is not a valid URI".to_owned()),
        }
    }

    fn refuse_body(&self, error: &BodyError, bodiless: bool, path: &str) -> Result<Response<Body>, EdgeError> {
        let (reason, status, text) = match error {
            BodyError::TooLong { .. } if bodiless => (
                RejectReason::Body,
                StatusCode::BAD_REQUEST,
                "a request of this method cannot have a body: send parameters as a POST form".to_owned(),
            ),
            BodyError::TooLong { .. } => (RejectReason::Body, StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
            BodyError::Slow { .. } => (RejectReason::SlowClient, StatusCode::REQUEST_TIMEOUT, error.to_string()),
            BodyError::Broken => return Err(EdgeError::ClientGone),
        };
        self.metrics.rejected(reason);
        Ok(refusal(path, status, &text))
    }

    /// Writes the head of an event stream; the rest goes on without Pingora, which then lets the connection go.
    async fn leave(
        &self,
        session: &mut ServerSession,
        response: Response<Body>,
        arrival: Arc<Arrival>,
        span: Span,
        exit: &leave::Exit,
    ) -> Result<(), EdgeError> {
        let status = response.status().as_u16();
        let (parts, body) = response.into_parts();
        let mut head: ResponseHeader = parts.into();
        let chunked = session.req_header().version != http::Version::HTTP_10;
        session.set_keepalive(None);
        if chunked {
            head.insert_header(TRANSFER_ENCODING, "chunked").map_err(|_| EdgeError::AnswerCut)?;
        }
        if session.write_response_header(Box::new(head)).await.is_err() {
            self.recorder.client_left(&arrival, session.req_header(), span);
            return Err(EdgeError::ClientGone);
        }
        // Only what is written down at the end: the head of the request would be kept for as long as the stream lives.
        let mut request = Request::new(());
        *request.method_mut() = session.req_header().method.clone();
        *request.uri_mut() = session.req_header().uri.path().to_owned().parse().unwrap_or_default();
        let (request, ()) = request.into_parts();
        let recorder = self.recorder.clone();
        let ended = Box::new(move |sent: Result<(), EdgeError>, bytes| {
            let mut span = span;
            if let Err(error) = sent {
                span.fail(&error.to_string());
                tracing::debug!(request_id = arrival.request_id.as_str(), status, reason = %error, "a stream was not sent to its end");
            }
            recorder.done(&arrival, &request, status, bytes, span);
        });
        exit.leave(leave::Departure { body, chunked, write_timeout: self.settings.write_timeout, ended });
        Ok(())
    }

    fn arrival(&self, session: &ServerSession) -> Arrival {
        let head = session.req_header();
        let peer = session.client_addr().and_then(|a| a.as_inet().copied());
        let request_id = RequestId::accept(head.headers.get(X_REQUEST_ID).map(http::HeaderValue::as_bytes));
        Arrival {
            client: client::address(peer, &head.headers, &self.settings.trusted_proxies),
            request_id,
            trace: TraceContext::from_headers(&head.headers, || self.recorder.sample_root()),
            http2: session.is_http2(),
            accepts: if self.settings.compression { Accepts::read(&head.headers) } else { Accepts::PLAIN },
            started: Instant::now(),
            story: Story::default(),
        }
    }
}

/// A body is read as it stands, or in chunks. Whatever else was done to it another server might undo, and read another body.
fn unread_coding(head: &RequestHeader) -> Option<String> {
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    let first = codings.next()?;
    let only_chunked = codings.next().is_none() && first.as_bytes().eq_ignore_ascii_case(b"chunked");
    (!only_chunked).then(|| "the only Transfer-Encoding that is read here is \"chunked\", once".to_owned())
}
