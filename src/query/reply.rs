//! What the engine answers.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;

use super::QueryError;
use super::ask::gathered;
use super::finished::Form;
use super::outcome::Outcome;

/// Which forms of a body the caller reads, besides the plain one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepts {
    /// gzip.
    pub gzip: bool,
}

/// An answer on its way to the caller.
pub struct Reply {
    /// 200, or 204 without a body: Prometheus' word for a question about exemplars that names no series.
    pub status: u16,
    /// As the upstream sent it.
    pub content_type: String,
    /// The bytes.
    pub body: ReplyBody,
    /// Where they come from.
    pub outcome: Outcome,
}

/// The bytes of an answer.
pub enum ReplyBody {
    /// They come from an upstream piece by piece; an error in the middle means that the answer is cut.
    Coming(UnsyncBoxBody<Bytes, QueryError>),
    /// All of them.
    Finished {
        /// As they go out.
        bytes: Bytes,
        /// How they are written.
        form: Form,
        /// What the content is, in whatever form, where the same may be asked for again.
        fingerprint: Option<u64>,
    },
}

impl ReplyBody {
    /// All bytes in one piece.
    ///
    /// # Errors
    /// When the upstream breaks off.
    pub(super) async fn gathered(self) -> Result<Bytes, QueryError> {
        match self {
            ReplyBody::Finished { bytes, .. } => Ok(bytes),
            ReplyBody::Coming(body) => gathered(body).await,
        }
    }
}

impl Reply {
    /// An answer in JSON that we made.
    pub(super) fn made(bytes: impl Into<Bytes>, outcome: Outcome) -> Reply {
        let body = ReplyBody::Finished { bytes: bytes.into(), form: Form::Plain, fingerprint: None };
        Reply { status: 200, content_type: "application/json".to_owned(), body, outcome }
    }

    /// An answer in JSON from what is kept.
    pub(super) fn finished(bytes: Bytes, form: Form, fingerprint: u64, outcome: Outcome) -> Reply {
        let body = ReplyBody::Finished { bytes, form, fingerprint: Some(fingerprint) };
        Reply { status: 200, content_type: "application/json".to_owned(), body, outcome }
    }
}
