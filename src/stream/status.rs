//! What streams there are, for whoever asks.

use std::sync::atomic::Ordering::Relaxed;

use serde::Serialize;

use super::frame::Told;
use super::hub::Hub;

/// The streams of this process that the caller may know of.
#[derive(Debug, Serialize)]
pub struct Status {
    /// One by one, the oldest first.
    pub streams: Vec<One>,
}

/// One stream.
#[derive(Debug, Serialize)]
pub struct One {
    /// Its name, as `connected` told it.
    pub stream: String,
    /// For how long it has been open.
    pub open_seconds: f64,
    /// Its queries.
    pub queries: Vec<Told>,
    /// Events sent.
    pub events: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// How often it was behind and got the newest state.
    pub conflations: u64,
}

impl Hub {
    /// The streams of one user, or all of them.
    pub fn status(&self, user: Option<u64>) -> Status {
        let mut lines = self.lines(|line| user.is_none_or(|user| line.user == user));
        lines.sort_by_key(|line| line.number);
        let one = |line: &super::line::Line| One {
            stream: line.stream.clone(),
            open_seconds: line.opened.elapsed().as_millis() as f64 / 1000.0,
            queries: line.told.clone(),
            events: line.frames.load(Relaxed),
            bytes: line.bytes.load(Relaxed),
            conflations: line.conflations.load(Relaxed),
        };
        Status { streams: lines.iter().map(|line| one(line)).collect() }
    }
}
