//! Where a request stands in a distributed trace: W3C Trace Context, levels 1 and 2 (`traceparent`, `tracestate`).

use std::{fmt, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{line::push_hex, trace_state};

/// The request header with trace, span and flags.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The request header with what tracing systems of others add.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Length of a `traceparent` of version 00.
const LENGTH: usize = 55;
const SAMPLED: u8 = 0x01;
/// Level 2: the trace id was drawn at random.
const RANDOM: u8 = 0x02;

/// The name of a trace: 16 bytes, never all zero; printed as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

/// The name of a span: 8 bytes, never all zero; printed as 16 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

/// One span's place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: TraceId,
    span_id: SpanId,
    parent: Option<SpanId>,
    parent_is_remote: bool,
    is_remote: bool,
    flags: u8,
    state: Option<Arc<str>>,
}

/// A `traceparent` that breaks the specification; the request then starts a trace of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`traceparent` is not of the form 00-<32 hex digits>-<16 hex digits>-<2 hex digits>: {0}")]
pub struct BadTraceparent(&'static str);

impl TraceContext {
    /// Our own place for a request with these headers: a child of the caller's span, or a new trace if there is no single valid `traceparent`.
    ///
    /// `sample_root` is asked only for a new trace; otherwise the caller's sampled flag is kept.
    pub fn from_headers(headers: &HeaderMap, sample_root: impl FnOnce() -> bool) -> TraceContext {
        let mut parents = headers.get_all(TRACEPARENT).iter();
        let remote = match (parents.next(), parents.next()) {
            (Some(only), None) => only.to_str().ok().and_then(|text| TraceContext::parse(text).ok()),
            _ => None,
        };
        match remote {
            Some(mut caller) => {
                caller.state = trace_state::from_headers(headers);
                caller.child()
            }
            None => TraceContext::new_root(sample_root()),
        }
    }

    /// Reads a `traceparent`: the place of the caller's span.
    ///
    /// # Errors
    /// What the specification forbids: wrong length, upper case, version `ff`, ids of zeros. A version that is not known
    /// yet is read by its first four fields, as the specification says.
    pub fn parse(traceparent: &str) -> Result<TraceContext, BadTraceparent> {
        let text = traceparent.as_bytes();
        if text.len() < LENGTH {
            return Err(BadTraceparent("too short"));
        }
        if text[2] != b'-' || text[35] != b'-' || text[52] != b'-' {
            return Err(BadTraceparent("the dashes are not where they belong"));
        }
        let version = hex(&text[..2])?;
        if version == 0xff {
            return Err(BadTraceparent("version ff is forbidden"));
        }
        if version == 0 && text.len() != LENGTH {
            return Err(BadTraceparent("version 00 has exactly 55 characters"));
        }
        if text.len() > LENGTH && text[LENGTH] != b'-' {
            return Err(BadTraceparent("text after the flags must begin with a dash"));
        }
        let trace_id = hex(&text[3..35])?;
        let span_id = hex(&text[36..52])?;
        if trace_id == 0 || span_id == 0 {
            return Err(BadTraceparent("an id of zeros"));
        }
        let flags = (hex(&text[53..55])? & 0xff) as u8;
        Ok(TraceContext {
            trace_id: TraceId(trace_id),
            span_id: SpanId(span_id as u64),
            parent: None,
            parent_is_remote: false,
            is_remote: true,
            flags: flags & (SAMPLED | RANDOM),
            state: None,
        })
    }

    /// The first span of a new trace.
    pub fn new_root(sampled: bool) -> TraceContext {
        TraceContext {
            trace_id: TraceId(nonzero(rand::random)),
            span_id: SpanId::random(),
            parent: None,
            parent_is_remote: false,
            is_remote: false,
            flags: RANDOM | if sampled { SAMPLED } else { 0 },
            state: None,
        }
    }

    /// A new span below this one, in the same trace.
    pub fn child(&self) -> TraceContext {
        TraceContext {
            span_id: SpanId::random(),
            parent: Some(self.span_id),
            parent_is_remote: self.is_remote,
            is_remote: false,
            state: self.state.clone(),
            ..*self
        }
    }

    /// The value of `traceparent` for a call made within this span, always of version 00.
    pub fn to_header(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace_id, self.span_id, self.flags)
    }

    /// Writes `traceparent` and `tracestate` for a call made within this span, in place of any that stand there.
    pub fn inject(&self, headers: &mut HeaderMap) {
        headers.remove(TRACESTATE);
        if let Ok(parent) = HeaderValue::try_from(self.to_header()) {
            headers.insert(TRACEPARENT, parent);
        }
        if let Some(state) = self.state.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(TRACESTATE, state);
        }
    }

    /// The trace.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// This span.
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// The span above, none for the first of a trace.
    pub fn parent(&self) -> Option<SpanId> {
        self.parent
    }

    /// Whether the span above is in another process.
    pub fn parent_is_remote(&self) -> bool {
        self.parent_is_remote
    }

    /// Whether somebody wants this trace recorded.
    pub fn sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The flags, as in `traceparent`.
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// The `tracestate` that goes with it.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

impl TraceId {
    /// The bytes, most significant first.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Writes it down, for a log line.
    pub(super) fn push_to(self, text: &mut String) {
        push_hex(text, &self.to_bytes());
    }
}

impl SpanId {
    fn random() -> SpanId {
        SpanId(nonzero(rand::random))
    }

    /// The bytes, most significant first.
    pub fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Draws until the number is not zero, which the specification keeps for "no id".
fn nonzero<N: Default + PartialEq>(mut draw: impl FnMut() -> N) -> N {
    loop {
        let number = draw();
        if number != N::default() {
            return number;
        }
    }
}

/// Up to 32 lower-case hexadecimal digits.
fn hex(digits: &[u8]) -> Result<u128, BadTraceparent> {
    digits.iter().try_fold(0u128, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return Err(BadTraceparent("only the digits 0-9 and a-f, in lower case")),
        };
        Ok(number << 4 | u128::from(value))
    })
}

#[cfg(test)]
#[path = "trace_context_tests.rs"]
mod tests;
