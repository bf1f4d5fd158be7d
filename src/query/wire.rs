//! Typed requests as parameters for an upstream.

use std::time::Duration;

use super::QueryError;
use super::requests::{Evaluation, Stats, duration_seconds, seconds};
use crate::promql::EnforcedText;
use crate::upstream::{ParamName, Params};

/// Of `/api/v1/query`.
pub(super) fn instant_params(text: &EnforcedText, time_ms: Option<i64>, asked: &Evaluation) -> Result<Params, QueryError> {
    let params = Params::new().query(text);
    let params = match time_ms {
        Some(time) => scalar(params, ParamName::TIME, &seconds(time))?,
        None => params,
    };
    evaluation(params, asked)
}

/// Of `/api/v1/query_range`.
pub(super) fn range_params(
    text: &EnforcedText,
    start_ms: i64,
    end_ms: i64,
    step: Duration,
    asked: &Evaluation,
) -> Result<Params, QueryError> {
    let params = times(Params::new().query(text), Some(start_ms), Some(end_ms))?;
    evaluation(scalar(params, ParamName::STEP, &duration_seconds(step))?, asked)
}

pub(super) fn scalar(params: Params, name: ParamName, value: &str) -> Result<Params, QueryError> {
    params.scalar(name, value).map_err(|e| QueryError::Parameter(e.to_string()))
}

pub(super) fn times(mut params: Params, start_ms: Option<i64>, end_ms: Option<i64>) -> Result<Params, QueryError> {
    for (name, time) in [(ParamName::START, start_ms), (ParamName::END, end_ms)] {
        if let Some(time) = time {
            params = scalar(params, name, &seconds(time))?;
        }
    }
    Ok(params)
}

fn evaluation(mut params: Params, asked: &Evaluation) -> Result<Params, QueryError> {
    if let Some(timeout) = asked.timeout {
        params = scalar(params, ParamName::TIMEOUT, &duration_seconds(timeout))?;
    }
    if let Some(limit) = asked.limit {
        params = scalar(params, ParamName::LIMIT, &limit.to_string())?;
    }
    if let Some(lookback) = asked.lookback_delta {
        params = scalar(params, ParamName::LOOKBACK_DELTA, &duration_seconds(lookback))?;
    }
    match asked.stats {
        None => Ok(params),
        Some(Stats::PerStep) => scalar(params, ParamName::STATS, "all"),
        Some(Stats::Totals) => scalar(params, ParamName::STATS, "true"),
    }
}
