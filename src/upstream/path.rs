//! The API paths that may be asked for: a closed list, so that no text of a client can become a path.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Longest label name that goes into a path, in bytes.
const LABEL_NAME_LIMIT_BYTES: usize = 1024;

/// One path of the Prometheus HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiPath {
    /// `/api/v1/query`
    Query,
    /// `/api/v1/query_range`
    QueryRange,
    /// `/api/v1/query_exemplars`
    QueryExemplars,
    /// `/api/v1/series`
    Series,
    /// `/api/v1/labels`
    Labels,
    /// `/api/v1/label/{name}/values`
    LabelValues(LabelName),
    /// `/api/v1/format_query`
    FormatQuery,
    /// `/api/v1/parse_query`
    ParseQuery,
    /// `/api/v1/metadata`
    Metadata,
    /// `/api/v1/rules`
    Rules,
    /// `/api/v1/alerts`
    Alerts,
    /// `/api/v1/targets`
    Targets,
    /// `/api/v1/targets/metadata`
    TargetsMetadata,
    /// `/api/v1/alertmanagers`
    Alertmanagers,
    /// `/api/v1/status/buildinfo`
    BuildInfo,
    /// `/api/v1/status/config`
    StatusConfig,
    /// `/api/v1/status/flags`
    StatusFlags,
    /// `/api/v1/status/tsdb`
    StatusTsdb,
    /// `/api/v1/status/runtimeinfo`
    RuntimeInfo,
    /// `/federate`
    Federate,
}

/// How many templates there are; [`ApiPath::index`] is below it.
pub(super) const PATHS: usize = 20;

impl ApiPath {
    /// The path with `{name}` for what varies: the `path` label of metrics, of bounded cardinality.
    pub fn template(&self) -> &'static str {
        self.row().1
    }

    /// Whether the API takes the parameters as a form too. All of them are reads: a POST may be repeated.
    pub fn takes_form(&self) -> bool {
        matches!(
            self,
            ApiPath::Query
                | ApiPath::QueryRange
                | ApiPath::QueryExemplars
                | ApiPath::Series
                | ApiPath::Labels
                | ApiPath::FormatQuery
                | ApiPath::ParseQuery
        )
    }

    /// Whether its answer is made from series, which a backend can bind by itself.
    pub(super) fn reads_series(&self) -> bool {
        matches!(
            self,
            ApiPath::Query
                | ApiPath::QueryRange
                | ApiPath::QueryExemplars
                | ApiPath::Series
                | ApiPath::Labels
                | ApiPath::LabelValues(_)
                | ApiPath::Federate
        )
    }

    /// The path itself. It holds only `[A-Za-z0-9_/]` and so means the same to every parser on the way.
    pub fn text(&self) -> Cow<'static, str> {
        match self {
            ApiPath::LabelValues(name) => Cow::Owned(format!("/api/v1/label/{}/values", name.segment())),
            other => Cow::Borrowed(other.template()),
        }
    }

    /// All paths without a varying part.
    pub(super) fn fixed() -> [ApiPath; PATHS - 1] {
        [
            ApiPath::Query,
            ApiPath::QueryRange,
            ApiPath::QueryExemplars,
            ApiPath::Series,
            ApiPath::Labels,
            ApiPath::FormatQuery,
            ApiPath::ParseQuery,
            ApiPath::Metadata,
            ApiPath::Rules,
            ApiPath::Alerts,
            ApiPath::Targets,
            ApiPath::TargetsMetadata,
            ApiPath::Alertmanagers,
            ApiPath::BuildInfo,
            ApiPath::StatusConfig,
            ApiPath::StatusFlags,
            ApiPath::StatusTsdb,
            ApiPath::RuntimeInfo,
            ApiPath::Federate,
        ]
    }

    /// The place of this path in tables with one row for each template.
    pub(super) fn index(&self) -> usize {
        self.row().0
    }

    fn row(&self) -> (usize, &'static str) {
        match self {
            ApiPath::Query => (0, "/api/v1/query"),
            ApiPath::QueryRange => (1, "/api/v1/query_range"),
            ApiPath::QueryExemplars => (2, "/api/v1/query_exemplars"),
            ApiPath::Series => (3, "/api/v1/series"),
            ApiPath::Labels => (4, "/api/v1/labels"),
            ApiPath::LabelValues(_) => (5, "/api/v1/label/{name}/values"),
            ApiPath::FormatQuery => (6, "/api/v1/format_query"),
            ApiPath::ParseQuery => (7, "/api/v1/parse_query"),
            ApiPath::Metadata => (8, "/api/v1/metadata"),
            ApiPath::Rules => (9, "/api/v1/rules"),
            ApiPath::Alerts => (10, "/api/v1/alerts"),
            ApiPath::Targets => (11, "/api/v1/targets"),
            ApiPath::TargetsMetadata => (12, "/api/v1/targets/metadata"),
            ApiPath::Alertmanagers => (13, "/api/v1/alertmanagers"),
            ApiPath::BuildInfo => (14, "/api/v1/status/buildinfo"),
            ApiPath::StatusConfig => (15, "/api/v1/status/config"),
            ApiPath::StatusFlags => (16, "/api/v1/status/flags"),
            ApiPath::StatusTsdb => (17, "/api/v1/status/tsdb"),
            ApiPath::RuntimeInfo => (18, "/api/v1/status/runtimeinfo"),
            ApiPath::Federate => (19, "/federate"),
        }
    }
}

/// The `{name}` of `/api/v1/label/{name}/values`, decoded as the client meant it.
///
/// Classic names go as they are, a client's own `U__` escape among them. Any other name is written in Prometheus'
/// `U__` escape: a `/`, a `..` or a `%2e` of a client never reaches a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelName(String);

/// The name cannot stand in `/api/v1/label/{name}/values`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a label name has 1 to {LABEL_NAME_LIMIT_BYTES} bytes and no control characters")]
pub struct BadLabelName;

impl LabelName {
    /// Takes the percent-decoded segment of the path.
    pub fn new(name: &str) -> Result<LabelName, BadLabelName> {
        if name.is_empty() || name.len() > LABEL_NAME_LIMIT_BYTES || name.chars().any(char::is_control) {
            return Err(BadLabelName);
        }
        Ok(LabelName(name.to_owned()))
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn segment(&self) -> Cow<'_, str> {
        if is_classic(&self.0) { Cow::Borrowed(&self.0) } else { Cow::Owned(escape(&self.0)) }
    }
}

fn is_classic(name: &str) -> bool {
    let starts_well = !name.starts_with(|first: char| first.is_ascii_digit());
    starts_well && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Prometheus' `ValueEncodingEscaping`: `U__`, then `_` doubled and every other character as `_hex_`.
fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len() * 2 + 3);
    escaped.push_str("U__");
    for (place, character) in name.chars().enumerate() {
        match character {
            '_' => escaped.push_str("__"),
            letter if letter.is_ascii_alphabetic() || (letter.is_ascii_digit() && place > 0) => escaped.push(letter),
            // Writing into a String cannot fail.
            other => drop(write!(escaped, "_{:x}_", u32::from(other))),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_segment() {
        for (name, path) in [
            ("namespace", "/api/v1/label/namespace/values"),
            ("__name__", "/api/v1/label/__name__/values"),
            ("U__http_2e_status", "/api/v1/label/U__http_2e_status/values"),
            ("http.status", "/api/v1/label/U__http_2e_status/values"),
            ("..", "/api/v1/label/U___2e__2e_/values"),
            ("%2e%2e", "/api/v1/label/U___25_2e_25_2e/values"),
            ("a/../../query?x=1#f", "/api/v1/label/U__a_2f__2e__2e__2f__2e__2e__2f_query_3f_x_3d_1_23_f/values"),
            ("a_b.c", "/api/v1/label/U__a__b_2e_c/values"),
            ("0day", "/api/v1/label/U___30_day/values"),
            ("größe", "/api/v1/label/U__gr_f6__df_e/values"),
        ] {
            assert_eq!(ApiPath::LabelValues(LabelName::new(name).unwrap()).text(), path, "{name}");
        }
    }

    #[test]
    fn impossible_names_are_refused() {
        for name in ["", "a\nb", "a\0", &"x".repeat(1025)] {
            assert_eq!(LabelName::new(name), Err(BadLabelName), "{name:?}");
        }
    }
}
