//! Family 1 of the API: Prometheus' own paths, enforced. One file per group of paths.

mod cluster;
mod exemplars;
mod format;
mod local;
mod metadata;
pub(super) mod query;
mod rules;
pub(super) mod series;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use super::Site;
use super::methods::{both, read};

/// Every path of the family; what is not here does not exist.
pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/api/v1/query", both(get(query::instant).post(query::instant)))
        .route("/api/v1/query_range", both(get(query::range).post(query::range)))
        .route("/api/v1/query_exemplars", both(get(exemplars::exemplars).post(exemplars::exemplars)))
        .route("/api/v1/series", both(get(series::series).post(series::series)))
        .route("/api/v1/labels", both(get(series::labels).post(series::labels)))
        .route("/api/v1/label/{name}/values", read(get(series::label_values)))
        .route("/api/v1/format_query", both(get(format::format_query).post(format::format_query)))
        .route("/api/v1/parse_query", both(get(format::parse_query).post(format::parse_query)))
        .route("/api/v1/metadata", read(get(metadata::metadata)))
        .route("/api/v1/rules", read(get(rules::rules)))
        .route("/api/v1/alerts", read(get(rules::alerts)))
        .route("/federate", read(get(series::federate)))
        .route("/api/v1/status/buildinfo", read(get(local::buildinfo)))
        .route("/-/healthy", read(get(local::healthy)))
        .route("/-/ready", read(get(local::ready)))
        .route("/api/v1/targets", read(get(cluster::targets)))
        .route("/api/v1/targets/metadata", read(get(cluster::targets_metadata)))
        .route("/api/v1/alertmanagers", read(get(cluster::alertmanagers)))
        .route("/api/v1/status/config", read(get(cluster::status_config)))
        .route("/api/v1/status/flags", read(get(cluster::status_flags)))
        .route("/api/v1/status/tsdb", read(get(cluster::status_tsdb)))
        .route("/api/v1/status/runtimeinfo", read(get(cluster::status_runtimeinfo)))
}
