//! The least HTTP/1.1 client that measures well: one blocking socket, nothing shared, nothing allocated while it waits.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A keep-alive connection.
pub struct Connection {
    socket: TcpStream,
    head: String,
    read: Vec<u8>,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub body_bytes: usize,
    pub took: Duration,
}

impl Connection {
    pub fn open(address: &str, token: &'static str) -> Connection {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let head = format!(" HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n");
        Connection { socket, head, read: vec![0; 1 << 20] }
    }

    /// The same with one more header in each request, such as `Accept-Encoding: gzip`.
    pub fn with(mut self, header: &str) -> Connection {
        self.head.push_str(header);
        self.head.push_str("\r\n");
        self
    }

    /// Asks, and reads the whole answer.
    pub fn get(&mut self, target: &str) -> Answer {
        let request = format!("GET {target}{}\r\n", self.head);
        self.exchange(target, request.as_bytes())
    }

    /// Saves a body of JSON over whatever is there, and reads the whole answer.
    pub fn put(&mut self, target: &str, body: &str) -> Answer {
        let about = format!("Content-Type: application/json\r\nIf-Match: *\r\nContent-Length: {}", body.len());
        let request = format!("PUT {target}{}{about}\r\n\r\n{body}", self.head);
        self.exchange(target, request.as_bytes())
    }

    fn exchange(&mut self, target: &str, request: &[u8]) -> Answer {
        let began = Instant::now();
        self.socket.write_all(request).unwrap();
        let mut length = 0;
        loop {
            if length == self.read.len() {
                let mut larger = vec![0; 2 * length];
                larger[..length].copy_from_slice(&self.read);
                self.read = larger;
            }
            let read = self.socket.read(&mut self.read[length..]).unwrap();
            let begin = || String::from_utf8_lossy(&self.read[..length.min(600)]).into_owned();
            assert!(read > 0, "{target}: the connection was closed after {length} bytes: {}", begin());
            length += read;
            if let Some((status, body_bytes)) = complete(&self.read[..length]) {
                return Answer { status, body_bytes, took: began.elapsed() };
            }
        }
    }

    /// The same, and the answer has to be good.
    pub fn good(&mut self, target: &str) -> Answer {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", String::from_utf8_lossy(&self.read[..600]));
        answer
    }
}

/// Status and length of the body, when all of it is there.
fn complete(bytes: &[u8]) -> Option<(u16, usize)> {
    let head_end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..head_end]).unwrap();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let header = |wanted: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim())
    };
    let body = bytes.len() - head_end;
    match header("content-length") {
        Some(length) => (body == length.parse::<usize>().unwrap()).then_some((status, body)),
        // Good enough to know the end: JSON has no bare line ends.
        None => bytes.ends_with(b"0\r\n\r\n").then_some((status, body)),
    }
}
