//! Bytes to a socket and back: for requests that no client library would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub struct RawAnswer {
    /// The first status; 0 when the connection was closed without one.
    pub status: u16,
    /// Everything, as text.
    pub text: String,
}

/// Sends the bytes, and reads until the server closes, nothing more comes for half a second, or 10 s are over.
pub async fn raw(address: &str, bytes: &[u8]) -> RawAnswer {
    let mut socket = TcpStream::connect(address).await.unwrap();
    // A server that refuses early may close before it has read everything.
    let _ = socket.write_all(bytes).await;
    let mut all = Vec::new();
    let mut piece = [0; 16 * 1024];
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while tokio::time::Instant::now() < deadline {
        let patience = if all.is_empty() { Duration::from_secs(10) } else { Duration::from_millis(500) };
        match tokio::time::timeout(patience, socket.read(&mut piece)).await {
            Ok(Ok(n)) if n > 0 => all.extend_from_slice(&piece[..n]),
            _ => break,
        }
    }
    let text = String::from_utf8_lossy(&all).into_owned();
    let status = text.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    RawAnswer { status, text }
}
