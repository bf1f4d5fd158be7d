//! Out in several forms, in from them, and from one project to another.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Site;
use super::super::error::{ApiError, OwnError};
use super::answer;
use super::caller::{Caller, read_document};
use crate::dashboards::{
    Action, Dashboard, Event, Expected, Incoming, IncomingError, Members, NewDashboard, Outcome, Save, Search, StoreError, merged,
    pack_archive, read_incoming, to_resource, to_yaml, unpack_archive,
};
use crate::tenancy::{Namespace, Permission, Scope};

/// Dashboards that one archive of a project has.
const MOST: usize = 1_000;

/// What `clone` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Copy {
    /// The project of the copy; without one the same.
    project: Option<String>,
    /// The name of the copy.
    name: String,
    /// Its title; without one the same.
    title: Option<String>,
}

/// One dashboard as JSON, YAML or custom resource.
pub(super) async fn export(
    State(site): State<Arc<Site>>,
    Path((project, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::reading(&site, request, Permission::DashboardRead).await?;
    let project = caller.project(&project)?;
    let read = site.dashboards.get(project.as_str(), &name).await?;
    let (body, kind, ending) = written(&read.dashboard, caller.params.one("format")?)?;
    let response = as_file(answer::read(&read, body), kind, &format!("{name}.{ending}"));
    note_export(&site, &caller, project.as_str(), &name, Some(read.dashboard.version)).await;
    Ok(response)
}

/// Every dashboard of a project, as an archive of such files.
pub(super) async fn export_project(
    State(site): State<Arc<Site>>,
    Path(project): Path<String>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::reading(&site, request, Permission::DashboardRead).await?;
    let project = caller.project(&project)?;
    let scope = Scope::of([project.clone()]);
    let format = caller.params.one("format")?;
    let mut files = Vec::new();
    let mut search = Search { limit: 100, ..Search::default() };
    loop {
        let found = site.dashboards.search(&scope, &search).await?;
        if found.total > MOST as u64 {
            return Err(ApiError::bad_request(format!(
                "the project has {} dashboards, an archive at most {MOST}: export them one by one",
                found.total
            ))
            .into());
        }
        for dashboard in &found.dashboards {
            let (text, _, ending) = written(dashboard, format)?;
            files.push((format!("{}.{ending}", dashboard.name), text));
        }
        search.cursor = found.next;
        if search.cursor.is_none() {
            break;
        }
    }
    let work = tokio::task::spawn_blocking(move || pack_archive(&files));
    let bytes = work.await.map_err(|_| ApiError::internal())?.map_err(|error| ApiError::bad_request(error.to_string()))?;
    note_export(&site, &caller, project.as_str(), "*", None).await;
    let mut response = answer::json(String::new());
    *response.body_mut() = Body::from(bytes);
    Ok(as_file(response, "application/zip", &format!("{project}.zip")))
}

/// A dashboard of any form, or an archive of several.
pub(super) async fn import(
    State(site): State<Arc<Site>>,
    Path(project): Path<String>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::changing(&site, request, Permission::DashboardCreate, Action::Create, (&project, "")).await?;
    let project = caller.project(&project)?;
    let replace = match caller.params.one("replace")? {
        Some("true") => true,
        None | Some("false") => false,
        Some(other) => return Err(ApiError::bad_request(format!("invalid parameter \"replace\": {other:?} is not true or false")).into()),
    };
    if replace && !caller.identity.may(Permission::DashboardUpdate) {
        return Err(ApiError::forbidden("to replace dashboards this needs the permission Dashboard:update").into());
    }
    let kind = caller.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim() {
        "application/zip" | "application/x-zip-compressed" => Ok(import_archive(&site, &caller, &project, replace).await?),
        "application/json" | "application/yaml" | "application/x-yaml" | "text/yaml" => {
            let text = std::str::from_utf8(&caller.body).map_err(|_| ApiError::bad_request("the body is not UTF-8"))?;
            Ok(answer::value(&[import_one(&site, &caller, &project, text.to_owned(), replace).await?])?)
        }
        _ => {
            let message = "send application/json, application/yaml or application/zip";
            Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_data", "INVALID_REQUEST", message).into())
        }
    }
}

/// Another one like it.
pub(super) async fn clone(
    State(site): State<Arc<Site>>,
    Path((project, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::changing(&site, request, Permission::DashboardCreate, Action::Create, (&project, &name)).await?;
    if !caller.identity.may(Permission::DashboardRead) {
        return Err(ApiError::forbidden("this needs the permission Dashboard:read").into());
    }
    let source = caller.project(&project)?;
    let copy: Copy =
        serde_json::from_str(caller.json()?).map_err(|error| ApiError::bad_request(format!("the body is not understood: {error}")))?;
    let target = copy.project.as_deref().map_or(Ok(source.clone()), |project| caller.project(project))?;
    let read = site.dashboards.get(source.as_str(), &name).await?;
    let mut change =
        json!({"metadata": {"name": copy.name, "project": target.as_str(), "version": null, "createdAt": null, "updatedAt": null}});
    if let Some(title) = copy.title {
        change["spec"] = json!({"display": {"name": title}});
    }
    let document = read_document(merged(&read.dashboard.text(), &change.to_string()), target.as_str(), None).await?;
    let message = format!("copy of {source}/{name}, version {}", read.dashboard.version);
    let new = NewDashboard { document: &document, template: read.dashboard.template.as_deref(), key: None, message: &message };
    Ok(answer::document(&site.dashboards.create(&caller.actor(), new).await?.dashboard))
}

async fn import_archive(site: &Site, caller: &Caller, project: &Namespace, replace: bool) -> Result<Response<Body>, ApiError> {
    let bytes = caller.body.clone();
    let work = tokio::task::spawn_blocking(move || unpack_archive(&bytes));
    let files = work.await.map_err(|_| ApiError::internal())?.map_err(|error| ApiError::bad_request(error.to_string()))?;
    if files.is_empty() {
        return Err(ApiError::bad_request("the archive has no files"));
    }
    let mut lines = Vec::new();
    for (file, text) in files {
        let mut line = match import_one(site, caller, project, text, replace).await {
            Ok(line) => line,
            // The rest would not go better.
            Err(error) if error.status.is_server_error() => return Err(error),
            Err(error) => {
                json!({"outcome": "refused", "code": error.code, "reason": error.message, "details": error.details.map(|details| *details)})
            }
        };
        line["file"] = Value::from(file);
        lines.push(line);
    }
    answer::value(&lines)
}

async fn import_one(site: &Site, caller: &Caller, project: &Namespace, text: String, replace: bool) -> Result<Value, ApiError> {
    let Incoming { text, notes } = incoming(site, text).await?;
    // It belongs to the project of the path, wherever it comes from.
    let document = read_document(at_home(&text, project), project.as_str(), None).await?;
    let new = NewDashboard { document: &document, template: None, key: None, message: "imported" };
    let (dashboard, outcome) = match site.dashboards.create(&caller.actor(), new).await {
        Ok(created) => (created.dashboard, "created"),
        Err(StoreError::NameTaken { .. }) if replace => {
            let save = Save { document: &document, expected: Expected::Any, message: "imported", action: Action::Update };
            (site.dashboards.save(&caller.actor(), save).await?, "replaced")
        }
        Err(error) => return Err(error.into()),
    };
    Ok(json!({"name": dashboard.name, "outcome": outcome, "version": dashboard.version, "notes": notes}))
}

/// A Perses dashboard of whatever was sent; one of Grafana by way of a Perses server.
async fn incoming(site: &Site, text: String) -> Result<Incoming, ApiError> {
    let read = async |text: String| tokio::task::spawn_blocking(move || read_incoming(&text)).await.map_err(|_| ApiError::internal());
    let found = match (read(text).await?, &site.perses) {
        (Err(IncomingError::Grafana(grafana)), Some(perses)) => read(perses.migrate(&grafana).await?).await?,
        (found, _) => found,
    };
    found.map_err(|error| ApiError::bad_request(error.to_string()))
}

fn at_home(text: &str, project: &Namespace) -> String {
    let Some(mut document) = Members::read(text) else { return text.to_owned() };
    let mut metadata = document.get("metadata").and_then(Members::read).unwrap_or_default();
    metadata.set("project", project.as_str());
    metadata.remove("version");
    document.set_text("metadata", metadata.to_text());
    document.to_text()
}

/// Text, content type and ending.
fn written(dashboard: &Dashboard, format: Option<&str>) -> Result<(String, &'static str, &'static str), ApiError> {
    match format {
        None | Some("json") => Ok((dashboard.text(), "application/json", "json")),
        Some("yaml") => Ok((to_yaml(&dashboard.text()), "application/yaml", "yaml")),
        Some("cr") => Ok((to_yaml(&to_resource(&dashboard.text())), "application/yaml", "cr.yaml")),
        Some(other) => {
            let shown: String = other.chars().take(40).collect();
            Err(ApiError::bad_request(format!("invalid parameter \"format\": {shown:?} is not json, yaml or cr")))
        }
    }
}

/// Names of dashboards and projects have no characters that a header or a file could not have.
fn as_file(mut response: Response<Body>, kind: &'static str, name: &str) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    response
}

/// What goes out is written down; a database that is away does not keep it in.
async fn note_export(site: &Site, caller: &Caller, project: &str, name: &str, version: Option<i64>) {
    let event = Event { action: Action::Export, project, name, version, outcome: Outcome::Success };
    if let Err(error) = site.dashboards.note(&caller.actor(), event).await {
        tracing::warn!(%error, "an export is missing in the audit log");
    }
}
