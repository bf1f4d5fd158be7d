//! The door: Pingora owns sockets, TLS, HTTP/1.1 and HTTP/2; what comes in is checked, bounded, and handed to the
//! axum router behind the bridge. The only room that names pingora.
//!
//! * `listener`: binds, accepts, bounds connections, stops
//! * `tls`: certificates that are read again when they change
//! * `edge`: the checks every request passes before any handler sees it
//! * `watchdog`: slow clients
//! * `draining`: what a listener that stops does with its connections
//! * `leave`: event streams go on in a small task of our own
//! * `together`: head and body of an answer leave in one system call
//! * `preface`: how HTTP/2 begins, within a bound
//! * `path`: the one strict path normaliser
//! * `client`: who the client is, behind which trusted proxies
//! * `bridge`: a request for axum, its answer for the socket

mod body;
mod bridge;
mod client;
mod draining;
mod edge;
mod leave;
mod listener;
mod path;
mod preface;
mod tls;
mod together;
mod watchdog;

pub use bridge::EdgeError;
pub use edge::Edge;
pub use listener::{Bound, ListenError, Stopped};
pub use path::{PathError, normalise};
pub use tls::{Certificates, TlsError};
