//! `/api/v1/metadata`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::Response;

use super::super::{Call, PrometheusError, Site, pass, read};
use crate::query::{MetadataLimits, MetadataSelection};

/// Type, help and unit of the metrics that the caller has series of.
pub(super) async fn metadata(State(site): State<Arc<Site>>, call: Call) -> Result<Response<Body>, PrometheusError> {
    let selection = MetadataSelection {
        metric: call.params.one("metric")?.map(str::to_owned),
        limits: MetadataLimits {
            metrics: read::signed_count(&call.params, "limit")?,
            per_metric: read::signed_count(&call.params, "limit_per_metric")?.filter(|most| *most > 0),
        },
    };
    let reply = site.engine.metadata(&call.asker(), selection).await?;
    Ok(pass::reply(reply, call).await?)
}
