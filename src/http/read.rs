//! Reads values of parameters into types.

use std::time::Duration;

use super::params::{ParamError, Params};
use super::time::{parse_duration, parse_time};

/// A moment, in milliseconds since 1970.
pub(super) fn time(params: &Params, name: &'static str) -> Result<Option<i64>, ParamError> {
    parsed(params, name, parse_time)
}

/// A duration that is not negative.
pub(super) fn duration(params: &Params, name: &'static str) -> Result<Option<Duration>, ParamError> {
    parsed(params, name, parse_duration)
}

/// A number that is not negative; 0 is "no limit" where Prometheus has it so.
pub(super) fn count(params: &Params, name: &'static str) -> Result<Option<u64>, ParamError> {
    parsed(params, name, |text| {
        let shown = || format!("{text:?} is not a number from 0 on");
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if digits { text.parse().map_err(|_| shown()) } else { Err(shown()) }
    })
}

/// A number where a negative one means "no limit".
pub(super) fn signed_count(params: &Params, name: &'static str) -> Result<Option<usize>, ParamError> {
    let number = parsed(params, name, |text| text.parse::<i64>().map_err(|_| format!("{text:?} is not a number")))?;
    Ok(number.and_then(|n| usize::try_from(n).ok()))
}

fn parsed<T>(params: &Params, name: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, ParamError> {
    params.one(name)?.map(|text| parse(text).map_err(|reason| ParamError::Invalid { name, reason })).transpose()
}
