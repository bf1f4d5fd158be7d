//! Streams that are gzip: compressed once for all, read at once, whole at their end.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use flate2::write::GzDecoder;
use futures_util::StreamExt as _;
use futures_util::future::join_all;

use super::events::Events;
use super::hub::{Hub, Opening};
use super::hub_tests::{Counting, hub, opening, wanted};

/// One client, and what it could read so far.
struct Reader {
    events: Events,
    decoder: Option<GzDecoder<Vec<u8>>>,
    plain: Vec<u8>,
    bytes: usize,
    /// Pieces after which it had part of an event.
    breaks: usize,
}

impl Reader {
    fn open(hub: &Arc<Hub>, user: u64, is_gzip: bool, evaluate: Counting) -> Reader {
        let events = hub.open(Opening { is_gzip, ..opening(user, vec![wanted("a", evaluate)]) }).unwrap();
        Reader { events, decoder: is_gzip.then(|| GzDecoder::new(Vec::new())), plain: Vec::new(), bytes: 0, breaks: 0 }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(self.decoder.as_ref().map_or(&self.plain, |decoder| decoder.get_ref())).unwrap()
    }

    /// Whether there was another piece.
    async fn reads(&mut self) -> bool {
        let next = tokio::time::timeout(Duration::from_secs(10), self.events.next()).await;
        let Some(piece) = next.unwrap_or_else(|_| panic!("nothing comes: {}", self.text())) else { return false };
        self.bytes += piece.len();
        match &mut self.decoder {
            Some(decoder) => {
                decoder.write_all(&piece).unwrap();
                decoder.flush().unwrap();
            }
            None => self.plain.extend_from_slice(&piece),
        }
        self.breaks += usize::from(!self.text().ends_with("\n\n"));
        true
    }

    async fn until(&mut self, text: &str, times: usize) {
        while self.text().matches(text).count() < times {
            assert!(self.reads().await, "{}", self.text());
        }
        while !self.text().ends_with("\n\n") {
            assert!(self.reads().await, "{}", self.text());
        }
    }

    /// Windows and deltas as they came, by the tick that is complete with them.
    fn windows(&self) -> Vec<&str> {
        self.text().split_inclusive("\n\n").filter(|event| event.starts_with("id: ") && event.ends_with("\n\n")).collect()
    }
}

#[tokio::test]
async fn everybody_reads_the_same_and_it_is_compressed_once() {
    let hub = hub(|_| ());
    let asked = Arc::new(AtomicUsize::new(0));
    // Of labels that make a window short, and one that is compressed on another thread.
    for filler in [10, 50_000] {
        let (asked_before, made_before) = (asked.load(Relaxed), hub.metrics.compressions.get());
        let mut readers: Vec<Reader> = (0..20)
            .map(|user| Reader::open(&hub, user, user != 0, Counting { asked: asked.clone(), filler, ..Counting::default() }))
            .collect();
        for _ in 0..3 {
            let all = readers.iter_mut().map(|reader| {
                let so_far = reader.text().matches("event: delta").count();
                reader.until("event: delta", so_far + 1)
            });
            join_all(all).await;
        }
        let windows = asked.load(Relaxed) - asked_before;
        let made = hub.metrics.compressions.get() - made_before;
        assert!((3..=2 * windows as u64).contains(&made), "{made} compressions of {windows} windows for 19 clients");
        assert!(filler > 10 || readers.iter().all(|reader| reader.breaks == 0), "a piece has all of its events");
        let mut same = 0;
        for reader in &readers[1..] {
            for event in reader.windows() {
                let id = event.lines().next().unwrap();
                if let Some(plain) =
                    readers[0].windows().iter().find(|plain| plain.lines().next() == Some(id) && plain[..40] == event[..40])
                {
                    assert_eq!(*plain, event);
                    same += 1;
                }
            }
        }
        let ids = |reader: &Reader| reader.windows().iter().map(|event| event[..45].to_owned()).collect::<Vec<_>>();
        assert!(same > 19, "{same} events were the same ones: {:?} {:?}", ids(&readers[0]), ids(&readers[1]));
        let (plain, gzip) =
            (readers[0].bytes as f64 / readers[0].text().len() as f64, readers[1].bytes as f64 / readers[1].text().len() as f64);
        assert!((plain - 1.0).abs() < 1e-9 && gzip < if filler == 10 { 0.95 } else { 0.05 }, "{plain} {gzip}");
        assert_eq!(hub.status(Some(1)).streams[0].bytes, readers[1].bytes as u64, "what went out is counted");
    }
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert_eq!(hub.metrics.memory.get(), 0, "what nobody follows holds no memory, compressed or not");
}

#[tokio::test]
async fn nobody_who_takes_gzip_nothing_compressed() {
    let hub = hub(|_| ());
    Reader::open(&hub, 1, false, Counting::default()).until("event: delta", 3).await;
    assert_eq!(hub.metrics.compressions.get(), 0);
}

#[tokio::test]
async fn what_was_compressed_counts_as_memory() {
    let hub = hub(|_| ());
    let mut plain = Reader::open(&hub, 1, false, Counting { filler: 100_000, ..Counting::default() });
    plain.until("event: snapshot", 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = hub.metrics.memory.get();
    let mut gzip = Reader::open(&hub, 2, true, Counting::default());
    // Looked at from time to time, while there is always a newer one.
    let mut most = 0;
    for nth in 1..30 {
        gzip.until("event: delta", nth).await;
        most = hub.metrics.memory.get().max(most);
    }
    assert!((before + 100..before + 5000).contains(&most), "{before} {most}");
}

/// Drained and revoked: one member that is whole, checksum and length included, and nothing behind it.
#[tokio::test]
async fn the_end_of_a_stream_is_the_end_of_a_member() {
    for is_revoked in [false, true] {
        let hub = hub(|_| ());
        let mut reader = Reader::open(&hub, 1, true, Counting { filler: 40_000, ..Counting::default() });
        reader.until("event: snapshot", 1).await;
        if is_revoked {
            let lines = hub.lines(|_| true);
            lines[0].end(super::line::Farewell::Revoked { message: "gone".to_owned() });
        } else {
            hub.drain();
        }
        while reader.reads().await {}
        assert!(reader.text().contains(if is_revoked { "event: error" } else { "event: shutdown" }) && reader.text().ends_with("\n\n"));
        reader.decoder.as_mut().unwrap().try_finish().unwrap();
        assert_eq!(reader.decoder.unwrap().write(b"more").unwrap(), 0, "nothing is read behind the end");
    }
}
