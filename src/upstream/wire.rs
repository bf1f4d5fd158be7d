//! HTTP/1.1 to one upstream: kept connections, driven by the request that uses them.
//!
//! No task stands between a request and its socket. A connection is polled by whoever sends over it and then by whoever
//! reads its body; between two requests it lies in the pool and nobody polls it. So a request costs no wake-up but those
//! of the socket.

mod connect;
mod exchange;
mod pool;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

pub(super) use exchange::Received;

use crate::config::Upstream;
use connect::Connector;
use pool::Pool;

use super::set_up::SetUpError;

/// The client of one upstream.
pub(super) struct Client {
    connector: Connector,
    pool: Arc<Pool>,
}

/// Why there is no head of an answer. The causes may show addresses.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// No connection within `connect_timeout`.
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// No connection: the name, the socket or the TLS handshake.
    #[error("connecting failed")]
    Connect(#[source] std::io::Error),
    /// The connection failed under the request.
    #[error("the request failed")]
    Exchange(#[source] hyper::Error),
}

impl Client {
    /// Reads certificate files; connects to nobody.
    pub(super) fn new(settings: &Upstream) -> Result<Client, SetUpError> {
        Ok(Client { connector: Connector::new(settings)?, pool: Arc::new(Pool::new(settings.max_concurrent)) })
    }

    /// Sends the request and waits for the head of its answer. There is no time limit here but that on connecting.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Received>, SendError> {
        let mut request = request;
        while let Some(kept) = self.pool.take() {
            match exchange::exchange(kept, request, &self.pool).await {
                Ok(response) => return Ok(response),
                // The other side closed it in this moment and nothing was sent: as if it had not been there.
                Err(failed) => match failed.unsent {
                    Some(unsent) => request = unsent,
                    None => {
                        // An upstream that went away takes all connections with it; the others need not fail one by one.
                        self.pool.clear();
                        return Err(SendError::Exchange(failed.cause));
                    }
                },
            }
        }
        let fresh = self.connector.connect().await?;
        exchange::exchange(fresh, request, &self.pool).await.map_err(|failed| SendError::Exchange(failed.cause))
    }

    /// Lets go of connections that nobody needed for long.
    pub(super) fn sweep(&self) {
        self.pool.sweep();
    }
}
