//! Event streams leave Pingora: once the head of the answer is written, the socket goes to a small task of our own.
//!
//! Pingora keeps some forty kilobytes for each request that is under way, which is nothing for requests and everything for ten thousand
//! streams that wait for a tick. Only for HTTP/1: streams of HTTP/2 are parts of a connection.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use bytes::{Buf as _, Bytes};
use http_body_util::BodyExt as _;
use pingora::protocols::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::OwnedSemaphorePermit;

use super::bridge::EdgeError;
use crate::telemetry::GaugeGuard;

tokio::task_local! {
    /// Of the HTTP/1 connection that this task serves.
    static EXIT: Arc<Exit>;
}

/// What a connection holds as long as it is open.
pub(super) type Place = Arc<(OwnedSemaphorePermit, GaugeGuard)>;

/// The way out of a connection.
pub(super) struct Exit {
    place: Place,
    departure: Mutex<Option<Departure>>,
}

/// What goes on after Pingora.
pub(super) struct Departure {
    /// What is left of the answer.
    pub(super) body: Body,
    /// Each piece says its length; without, the end of the connection is the end of the answer.
    pub(super) chunked: bool,
    /// How long the client may take for a piece.
    pub(super) write_timeout: Duration,
    /// Told of the end, and of the bytes of the body that were sent.
    pub(super) ended: Box<dyn FnOnce(Result<(), EdgeError>, u64) + Send>,
}

/// The way out of the connection that this task serves, if it has one.
pub(super) fn exit() -> Option<Arc<Exit>> {
    EXIT.try_with(Arc::clone).ok()
}

/// Serves a connection that [`exit`] finds the way out of.
pub(super) async fn with_exit<F: Future>(exit: Arc<Exit>, serve: F) -> F::Output {
    EXIT.scope(exit, serve).await
}

impl std::fmt::Debug for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exit").field("leaving", &self.is_leaving()).finish_non_exhaustive()
    }
}

impl Exit {
    pub(super) fn new(place: Place) -> Exit {
        Exit { place, departure: Mutex::new(None) }
    }

    /// From now on nothing that Pingora writes reaches the client; when Pingora lets the socket go, this begins.
    pub(super) fn leave(&self, departure: Departure) {
        *self.departure.lock().unwrap_or_else(PoisonError::into_inner) = Some(departure);
    }

    /// Whether the socket is about to leave.
    pub(super) fn is_leaving(&self) -> bool {
        self.departure.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Takes the socket, and what was to be written still, where it is about to leave.
    pub(super) fn take(&self, stream: Stream, unsent: Bytes) {
        let Some(departure) = self.departure.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        // Without a runtime nobody is there to read either.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let place = self.place.clone();
        runtime.spawn(async move {
            let _place = place;
            let Departure { body, chunked, write_timeout, ended } = departure;
            let mut wire = Wire { stream, chunked, write_timeout, sent: 0 };
            let result = wire.serve(unsent, body).await;
            ended(result, wire.sent);
        });
    }
}

/// The socket and what is known of it.
struct Wire {
    stream: Stream,
    chunked: bool,
    write_timeout: Duration,
    sent: u64,
}

impl Wire {
    async fn serve(&mut self, head: Bytes, mut body: Body) -> Result<(), EdgeError> {
        self.write(head).await?;
        loop {
            tokio::select! {
                biased;
                frame = body.frame() => match frame {
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            self.piece(data).await?;
                        }
                    }
                    Some(Err(_)) => return Err(EdgeError::AnswerCut),
                    None => break,
                },
                () = gone(&mut self.stream) => return Err(EdgeError::ClientGone),
            }
        }
        if self.chunked {
            self.write(Bytes::from_static(b"0\r\n\r\n")).await?;
        }
        // Whoever is gone already cannot be told.
        let _ = tokio::time::timeout(self.write_timeout, self.stream.shutdown()).await;
        Ok(())
    }

    async fn piece(&mut self, data: Bytes) -> Result<(), EdgeError> {
        if data.is_empty() {
            return Ok(());
        }
        let length = data.len() as u64;
        if self.chunked {
            let head = Bytes::from(format!("{:x}\r\n", data.len()));
            self.write(head.chain(data).chain(&b"\r\n"[..])).await?;
        } else {
            self.write(data).await?;
        }
        self.sent += length;
        Ok(())
    }

    async fn write(&mut self, mut data: impl bytes::Buf) -> Result<(), EdgeError> {
        let write = async {
            self.stream.write_all_buf(&mut data).await?;
            self.stream.flush().await
        };
        match tokio::time::timeout(self.write_timeout, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(EdgeError::ClientGone),
        }
    }
}

/// Resolves when the client has left. What it still sends is nothing that could be answered.
async fn gone(stream: &mut Stream) {
    let mut piece = [0; 64];
    loop {
        match stream.read(&mut piece).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::{Semaphore, mpsc, oneshot};

    use super::super::together::Together;
    use super::*;
    use crate::telemetry::Metrics;

    /// Both ends of a connection on loopback, and what is told of its end.
    struct Left {
        client: TcpStream,
        pieces: mpsc::Sender<Bytes>,
        ended: oneshot::Receiver<(Result<(), EdgeError>, u64)>,
        places: Arc<Semaphore>,
    }

    async fn leave(chunked: bool, write_timeout: Duration) -> Left {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let stream: Stream = Box::new(pingora::protocols::l4::stream::Stream::from(socket));
        let places = Arc::new(Semaphore::new(1));
        let place = places.clone().try_acquire_owned().unwrap();
        let exit = Arc::new(Exit::new(Arc::new((place, Metrics::new().unwrap().connection_opened()))));
        let mut together = Together::new(stream).with_exit(exit.clone());
        together.write_all(b"head\r\n\r\n").await.unwrap();
        let (pieces, said) = mpsc::channel::<Bytes>(1);
        let body = futures_util::stream::unfold(said, async |mut said| said.recv().await.map(|piece| (piece, said)));
        let (tell, ended) = oneshot::channel();
        let ended_with = Box::new(move |result, bytes| {
            let _ = tell.send((result, bytes));
        });
        let body = Body::from_stream(body.map(Ok::<_, std::convert::Infallible>));
        exit.leave(Departure { body, chunked, write_timeout, ended: ended_with });
        // What Pingora says to end an answer, and to close.
        together.write_all(b"0\r\n\r\n").await.unwrap();
        together.flush().await.unwrap();
        together.shutdown().await.unwrap();
        drop((together, exit));
        Left { client, pieces, ended, places }
    }

    #[tokio::test]
    async fn the_answer_goes_on_where_pingora_stopped() {
        for (chunked, expected) in [(true, "head\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\n\r\n"), (false, "head\r\n\r\nonethree")] {
            let mut left = leave(chunked, Duration::from_secs(5)).await;
            assert_eq!(left.places.available_permits(), 0, "the connection is still one");
            for piece in ["one", "", "three"] {
                left.pieces.send(Bytes::from(piece)).await.unwrap();
            }
            drop(left.pieces);
            let mut read = String::new();
            left.client.read_to_string(&mut read).await.unwrap();
            assert_eq!(read, expected);
            assert_eq!(left.ended.await.unwrap(), (Ok(()), 8));
            assert_eq!(left.places.acquire().await.unwrap().num_permits(), 1);
        }
    }

    #[tokio::test]
    async fn a_client_that_leaves_ends_it() {
        let left = leave(true, Duration::from_secs(5)).await;
        drop(left.client);
        let ended = tokio::time::timeout(Duration::from_secs(2), left.ended).await.expect("it is not noticed");
        assert_eq!(ended.unwrap(), (Err(EdgeError::ClientGone), 0));
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_cut() {
        let left = leave(true, Duration::from_millis(200)).await;
        let large = Bytes::from(vec![b'x'; 32 << 20]);
        left.pieces.send(large).await.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(5), left.ended).await.expect("it is not noticed");
        assert_eq!(ended.unwrap().0, Err(EdgeError::ClientGone));
        drop(left.client);
    }
}
