//! Spans: timed pieces of a request, sent to a collector.
//!
//! Without a collector, or for a trace nobody wants, a [`Span`] is an empty box: making, filling and ending it does nothing.

use std::{sync::Arc, time::SystemTime};

use opentelemetry::{
    InstrumentationScope, KeyValue, Value,
    trace::{SpanContext, SpanKind as OtelKind, Status, TraceFlags, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use prometheus::IntCounter;
use rand::RngExt;
use tokio::sync::mpsc;

use super::{TraceContext, bound::bounded};

/// Attributes of one span at most; more are counted, not kept.
const MAX_ATTRIBUTES: usize = 32;
/// Bytes of one text attribute at most.
const MAX_TEXT: usize = 4096;

/// Makes spans. Cheap to clone.
#[derive(Clone)]
pub struct Tracer {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    queue: mpsc::Sender<SpanData>,
    dropped: IntCounter,
    sample: f64,
    scope: InstrumentationScope,
}

/// What a span stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// A request that somebody made of us.
    Server,
    /// A request that we make of somebody.
    Client,
    /// A piece of work of our own.
    Internal,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// Text, kept to 4 KiB.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Yes or no.
    Bool(bool),
}

/// A piece of work that runs. It is sent when it is ended or dropped.
#[must_use = "a span that is dropped at once measures nothing"]
pub struct Span {
    running: Option<Box<Running>>,
}

struct Running {
    tracer: Arc<Inner>,
    data: SpanData,
}

impl Tracer {
    /// A tracer whose spans do nothing.
    pub fn disabled() -> Tracer {
        Tracer { inner: None }
    }

    pub(super) fn new(queue: mpsc::Sender<SpanData>, dropped: IntCounter, sample: f64) -> Tracer {
        let scope = InstrumentationScope::builder("hecate").with_version(env!("CARGO_PKG_VERSION")).build();
        Tracer { inner: Some(Arc::new(Inner { queue, dropped, sample, scope })) }
    }

    /// Whether spans go anywhere.
    pub fn is_enabled(&self) -> bool {
        self.inner.is_some()
    }

    /// Whether a trace that begins here is to be recorded: drawn with the ratio `telemetry.otlp_sample`; never without a collector.
    pub fn sample_root(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.sample >= 1.0 || rand::rng().random::<f64>() < inner.sample)
    }

    /// Begins the span whose ids `context` carries (make it with [`TraceContext::child`]). Nothing happens unless `context` is sampled.
    pub fn span(&self, name: &'static str, context: &TraceContext, kind: SpanKind) -> Span {
        let running = match &self.inner {
            Some(inner) if context.sampled() => Some(Box::new(Running::begin(inner, name, context, kind))),
            _ => None,
        };
        Span { running }
    }
}

impl Running {
    fn begin(tracer: &Arc<Inner>, name: &'static str, context: &TraceContext, kind: SpanKind) -> Running {
        let start_time = SystemTime::now();
        let trace_id = opentelemetry::TraceId::from_bytes(context.trace_id().to_bytes());
        let span_id = opentelemetry::SpanId::from_bytes(context.span_id().to_bytes());
        let state = context.state().and_then(|text| text.parse::<TraceState>().ok()).unwrap_or_default();
        let parent = context.parent().map_or(opentelemetry::SpanId::INVALID, |id| opentelemetry::SpanId::from_bytes(id.to_bytes()));
        let data = SpanData {
            span_context: SpanContext::new(trace_id, span_id, TraceFlags::new(context.flags()), false, state),
            parent_span_id: parent,
            parent_span_is_remote: context.parent_is_remote(),
            span_kind: match kind {
                SpanKind::Server => OtelKind::Server,
                SpanKind::Client => OtelKind::Client,
                SpanKind::Internal => OtelKind::Internal,
            },
            name: name.into(),
            start_time,
            end_time: start_time,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: tracer.scope.clone(),
        };
        Running { tracer: tracer.clone(), data }
    }
}

impl Span {
    /// A span that does nothing.
    pub fn none() -> Span {
        Span { running: None }
    }

    /// Whether this span will be sent: ask before working out an attribute that is dear.
    pub fn is_recording(&self) -> bool {
        self.running.is_some()
    }

    /// Adds an attribute; at most 32 are kept.
    pub fn attr(mut self, key: &'static str, value: impl Into<Attribute>) -> Span {
        self.set(key, value);
        self
    }

    /// Adds an attribute to a span that is kept somewhere.
    pub fn set(&mut self, key: &'static str, value: impl Into<Attribute>) {
        let Some(running) = &mut self.running else { return };
        if running.data.attributes.len() >= MAX_ATTRIBUTES {
            running.data.dropped_attributes_count += 1;
            return;
        }
        running.data.attributes.push(KeyValue::new(key, Value::from(value.into())));
    }

    /// Marks the work as failed.
    pub fn fail(&mut self, reason: &str) {
        if let Some(running) = &mut self.running {
            running.data.status = Status::error(bounded(reason, MAX_TEXT).into_owned());
        }
    }

    /// Ends it now; the same as dropping it, said aloud.
    pub fn end(self) {}
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else { return };
        let Running { tracer, mut data } = *running;
        data.end_time = SystemTime::now();
        // Never waits: a collector that hangs costs spans, not requests.
        if tracer.queue.try_send(data).is_err() {
            tracer.dropped.inc();
        }
    }
}

impl From<Attribute> for Value {
    fn from(attribute: Attribute) -> Value {
        match attribute {
            Attribute::Text(text) => Value::String(text.into()),
            Attribute::Int(number) => Value::I64(number),
            Attribute::Float(number) => Value::F64(number),
            Attribute::Bool(yes) => Value::Bool(yes),
        }
    }
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Attribute {
        Attribute::Text(bounded(text, MAX_TEXT).into_owned())
    }
}

impl From<i64> for Attribute {
    fn from(number: i64) -> Attribute {
        Attribute::Int(number)
    }
}

impl From<u64> for Attribute {
    fn from(number: u64) -> Attribute {
        Attribute::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Attribute {
    fn from(number: usize) -> Attribute {
        Attribute::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u16> for Attribute {
    fn from(number: u16) -> Attribute {
        Attribute::Int(number.into())
    }
}

impl From<f64> for Attribute {
    fn from(number: f64) -> Attribute {
        Attribute::Float(number)
    }
}

impl From<bool> for Attribute {
    fn from(yes: bool) -> Attribute {
        Attribute::Bool(yes)
    }
}

#[cfg(test)]
#[path = "span_tests.rs"]
mod tests;
