//! Templates and presets: listed, used, and made by those who see the whole cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use http::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Site;
use super::super::error::{ApiError, OwnError};
use super::answer;
use super::caller::{Caller, read_document};
use crate::dashboards::{Action, NewDashboard, Problem, Reach, StoreError, Template, presets, rfc3339};
use crate::tenancy::Permission;

/// What `from-template` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// Its id.
    template: String,
    /// The name of the new dashboard.
    name: String,
    /// Its title; without one the template's, with the name of what it is about.
    title: Option<String>,
    /// What the template asks for.
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

/// Built-in ones, those of the folder, and custom ones.
pub(super) async fn list(State(site): State<Arc<Site>>, request: Request) -> Result<Response<Body>, OwnError> {
    let caller = Caller::reading(&site, request, Permission::TemplateRead).await?;
    let category = caller.params.one("category")?;
    let mut list: Vec<Value> = site.dashboards.templates().iter().map(|template| head(template, true)).collect();
    for kept in site.dashboards.kept_templates().await? {
        list.push(head(&kept.template, false));
    }
    list.retain(|template| category.is_none_or(|category| template["category"] == category));
    Ok(answer::value(&list)?)
}

/// The whole of one.
pub(super) async fn one(State(site): State<Arc<Site>>, Path(id): Path<String>, request: Request) -> Result<Response<Body>, OwnError> {
    Caller::reading(&site, request, Permission::TemplateRead).await?;
    if let Some(template) = site.dashboards.templates().get(&id) {
        return Ok(answer::value(&whole(template, true)?)?);
    }
    let kept = site.dashboards.kept_template(&id).await?;
    let mut value = whole(&kept.template, false)?;
    value["version"] = json!(kept.version);
    value["updated_by"] = json!(kept.updated_by);
    value["updated_at"] = json!(rfc3339(kept.updated_at));
    Ok(answer::value(&value)?)
}

/// Single panels, as Perses has them.
pub(super) async fn list_presets(State(site): State<Arc<Site>>, request: Request) -> Result<Response<Body>, OwnError> {
    Caller::reading(&site, request, Permission::TemplateRead).await?;
    let presets = presets().map_err(|_| ApiError::internal())?;
    let list: Vec<Value> = presets
        .iter()
        .map(|preset| json!({"id": preset.id, "title": preset.title, "description": preset.description, "kind": preset.kind, "panel": preset.to_perses()}))
        .collect();
    Ok(answer::value(&list)?)
}

/// A new custom one.
pub(super) async fn create(State(site): State<Arc<Site>>, request: Request) -> Result<Response<Body>, OwnError> {
    let caller = Caller::changing(&site, request, Permission::DashboardCreate, Action::TemplateCreate, ("", "")).await?;
    let template = sent(&site, &caller, None)?;
    site.dashboards.put_template(&caller.actor(), &template, true).await?;
    Ok(answer::value(&whole(&template, false)?)?)
}

/// Another text for a custom one.
pub(super) async fn put(State(site): State<Arc<Site>>, Path(id): Path<String>, request: Request) -> Result<Response<Body>, OwnError> {
    let caller = Caller::changing(&site, request, Permission::DashboardUpdate, Action::TemplateUpdate, ("", &id)).await?;
    let template = sent(&site, &caller, Some(&id))?;
    site.dashboards.put_template(&caller.actor(), &template, false).await?;
    Ok(answer::value(&whole(&template, false)?)?)
}

/// Away with a custom one.
pub(super) async fn delete(State(site): State<Arc<Site>>, Path(id): Path<String>, request: Request) -> Result<Response<Body>, OwnError> {
    let caller = Caller::changing(&site, request, Permission::DashboardDelete, Action::TemplateDelete, ("", &id)).await?;
    expect_cluster(&caller)?;
    if site.dashboards.templates().get(&id).is_some() {
        return Err(ApiError::forbidden(format!(
            "the template {id:?} is built in, or of the folder of templates: it cannot be removed here"
        ))
        .into());
    }
    site.dashboards.remove_template(&caller.actor(), &id).await?;
    Ok(answer::nothing())
}

/// A dashboard made of a template.
pub(super) async fn use_one(
    State(site): State<Arc<Site>>,
    Path(project): Path<String>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::changing(&site, request, Permission::DashboardCreate, Action::Create, (&project, "")).await?;
    let project = caller.project(&project)?;
    let wish: Wish =
        serde_json::from_str(caller.json()?).map_err(|error| ApiError::bad_request(format!("the body is not understood: {error}")))?;
    let template = match site.dashboards.templates().get(&wish.template) {
        Some(template) => template.clone(),
        None => site.dashboards.kept_template(&wish.template).await?.template,
    };
    if template.scope == Reach::Cluster && !caller.scope.is_cluster_wide() {
        let message = format!("the template {:?} reads what belongs to the whole cluster: it needs cluster-wide scope", wish.template);
        return Err(ApiError::forbidden(message).into());
    }
    let made = template
        .instantiate(project.as_str(), &wish.name, wish.title.as_deref(), &wish.variables)
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    let document = read_document(made.to_string(), project.as_str(), None).await?;
    let key = caller.headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    let message = format!("made of the template {}", template.id);
    let new = NewDashboard { document: &document, template: Some(&template.id), key, message: &message };
    Ok(answer::document(&site.dashboards.create(&caller.actor(), new).await?.dashboard))
}

/// A template in the body, from somebody who may keep it.
fn sent(site: &Site, caller: &Caller, id: Option<&str>) -> Result<Template, ApiError> {
    expect_cluster(caller)?;
    let template: Template =
        serde_json::from_str(caller.json()?).map_err(|error| ApiError::bad_request(format!("this is no template: {error}")))?;
    if id.is_some_and(|id| id != template.id) {
        return Err(ApiError::bad_request(format!("the id is {:?}, and the path says {:?}", template.id, id.unwrap_or_default())));
    }
    let mut problems: Vec<Problem> = template.problems();
    if site.dashboards.templates().get(&template.id).is_some() {
        problems.push(Problem::new("/id", "a template that is built in, or of the folder of templates, has this id"));
    }
    if problems.is_empty() { Ok(template) } else { Err(StoreError::Invalid(problems).into()) }
}

fn expect_cluster(caller: &Caller) -> Result<(), ApiError> {
    if caller.identity.scope.is_cluster_wide() {
        return Ok(());
    }
    Err(ApiError::forbidden("templates are everybody's: to change them takes cluster-wide scope"))
}

fn head(template: &Template, is_system: bool) -> Value {
    json!({
        "id": template.id,
        "title": template.title,
        "description": template.description,
        "category": template.category,
        "scope": template.scope,
        "variables": template.variables,
        "panels": template.panels().count(),
        "system": is_system,
    })
}

fn whole(template: &Template, is_system: bool) -> Result<Value, ApiError> {
    let mut value = serde_json::to_value(template).map_err(|_| ApiError::internal())?;
    value["system"] = json!(is_system);
    Ok(value)
}
