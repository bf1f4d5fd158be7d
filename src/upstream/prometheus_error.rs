//! Which error texts of an upstream a caller may read.

use serde::Deserialize;

/// Longest text passed on, in bytes.
const TEXT_LIMIT_BYTES: usize = 4096;

/// An error in Prometheus' words, fit for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicError {
    /// `errorType` of the answer.
    pub error_type: &'static str,
    /// `error` of the answer.
    pub message: String,
    /// The upstream's own text where `message` replaces it, for logs only.
    pub withheld: Option<String>,
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    error: Option<String>,
}

/// Reads the body of an error answer.
///
/// Texts of the types below speak about the caller's own query, and the query that reached the upstream was the
/// enforced one: whatever the text quotes (a position, the caller's label names, a duplicate pair of series found while
/// matching) comes from the expression or from series that its matchers let through. The matchers themselves may
/// appear; they are the caller's own scope. Other tenants' series cannot, for they were never selected.
/// `internal` errors and texts that are not Prometheus' JSON (proxies, stack traces, storage) know no such bound: blocks,
/// addresses and other queries may be in them, so they are replaced.
pub fn prometheus_error(status: u16, body: &[u8]) -> PublicError {
    let parsed: Option<ErrorBody> = serde_json::from_slice(body).ok();
    let speaks_of_query = parsed.as_ref().and_then(|parsed| parsed.error_type.as_deref()).and_then(known_type);
    match (speaks_of_query, parsed.and_then(|parsed| parsed.error)) {
        (Some(error_type), Some(message)) => PublicError { error_type, message: cut(message), withheld: None },
        (_, withheld) => {
            let withheld = withheld.unwrap_or_else(|| String::from_utf8_lossy(&body[..body.len().min(TEXT_LIMIT_BYTES)]).into_owned());
            let (error_type, message) = generic(status);
            PublicError { error_type, message: message.to_owned(), withheld: Some(cut(withheld)) }
        }
    }
}

/// The types whose texts are about the query itself. `&'static` so that no upstream can invent a type.
fn known_type(error_type: &str) -> Option<&'static str> {
    const PASSED_ON: [&str; 9] = [
        "bad_data",
        "execution",
        "timeout",
        "canceled",
        "not_found",
        "not_acceptable",
        "unavailable",
        "too_many_requests",
        "too_many_samples",
    ];
    PASSED_ON.into_iter().find(|known| *known == error_type)
}

fn generic(status: u16) -> (&'static str, &'static str) {
    match status {
        400 | 405 | 413 | 414 => ("bad_data", "the upstream did not accept the request"),
        404 => ("not_found", "the upstream does not serve this path"),
        422 => ("execution", "the upstream could not execute the query"),
        429 => ("too_many_requests", "the upstream has too many requests under way"),
        502..=504 => ("unavailable", "the upstream is not available"),
        _ => ("internal", "the upstream failed to answer"),
    }
}

fn cut(mut text: String) -> String {
    let end = text.floor_char_boundary(TEXT_LIMIT_BYTES);
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_about_the_query_pass_and_others_do_not() {
        for (status, body, error_type, message) in [
            (400, r#"{"status":"error","errorType":"bad_data","error":"1:3: parse error"}"#, "bad_data", "1:3: parse error"),
            (422, r#"{"status":"error","errorType":"execution","error":"many-to-many"}"#, "execution", "many-to-many"),
            (503, r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#, "timeout", "query timed out"),
            (
                500,
                r#"{"status":"error","errorType":"internal","error":"block /data/01H: ns=b"}"#,
                "internal",
                "the upstream failed to answer",
            ),
            (500, r#"{"status":"error","errorType":"secret","error":"ns=b"}"#, "internal", "the upstream failed to answer"),
            (502, "<html>nginx at 10.0.0.7</html>", "unavailable", "the upstream is not available"),
            (404, "404 page not found", "not_found", "the upstream does not serve this path"),
            (400, r#"{"errorType":"bad_data"}"#, "bad_data", "the upstream did not accept the request"),
            (500, "", "internal", "the upstream failed to answer"),
        ] {
            let error = prometheus_error(status, body.as_bytes());
            assert_eq!((error.error_type, error.message.as_str()), (error_type, message), "{body}");
            assert_eq!(error.withheld.is_none(), body.contains(message), "{body}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let body = format!(r#"{{"errorType":"execution","error":"{}"}}"#, "ü€".repeat(3000));
        let message = prometheus_error(422, body.as_bytes()).message;
        assert!(message.len() <= TEXT_LIMIT_BYTES && message.len() > TEXT_LIMIT_BYTES - 4);
    }
}
