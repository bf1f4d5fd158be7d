//! One connection, polled in the task of the request that uses it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Connection, SendRequest};

use super::connect::Stream;
use super::pool::Pool;

/// One open connection; boxed, for it moves between the pool, the request and the body.
pub(super) struct Wire {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<Stream, Full<Bytes>>,
    /// It ended, well or not; it must not be polled again.
    is_over: bool,
}

/// No answer over this connection.
pub(super) struct Failed {
    pub(super) cause: hyper::Error,
    /// The request, if nothing of it was sent.
    pub(super) unsent: Option<Request<Full<Bytes>>>,
}

/// The body of an answer; gives its connection back to the pool at its end, and closes it when dropped before.
pub(in super::super) struct Received {
    incoming: Incoming,
    /// `None` after the end.
    wire: Option<Box<Wire>>,
    pool: Arc<Pool>,
}

/// Sends the request over this connection and waits for the head of the answer.
pub(super) async fn exchange(mut wire: Box<Wire>, request: Request<Full<Bytes>>, pool: &Arc<Pool>) -> Result<Response<Received>, Failed> {
    let mut answer = pin!(wire.sender.try_send_request(request));
    let outcome = poll_fn(|context| {
        wire.drive(context);
        answer.as_mut().poll(context)
    })
    .await;
    match outcome {
        Ok(response) => Ok(response.map(|incoming| {
            let mut received = Received { incoming, wire: Some(wire), pool: Arc::clone(pool) };
            received.end_if_over();
            received
        })),
        Err(mut failed) => {
            let unsent = failed.take_message();
            Err(Failed { cause: failed.into_error(), unsent })
        }
    }
}

impl Wire {
    pub(super) fn new(sender: SendRequest<Full<Bytes>>, connection: Connection<Stream, Full<Bytes>>) -> Box<Wire> {
        Box::new(Wire { sender, connection, is_over: false })
    }

    /// Moves bytes. A failure of the connection reaches the request or the body over it, so it is not told here.
    fn drive(&mut self, context: &mut Context<'_>) {
        if !self.is_over {
            self.is_over = Pin::new(&mut self.connection).poll(context).is_ready();
        }
    }

    /// Whether another request can be sent: the last one is over and the other side has not closed. Asks the socket only
    /// if something happened on it.
    pub(super) fn is_usable(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        !self.is_over && self.sender.is_ready()
    }
}

impl Received {
    fn end_if_over(&mut self) {
        if self.incoming.is_end_stream() {
            self.end();
        }
    }

    fn end(&mut self) {
        if let Some(mut wire) = self.wire.take()
            && wire.is_usable()
        {
            self.pool.give(wire);
        }
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let received = self.get_mut();
        let mut polled = Pin::new(&mut received.incoming).poll_frame(context);
        if polled.is_pending()
            && let Some(wire) = &mut received.wire
        {
            // Now it knows that a piece is wanted.
            wire.drive(context);
            polled = Pin::new(&mut received.incoming).poll_frame(context);
        }
        match &polled {
            Poll::Ready(Some(Ok(_))) => received.end_if_over(),
            Poll::Ready(None) => received.end(),
            Poll::Ready(Some(Err(_))) => received.wire = None,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
