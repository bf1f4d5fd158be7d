//! What is known of a request besides its text, and what is learned of it on its way.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::Accepts;
use crate::query::{Asked, Notes, Outcome};
use crate::telemetry::{RequestId, RouteMetrics, TraceContext};
use crate::tenancy::{Identity, Scope};

/// One request as it came in; shared by everybody who looks at it.
#[derive(Debug)]
pub struct Arrival {
    /// The client's address, behind trusted proxies.
    pub client: Option<IpAddr>,
    /// The client's `X-Request-Id`, or a new one.
    pub request_id: RequestId,
    /// The caller's trace, or a new one.
    pub trace: TraceContext,
    /// HTTP/2, else HTTP/1.
    pub http2: bool,
    /// Which encodings of an answer are worth sending.
    pub accepts: Accepts,
    /// When its head was complete.
    pub started: Instant,
    /// What the handlers learned, for the logs and metrics at its end.
    pub story: Story,
}

/// What becomes known while a request is handled.
#[derive(Debug, Default)]
pub struct Story(Mutex<Chapters>);

/// The parts of a [`Story`]; all are missing for a request that was refused at once.
#[derive(Clone, Debug, Default)]
pub struct Chapters {
    /// The route that fits its path.
    pub route: Option<Arc<RouteMetrics>>,
    /// Who asked.
    pub identity: Option<Arc<Identity>>,
    /// How far they may see, in this request.
    pub scope: Option<Scope>,
    /// Where the answer came from.
    pub outcome: Option<Outcome>,
    /// The query, for the slow-query log.
    pub query: Option<Arc<Asked>>,
    /// The answer goes out as it is: it is encoded already, or is not worth it.
    pub finished: bool,
}

impl Notes for Arrival {
    fn asked(&self, asked: Asked) {
        self.story.tell(|story| story.query = Some(Arc::new(asked)));
    }
}

impl Story {
    /// Adds to it.
    pub fn tell(&self, chapter: impl FnOnce(&mut Chapters)) {
        chapter(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether the answer goes out as it is.
    pub fn is_finished(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).finished
    }

    /// What is known by now; it is over with the request, so it is taken, not copied.
    pub fn end(&self) -> Chapters {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
