//! What is about a text only, or about the whole Prometheus: never kept.

use bytes::Bytes;

use super::engine::{Asker, Engine};
use super::outcome::Outcome;
use super::wire::scalar;
use super::{QueryError, Reply, SeriesSelection};
use crate::promql::ScopedSelectors;
use crate::upstream::{ApiPath, Call, ParamName, Params};

/// Paths about a text only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextPath {
    /// `/api/v1/format_query`
    Format,
    /// `/api/v1/parse_query`
    Parse,
}

/// Paths about the whole Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterPath {
    /// `/api/v1/targets`
    Targets,
    /// `/api/v1/targets/metadata`
    TargetsMetadata,
    /// `/api/v1/alertmanagers`
    Alertmanagers,
    /// `/api/v1/status/config`
    Config,
    /// `/api/v1/status/flags`
    Flags,
    /// `/api/v1/status/tsdb`
    Tsdb,
    /// `/api/v1/status/runtimeinfo`
    RuntimeInfo,
}

impl ClusterPath {
    /// The parameters that it takes.
    pub fn parameters(self) -> &'static [&'static str] {
        match self {
            ClusterPath::Targets => &["state", "scrapePool"],
            ClusterPath::TargetsMetadata => &["match_target", "metric", "limit"],
            ClusterPath::Tsdb => &["limit"],
            _ => &[],
        }
    }

    fn api_path(self) -> ApiPath {
        match self {
            ClusterPath::Targets => ApiPath::Targets,
            ClusterPath::TargetsMetadata => ApiPath::TargetsMetadata,
            ClusterPath::Alertmanagers => ApiPath::Alertmanagers,
            ClusterPath::Config => ApiPath::StatusConfig,
            ClusterPath::Flags => ApiPath::StatusFlags,
            ClusterPath::Tsdb => ApiPath::StatusTsdb,
            ClusterPath::RuntimeInfo => ApiPath::RuntimeInfo,
        }
    }
}

impl Engine {
    /// `/federate`. Without any `match[]` it answers nothing, as Prometheus does. Nobody is asked for it: another backend
    /// could take no selector for all series.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn federate(&self, asker: &Asker<'_>, selection: SeriesSelection) -> Result<Reply, QueryError> {
        if selection.matches.is_empty() {
            let content_type = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores".to_owned();
            return Ok(Reply { content_type, ..Reply::made(Bytes::new(), Outcome::default()) });
        }
        let params = self.selected(&*self.rules(asker.scope)?, &selection)?.params;
        self.read(asker, ApiPath::Federate, params).await
    }

    /// `/api/v1/format_query` and `/api/v1/parse_query`: refused here what the parser refuses, laid out by the upstream.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn about_text(&self, asker: &Asker<'_>, path: TextPath, text: &str) -> Result<Reply, QueryError> {
        crate::promql::parse(text, &self.options)?;
        let call = match path {
            TextPath::Format => Call::format_query(text, self.limits.response_bytes),
            TextPath::Parse => Call::parse_query(text, self.limits.response_bytes),
        };
        let upstreams = &self.parts.asking.upstreams;
        let origin = self.origin(asker, &*self.rules(asker.scope)?)?;
        self.pass(upstreams.hot(), call, &origin, Outcome::default()).await
    }

    /// Everything that tells about the whole Prometheus.
    ///
    /// # Errors
    /// Without cluster-wide scope.
    pub async fn about_cluster(
        &self,
        asker: &Asker<'_>,
        path: ClusterPath,
        asked: Vec<(&'static str, String)>,
    ) -> Result<Reply, QueryError> {
        if !asker.scope.is_cluster_wide() {
            return Err(QueryError::NeedsClusterScope);
        }
        let mut params = Params::new();
        for (name, value) in asked {
            params = match name {
                "state" => scalar(params, ParamName::STATE, &value)?,
                "scrapePool" => scalar(params, ParamName::SCRAPE_POOL, &value)?,
                "metric" => scalar(params, ParamName::METRIC, &value)?,
                "limit" => scalar(params, ParamName::LIMIT, &value)?,
                // A selector on target labels: read like any other, so that only a selector can go there.
                _ => {
                    let rules = self.rules(asker.scope)?;
                    let selectors = ScopedSelectors::new(&[value], &rules.rules, &self.options, self.conflict)
                        .map_err(|e| QueryError::Parameter(format!("invalid parameter \"match_target\": {}", e.error)))?;
                    selectors.texts().iter().fold(params, |params, text| params.match_target(text))
                }
            };
        }
        self.read(asker, path.api_path(), params).await
    }
}
