//! The head of an answer waits for its body, so that both leave in one system call: small ones as one copy, large ones as
//! two pieces of one write.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::Bytes;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::SslDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream, TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::leave::Exit;

/// Bytes of one connection that wait at most: the head of an answer and an ordinary body.
const HELD_BYTES: usize = 16 * 1024;

/// Pieces of one write at most; more go with the next.
const PIECES: usize = 8;

/// A connection whose small writes wait for a large one or for a flush.
#[derive(Debug)]
pub(super) struct Together {
    /// There until it has left.
    stream: Option<Stream>,
    /// Where the socket may go before the connection ends.
    exit: Option<Arc<Exit>>,
    held: Vec<u8>,
    /// How many bytes of `held` are out already.
    sent: usize,
}

impl Together {
    pub(super) fn new(stream: Stream) -> Together {
        Together { stream: Some(stream), exit: None, held: Vec::new(), sent: 0 }
    }

    /// The same for a socket that may leave.
    pub(super) fn with_exit(mut self, exit: Arc<Exit>) -> Together {
        self.exit = Some(exit);
        self
    }

    /// Whether what is written from now on is for nobody.
    fn is_leaving(&self) -> bool {
        self.exit.as_ref().is_some_and(|exit| exit.is_leaving())
    }

    fn hold<'a>(&mut self, pieces: impl Iterator<Item = &'a [u8]>) {
        pieces.for_each(|piece| self.held.extend_from_slice(piece));
    }

    /// Sends what waits and as much of `pieces` as the system takes, which is some of it.
    fn poll_send(&mut self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            let waiting = &self.held[self.sent..];
            let mut all = [IoSlice::new(waiting); PIECES];
            let count = 1 + pieces.len().min(PIECES - 1);
            all[1..count].copy_from_slice(&pieces[..count - 1]);
            let from = usize::from(waiting.is_empty());
            let stream = Pin::new(self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?);
            let written = match &all[from..count] {
                [only] => ready!(stream.poll_write(cx, only))?,
                several => ready!(stream.poll_write_vectored(cx, several))?,
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let waited = waiting.len();
            if written < waited {
                self.sent += written;
                continue;
            }
            self.held.clear();
            self.sent = 0;
            if written > waited || pieces.is_empty() {
                return Poll::Ready(Ok(written - waited));
            }
        }
    }

    fn poll_send_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.held.is_empty() { Poll::Ready(Ok(())) } else { self.poll_send(cx, &[]).map_ok(|_| ()) }
    }
}

/// Pingora lets the connection go: a socket that leaves begins its other life here.
impl Drop for Together {
    fn drop(&mut self) {
        if self.is_leaving()
            && let (Some(exit), Some(stream)) = (self.exit.take(), self.stream.take())
        {
            exit.take(stream, Bytes::from(self.held.split_off(self.sent)));
        }
    }
}

impl AsyncWrite for Together {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_leaving() {
            return Poll::Ready(Ok(buf.len()));
        }
        if self.held.len() + buf.len() <= HELD_BYTES {
            self.hold(std::iter::once(buf));
            return Poll::Ready(Ok(buf.len()));
        }
        self.poll_send(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let length: usize = bufs.iter().map(|buf| buf.len()).sum();
        if self.is_leaving() {
            return Poll::Ready(Ok(length));
        }
        if self.held.len() + length <= HELD_BYTES {
            self.hold(bufs.iter().map(|buf| &**buf));
            return Poll::Ready(Ok(length));
        }
        self.poll_send(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_leaving() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_send_held(cx))?;
        Pin::new(self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_leaving() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_send_held(cx))?;
        Pin::new(self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?).poll_shutdown(cx)
    }
}

impl AsyncRead for Together {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?).poll_read(cx, buf)
    }
}

#[async_trait]
impl Shutdown for Together {
    async fn shutdown(&mut self) {
        if self.is_leaving() {
            return;
        }
        // Whoever is gone already cannot be told the rest.
        let _ = self.flush().await;
        if let Some(stream) = &mut self.stream {
            Shutdown::shutdown(&mut **stream).await;
        }
    }
}

impl UniqueID for Together {
    fn id(&self) -> UniqueIDType {
        self.stream.as_ref().map_or(0, |stream| stream.id())
    }
}

impl Ssl for Together {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.stream.as_ref()?.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.stream.as_ref()?.selected_alpn_proto()
    }
}

impl GetTimingDigest for Together {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.stream.as_ref().map(|stream| stream.get_timing_digest()).unwrap_or_default()
    }
}

impl GetProxyDigest for Together {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.stream.as_ref()?.get_proxy_digest()
    }
}

impl GetSocketDigest for Together {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.stream.as_ref()?.get_socket_digest()
    }
}

/// What the connection speaks is known already.
impl Peek for Together {}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// Both ends of a connection on loopback, the server's as the listener has it.
    async fn connection() -> (Together, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let stream: Stream = Box::new(pingora::protocols::l4::stream::Stream::from(socket));
        (Together::new(stream), client)
    }

    fn noise(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 31 + at / 251) as u8).collect()
    }

    #[tokio::test]
    async fn what_is_small_waits_for_the_flush() {
        let (mut server, mut client) = connection().await;
        server.write_all(b"head ").await.unwrap();
        server.write_all(b"body").await.unwrap();
        assert_eq!(server.held, b"head body");
        server.flush().await.unwrap();
        assert!(server.held.is_empty());
        let mut read = [0; 9];
        client.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"head body");
    }

    #[tokio::test]
    async fn a_large_body_takes_the_head_with_it() {
        let (mut server, mut client) = connection().await;
        server.write_all(b"head").await.unwrap();
        let body = noise(100_000);
        let first = server.write(&body).await.unwrap();
        assert!(first > HELD_BYTES && server.held.is_empty(), "{first}");
        server.flush().await.unwrap();
        let mut read = vec![0; 4 + first];
        client.read_exact(&mut read).await.unwrap();
        assert_eq!(read, [b"head", &body[..first]].concat());
    }

    /// The system takes what it likes: nothing is lost, doubled or turned around.
    #[tokio::test]
    async fn a_slow_reader_gets_every_byte_in_order() {
        let (mut server, mut client) = connection().await;
        let lengths = [1, 300, 8_000, HELD_BYTES, 5_000_000, 20, HELD_BYTES + 1, 3_000_000, 7];
        let all: Vec<u8> = noise(lengths.iter().sum());
        let sent = all.clone();
        let writer = tokio::spawn(async move {
            let mut rest = &sent[..];
            for (turn, length) in lengths.into_iter().enumerate() {
                let (mut piece, after) = rest.split_at(length);
                rest = after;
                while !piece.is_empty() {
                    // By turns whole and in three pieces, one of them empty.
                    let (front, back) = piece.split_at(piece.len() / 3);
                    let pieces = [IoSlice::new(front), IoSlice::new(&[]), IoSlice::new(back)];
                    let written = if turn % 2 == 0 { server.write(piece).await } else { server.write_vectored(&pieces).await };
                    piece = &piece[written.unwrap()..];
                }
                if turn == 3 {
                    server.flush().await.unwrap();
                }
            }
            AsyncWriteExt::shutdown(&mut server).await.unwrap();
        });
        let mut read = Vec::new();
        client.read_to_end(&mut read).await.unwrap();
        writer.await.unwrap();
        assert!(read == all, "{} of {} bytes came", read.len(), all.len());
    }

    #[tokio::test]
    async fn closing_sends_what_waits() {
        let (mut server, mut client) = connection().await;
        server.write_all(b"last words").await.unwrap();
        Shutdown::shutdown(&mut server).await;
        let mut read = String::new();
        client.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "last words");
    }
}
