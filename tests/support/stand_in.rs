//! An upstream that does whatever a test wants with queries, and answers everything else (health, build information) well.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::read_request;

/// An answer with no series.
pub const NOTHING: &str = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;

/// What it was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Request line and headers.
    pub head: String,
    /// The body, if any.
    pub body: String,
}

impl Asked {
    /// `/api/v1/query?…`
    pub fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// Running until the test's runtime ends.
pub struct StandIn {
    address: SocketAddr,
    queries: Arc<Mutex<Vec<Asked>>>,
}

impl StandIn {
    /// Hands every query to `answer`, with its connection; the connection is closed when `answer` ends.
    pub async fn start<F, Done>(answer: F) -> StandIn
    where
        F: Fn(Asked, TcpStream) -> Done + Send + Sync + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let queries: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (answer, seen) = (Arc::new(answer), queries.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (answer, seen) = (answer.clone(), seen.clone());
                tokio::spawn(async move {
                    let Some((head, body)) = read_request(&mut stream).await else { return };
                    let asked = Asked { head, body };
                    if asked.target().contains("/api/v1/query") || asked.target().contains("/api/migrate") {
                        seen.lock().unwrap().push(asked.clone());
                        answer(asked, stream).await;
                    } else {
                        say(&mut stream, "200 OK", "application/json", r#"{"status":"success","data":{}}"#).await;
                    }
                });
            }
        });
        StandIn { address, queries }
    }

    /// Answers every query with this body, after this long.
    pub async fn answering(body: impl Into<String>, after: Duration) -> StandIn {
        let body: Arc<str> = body.into().into();
        StandIn::start(move |_, mut stream| {
            let body = body.clone();
            async move {
                tokio::time::sleep(after).await;
                say(&mut stream, "200 OK", "application/json", &body).await;
            }
        })
        .await
    }

    /// Holds every query until the semaphore has a permit for it, then answers with no series.
    pub async fn holding() -> (StandIn, Arc<Semaphore>) {
        let release = Arc::new(Semaphore::new(0));
        let permits = release.clone();
        let upstream = StandIn::start(move |_, mut stream| {
            let permits = permits.clone();
            async move {
                permits.acquire().await.unwrap().forget();
                say(&mut stream, "200 OK", "application/json", NOTHING).await;
            }
        })
        .await;
        (upstream, release)
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The queries that reached it.
    pub fn queries(&self) -> Vec<Asked> {
        self.queries.lock().unwrap().clone()
    }
}

/// Writes one whole answer that ends the connection.
pub async fn say(stream: &mut TcpStream, status: &str, content_type: &str, body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body.as_bytes()).await;
    let _ = stream.shutdown().await;
}
