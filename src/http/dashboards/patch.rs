//! `PATCH`: a few members of a dashboard, without sending all of it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use http::Response;
use serde_json::Value;

use super::super::Site;
use super::super::error::{ApiError, OwnError};
use super::caller::{Caller, read_document};
use super::{answer, precondition};
use crate::dashboards::{Action, Expected, Members, Save, StoreError, merged};
use crate::tenancy::Permission;

/// What may be changed in this way.
const KNOWN: [&str; 5] = ["metadata.state", "metadata.tags", "metadata.version", "spec.display.name", "spec.display.description"];
/// How often a patch without a version is laid over what somebody else has saved meanwhile.
const ATTEMPTS: usize = 5;

/// RFC 7396: state, tags and display.
pub(super) async fn patch(
    State(site): State<Arc<Site>>,
    Path((project, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::changing(&site, request, Permission::DashboardUpdate, Action::Update, (&project, &name)).await?;
    let project = caller.project(&project)?;
    let text = caller.json()?;
    let patch: Value = serde_json::from_str(text).map_err(|error| ApiError::bad_request(format!("the body is not JSON: {error}")))?;
    expect_known(&patch)?;
    let version = patch.pointer("/metadata/version").and_then(Value::as_i64);
    let asked = precondition::if_match(&caller.headers)?.or(version.map(|version| Expected::Version { id: None, version }));
    for attempt in 1.. {
        let read = site.dashboards.get(project.as_str(), &name).await?;
        if read.stale_since.is_some() {
            return Err(StoreError::Away("a patch cannot be laid over what is in memory".to_owned()).into());
        }
        let document = read_document(merged(&read.dashboard.text(), text), project.as_str(), Some(&name)).await?;
        let seen = Expected::Version { id: Some(read.dashboard.id.clone()), version: read.dashboard.version };
        let expected = match &asked {
            None | Some(Expected::Any) => seen,
            Some(expected) => expected.clone(),
        };
        let save = Save { document: &document, expected, message: caller.message()?, action: Action::Update };
        match site.dashboards.save(&caller.actor(), save).await {
            Err(StoreError::Conflict(_)) if asked.is_none() && attempt < ATTEMPTS => {}
            saved => {
                let saved = saved?;
                return Ok(answer::document(&saved));
            }
        }
    }
    Err(ApiError::internal().into())
}

/// Everything that the patch touches.
fn expect_known(patch: &Value) -> Result<(), ApiError> {
    let mut touched = Vec::new();
    leaves(patch, String::new(), &mut touched);
    match touched.iter().find(|path| !KNOWN.contains(&path.as_str())) {
        Some(path) => {
            let shown: String = path.chars().take(100).collect();
            let message = format!("{shown:?} cannot be patched: this takes {}; send the whole dashboard with PUT", KNOWN.join(", "));
            Err(ApiError::bad_request(message))
        }
        None if touched.is_empty() => Err(ApiError::bad_request(format!("the patch changes nothing: this takes {}", KNOWN.join(", ")))),
        None => Ok(()),
    }
}

fn leaves(value: &Value, path: String, touched: &mut Vec<String>) {
    match value {
        Value::Object(members) if !KNOWN.contains(&path.as_str()) => {
            for (key, below) in members {
                leaves(below, if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, touched);
            }
        }
        _ => touched.push(path),
    }
}

/// The version in a body that is a list of members.
pub(super) fn without_version(text: &str) -> String {
    let Some(mut document) = Members::read(text) else { return text.to_owned() };
    if let Some(mut metadata) = document.get("metadata").and_then(Members::read) {
        metadata.remove("version");
        document.set_text("metadata", metadata.to_text());
    }
    document.to_text()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_patch_touches_what_it_may() {
        for patch in [
            json!({"metadata": {"state": "draft", "tags": ["a"]}}),
            json!({"spec": {"display": {"name": null}}}),
            json!({"metadata": {"tags": null, "version": 1}}),
        ] {
            assert!(expect_known(&patch).is_ok(), "{patch}");
        }
        for (patch, words) in [
            (json!({"spec": {"panels": {"a": 1}}}), "\"spec.panels.a\" cannot be patched"),
            (json!({"metadata": null}), "\"metadata\" cannot be patched"),
            (json!({"metadata": {"name": "x"}}), "metadata.tags"),
            (json!({}), "changes nothing"),
            (json!([1]), "\"\" cannot be patched"),
        ] {
            let message = expect_known(&patch).unwrap_err().message;
            assert!(message.contains(words), "{patch}: {message}");
        }
        assert_eq!(without_version(r#"{"spec":{},"metadata":{"version":3,"name":"n"}}"#), r#"{"spec":{},"metadata":{"name":"n"}}"#);
    }
}
