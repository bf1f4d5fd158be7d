//! A backend's own enforcement, in addition to ours: it binds what it reads at its storage, whatever the query says.
//!
//! It is a second lock on the same door. Queries are rewritten all the same, and what is sent here lets through
//! everything that the scope holds, so that it takes nothing away from a query that was rewritten rightly.

use http::HeaderValue;
use http::header::{HeaderMap, HeaderName};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::params::Params;
use super::path::ApiPath;
use crate::config::{Upstream, UpstreamKind};
use crate::promql::ScopedSelectors;

const X_PROM_LABEL_POLICY: HeaderName = HeaderName::from_static("x-prom-label-policy");
/// Longest policy in headers, in bytes: gates in between seldom take more than 32 KiB of headers, often less.
const HEADER_LIMIT_BYTES: usize = 16 * 1024;
/// What is left as it is in a policy: everything else could be taken for a separator.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Everything that one caller may read, as selectors; a series has to fit one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeScope {
    /// Each percent-encoded.
    policies: Vec<String>,
    /// `extra_filters[]=…&extra_filters[]=…`
    filters: Params,
}

impl NativeScope {
    /// From [`ScopedSelectors::everything`]; `None` for cluster-wide scope, which needs no selector.
    pub fn new(everything: &ScopedSelectors) -> Option<NativeScope> {
        let texts = everything.texts();
        let policies = texts.iter().map(|text| utf8_percent_encode(text.as_str(), ENCODED).to_string()).collect();
        let filters = texts.iter().fold(Params::new(), |params, text| params.extra_filter(text));
        (!texts.is_empty()).then_some(NativeScope { policies, filters })
    }

    /// Equal for equal scopes only, on every replica: a part of cache keys.
    pub fn as_text(&self) -> &str {
        self.filters.encoded()
    }
}

/// How one upstream is told.
pub(super) enum Native {
    /// Not at all.
    Nothing,
    /// VictoriaMetrics: parameters.
    ExtraFilters,
    /// Mimir: a header with policies for each of these tenants.
    LabelPolicy(Vec<String>),
}

impl Native {
    pub(super) fn of(settings: &Upstream) -> Native {
        if !settings.native_enforcement {
            return Native::Nothing;
        }
        match settings.kind {
            UpstreamKind::VictoriaMetrics => Native::ExtraFilters,
            UpstreamKind::Mimir => Native::LabelPolicy(tenants(settings)),
            UpstreamKind::Prometheus | UpstreamKind::Thanos => Native::Nothing,
        }
    }

    /// The parameters with what the scope adds. What would not fit into `limit_bytes` is left out: our own enforcement
    /// is in the query, and a longer list of namespaces must not be what makes it fail.
    pub(super) fn params(&self, scope: &NativeScope, path: &ApiPath, params: &str, limit_bytes: usize) -> Option<String> {
        if !self.is_in_params(path) {
            return None;
        }
        let together = params.len() + 1 + scope.filters.encoded().len();
        let fits = path.takes_form() || together <= limit_bytes;
        fits.then(|| match params {
            "" => scope.filters.encoded().to_owned(),
            params => format!("{params}&{}", scope.filters.encoded()),
        })
    }

    /// Whether requests for this path carry it as parameters.
    pub(super) fn is_in_params(&self, path: &ApiPath) -> bool {
        matches!(self, Native::ExtraFilters) && path.reads_series()
    }

    /// Sets the headers of the scope; false when they do not fit.
    pub(super) fn set_headers(&self, scope: &NativeScope, path: &ApiPath, headers: &mut HeaderMap) -> bool {
        let Native::LabelPolicy(tenants) = self else { return true };
        if !path.reads_series() || tenants.is_empty() {
            return true;
        }
        let policies = tenants.iter().flat_map(|tenant| scope.policies.iter().map(move |policy| format!("{tenant}:{policy}")));
        let policies: Vec<String> = policies.collect();
        let bytes: usize = policies.iter().map(|policy| policy.len() + 1).sum();
        match HeaderValue::from_str(&policies.join(",")) {
            Ok(value) if bytes <= HEADER_LIMIT_BYTES => {
                headers.insert(X_PROM_LABEL_POLICY, value);
                true
            }
            _ => false,
        }
    }
}

/// The tenants in the configured `X-Scope-OrgID`. A policy is for a tenant that is named; one with signs that Mimir does
/// not allow in a tenant could not be told from a policy.
fn tenants(settings: &Upstream) -> Vec<String> {
    let header = settings.auth.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-scope-orgid"));
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"!-_.*'()".contains(&byte);
    let named = header.map_or("", |(_, value)| value.expose());
    named.split('|').filter(|tenant| !tenant.is_empty() && tenant.bytes().all(is_sign)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use crate::promql::{MetricName, NameGuard, Refusal, Rule, TenantRules};

    struct Rules(Vec<Rule>);

    impl TenantRules for Rules {
        fn rule(&self, _name: MetricName<'_>) -> Result<Rule, Refusal> {
            Ok(Rule::Open(NameGuard::default()))
        }

        fn everything(&self) -> Vec<Rule> {
            self.0.clone()
        }
    }

    fn tenant(label: &str, values: &[&str], only: Option<&str>, except: Option<&str>) -> Rule {
        let names = NameGuard { only: only.map(Into::into), except: except.map(Into::into) };
        Rule::Tenant { label: label.into(), values: values.iter().map(|value| (*value).to_owned()).collect(), names }
    }

    fn scope(rules: Vec<Rule>) -> Option<NativeScope> {
        NativeScope::new(&ScopedSelectors::everything(&Rules(rules)).unwrap())
    }

    fn two_rules() -> NativeScope {
        let gpu = tenant("exported_namespace", &["a", "b"], Some("DCGM_.*"), None);
        scope(vec![gpu, tenant("namespace", &["a", "b"], None, Some("DCGM_.*"))]).unwrap()
    }

    fn upstream(kind: UpstreamKind, tenants: &str) -> Native {
        let mut settings = Upstream::new("a", "http://a".parse().unwrap());
        settings.kind = kind;
        settings.native_enforcement = true;
        settings.auth.headers.push(("X-Scope-OrgID".into(), Secret::new(tenants)));
        Native::of(&settings)
    }

    #[test]
    fn cluster_wide_scope_adds_nothing() {
        assert_eq!(scope(Vec::new()), None);
    }

    #[test]
    fn filters_are_one_for_each_rule() {
        let native = upstream(UpstreamKind::VictoriaMetrics, "");
        let params = native.params(&two_rules(), &ApiPath::Query, "query=up", 1 << 20).unwrap();
        let read: Vec<(String, String)> = form_urlencoded::parse(params.as_bytes()).into_owned().collect();
        assert_eq!(read[0], ("query".into(), "up".into()));
        let filters: Vec<&str> =
            read[1..].iter().map(|(name, value)| if name == "extra_filters[]" { value.as_str() } else { "" }).collect();
        assert_eq!(filters, ["{__name__=~\"DCGM_.*\",exported_namespace=~\"a|b\"}", "{__name__!~\"DCGM_.*\",namespace=~\"a|b\"}"]);
        assert!(native.set_headers(&two_rules(), &ApiPath::Query, &mut HeaderMap::new()));
    }

    #[test]
    fn only_paths_that_read_series_are_told() {
        let native = upstream(UpstreamKind::VictoriaMetrics, "");
        for path in [ApiPath::BuildInfo, ApiPath::FormatQuery, ApiPath::Rules, ApiPath::Metadata] {
            assert_eq!(native.params(&two_rules(), &path, "", 1 << 20), None, "{path:?}");
        }
        let too_long = native.params(&two_rules(), &ApiPath::Federate, "match[]=up", 40);
        assert_eq!(too_long, None, "a GET that would grow too long goes without");
    }

    #[test]
    fn policies_name_every_tenant() {
        let native = upstream(UpstreamKind::Mimir, "one|two|th,ree|a:b");
        let mut headers = HeaderMap::new();
        assert!(native.set_headers(&two_rules(), &ApiPath::QueryRange, &mut headers));
        let value = headers[X_PROM_LABEL_POLICY].to_str().unwrap();
        let read: Vec<(&str, String)> = value
            .split(',')
            .map(|policy| policy.split_once(':').unwrap())
            .map(|(tenant, selector)| (tenant, percent_encoding::percent_decode_str(selector).decode_utf8().unwrap().into_owned()))
            .collect();
        let selectors = ["{__name__=~\"DCGM_.*\",exported_namespace=~\"a|b\"}", "{__name__!~\"DCGM_.*\",namespace=~\"a|b\"}"];
        let expected: Vec<(&str, String)> =
            ["one", "two"].iter().flat_map(|tenant| selectors.map(|selector| (*tenant, selector.to_owned()))).collect();
        assert_eq!(read, expected);
        assert_eq!(native.params(&two_rules(), &ApiPath::Query, "query=up", 1 << 20), None);
    }

    #[test]
    fn a_policy_that_is_too_long_is_left_out() {
        let many: Vec<String> = (0..2000).map(|number| format!("namespace-{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let scope = scope(vec![tenant("namespace", &many, None, None)]).unwrap();
        let mut headers = HeaderMap::new();
        assert!(!upstream(UpstreamKind::Mimir, "one").set_headers(&scope, &ApiPath::Query, &mut headers));
        assert!(headers.is_empty());
    }

    #[test]
    fn others_are_told_nothing() {
        for kind in [UpstreamKind::Prometheus, UpstreamKind::Thanos] {
            let mut headers = HeaderMap::new();
            let native = upstream(kind, "one");
            assert!(native.set_headers(&two_rules(), &ApiPath::Query, &mut headers) && headers.is_empty());
            assert_eq!(native.params(&two_rules(), &ApiPath::Query, "query=up", 1 << 20), None);
        }
    }
}
