//! Lists of dashboards, in pages.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use http::header::LINK;
use http::{HeaderName, HeaderValue, Response};

use super::super::error::{ApiError, OwnError};
use super::super::params::Params;
use super::super::{Site, read};
use super::answer;
use super::caller::Caller;
use crate::dashboards::{Search, Sort, State as Life};
use crate::tenancy::{Permission, Scope};

/// Dashboards on a page when nobody says how many.
const USUAL: u64 = 200;
/// Most that may be asked for.
const MOST: u64 = 1_000;
/// Parameters that make a list; those of paging are added to them.
const CARRIED: [&str; 11] = ["q", "state", "tag", "template", "author", "name", "project", "sort", "fields", "metadata_only", "namespace"];

/// Every project that the caller may see.
pub(super) async fn everywhere(State(site): State<Arc<Site>>, request: Request) -> Result<Response<Body>, OwnError> {
    let caller = Caller::reading(&site, request, Permission::DashboardRead).await?;
    let scope = match caller.params.one("project")? {
        Some(project) => Scope::of([caller.project(project)?]),
        None => caller.scope.clone(),
    };
    Ok(page(&site, &caller, &scope).await?)
}

/// One project.
pub(super) async fn of_project(
    State(site): State<Arc<Site>>,
    Path(project): Path<String>,
    request: Request,
) -> Result<Response<Body>, OwnError> {
    let caller = Caller::reading(&site, request, Permission::DashboardRead).await?;
    let scope = Scope::of([caller.project(&project)?]);
    Ok(page(&site, &caller, &scope).await?)
}

async fn page(site: &Site, caller: &Caller, scope: &Scope) -> Result<Response<Body>, ApiError> {
    let search = search(&caller.params)?;
    let found = site.dashboards.search(scope, &search).await?;
    let texts: Vec<String> =
        found.dashboards.iter().map(|dashboard| if search.heads_only { dashboard.head_text() } else { dashboard.text() }).collect();
    let mut response = answer::json(["[", &texts.join(","), "]"].concat());
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-total-count"), HeaderValue::from(found.total));
    if let Some(next) = found.next
        && let Ok(link) = HeaderValue::from_str(&format!("<{}>; rel=\"next\"", next_page(&caller.params, search.limit, &next)))
    {
        headers.insert(LINK, link);
    }
    Ok(response)
}

fn search(params: &Params) -> Result<Search, ApiError> {
    let limit = read::count(params, "limit")?.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(ApiError::bad_request(format!("invalid parameter \"limit\": {limit} is not a number from 1 to {MOST}")));
    }
    let state = match params.one("state")? {
        None => None,
        Some(text) => Some(text.parse::<Life>().map_err(|()| expected("state", text, "active, draft or archived"))?),
    };
    let (sort, descending) = match params.one("sort")? {
        None => (Sort::Name, false),
        Some(text) => {
            let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
            let sort = name
                .parse::<Sort>()
                .map_err(|()| expected("sort", text, "name, title, updated or created, with - in front for the other way round"))?;
            (sort, descending)
        }
    };
    let heads_only = match (params.one("fields")?, params.one("metadata_only")?) {
        (None | Some("all"), None | Some("false")) => false,
        (Some("metadata"), _) | (None, Some("true")) => true,
        (Some(fields), None | Some(_)) => return Err(expected("fields", fields, "metadata or all")),
        (None, Some(other)) => return Err(expected("metadata_only", other, "true or false")),
    };
    let text = |name| -> Result<Option<String>, ApiError> { Ok(params.one(name)?.map(str::to_owned)) };
    Ok(Search {
        words: text("q")?.unwrap_or_default(),
        state,
        tags: params.all("tag").take(10).map(str::to_owned).collect(),
        template: text("template")?,
        author: text("author")?,
        name_prefix: text("name")?,
        sort,
        descending,
        cursor: text("cursor")?,
        limit: usize::try_from(limit).unwrap_or(1),
        heads_only,
    })
}

fn expected(name: &str, found: &str, expected: &str) -> ApiError {
    let found: String = found.chars().take(80).collect();
    ApiError::bad_request(format!("invalid parameter {name:?}: {found:?} is not {expected}"))
}

/// A reference to the same path, so that it is right behind a prefix too.
fn next_page(params: &Params, limit: usize, cursor: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::from("?"));
    for name in CARRIED {
        for value in params.all(name) {
            query.append_pair(name, value);
        }
    }
    query.append_pair("limit", &limit.to_string()).append_pair("cursor", cursor);
    query.finish()
}
