//! One HTTP/1 connection whose bytes a test writes itself, and whose answers are read one by one.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// Nothing waits longer than this.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open connection.
pub struct Wire {
    /// The socket.
    pub stream: TcpStream,
    read: Vec<u8>,
}

/// One answer as it came.
#[derive(Debug)]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// Whether the framing says that all is there.
    pub complete: bool,
}

impl Answered {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Wire {
    /// Connects to `host:port`.
    pub async fn connect(address: &str) -> Wire {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Wire { stream, read: Vec::new() }
    }

    /// Sends bytes as they are; whether they could be sent.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Sends a GET with alice's token.
    pub async fn get(&mut self, target: &str) -> bool {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\n\r\n")).await
    }

    /// The next answer to something other than HEAD; `None` when the connection ends before its head does.
    pub async fn answer(&mut self) -> Option<Answered> {
        self.next(false).await
    }

    /// The next answer, which has no body whatever its headers say.
    pub async fn answer_to_head(&mut self) -> Option<Answered> {
        self.next(true).await
    }

    async fn next(&mut self, bodiless: bool) -> Option<Answered> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.read[..end]).into_owned();
        self.read.drain(..end + 4);
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let mut answer = Answered { status, head, body: Vec::new(), complete: true };
        if bodiless || matches!(status, 204 | 304) || status < 200 {
            return Some(answer);
        }
        let length = answer.header("content-length").and_then(|text| text.parse::<usize>().ok());
        if let Some(length) = length {
            while self.read.len() < length && self.more().await.is_some() {}
            answer.complete = self.read.len() >= length;
            answer.body = self.read.drain(..length.min(self.read.len())).collect();
        } else if answer.header("transfer-encoding") == Some("chunked") {
            answer.complete = self.chunks(&mut answer.body).await.is_some();
        } else {
            while self.more().await.is_some() {}
            answer.body = std::mem::take(&mut self.read);
        }
        Some(answer)
    }

    async fn chunks(&mut self, body: &mut Vec<u8>) -> Option<()> {
        loop {
            let line = loop {
                if let Some(at) = self.read.windows(2).position(|two| two == b"\r\n") {
                    break at;
                }
                self.more().await?;
            };
            let length = usize::from_str_radix(std::str::from_utf8(&self.read[..line]).ok()?, 16).ok()?;
            while self.read.len() < line + 2 + length + 2 {
                self.more().await?;
            }
            body.extend_from_slice(&self.read[line + 2..line + 2 + length]);
            self.read.drain(..line + 2 + length + 2);
            if length == 0 {
                return Some(());
            }
        }
    }

    async fn more(&mut self) -> Option<()> {
        let mut piece = vec![0; 16 * 1024];
        let count = timeout(PATIENCE, self.stream.read(&mut piece)).await.expect("the server neither answers nor closes").ok()?;
        self.read.extend_from_slice(&piece[..count]);
        (count > 0).then_some(())
    }

    /// Waits until the server has closed; how long that took. What it still sends is thrown away.
    pub async fn closed(&mut self) -> Duration {
        let began = Instant::now();
        while self.more().await.is_some() {}
        began.elapsed()
    }
}
