//! The way of a log line to standard error: a bounded buffer and a thread, so that a full pipe never holds up a request.
//!
//! When the buffer is full, lines are thrown away and counted (`hecate_log_lines_dropped_total`). Every line passes
//! [`one_line`], so that no text of a user, through whatever field or library it came, can begin a line of its own
//! or move the cursor of a terminal.

use std::{
    borrow::Cow,
    io::{self, Write},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use prometheus::IntCounter;
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that wait at most.
const QUEUE_BYTES: usize = 8 * 1024 * 1024;

/// Memory that is kept for the next lines.
const KEPT_BYTES: usize = 64 * 1024;
/// How long lines are gathered when the last ones were written less than this ago. A line that comes alone is written at once.
const PAUSE: Duration = Duration::from_millis(5);
/// Callers of [`Worker::flush`] that wait at most.
const FLUSHES: usize = 16;

/// Takes lines from any thread; never waits for the sink.
#[derive(Clone)]
pub(super) struct LineWriter {
    end: Arc<End>,
    dropped: IntCounter,
}

/// The thread that writes.
pub(super) struct Worker {
    end: Arc<End>,
}

/// What callers and the thread share.
#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// Whole lines, one after the other: taking one over is a copy, without an allocation that another thread has to free.
    lines: Vec<u8>,
    /// Told when all that waits is written.
    flushes: Vec<SyncSender<()>>,
    /// Nobody can add to it any more.
    ended: bool,
}

/// The callers' end; the thread ends with the last of them.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.arrived.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread that writes to `sink`.
pub(super) fn start(sink: impl Write + Send + 'static, dropped: IntCounter) -> io::Result<(LineWriter, Worker)> {
    let shared = Arc::<Shared>::default();
    let end = Arc::new(End(shared.clone()));
    std::thread::Builder::new().name("hecate-log".into()).spawn(move || write_all(&shared, sink))?;
    Ok((LineWriter { end: end.clone(), dropped }, Worker { end }))
}

/// Lines that come close together are written together: waking this thread and writing would otherwise cost each
/// request more than making its line.
fn write_all(shared: &Shared, mut sink: impl Write) {
    let mut batch: Vec<u8> = Vec::new();
    let mut written_at: Option<Instant> = None;
    loop {
        let mut waiting = shared.lock();
        while waiting.lines.is_empty() && waiting.flushes.is_empty() {
            if waiting.ended {
                return;
            }
            waiting = shared.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if waiting.flushes.is_empty() && !waiting.ended && written_at.is_some_and(|at| at.elapsed() < PAUSE) {
            // Lines gather meanwhile; only whoever wants them flushed says so.
            let more = |waiting: &mut Waiting| waiting.flushes.is_empty() && !waiting.ended;
            waiting = shared.arrived.wait_timeout_while(waiting, PAUSE, more).unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::swap(&mut batch, &mut waiting.lines);
        let flushes = std::mem::take(&mut waiting.flushes);
        drop(waiting);
        // Nobody could be told that standard error is gone.
        let _ = sink.write_all(&batch);
        batch.clear();
        batch.shrink_to(KEPT_BYTES);
        written_at = Some(Instant::now());
        if !flushes.is_empty() {
            let _ = sink.flush();
            for done in flushes {
                let _ = done.try_send(());
            }
        }
    }
}

impl Worker {
    /// Waits until everything queued so far is written, at most `limit`. Returns whether it was.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let (done, finished) = sync_channel(1);
        let mut waiting = self.end.0.lock();
        if waiting.flushes.len() == FLUSHES {
            return false;
        }
        waiting.flushes.push(done);
        drop(waiting);
        self.end.0.arrived.notify_one();
        finished.recv_timeout(limit).is_ok()
    }
}

impl LineWriter {
    /// Takes over one event, as exactly one line.
    pub(super) fn send(&self, event: &[u8]) {
        let line = one_line(event);
        let mut waiting = self.end.0.lock();
        if waiting.lines.len() + line.len() + 1 > QUEUE_BYTES {
            drop(waiting);
            self.dropped.inc();
            return;
        }
        let first = waiting.lines.is_empty();
        waiting.lines.extend_from_slice(&line);
        waiting.lines.push(b'\n');
        drop(waiting);
        // Waking somebody is a system call: once for each batch.
        if first {
            self.end.0.arrived.notify_one();
        }
    }
}

impl Write for LineWriter {
    /// One call is one event: the formatters of tracing-subscriber write each whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.send(event);
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

/// The event as one line, without its end: control characters, line separators and marks that turn the direction of text
/// inside it become `\n`, `\t`, `\u001b` and so on. Valid JSON stays valid: it has none of them outside of strings.
fn one_line(event: &[u8]) -> Cow<'_, [u8]> {
    let body = event.strip_suffix(b"\n").unwrap_or(event);
    // Whole pieces, without leaving early: that is what a processor does many bytes at a time.
    if body.chunks(64).all(|piece| piece.iter().fold(true, |plain, byte| plain & matches!(byte, 0x20..=0x7e))) {
        return Cow::Borrowed(body);
    }
    let mut line = Vec::with_capacity(body.len() + 16);
    for character in String::from_utf8_lossy(body).chars() {
        match character {
            '\n' => line.extend_from_slice(b"\\n"),
            '\r' => line.extend_from_slice(b"\\r"),
            '\t' => line.extend_from_slice(b"\\t"),
            unsafe_mark if is_unsafe(unsafe_mark) => line.extend_from_slice(format!("\\u{:04x}", u32::from(unsafe_mark)).as_bytes()),
            plain => line.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(line)
}

fn is_unsafe(character: char) -> bool {
    character.is_control() || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sink that remembers, and that can be made to hang by holding its lock.
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
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
            ("plain\n", "plain"),
            ("no end", "no end"),
            ("two\nlines\r\n", "two\\nlines\\r"),
            ("a\tb\x1b[2Jc\u{7f}\u{85}", "a\\tb\\u001b[2Jc\\u007f\\u0085"),
            ("a\u{2028}b\u{202e}c", "a\\u2028b\\u202ec"),
            ("é 漢 🦀\n", "é 漢 🦀"),
        ] {
            assert_eq!(String::from_utf8(one_line(event.as_bytes()).into_owned()).unwrap(), expected);
        }
        assert_eq!(*one_line(b"\xff\n"), *"\u{fffd}".as_bytes());
        let long = format!("{}\n{}", "x".repeat(100), "y".repeat(100));
        assert_eq!(*one_line(long.as_bytes()), *long.replace('\n', "\\n").as_bytes());
    }

    #[test]
    fn a_sink_that_hangs_never_holds_up_the_caller() {
        let dropped = IntCounter::new("dropped", "dropped").unwrap();
        let sink = Sink::default();
        let (mut lines, worker) = start(sink.clone(), dropped.clone()).unwrap();

        let hang = sink.0.lock().unwrap();
        // The thread holds a batch, the buffer is full, the rest is lost. Were it not, this would wait for the lock that it holds itself.
        const LINE: usize = 64 * 1024;
        let line = format!("{}\n", "x".repeat(LINE - 1));
        let all = 2 * QUEUE_BYTES / LINE + 20;
        for _ in 0..all {
            lines.write_all(line.as_bytes()).unwrap();
        }
        assert!(dropped.get() >= 20, "{}", dropped.get());
        assert!(!worker.flush(Duration::from_millis(20)));
        drop(hang);

        assert!(worker.flush(Duration::from_secs(10)));
        let written = sink.0.lock().unwrap().len() as u64 / LINE as u64;
        assert_eq!(written + dropped.get(), all as u64);
    }

    #[test]
    fn waiting_bytes_have_a_bound() {
        let dropped = IntCounter::new("dropped", "dropped").unwrap();
        let sink = Sink::default();
        let (mut lines, _worker) = start(sink.clone(), dropped.clone()).unwrap();
        let _hang = sink.0.lock().unwrap();
        let megabyte = vec![b'a'; 1024 * 1024];
        for _ in 0..20 {
            lines.write_all(&megabyte).unwrap();
        }
        // Each line is one byte longer than a megabyte; the thread may have taken a batch before it hung.
        assert!((20 - 14..=20 - 7).contains(&dropped.get()), "{}", dropped.get());
        assert!(lines.end.0.lock().lines.capacity() <= 2 * QUEUE_BYTES);
    }

    #[test]
    fn the_thread_ends_with_its_last_caller_and_writes_what_it_was_given() {
        let (lines, worker) = start(Sink::default(), IntCounter::new("dropped", "dropped").unwrap()).unwrap();
        let shared = Arc::downgrade(&lines.end.0);
        lines.send(b"last");
        drop((lines, worker));
        let begun = Instant::now();
        while shared.strong_count() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(10), "the thread still runs");
            std::thread::yield_now();
        }
    }
}
