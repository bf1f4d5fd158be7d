//! A tiny exporter: pages over HTTP, on a thread that ends when it is dropped.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// One page.
#[derive(Clone)]
pub struct Page {
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// What it says.
    pub body: Vec<u8>,
}

/// Serves until it is dropped.
pub struct Exporter {
    port: u16,
    stop: Arc<AtomicBool>,
}

impl Exporter {
    /// Serves these pages by their paths.
    pub fn start(pages: BTreeMap<String, Page>) -> Exporter {
        Exporter::serving(move |path| pages.get(path).cloned())
    }

    /// Serves what this makes of a path, each time anew.
    pub fn serving(pages: impl Fn(&str) -> Option<Page> + Send + Sync + 'static) -> Exporter {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let exporter = Exporter { port: listener.local_addr().unwrap().port(), stop: Arc::default() };
        let stop = exporter.stop.clone();
        let pages = Arc::new(pages);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let pages = pages.clone();
                thread::spawn(move || answer(&socket, &*pages));
            }
        });
        exporter
    }

    /// Its `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address());
    }
}

/// One request, one answer, then the connection is closed.
fn answer(mut socket: &TcpStream, pages: &dyn Fn(&str) -> Option<Page>) {
    let _ = socket.set_read_timeout(Some(Duration::from_secs(5)));
    let mut lines = BufReader::new(socket).lines();
    let Some(Ok(first)) = lines.next() else { return };
    for line in lines.by_ref() {
        if line.is_ok_and(|line| !line.is_empty()) {
            continue;
        }
        break;
    }
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let Some(page) = pages(&path) else {
        let _ = socket.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        page.content_type,
        page.body.len()
    );
    let _ = socket.write_all(head.as_bytes());
    let _ = socket.write_all(&page.body);
}
