//! The counters of one route, resolved before the first request so that counting one takes well under a microsecond.

use std::{sync::OnceLock, time::Duration};

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

use super::labels::{CODES, Method, code_index};

/// What is counted for one route template.
pub struct RouteMetrics {
    template: &'static str,
    requests: IntCounterVec,
    /// One per method and code, made when it is first needed so that `/metrics` shows only what happened.
    by_method_and_code: Box<[OnceLock<IntCounter>]>,
    duration: Histogram,
    response_bytes: IntCounter,
}

impl RouteMetrics {
    pub(super) fn new(template: &'static str, requests: &IntCounterVec, duration: &HistogramVec, bytes: &IntCounterVec) -> RouteMetrics {
        RouteMetrics {
            template,
            requests: requests.clone(),
            by_method_and_code: (0..Method::ALL.len() * (CODES.len() + 1)).map(|_| OnceLock::new()).collect(),
            duration: duration.with_label_values(&[template]),
            response_bytes: bytes.with_label_values(&[template]),
        }
    }

    /// The template, as it stands in the label `route`.
    pub fn template(&self) -> &'static str {
        self.template
    }

    /// Counts one answered request: `took` from its first byte to the last byte of the answer, `response_bytes` of body.
    pub fn observe(&self, method: Method, code: u16, took: Duration, response_bytes: u64) {
        let code_place = code_index(code);
        let place = method as usize * (CODES.len() + 1) + code_place;
        self.by_method_and_code[place]
            .get_or_init(|| {
                let code_text = CODES.get(code_place).map_or_else(|| "other".to_owned(), u16::to_string);
                self.requests.with_label_values(&[self.template, method.as_str(), &code_text])
            })
            .inc();
        self.duration.observe(took.as_secs_f64());
        self.response_bytes.inc_by(response_bytes);
    }
}

impl std::fmt::Debug for RouteMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RouteMetrics({})", self.template)
    }
}
