//! Serves the present as Prometheus text, one connection after the other: its only client is one Prometheus.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::families;
use crate::series::Family;

/// A scraper that is slower than this is dropped.
const PATIENCE: Duration = Duration::from_secs(5);
/// No request line and headers are longer.
const REQUEST_BYTES: u64 = 16 * 1024;
/// Pipeline runs come and go: the list of series is made anew after this many seconds.
const RENEW_S: f64 = 1_800.0;

/// Answers scrapes until the process is stopped.
pub(crate) fn serve(listen: SocketAddr, anchor: f64) -> io::Result<()> {
    let listener = TcpListener::bind(listen)?;
    let mut built_at = now();
    let mut families = families::all(anchor, built_at, built_at, false);
    // The first evaluation adds up all counters since their start: done before anybody waits for it.
    render(&mut families, now());
    writeln!(io::stderr(), "demo_data: serving on http://{}/metrics", listener.local_addr()?)?;
    for connection in listener.incoming() {
        let moment = now();
        if moment - built_at > RENEW_S {
            built_at = moment;
            families = families::all(anchor, moment, moment, false);
        }
        // A scraper that hangs up is its own affair: the next one is served.
        if let Err(error) = connection.and_then(|stream| answer(stream, &mut families, moment)) {
            writeln!(io::stderr(), "demo_data: a scrape failed: {error}")?;
        }
    }
    Ok(())
}

fn answer(mut stream: TcpStream, families: &mut [Family], moment: f64) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = BufReader::new(stream.try_clone()?.take(REQUEST_BYTES));
    let mut first = String::new();
    request.read_line(&mut first)?;
    let mut header = String::new();
    while request.read_line(&mut header)? > 2 {
        header.clear();
    }
    let (status, body) = match first.split(' ').nth(1) {
        Some("/metrics") => ("200 OK", render(families, moment)),
        Some("/ready") => ("200 OK", "ready\n".to_owned()),
        _ => ("404 Not Found", "there is /metrics and /ready\n".to_owned()),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

fn render(families: &mut [Family], moment: f64) -> String {
    let mut text = String::with_capacity(1 << 20);
    for family in families {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP {} {}\n# TYPE {} {}", family.name, family.help, family.name, family.kind);
        for series in family.series.iter_mut().filter(|series| series.life.covers(moment)) {
            let _ = writeln!(text, "{} {}", series.text, series.value.at(moment));
        }
    }
    text
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
