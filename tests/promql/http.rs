//! Just enough HTTP to ask `/api/v1/parse_query` thousands of times over one connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// What `/api/v1/parse_query` says about a text.
pub(crate) enum Answer {
    Tree(Value),
    Rejected(String),
    /// It has no JSON for `fill(NaN)` and `fill(Inf)`.
    Unanswered,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("Prometheus listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Client { stream: BufReader::new(stream) }
    }

    pub(crate) fn parse_query(&mut self, text: &str) -> Answer {
        let form: String = form_urlencoded::Serializer::new(String::new()).append_pair("query", text).finish();
        let head = "POST /api/v1/parse_query HTTP/1.1\r\nHost: p\r\nContent-Type: application/x-www-form-urlencoded\r\n";
        let request = format!("{head}Content-Length: {}\r\n\r\n{form}", form.len());
        self.stream.get_mut().write_all(request.as_bytes()).expect("Prometheus reads");
        let body = self.body();
        let Ok(mut answer) = serde_json::from_slice::<Value>(&body) else { return Answer::Unanswered };
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Answer::Rejected(error.to_owned()),
            None => Answer::Tree(answer["data"].take()),
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("Prometheus answers");
        line.trim_end().to_ascii_lowercase()
    }

    fn exact(&mut self, length: usize, body: &mut Vec<u8>) {
        let from = body.len();
        body.resize(from + length, 0);
        self.stream.read_exact(&mut body[from..]).expect("the whole answer");
    }

    fn body(&mut self) -> Vec<u8> {
        let (mut length, mut chunked) = (0, false);
        let status = self.line();
        assert!(status.starts_with("http/1.1 "), "{status}");
        loop {
            let line = self.line();
            match line.split_once(": ") {
                None => break,
                Some(("content-length", value)) => length = value.parse().expect("a length"),
                Some(("transfer-encoding", value)) => chunked = value == "chunked",
                Some(_) => {}
            }
        }
        let mut body = Vec::new();
        if !chunked {
            self.exact(length, &mut body);
            return body;
        }
        loop {
            let size = usize::from_str_radix(&self.line(), 16).expect("a chunk");
            self.exact(size, &mut body);
            self.line();
            if size == 0 {
                return body;
            }
        }
    }
}
