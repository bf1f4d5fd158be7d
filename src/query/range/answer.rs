//! From blocks to the bytes of an answer.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::entry::{GridEntry, Snapshot};
use crate::query::finished::Form;
use crate::query::parts::Parts;
use crate::query::{Accepts, QueryError};
use crate::series::{Edges, Series};

/// Shorter answers fit into a packet or two as they are.
const WORTH_COMPRESSING: usize = 1400;
/// Compressing what nobody has compressed before takes milliseconds for more than this: it leaves the async threads.
const LONG_BYTES: usize = 64 * 1024;
/// Longer bodies are put together each time: that costs less than the memory.
const LONGEST_FINISHED: usize = 1024 * 1024;

/// A body.
pub(super) struct Made {
    pub(super) bytes: Bytes,
    pub(super) form: Form,
    /// What the content is; it changes when the content does.
    pub(super) fingerprint: u64,
    /// Points of all series in it.
    pub(super) points: u64,
    /// Series and bytes before compression, when it was put together just now.
    pub(super) size: Option<(u64, u64)>,
}

/// The answer for a window whose points are all known.
///
/// # Errors
/// When it has more series or bytes than `limits:` allow.
pub(super) async fn body(
    parts: &Parts,
    entry: &GridEntry,
    snapshot: &Snapshot,
    window: &Range<i64>,
    accepts: Accepts,
) -> Result<Made, QueryError> {
    let fingerprint = entry.fingerprint(window, snapshot.version);
    for form in [Form::Gzip, Form::Plain] {
        if (form == Form::Plain || accepts.gzip)
            && let Some((bytes, points)) = entry.finished(window, form, snapshot.version)
        {
            return Ok(Made { bytes, form, fingerprint, points, size: None });
        }
    }
    let cut = snapshot.series.cut(window.clone());
    let limits = &parts.asking.limits;
    let series = cut.series_count() as u64;
    if series > limits.series {
        return Err(QueryError::TooManySeries { limit: limits.series });
    }
    if cut.len() as u64 > limits.response_bytes {
        return Err(QueryError::TooManyBytes { limit: limits.response_bytes });
    }
    let points = cut.points() as u64;
    let form = if accepts.gzip && cut.len() >= WORTH_COMPRESSING { Form::Gzip } else { Form::Plain };
    let length = cut.len();
    let bytes = match form {
        Form::Plain => cut.plain().into(),
        Form::Gzip if length <= LONG_BYTES || entry.was_compressed() => cut.gzip(Edges::Small).into(),
        Form::Gzip => {
            drop(cut);
            compressed(snapshot.series.clone(), window.clone()).await?
        }
    };
    let bytes = if length <= LONGEST_FINISHED {
        let finished = (bytes, points);
        entry.finish(window, form, snapshot.version, &finished);
        finished.0
    } else {
        bytes
    };
    Ok(Made { bytes, form, fingerprint, points, size: Some((series, length as u64)) })
}

async fn compressed(series: Arc<Series>, window: Range<i64>) -> Result<Bytes, QueryError> {
    let job = tokio::task::spawn_blocking(move || series.cut(window).gzip(Edges::Small));
    Ok(job.await.map_err(|_| QueryError::FetchGivenUp)?.into())
}
