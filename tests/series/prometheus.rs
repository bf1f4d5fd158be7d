//! Just enough HTTP to ask a Prometheus without a runtime.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use crate::bare_prometheus::BarePrometheus;

pub(crate) struct Prometheus(BarePrometheus);

impl Prometheus {
    /// With the data in `data` of this folder. In the configuration, ADDRESS is its own.
    pub(crate) fn start(folder: TempDir, config: &str) -> Prometheus {
        Prometheus(BarePrometheus::start(folder, config, &["--storage.tsdb.retention.time=100y".to_owned()]))
    }

    /// Status and body of a range query. Times are milliseconds.
    pub(crate) fn range(&self, query: &str, start: i64, end: i64, step: i64) -> (u16, Vec<u8>) {
        let seconds = |ms: i64| format!("{}.{:03}", ms / 1000, ms % 1000);
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("query", query)
            .append_pair("start", &seconds(start))
            .append_pair("end", &seconds(end))
            .append_pair("step", &seconds(step))
            .finish();
        let mut stream = TcpStream::connect(self.0.address).expect("Prometheus listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        let head = "POST /api/v1/query_range HTTP/1.0\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: ";
        write!(stream, "{head}{}\r\n\r\n{form}", form.len()).expect("Prometheus reads");
        let mut answer = vec![];
        stream.read_to_end(&mut answer).expect("the whole answer");
        let body = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a head") + 4;
        let status = std::str::from_utf8(&answer[9..12]).ok().and_then(|s| s.parse().ok()).expect("a status");
        (status, answer.split_off(body))
    }

    /// Waits until the metric has samples over so many seconds; returns when these are, in milliseconds.
    pub(crate) fn wait_for_history(&self, metric: &str, seconds: i64) -> Range<i64> {
        let began = Instant::now();
        loop {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
            // The newest two seconds may still change.
            let (from, to) = (now - (seconds + 2) * 1000, now - 2000);
            let (_, body) = self.range(&format!("count({metric}) and count({metric} offset {seconds}s)"), to, to, 1000);
            if body.windows(9).any(|w| w == br#""values":"#) {
                return from..to;
            }
            assert!(began.elapsed() < Duration::from_secs(90), "no history of {metric}: {}", String::from_utf8_lossy(&body));
            #[expect(clippy::disallowed_methods, reason = "no runtime here")]
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}
