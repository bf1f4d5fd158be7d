//! Answers of other backends in the form that Prometheus gives them.

use std::borrow::Cow;

use crate::config::UpstreamKind;

const HEAD: &[u8] = br#"{"status":"success","isPartial":false,"data":"#;
const PLAIN_HEAD: &[u8] = br#"{"status":"success","data":"#;
const STATS: &[u8] = br#","stats":{"#;

/// The answer without what VictoriaMetrics puts around the data: `isPartial`, which has to be false, and `stats`. Other backends'
/// answers, and what does not look as expected, stay as they are.
pub(in crate::query) fn plain(kind: UpstreamKind, body: &[u8]) -> Cow<'_, [u8]> {
    if kind != UpstreamKind::VictoriaMetrics {
        return Cow::Borrowed(body);
    }
    let inner = match body.strip_prefix(HEAD) {
        Some(rest) => rest,
        None => match body.strip_prefix(PLAIN_HEAD) {
            Some(rest) => rest,
            None => return Cow::Borrowed(body),
        },
    };
    // In a string its quotes would be escaped, and no label set or histogram follows the end of the data.
    let Some(end) = memchr::memmem::rfind(inner, STATS).filter(|at| inner[..*at].ends_with(b"]}")) else {
        return Cow::Owned([PLAIN_HEAD, inner].concat());
    };
    Cow::Owned([PLAIN_HEAD, &inner[..end], b"}"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_the_data_goes() {
        let data = r#"{"resultType":"matrix","result":[{"metric":{"a":",\"stats\":{"},"values":[[1,"2"]]}]}"#;
        let prometheus = format!(r#"{{"status":"success","data":{data}}}"#);
        for (head, tail) in [
            (r#"{"status":"success","isPartial":false,"data":"#, r#","stats":{"seriesFetched": "1","executionTimeMsec":3}}"#),
            (r#"{"status":"success","data":"#, r#","stats":{"seriesFetched": "1"}}"#),
            (r#"{"status":"success","isPartial":false,"data":"#, "}"),
            (r#"{"status":"success","data":"#, "}"),
        ] {
            let body = format!("{head}{data}{tail}");
            assert_eq!(plain(UpstreamKind::VictoriaMetrics, body.as_bytes()), prometheus.as_bytes(), "{body}");
            assert_eq!(plain(UpstreamKind::Prometheus, body.as_bytes()), body.as_bytes());
        }
        for other in [r#"{"status":"success","isPartial":true,"data":{}}"#, r#"{"status":"error"}"#, ""] {
            assert_eq!(plain(UpstreamKind::VictoriaMetrics, other.as_bytes()), other.as_bytes());
        }
    }
}
