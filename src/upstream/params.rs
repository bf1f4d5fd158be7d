//! Parameters of one upstream request: built here one by one, never copied from a client's query string.

use form_urlencoded::byte_serialize;

use crate::promql::EnforcedText;

/// Longest value of a scalar parameter, in bytes.
const SCALAR_LIMIT_BYTES: usize = 4096;

/// Name of a parameter that carries no selector. The list is closed: `query`, `match[]` and the parameters by which
/// backends take extra filters are not on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamName(&'static str);

impl ParamName {
    /// Evaluation time of an instant query.
    pub const TIME: ParamName = ParamName("time");
    /// First instant of a range.
    pub const START: ParamName = ParamName("start");
    /// Last instant of a range.
    pub const END: ParamName = ParamName("end");
    /// Step of a range query.
    pub const STEP: ParamName = ParamName("step");
    /// Evaluation timeout.
    pub const TIMEOUT: ParamName = ParamName("timeout");
    /// Most items to answer.
    pub const LIMIT: ParamName = ParamName("limit");
    /// How far a selector looks back for a sample.
    pub const LOOKBACK_DELTA: ParamName = ParamName("lookback_delta");
    /// Query statistics.
    pub const STATS: ParamName = ParamName("stats");
    /// Metric of `/api/v1/metadata`.
    pub const METRIC: ParamName = ParamName("metric");
    /// Metadata entries for each metric.
    pub const LIMIT_PER_METRIC: ParamName = ParamName("limit_per_metric");
    /// `alert` or `record`, of `/api/v1/rules`.
    pub const TYPE: ParamName = ParamName("type");
    /// Rule to show; may be repeated.
    pub const RULE_NAME: ParamName = ParamName("rule_name[]");
    /// Rule group to show; may be repeated.
    pub const RULE_GROUP: ParamName = ParamName("rule_group[]");
    /// Rule file to show; may be repeated.
    pub const FILE: ParamName = ParamName("file[]");
    /// Leave the alerts out of the rules.
    pub const EXCLUDE_ALERTS: ParamName = ParamName("exclude_alerts");
    /// Page size of the rules.
    pub const GROUP_LIMIT: ParamName = ParamName("group_limit");
    /// Next page of the rules.
    pub const GROUP_NEXT_TOKEN: ParamName = ParamName("group_next_token");
    /// `active`, `dropped` or `any`, of `/api/v1/targets`.
    pub const STATE: ParamName = ParamName("state");
    /// Scrape pool of `/api/v1/targets`.
    pub const SCRAPE_POOL: ParamName = ParamName("scrapePool");
    /// Thanos: merge replicas.
    pub const DEDUP: ParamName = ParamName("dedup");
    /// Thanos: answer although a store is away.
    pub const PARTIAL_RESPONSE: ParamName = ParamName("partial_response");
    /// Thanos: coarsest downsampling to read.
    pub const MAX_SOURCE_RESOLUTION: ParamName = ParamName("max_source_resolution");
    /// VictoriaMetrics: `1` turns its own response cache off.
    pub const NOCACHE: ParamName = ParamName("nocache");

    /// The name as it goes over the wire.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// The value cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter {name} has at most {SCALAR_LIMIT_BYTES} bytes and no control characters")]
pub struct BadParam {
    /// Which parameter.
    pub name: &'static str,
}

/// The parameters, kept in the encoded form that goes over the wire.
///
/// Expressions and selectors come in only as [`EnforcedText`], which the enforcement alone can make: a text that was
/// not enforced cannot be sent by mistake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(String);

impl Params {
    /// No parameters.
    pub fn new() -> Params {
        Params::default()
    }

    /// Sets `query`.
    #[must_use]
    pub fn query(self, text: &EnforcedText) -> Params {
        self.with("query", text.as_str())
    }

    /// Adds one `match[]`.
    #[must_use]
    pub fn matcher(self, text: &EnforcedText) -> Params {
        self.with("match[]", text.as_str())
    }

    /// Adds one `match_target`, a selector on the labels of scrape targets.
    #[must_use]
    pub fn match_target(self, text: &EnforcedText) -> Params {
        self.with("match_target", text.as_str())
    }

    /// Adds one `extra_filters[]`, a selector that VictoriaMetrics puts on everything that it reads.
    #[must_use]
    pub(super) fn extra_filter(self, text: &EnforcedText) -> Params {
        self.with("extra_filters[]", text.as_str())
    }

    /// Adds a parameter without selectors.
    pub fn scalar(self, name: ParamName, value: &str) -> Result<Params, BadParam> {
        if value.len() > SCALAR_LIMIT_BYTES || value.chars().any(char::is_control) {
            return Err(BadParam { name: name.0 });
        }
        Ok(self.with(name.0, value))
    }

    /// `query` for paths that read no data, and for our own constants.
    pub(super) fn query_without_data(self, text: &str) -> Params {
        self.with("query", text)
    }

    /// `a=1&b=2`, encoded for a URL's query and a form body alike.
    pub fn encoded(&self) -> &str {
        &self.0
    }

    fn with(mut self, name: &str, value: &str) -> Params {
        self.0.reserve(name.len() + value.len() + value.len() / 2 + 8);
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.extend(byte_serialize(name.as_bytes()));
        self.0.push('=');
        self.0.extend(byte_serialize(value.as_bytes()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_add_parameters() {
        let params = Params::new().query_without_data("up{a=\"b&query=c\"} + 1 % 2#x").scalar(ParamName::TIME, "1&query=secret").unwrap();
        assert_eq!(params.encoded(), "query=up%7Ba%3D%22b%26query%3Dc%22%7D+%2B+1+%25+2%23x&time=1%26query%3Dsecret");
        let read_back: Vec<_> = form_urlencoded::parse(params.encoded().as_bytes()).collect();
        assert_eq!(read_back.len(), 2);
    }

    #[test]
    fn values_are_bounded_and_printable() {
        let too_long = "1".repeat(SCALAR_LIMIT_BYTES + 1);
        for value in [too_long.as_str(), "1\r\n", "\0"] {
            assert_eq!(Params::new().scalar(ParamName::STEP, value), Err(BadParam { name: "step" }));
        }
    }
}
