//! Binds, accepts, bounds connections and slow clients, and stops without losing a request.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::IntoRawFd;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp};
use pingora::listeners::tls::TlsSettings;
use pingora::listeners::{L4BufferSettings, ListenerConfig};
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora::server::{Fds, ListenFds, ShutdownWatch};
use pingora::services::Service as _;
use pingora::services::listening::Service;
use tokio::sync::{Semaphore, watch};

use super::edge::Edge;
use super::leave::{Exit, Place, with_exit};
use super::preface;
use super::tls::Certificates;
use super::together::Together;
use super::watchdog::{Watchdog, on_duty};

/// Read buffer of one connection, in bytes: requests are small, and ten thousand idle connections are not.
const READ_BUFFER: usize = 8 * 1024;
/// Write buffer below TLS, in bytes: records leave together. Without TLS nothing is buffered here, as [`Together`] does it.
const TLS_WRITE_BUFFER: usize = 16 * 1024;

/// Why a listener does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken, not ours, or not allowed.
    #[error("cannot listen on {address}: {reason}")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The TLS set-up was refused by the library.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}

/// A bound socket that does not accept yet.
#[derive(Debug)]
pub struct Bound {
    socket: TcpListener,
    address: SocketAddr,
}

/// How a listener ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that were still busy when the drain time was over.
    pub abandoned: usize,
}

impl Bound {
    /// Binds at once, so that an address that is taken is an error before anything else starts.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn bind(address: SocketAddr) -> Result<Bound, ListenError> {
        let refused = |reason| ListenError::Bind { address, reason };
        let socket = TcpListener::bind(address).map_err(refused)?;
        socket.set_nonblocking(true).map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        Ok(Bound { socket, address })
    }

    /// The address, with the port that the system chose when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` turns true, then lets what is under way end, for `server.drain` at most.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub async fn serve(
        self,
        edge: Edge,
        certificates: Option<Arc<Certificates>>,
        stop: watch::Receiver<bool>,
    ) -> Result<Stopped, ListenError> {
        let drain = edge.settings().drain;
        let limit = edge.settings().max_connections;
        let door = Door::new(edge);
        let places = door.places.clone();
        let mut service = Service::new("edge".to_owned(), door);
        let write_buffer = if certificates.is_some() { TLS_WRITE_BUFFER } else { 0 };
        let buffers = L4BufferSettings::default().read(READ_BUFFER).write(write_buffer);
        let mut listener = ListenerConfig::tcp(self.address.to_string()).l4_buffer(buffers);
        if let Some(certificates) = certificates {
            listener = listener.tls(tls_settings(certificates)?);
        }
        service.add_listener(listener);
        let mut sockets = Fds::new();
        sockets.add(self.address.to_string(), self.socket.into_raw_fd());
        let sockets: ListenFds = Arc::new(sockets.into());
        service.start_service(Some(sockets), stop, 1).await;

        let all = u32::try_from(limit).unwrap_or(u32::MAX);
        let drained = tokio::time::timeout(drain, places.acquire_many(all)).await;
        Ok(Stopped { abandoned: if drained.is_ok() { 0 } else { limit - places.available_permits() } })
    }
}

fn tls_settings(certificates: Arc<Certificates>) -> Result<TlsSettings, ListenError> {
    let mut settings = TlsSettings::intermediate("", "").map_err(|e| ListenError::Tls(e.to_string()))?;
    settings.set_cert_resolver(certificates);
    settings.enable_h2();
    Ok(settings)
}

/// One connection after the other comes in here.
struct Door {
    edge: Edge,
    http2: Arc<Http2>,
    places: Arc<Semaphore>,
}

impl Door {
    fn new(edge: Edge) -> Door {
        let places = Arc::new(Semaphore::new(edge.settings().max_connections));
        Door { http2: Arc::new(Http2::new(edge.clone())), places, edge }
    }

    /// One request after the other. It all happens in the task and the memory of the connection: nothing is set up for a request.
    async fn http1(&self, stream: Stream, shutdown: &ShutdownWatch) {
        let mut session = ServerSession::new_http1(stream);
        // What it is in seconds is decided for each request.
        session.set_keepalive(if *shutdown.borrow() { None } else { Some(60) });
        while let Some((stream, settings)) = self.edge.serve(session).await.map(ReusedHttpStream::consume) {
            session = ServerSession::new_http1(stream);
            if let Some(settings) = settings {
                settings.apply_to_session(&mut session);
            }
        }
    }

    /// Whether a client speaks HTTP/2 without TLS. Four bytes tell: no HTTP/1 method begins with `PRI `.
    async fn begins_with_http2_preface(&self, stream: &mut Stream) -> Option<bool> {
        let mut start = [0; 4];
        let peeked = tokio::time::timeout(self.edge.settings().idle_timeout, stream.try_peek(&mut start)).await;
        match peeked {
            Ok(Ok(true)) => Some(&start == b"PRI "),
            Ok(Ok(false)) => Some(false),
            Ok(Err(_)) | Err(_) => None,
        }
    }
}

#[async_trait]
impl ServerApp for Door {
    async fn process_new(self: &Arc<Self>, mut stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            self.edge.metrics().connection_rejected();
            return None;
        };
        let place: Place = Arc::new((place, self.edge.metrics().connection_opened()));
        let settings = self.edge.settings();
        let tls = stream.get_ssl_digest().is_some();
        let http2 = if tls {
            matches!(stream.selected_alpn_proto(), Some(pingora::protocols::ALPN::H2))
        } else {
            self.begins_with_http2_preface(&mut stream).await?
        };
        if http2 {
            let Some(stream) = preface::awaited(stream, settings.read_timeout).await else {
                self.edge.metrics().rejected(crate::telemetry::RejectReason::SlowClient);
                return None;
            };
            return self.http2.process_new(Box::new(Together::new(stream)), shutdown).await;
        }
        let exit = Arc::new(Exit::new(place));
        let stream: Stream = Box::new(Together::new(stream).with_exit(exit.clone()));
        // With TLS the first byte has not been waited for yet.
        let patience = settings.read_timeout + if tls { settings.idle_timeout } else { Duration::ZERO };
        let watchdog = Arc::new(Watchdog::armed(patience));
        let served = on_duty(watchdog.clone(), with_exit(exit, self.http1(stream, shutdown)));
        tokio::select! {
            biased;
            () = served => {}
            () = watchdog.expired() => self.edge.metrics().rejected(crate::telemetry::RejectReason::SlowClient),
        }
        None
    }

    async fn cleanup(&self) {
        // Idle keep-alive connections are closed; busy ones go on.
        self.edge.start_draining();
    }
}

/// Connections of many requests at a time, each in a task of its own.
struct Http2 {
    edge: Edge,
    options: HttpServerOptions,
    h2: H2Options,
}

impl Http2 {
    fn new(edge: Edge) -> Http2 {
        let mut options = HttpServerOptions::default();
        options.h2c = true;
        options.h2_idle_timeout = Some(edge.settings().idle_timeout);
        let mut h2 = default_h2_options();
        h2.max_header_list_size(u32::try_from(edge.settings().max_headers).unwrap_or(u32::MAX));
        Http2 { edge, options, h2 }
    }
}

#[async_trait]
impl HttpServerApp for Http2 {
    async fn process_new_http(self: &Arc<Self>, session: ServerSession, _: &ShutdownWatch) -> Option<ReusedHttpStream> {
        self.edge.serve(session).await
    }

    fn h2_options(&self) -> Option<H2Options> {
        Some(self.h2.clone())
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }
}
