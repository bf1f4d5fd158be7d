//! Who did what.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use http::header::{ACCEPT, CONTENT_TYPE, LINK};
use http::{HeaderValue, Response};
use serde_json::{Value, json};

use super::super::error::{ApiError, OwnError};
use super::super::{Site, read};
use super::answer;
use super::caller::Caller;
use crate::dashboards::{AuditEntry, AuditFilter, rfc3339};
use crate::tenancy::Permission;

/// Lines on a page.
const USUAL: u64 = 100;
const MOST: u64 = 1_000;

/// A page, newest first: `{"items": […], "next": "…"}`, or one line of JSON each with `format=jsonl`.
pub(super) async fn list(State(site): State<Arc<Site>>, request: Request) -> Result<Response<Body>, OwnError> {
    let caller = Caller::reading(&site, request, Permission::AuditLogRead).await?;
    let text = |name| -> Result<Option<String>, ApiError> { Ok(caller.params.one(name)?.map(str::to_owned)) };
    let limit = read::count(&caller.params, "limit")?.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(ApiError::bad_request(format!("invalid parameter \"limit\": {limit} is not a number from 1 to {MOST}")).into());
    }
    let filter = AuditFilter {
        user: text("user")?,
        action: text("action")?,
        resource: text("resource")?,
        project: text("project")?,
        from: read::time(&caller.params, "from")?,
        to: read::time(&caller.params, "to")?,
        after: cursor(caller.params.one("cursor")?)?,
        limit: usize::try_from(limit).unwrap_or(1),
    };
    let page = site.dashboards.audit(&caller.scope, &filter).await?;
    let items: Vec<Value> = page.entries.iter().map(item).collect();
    let wants_lines = caller.headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"application/x-ndjson"));
    let mut response = match caller.params.one("format")? {
        Some("jsonl") => lines(&items),
        None if wants_lines => lines(&items),
        None | Some("json") => answer::value(&json!({"items": items, "next": page.next}))?,
        Some(other) => return Err(ApiError::bad_request(format!("invalid parameter \"format\": {other:?} is not json or jsonl")).into()),
    };
    if let Some(link) = page.next.and_then(|next| HeaderValue::from_str(&format!("<?limit={limit}&cursor={next}>; rel=\"next\"")).ok()) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

fn lines(items: &[Value]) -> Response<Body> {
    let mut response = answer::json(items.iter().map(|item| format!("{item}\n")).collect());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    response
}

fn cursor(text: Option<&str>) -> Result<Option<String>, ApiError> {
    let is_id = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text {
        Some(text) if !is_id(text) => Err(ApiError::bad_request("invalid parameter \"cursor\": take it from the page before")),
        other => Ok(other.map(str::to_owned)),
    }
}

fn item(entry: &AuditEntry) -> Value {
    json!({
        "id": entry.id,
        "time": rfc3339(entry.time),
        "user": entry.user,
        "action": entry.action,
        "resource": entry.resource,
        "project": entry.project,
        "name": entry.name,
        "version": entry.version,
        "outcome": entry.outcome,
        "address": entry.address,
        "request_id": entry.request_id,
    })
}
