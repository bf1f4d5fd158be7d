//! What tells about the whole Prometheus: with cluster-wide scope only.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::Response;

use super::super::{Call, PrometheusError, Site, pass};
use crate::query::ClusterPath;

macro_rules! handlers {
    ($($(#[$doc:meta])* $name:ident: $path:ident,)+) => {
        $($(#[$doc])* pub(super) async fn $name(State(site): State<Arc<Site>>, call: Call) -> Result<Response<Body>, PrometheusError> {
            about_cluster(&site, call, ClusterPath::$path).await
        })+
    };
}

handlers! {
    /// Scrape targets.
    targets: Targets,
    /// Metadata as each target tells it.
    targets_metadata: TargetsMetadata,
    /// Alertmanagers.
    alertmanagers: Alertmanagers,
    /// The configuration in force.
    status_config: Config,
    /// Command-line flags.
    status_flags: Flags,
    /// Cardinality statistics.
    status_tsdb: Tsdb,
    /// State of the process.
    status_runtimeinfo: RuntimeInfo,
}

async fn about_cluster(site: &Site, call: Call, path: ClusterPath) -> Result<Response<Body>, PrometheusError> {
    let params = path.parameters().iter().flat_map(|name| call.params.all(name).map(move |value| (*name, value.to_owned()))).collect();
    let reply = site.engine.about_cluster(&call.asker(), path, params).await?;
    Ok(pass::reply(reply, call).await?)
}
