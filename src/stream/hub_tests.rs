//! The hub with an engine that counts instead of asking, and steps of tenths of a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use prometheus::Registry;

use super::events::Events;
use super::hub::{Hub, HubSettings, Opening, Refused};
use super::question::{Evaluate, Refusal, Wanted};
use super::rights::{Rights, Standing};
use crate::cache::KeyBuilder;
use crate::config;

const STEP_MS: i64 = 100;
const WINDOW_MS: i64 = 1000;

/// Answers with the time of each point, and filler of this length.
#[derive(Default)]
pub(super) struct Counting {
    pub(super) asked: Arc<AtomicUsize>,
    pub(super) fails: Arc<AtomicBool>,
    pub(super) filler: usize,
}

#[async_trait]
impl Evaluate for Counting {
    async fn evaluate(&self, start_ms: i64, end_ms: i64) -> Result<Bytes, Refusal> {
        self.asked.fetch_add(1, Relaxed);
        if self.fails.load(Relaxed) {
            return Err(Refusal { error_type: "timeout".to_owned(), message: "too slow".to_owned() });
        }
        let points: Vec<String> = (start_ms / STEP_MS..=end_ms / STEP_MS).map(|k| format!("[{}.{},\"{k}\"]", k / 10, k % 10)).collect();
        let points = points.join(",").replace(".0,", ",").replace(".1,", ".100,");
        let points = (2..10).fold(points, |points, digit| points.replace(&format!(".{digit},"), &format!(".{digit}00,")));
        let filler = "x".repeat(self.filler);
        Ok(format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{"a":"{filler}"}},"values":[{points}]}}]}}}}"#
        )
        .into())
    }

    fn settled_until(&self, end_ms: i64) -> Option<i64> {
        Some(end_ms - 3 * STEP_MS)
    }
}

struct Always(Standing);

#[async_trait]
impl Rights for Always {
    async fn look(&self) -> Standing {
        self.0.clone()
    }
}

pub(super) fn hub(change: impl FnOnce(&mut config::Stream)) -> Arc<Hub> {
    let mut stream = config::Stream::default();
    change(&mut stream);
    let settings = HubSettings { stream, streams_per_user: 2, revocation_bound: Duration::from_millis(400) };
    Hub::new(settings, None, &Registry::new()).unwrap()
}

pub(super) fn wanted(name: &str, evaluate: Counting) -> Wanted {
    let key = KeyBuilder::new("test").text(name).finish();
    Wanted { id: name.to_owned(), query: name.to_owned(), key, step_ms: STEP_MS, window_ms: WINDOW_MS, evaluate: Box::new(evaluate) }
}

pub(super) fn opening(user: u64, queries: Vec<Wanted>) -> Opening {
    Opening { user, queries, refused: Vec::new(), last_event_id: None, is_gzip: false, rights: Arc::new(Always(Standing::Good)) }
}

/// What comes until the text has been seen, or the stream ends.
async fn until(events: &mut Events, text: &str) -> String {
    let mut all = String::new();
    let read = async {
        while !all.contains(text) {
            let Some(piece) = events.next().await else { break };
            all.push_str(std::str::from_utf8(&piece).unwrap());
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(10), read).await;
    assert!(in_time.is_ok(), "{text:?} did not come: {all}");
    all
}

#[tokio::test]
async fn many_who_follow_one_query_cost_one_evaluation() {
    let hub = hub(|_| ());
    let asked = Arc::new(AtomicUsize::new(0));
    let mut streams: Vec<Events> = (0..20)
        .map(|user| hub.open(opening(user, vec![wanted("a", Counting { asked: asked.clone(), ..Counting::default() })])).unwrap())
        .collect();
    for events in &mut streams {
        let text = until(events, "event: delta").await;
        assert!(text.starts_with("retry: ") && text.find("event: connected") < text.find("event: snapshot"), "{text}");
    }
    let before = asked.load(Relaxed);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let ticks = asked.load(Relaxed) - before;
    assert!((2..=6).contains(&ticks), "{ticks} evaluations in half a second");
    drop(streams);
    let before = asked.load(Relaxed);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(asked.load(Relaxed) <= before + 1, "nobody listens");
    assert_eq!((hub.metrics.connections.get(), hub.metrics.topics.get(), hub.metrics.subscriptions.get()), (0, 0, 0));
}

#[tokio::test]
async fn who_is_behind_gets_the_newest_window_and_nothing_is_kept_for_it() {
    let hub = hub(|_| ());
    let mut events = hub.open(opening(1, vec![wanted("a", Counting::default())])).unwrap();
    until(&mut events, "event: delta").await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    let text = until(&mut events, "event: snapshot").await;
    assert!(!text.contains("event: delta"), "what is old is not sent any more: {text}");
    assert_eq!(hub.metrics.conflations.get(), 1);
    until(&mut events, "event: delta").await;
}

#[tokio::test]
async fn limits() {
    let hub = hub(|stream| (stream.max_connections, stream.max_queries, stream.memory) = (3, 2, 4096));
    let a = || wanted("a", Counting { filler: 3500, ..Counting::default() });
    let mut first = hub.open(opening(1, vec![a()])).unwrap();
    let second = hub.open(opening(1, vec![a()])).unwrap();
    let refused = |opening| hub.open(opening).err();
    assert_eq!(refused(opening(1, vec![a()])), Some(Refused::User { limit: 2 }));
    assert_eq!(refused(opening(2, vec![a(), a(), a()])), Some(Refused::Queries { found: 3, limit: 2 }));
    until(&mut first, "event: snapshot").await;
    assert_eq!(refused(opening(2, vec![wanted("b", Counting::default())])), Some(Refused::Memory));
    let third = hub.open(opening(2, vec![a()])).unwrap();
    assert_eq!(refused(opening(3, vec![a()])), Some(Refused::Connections { limit: 3 }));
    drop((second, third));
    // Its place is free, and what nobody follows holds no memory.
    drop((hub.open(opening(1, vec![a()])).unwrap(), first));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut large = hub.open(opening(4, vec![wanted("c", Counting { filler: 5000, ..Counting::default() })])).unwrap();
    let text = until(&mut large, "event: error").await;
    assert!(text.contains("stream.memory") && !text.contains("event: snapshot"), "a window that finds no room: {text}");
}

#[tokio::test]
async fn failures_are_told_and_the_stream_goes_on() {
    let hub = hub(|_| ());
    let fails = Arc::new(AtomicBool::new(false));
    let queries = vec![wanted("a", Counting { fails: fails.clone(), ..Counting::default() }), wanted("b", Counting::default())];
    let mut events = hub.open(opening(1, queries)).unwrap();
    until(&mut events, "\nid: ").await;
    fails.store(true, Relaxed);
    let text = until(&mut events, "event: error").await;
    assert!(text.contains(r#"data: {"v":1,"id":"a","errorType":"timeout","error":"too slow"}"#), "{text}");
    let text = until(&mut events, r#"event: delta"#).await;
    assert!(text.contains(r#""id":"b""#), "{text}");
    fails.store(false, Relaxed);
    until(&mut events, "event: delta\ndata: {\"v\":1,\"id\":\"a\"").await;
}

#[tokio::test]
async fn what_was_taken_away_ends_the_stream() {
    for (standing, part) in [(Standing::Lost("you may not".to_owned()), "you may not"), (Standing::Unknown, "nobody could say")] {
        let hub = hub(|_| ());
        let began = std::time::Instant::now();
        let opening = Opening { rights: Arc::new(Always(standing)), ..opening(1, vec![wanted("a", Counting::default())]) };
        let mut events = hub.open(opening).unwrap();
        let text = until(&mut events, "event: error").await;
        assert!(text.contains("\"revoked\"") && text.contains(part), "{text}");
        assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
        assert!(events.next().await.is_none(), "it is over");
    }
}

#[tokio::test]
async fn the_end_of_the_process_sends_everybody_away() {
    let hub = hub(|stream| stream.heartbeat = Duration::from_millis(300));
    let mut events = hub.open(opening(1, vec![wanted("a", Counting::default())])).unwrap();
    until(&mut events, "event: heartbeat").await;
    hub.drain();
    let text = until(&mut events, "event: shutdown").await;
    assert!(text.contains("\"retry_ms\":"), "{text}");
    assert!(events.next().await.is_none());
    let mut late = hub.open(opening(2, vec![wanted("a", Counting::default())])).unwrap();
    let text = until(&mut late, "event: shutdown").await;
    assert!(!text.contains("event: snapshot"), "{text}");
}

#[tokio::test]
async fn a_client_that_comes_back_goes_on_where_it_was() {
    let hub = hub(|_| ());
    let mut events = hub.open(opening(1, vec![wanted("a", Counting::default())])).unwrap();
    let text = until(&mut events, "event: delta").await;
    let id = text.rsplit("\nid: ").next().unwrap().lines().next().unwrap();
    let last_event_id = super::EventId::read(id);
    assert!(last_event_id.is_some(), "{id:?}");
    drop(events);
    let mut again = hub.open(Opening { last_event_id, ..opening(1, vec![wanted("a", Counting::default())]) }).unwrap();
    let text = until(&mut again, "event: delta").await;
    assert!(text.contains("\"from\":") && !text.contains("event: snapshot"), "{text}");
    // Of other queries.
    let mut other = hub.open(Opening { last_event_id, ..opening(1, vec![wanted("b", Counting::default())]) }).unwrap();
    until(&mut other, "event: snapshot").await;
}
