//! `If-Match` and `If-None-Match`: which version a caller has, or means to replace.

use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};

use super::super::error::ApiError;
use crate::dashboards::{Dashboard, Expected};

/// What a change is to follow: `If-Match`, else the version in the document.
///
/// # Errors
/// When the request says neither: it would overwrite what its sender has not seen.
pub(super) fn expected(headers: &HeaderMap, version: Option<i64>) -> Result<Expected, ApiError> {
    match (if_match(headers)?, version) {
        (Some(expected), _) => Ok(expected),
        (None, Some(version)) => Ok(Expected::Version { id: None, version }),
        (None, None) => Err(ApiError::bad_request(
            "this would overwrite a version that is not known to have been seen: send If-Match with the ETag of the dashboard, or metadata.version",
        )),
    }
}

/// What `If-Match` says, when it is there.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<Expected>, ApiError> {
    let tags = tags(headers, &IF_MATCH)?;
    match tags.as_slice() {
        [] => Ok(None),
        [tag] if tag == "*" => Ok(Some(Expected::Any)),
        // A weak tag never matches here, and a tag that is none of ours matches no dashboard.
        [tag] => Ok(Some(
            tag.rsplit_once('.')
                .filter(|_| !tag.starts_with("W/"))
                .and_then(|(id, version)| Some(Expected::Version { id: Some(id.to_owned()), version: version.parse().ok()? }))
                .unwrap_or(Expected::Version { id: Some("none".to_owned()), version: i64::MAX }),
        )),
        _ => Err(ApiError::bad_request("If-Match names several versions: send the one that was loaded")),
    }
}

/// Whether the caller has this version already.
pub(super) fn is_known(headers: &HeaderMap, dashboard: &Dashboard) -> Result<bool, ApiError> {
    let current = dashboard.tag();
    Ok(tags(headers, &IF_NONE_MATCH)?.iter().any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == current))
}

/// The tags of a header without their quotes; weak ones keep their `W/`.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Vec<String>, ApiError> {
    let mut tags = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| ApiError::bad_request(format!("{name} has bytes that no entity tag has")))?;
        tags.extend(text.split(',').map(|tag| tag.trim().replace('"', "")).filter(|tag| !tag.is_empty()));
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(IF_MATCH, value.parse().unwrap())])
    }

    #[test]
    fn a_change_says_what_it_follows() {
        let version = |id: Option<&str>, version| Expected::Version { id: id.map(str::to_owned), version };
        assert_eq!(expected(&headers("\"abc.3\""), Some(9)).unwrap(), version(Some("abc"), 3));
        assert_eq!(expected(&headers("*"), None).unwrap(), Expected::Any);
        assert_eq!(expected(&HeaderMap::new(), Some(9)).unwrap(), version(None, 9));
        for never in ["W/\"abc.3\"", "\"abc\"", "\"abc.x\""] {
            assert_eq!(expected(&headers(never), Some(3)).unwrap(), version(Some("none"), i64::MAX), "{never}");
        }
        for (headers, version) in [(HeaderMap::new(), None), (headers("\"a.1\", \"a.2\""), Some(1))] {
            assert_eq!(expected(&headers, version).unwrap_err().code, "INVALID_REQUEST");
        }
    }
}
