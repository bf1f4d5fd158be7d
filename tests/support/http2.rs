//! HTTP/2 with prior knowledge, over anything that carries bytes.

use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// One HTTP/2 connection; its driver runs in a task of its own.
pub struct Http2 {
    sender: SendRequest<Bytes>,
    /// Ends when the connection does.
    pub driver: JoinHandle<Result<(), h2::Error>>,
}

impl Http2 {
    /// Shakes hands.
    pub async fn over<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S) -> Http2 {
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        Http2 { sender, driver: tokio::spawn(connection) }
    }

    /// A GET with alice's token and these further headers: status and body. Fails after 20 s.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<(u16, Vec<u8>), h2::Error> {
        self.ask("GET", path, headers, None).await
    }

    /// Any request.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<(u16, Vec<u8>), h2::Error> {
        let asked = async {
            let mut sender = self.sender.clone().ready().await?;
            let uri = format!("http://h{path}");
            let mut request = http::Request::builder().method(method).uri(uri).header("authorization", "Bearer token-alice");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let (response, mut stream) = sender.send_request(request.body(()).unwrap(), body.is_none())?;
            if let Some(body) = body {
                stream.send_data(body.into(), true)?;
            }
            let response = response.await?;
            let status = response.status().as_u16();
            let (mut body, mut all) = (response.into_body(), Vec::new());
            while let Some(piece) = body.data().await {
                let piece = piece?;
                let _ = body.flow_control().release_capacity(piece.len());
                all.extend_from_slice(&piece);
            }
            Ok((status, all))
        };
        timeout(Duration::from_secs(20), asked).await.expect("no answer over HTTP/2")
    }

    /// A second handle on the same connection, to begin a request and leave it lying.
    pub fn sender(&self) -> SendRequest<Bytes> {
        self.sender.clone()
    }
}
