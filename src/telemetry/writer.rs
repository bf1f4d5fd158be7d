//! The way of a log line to standard error: a bounded queue and a thread, so that a full pipe never holds up a request.
//!
//! When the queue is full, lines are thrown away and counted (`hecate_log_lines_dropped_total`). Every line passes
//! [`one_line`], so that no text of a user, through whatever field or library it came, can begin a line of its own
//! or move the cursor of a terminal.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use prometheus::IntCounter;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait at most.
const QUEUE_LINES: usize = 8192;
/// Bytes that wait at most.
const QUEUE_BYTES: usize = 8 * 1024 * 1024;

/// Lines are written together up to this many bytes.
const BATCH_BYTES: usize = 64 * 1024;
/// How long lines are gathered when the last ones were written less than this ago. A line that comes alone is written at once.
const PAUSE: Duration = Duration::from_millis(5);

enum Message {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

/// Takes lines from any thread; never waits.
#[derive(Clone)]
pub(super) struct LineWriter {
    queue: SyncSender<Message>,
    waiting_bytes: Arc<AtomicUsize>,
    dropped: IntCounter,
}

/// The thread that writes.
pub(super) struct Worker {
    queue: SyncSender<Message>,
}

/// Starts the thread that writes to `sink`.
pub(super) fn start(sink: impl Write + Send + 'static, dropped: IntCounter) -> io::Result<(LineWriter, Worker)> {
    let (queue, lines) = sync_channel(QUEUE_LINES);
    let waiting_bytes = Arc::new(AtomicUsize::new(0));
    let waiting = waiting_bytes.clone();
    std::thread::Builder::new().name("hecate-log".into()).spawn(move || write_all(&lines, sink, &waiting))?;
    Ok((LineWriter { queue: queue.clone(), waiting_bytes, dropped }, Worker { queue }))
}

/// Lines that come close together are written together: waking this thread and writing would otherwise cost each
/// request more than making its line.
fn write_all(lines: &Receiver<Message>, mut sink: impl Write, waiting_bytes: &AtomicUsize) {
    let mut batch: Vec<u8> = Vec::new();
    let mut written_at: Option<Instant> = None;
    while let Ok(first) = lines.recv() {
        if matches!(first, Message::Line(_)) && written_at.is_some_and(|at| at.elapsed() < PAUSE) {
            // Nobody unparks: this is a sleep of a thread that has nothing else to do.
            std::thread::park_timeout(PAUSE);
        }
        let mut next = Some(first);
        let mut flushed = None;
        while let Some(message) = next {
            match message {
                Message::Line(line) => batch.extend_from_slice(&line),
                Message::Flush(done) => flushed = Some(done),
            }
            next = if flushed.is_some() || batch.len() >= BATCH_BYTES { None } else { lines.try_recv().ok() };
        }
        // Nobody could be told that standard error is gone.
        let _ = sink.write_all(&batch);
        waiting_bytes.fetch_sub(batch.len(), Ordering::Relaxed);
        batch.clear();
        batch.shrink_to(BATCH_BYTES);
        written_at = Some(Instant::now());
        if let Some(done) = flushed {
            let _ = sink.flush();
            let _ = done.try_send(());
        }
    }
}

impl Worker {
    /// Waits until everything queued so far is written, at most `limit`. Returns whether it was.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let (done, finished) = sync_channel(1);
        let mut message = Message::Flush(done);
        loop {
            match self.queue.try_send(message) {
                Ok(()) => return finished.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok(),
                Err(std::sync::mpsc::TrySendError::Full(back)) if Instant::now() < deadline => {
                    message = back;
                    std::thread::park_timeout(Duration::from_millis(5));
                }
                Err(_) => return false,
            }
        }
    }
}

impl LineWriter {
    fn send(&self, line: Vec<u8>) {
        let length = line.len();
        let before = self.waiting_bytes.fetch_add(length, Ordering::Relaxed);
        if before + length > QUEUE_BYTES || self.queue.try_send(Message::Line(line)).is_err() {
            self.waiting_bytes.fetch_sub(length, Ordering::Relaxed);
            self.dropped.inc();
        }
    }
}

impl Write for LineWriter {
    /// One call is one event: the formatters of tracing-subscriber write each whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.send(one_line(event));
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LineWriter {
    type Writer = LineWriter;

    fn make_writer(&'a self) -> LineWriter {
        self.clone()
    }
}

/// The event as exactly one line: control characters, line separators and marks that turn the direction of text
/// inside it become `\n`, `\t`, `\u001b` and so on. Valid JSON stays valid: it has none of them outside of strings.
fn one_line(event: &[u8]) -> Vec<u8> {
    let body = event.strip_suffix(b"\n").unwrap_or(event);
    let mut line = Vec::with_capacity(body.len() + 1);
    if body.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
        line.extend_from_slice(body);
    } else {
        for character in String::from_utf8_lossy(body).chars() {
            match character {
                '\n' => line.extend_from_slice(b"\\n"),
                '\r' => line.extend_from_slice(b"\\r"),
                '\t' => line.extend_from_slice(b"\\t"),
                unsafe_mark if is_unsafe(unsafe_mark) => line.extend_from_slice(format!("\\u{:04x}", u32::from(unsafe_mark)).as_bytes()),
                plain => line.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }
    line.push(b'\n');
    line
}

fn is_unsafe(character: char) -> bool {
    character.is_control() || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// A sink that remembers, and that can be made to hang by holding its lock.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_one_line_whatever_it_holds() {
        for (event, expected) in [
            ("plain\n", "plain\n"),
            ("no end", "no end\n"),
            ("two\nlines\r\n", "two\\nlines\\r\n"),
            ("a\tb\x1b[2Jc\u{7f}\u{85}", "a\\tb\\u001b[2Jc\\u007f\\u0085\n"),
            ("a\u{2028}b\u{202e}c", "a\\u2028b\\u202ec\n"),
            ("é 漢 🦀\n", "é 漢 🦀\n"),
        ] {
            assert_eq!(String::from_utf8(one_line(event.as_bytes())).unwrap(), expected);
        }
        assert_eq!(one_line(b"\xff\n"), "\u{fffd}\n".as_bytes());
    }

    #[test]
    fn a_sink_that_hangs_never_holds_up_the_caller() {
        let dropped = IntCounter::new("dropped", "dropped").unwrap();
        let sink = Shared::default();
        let (mut lines, worker) = start(sink.clone(), dropped.clone()).unwrap();

        let hang = sink.0.lock().unwrap();
        let begun = Instant::now();
        // The thread holds a batch, the queue is full, the rest is lost.
        let all = BATCH_BYTES / 5 + QUEUE_LINES + 200;
        for _ in 0..all {
            lines.write_all(b"line\n").unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        assert!(dropped.get() >= 98, "{}", dropped.get());
        assert!(!worker.flush(Duration::from_millis(20)));
        drop(hang);

        assert!(worker.flush(Duration::from_secs(10)));
        let written = sink.0.lock().unwrap().len() as u64 / 5;
        assert_eq!(written + dropped.get(), all as u64);
    }

    #[test]
    fn waiting_bytes_have_a_bound() {
        let dropped = IntCounter::new("dropped", "dropped").unwrap();
        let sink = Shared::default();
        let (mut lines, _worker) = start(sink.clone(), dropped.clone()).unwrap();
        let _hang = sink.0.lock().unwrap();
        let megabyte = vec![b'a'; 1024 * 1024];
        for _ in 0..20 {
            lines.write_all(&megabyte).unwrap();
        }
        assert_eq!(dropped.get(), 20 - 7, "each line is one byte longer than a megabyte");
    }
}
