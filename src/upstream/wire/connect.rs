//! New connections: name, socket, TLS, HTTP.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::client::conn::http1;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::SendError;
use super::exchange::Wire;
use crate::config::Upstream;
use crate::upstream::set_up::SetUpError;
use crate::upstream::tls;

/// How one upstream is reached.
pub(super) struct Connector {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    connect_timeout: Duration,
}

/// A socket, with or without TLS.
pub(super) enum Stream {
    Plain(TokioIo<TcpStream>),
    Tls(TokioIo<Box<TlsStream<TcpStream>>>),
}

impl Connector {
    pub(super) fn new(settings: &Upstream) -> Result<Connector, SetUpError> {
        let bad_url = |problem| SetUpError::BadUrl { upstream: settings.name.clone(), problem };
        let host = match settings.url.host() {
            Some(url::Host::Domain(name)) => name.to_owned(),
            Some(url::Host::Ipv4(address)) => address.to_string(),
            Some(url::Host::Ipv6(address)) => address.to_string(),
            None => return Err(bad_url("expected a host")),
        };
        let port = settings.url.port_or_known_default().ok_or_else(|| bad_url("expected a port"))?;
        let tls = if settings.url.scheme() == "https" {
            let name = ServerName::try_from(host.clone()).map_err(|_| bad_url("expected a host that a certificate can name"))?;
            Some((TlsConnector::from(Arc::new(tls::config(settings)?)), name))
        } else {
            None
        };
        Ok(Connector { host, port, tls, connect_timeout: settings.connect_timeout })
    }

    /// A connection over which nothing was sent yet.
    pub(super) async fn connect(&self) -> Result<Box<Wire>, SendError> {
        let connecting = async {
            let stream = self.stream().await.map_err(SendError::Connect)?;
            let (sender, connection) = http1::handshake(stream).await.map_err(SendError::Exchange)?;
            Ok(Wire::new(sender, connection))
        };
        match timeout(self.connect_timeout, connecting).await {
            Ok(outcome) => outcome,
            Err(_) => Err(SendError::ConnectTimeout(self.connect_timeout)),
        }
    }

    async fn stream(&self) -> io::Result<Stream> {
        let socket = self.socket().await?;
        socket.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Stream::Plain(TokioIo::new(socket))),
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), socket).await?;
                Ok(Stream::Tls(TokioIo::new(Box::new(stream))))
            }
        }
    }

    /// The first address that takes us. None of several may use up the time of the others.
    async fn socket(&self) -> io::Result<TcpStream> {
        let deadline = tokio::time::Instant::now() + self.connect_timeout;
        let addresses: Vec<SocketAddr> = lookup_host((self.host.as_str(), self.port)).await?.collect();
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for (place, address) in addresses.iter().enumerate() {
            let now = tokio::time::Instant::now();
            let left = u32::try_from(addresses.len() - place).unwrap_or(u32::MAX);
            let share = deadline.saturating_duration_since(now) / left;
            last = match timeout_at(now + share, TcpStream::connect(address)).await {
                Ok(Ok(socket)) => return Ok(socket),
                Ok(Err(error)) => error,
                // The last one is ended by the timeout over everything, which is told as what it is.
                Err(_) if left == 1 => std::future::pending().await,
                Err(_) => io::ErrorKind::TimedOut.into(),
            };
        }
        Err(last)
    }
}

impl Read for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl Write for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(self: Pin<&mut Self>, context: &mut Context<'_>, pieces: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
        }
    }
}
