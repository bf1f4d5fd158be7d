//! What happened to a request on its way: for the caller's headers, the logs and the metrics.

use std::fmt::Write as _;
use std::time::Duration;

use super::metrics::AnswerOutcome;

/// The longest account of what was asked upstream, in bytes: it travels in a header.
const LONGEST_ACCOUNT: usize = 6 * 1024;

/// Where an answer came from, and what it took.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// In one word.
    pub source: Source,
    /// Whether what was fetched for it is kept.
    pub stored: bool,
    /// Whether it waited for somebody else's fetch.
    pub collapsed: bool,
    /// For how long the same answer would be given again, in seconds, where that is known.
    pub ttl_seconds: Option<u64>,
    /// Why it went as it went, in a few words without quotes.
    pub detail: Option<&'static str>,
    /// Steps of the answer.
    pub points: u64,
    /// Steps that an upstream was asked for.
    pub points_fetched: u64,
    /// Points of all series that came from what was kept.
    pub points_saved: u64,
    /// Time until upstreams had answered.
    pub upstream: Option<Duration>,
    /// Time spent with Redis.
    pub redis: Option<Duration>,
    /// What upstreams were asked, in the caller's own scope.
    pub asked: Vec<AskedUpstream>,
}

/// The kinds of ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// Not a matter of caching.
    #[default]
    None,
    /// From this process' memory.
    Memory,
    /// From Redis.
    Redis,
    /// Some of it had to be fetched.
    Partial,
    /// All of it had to be fetched.
    Miss,
    /// Never kept, or keeping is switched off.
    Bypass,
}

/// One question to an upstream.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct AskedUpstream {
    /// Its configured name.
    pub upstream: String,
    /// The enforced text.
    pub query: String,
    /// First step in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<f64>,
    /// Last step in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<f64>,
    /// Distance of steps in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
}

impl Outcome {
    /// An answer that is never kept.
    pub(super) fn bypass(detail: &'static str) -> Outcome {
        Outcome { source: Source::Bypass, detail: Some(detail), ..Outcome::default() }
    }

    /// `Cache-Status` (RFC 9211); none where nothing was a matter of caching.
    pub fn cache_status(&self) -> Option<String> {
        let mut text = String::with_capacity(64);
        text.push_str("hecate");
        text.push_str(match self.source {
            Source::None => return None,
            Source::Memory | Source::Redis => "; hit",
            Source::Partial => "; fwd=partial",
            Source::Miss => "; fwd=miss",
            Source::Bypass => "; fwd=bypass",
        });
        if self.stored {
            text.push_str("; stored");
        }
        if self.collapsed {
            text.push_str("; collapsed");
        }
        if let Some(ttl) = self.ttl_seconds {
            let _ = write!(text, "; ttl={ttl}");
        }
        match (self.source, self.detail) {
            (Source::Redis, None) => text.push_str("; detail=redis"),
            (Source::Partial, None) => {
                let _ = write!(text, "; detail=\"fetched {} of {} steps\"", self.points_fetched, self.points);
            }
            (_, Some(detail)) => {
                let _ = write!(text, "; detail=\"{detail}\"");
            }
            _ => {}
        }
        Some(text)
    }

    /// What was waited for, for `Server-Timing`; `total` is the time since the request was complete.
    pub fn times(&self, total: Duration) -> impl Iterator<Item = (&'static str, Duration)> {
        let waited = [("upstream", self.upstream), ("redis", self.redis)];
        let waited = waited.into_iter().filter_map(|(name, time)| Some((name, time?)));
        std::iter::once(("hecate", total)).chain(waited)
    }

    /// What upstreams were asked, as JSON in ASCII, cut where it gets too long for a header.
    pub fn account(&self) -> String {
        let mut shown = self.asked.len();
        loop {
            let mut list: Vec<serde_json::Value> =
                self.asked[..shown].iter().filter_map(|asked| serde_json::to_value(asked).ok()).collect();
            if shown < self.asked.len() {
                list.push(serde_json::json!({"left_out": self.asked.len() - shown}));
            }
            let text = ascii(&serde_json::Value::Array(list).to_string());
            if text.len() <= LONGEST_ACCOUNT || shown == 0 {
                return text;
            }
            shown -= 1;
        }
    }

    /// The label of the metrics; none where nothing was a matter of caching.
    pub(super) fn label(&self) -> Option<AnswerOutcome> {
        Some(match (self.source, self.collapsed) {
            (Source::None, _) => return None,
            (Source::Bypass, _) => AnswerOutcome::Bypass,
            (Source::Memory, _) => AnswerOutcome::Memory,
            (Source::Redis, _) => AnswerOutcome::Redis,
            (_, true) => AnswerOutcome::Collapsed,
            (Source::Partial, _) => AnswerOutcome::Partial,
            (Source::Miss, _) => AnswerOutcome::Miss,
        })
    }

    /// The word for logs.
    pub fn word(&self) -> Option<&'static str> {
        self.label().map(AnswerOutcome::as_str)
    }
}

/// JSON with everything outside of printable ASCII escaped.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if matches!(character, ' '..='~') {
            text.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_says_what_happened() {
        let check = |outcome: &Outcome, text: &str| assert_eq!(outcome.cache_status().as_deref(), Some(text));
        check(&Outcome { source: Source::Memory, ..Outcome::default() }, "hecate; hit");
        check(&Outcome { source: Source::Redis, ttl_seconds: Some(12), ..Outcome::default() }, "hecate; hit; ttl=12; detail=redis");
        check(&Outcome { source: Source::Miss, stored: true, ..Outcome::default() }, "hecate; fwd=miss; stored");
        check(&Outcome { source: Source::Miss, collapsed: true, ..Outcome::default() }, "hecate; fwd=miss; collapsed");
        let partial = Outcome { source: Source::Partial, stored: true, points: 241, points_fetched: 5, ..Outcome::default() };
        check(&partial, "hecate; fwd=partial; stored; detail=\"fetched 5 of 241 steps\"");
        check(&Outcome::bypass("the answer has warnings"), "hecate; fwd=bypass; detail=\"the answer has warnings\"");
        assert_eq!(Outcome::default().cache_status(), None);
    }

    #[test]
    fn the_account_is_ascii_json_of_a_bounded_length() {
        let asked =
            AskedUpstream { upstream: "p".into(), query: "up{a=\"é😀\n\"}".into(), start: Some(1.5), end: Some(3.0), step: None };
        let account = Outcome { asked: vec![asked.clone()], ..Outcome::default() }.account();
        assert!(account.is_ascii());
        let read: serde_json::Value = serde_json::from_str(&account).unwrap();
        assert_eq!(read[0]["query"], asked.query);
        assert_eq!(read[0]["start"], 1.5);
        let many = Outcome { asked: vec![asked; 500], ..Outcome::default() }.account();
        assert!(many.len() <= LONGEST_ACCOUNT + 64 && many.contains("left_out"), "{}", many.len());
        let huge = AskedUpstream { upstream: "p".into(), query: "x".repeat(10_000), start: None, end: None, step: None };
        assert_eq!(Outcome { asked: vec![huge], ..Outcome::default() }.account(), r#"[{"left_out":1}]"#);
    }
}
