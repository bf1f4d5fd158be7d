//! What L1 holds, and what each entry is about.

use std::sync::Arc;

use super::range::GridEntry;
use super::whole::WholeEntry;
use crate::cache::{Local, Weighted};
use crate::promql::ScopedQuery;

/// L1 as the engine uses it.
pub(super) type Memory = Local<Kept>;

/// One entry.
pub(super) enum Kept {
    /// A range query's points.
    Grid(Box<GridEntry>),
    /// A whole answer to one very question.
    Whole(WholeEntry),
}

impl Kept {
    pub(super) fn subject(&self) -> &Subject {
        match self {
            Kept::Grid(entry) => &entry.subject,
            Kept::Whole(entry) => &entry.subject,
        }
    }
}

impl Weighted for Kept {
    fn weight_bytes(&self) -> u64 {
        match self {
            Kept::Grid(entry) => entry.weight_bytes(),
            Kept::Whole(entry) => entry.weight_bytes(),
        }
    }
}

/// What an entry is about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// The upstreams that it comes from.
    pub(super) upstream: Arc<str>,
    /// The metrics that it reads; none is any.
    metrics: Option<Box<[Box<str>]>>,
    /// The namespaces that it may hold series of; none is any.
    namespaces: Option<Vec<Arc<[String]>>>,
}

/// Which entries are meant: those that fit everything that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Entries of this upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// Entries that may hold series of this namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Entries that may read this metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
}

impl Subject {
    /// Of a query.
    pub(super) fn of(upstream: Arc<str>, query: &ScopedQuery) -> Subject {
        let metrics: Option<Vec<Box<str>>> = query.selectors().iter().map(|selector| selector.metric.as_deref().map(Box::from)).collect();
        Subject { upstream, metrics: metrics.map(Vec::into_boxed_slice), namespaces: query.tenants() }
    }

    /// Of something that may be about everything that the upstream has.
    pub(super) fn anything(upstream: Arc<str>) -> Subject {
        Subject { upstream, metrics: None, namespaces: None }
    }

    /// Whether the entry is one of those meant. In doubt it is.
    pub(super) fn fits(&self, wanted: &Selection) -> bool {
        let upstream = wanted.upstream.as_deref().is_none_or(|name| self.upstream.split('+').any(|own| own == name));
        let metric = match (&wanted.metric, &self.metrics) {
            (Some(wanted), Some(own)) => own.iter().any(|name| **name == **wanted),
            _ => true,
        };
        let namespace = match (&wanted.namespace, &self.namespaces) {
            (Some(wanted), Some(own)) => own.iter().any(|names| names.contains(wanted)),
            _ => true,
        };
        upstream && metric && namespace
    }

    pub(super) fn weight_bytes(&self) -> usize {
        // The names of namespaces belong to the rules of the scope, which all its entries share.
        self.metrics.as_ref().map_or(0, |all| all.iter().map(|name| name.len() + 16).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::{ConflictMode, Options};
    use crate::tenancy::{Namespace, Policy, Scope};

    fn subject(scope: &Scope, text: &str) -> Subject {
        let rules = Policy::new(&crate::config::TenantLabels::shipped()).for_scope(scope);
        let query = ScopedQuery::new(text, &rules, &Options::default(), ConflictMode::Empty).unwrap();
        Subject::of("hot+cold".into(), &query)
    }

    #[test]
    fn what_is_meant_and_what_is_not() {
        let team = Scope::of([Namespace::new("team-a").unwrap()]);
        let wanted = |upstream: &str, namespace: &str, metric: &str| {
            let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            Selection { upstream: some(upstream), namespace: some(namespace), metric: some(metric) }
        };
        let up = subject(&team, "up + http_requests_total");
        for (upstream, namespace, metric, fits) in [
            ("", "", "", true),
            ("hot", "", "", true),
            ("cold", "team-a", "up", true),
            ("col", "", "", false),
            ("", "team-b", "", false),
            ("", "", "http_requests_total", true),
            ("", "", "http_requests", false),
            ("hot", "team-a", "down", false),
        ] {
            assert_eq!(up.fits(&wanted(upstream, namespace, metric)), fits, "{upstream} {namespace} {metric}");
        }
        assert!(subject(&team, r#"{job="x"}"#).fits(&wanted("", "", "anything")), "it may read any metric");
        assert!(subject(&Scope::ClusterWide, "up").fits(&wanted("", "team-z", "")), "it may hold every namespace");
        assert!(Subject::anything("p".into()).fits(&wanted("p", "a", "b")));
    }
}
