//! Family 2: dashboards behind the resource API of Perses, with what Perses lacks beside it; projects, preferences, audit.
//!
//! * `caller`: who asks, for which project, with which body: every handler starts from it
//! * `answer`, `precondition`, `check`: entity tags, the answers around a document, and whether its queries are good
//! * `list`, `create`, `one`, `history`: dashboards
//! * `exchange`: in and out in other forms
//! * `shares`, `shared`: links that work without signing in, and what they open
//! * `templates`: what dashboards are made of
//! * `projects`, `preferences`, `audit`: what is around them

mod answer;
mod audit;
mod caller;
mod check;
mod create;
mod exchange;
mod history;
mod list;
mod one;
mod patch;
mod precondition;
mod preferences;
mod projects;
pub(super) mod shared;
mod shares;
mod templates;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post, put};

use super::Site;
use super::methods::{both, only, read, write};

/// The routes of this family.
pub(super) fn routes() -> Router<Arc<Site>> {
    const LIST: &str = "GET, HEAD, OPTIONS, POST";
    const ONE: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, PUT";
    let one = get(one::get).put(one::put).patch(patch::patch).delete(one::delete);
    let mine = get(preferences::get).put(preferences::put).patch(preferences::patch);
    Router::new()
        .route("/api/v1/dashboards", only(LIST, get(list::everywhere).post(create::anywhere)))
        .route("/api/v1/projects", read(get(projects::list)))
        .route("/api/v1/projects/{project}", read(get(projects::one)))
        .route("/api/v1/projects/{project}/dashboards", only(LIST, get(list::of_project).post(create::in_project)))
        .route("/api/v1/projects/{project}/dashboards/{name}", only(ONE, one))
        .route("/api/v1/projects/{project}/dashboards/export", read(get(exchange::export_project)))
        .route("/api/v1/projects/{project}/dashboards/import", write(post(exchange::import)))
        .route("/api/v1/projects/{project}/dashboards/{name}/export", read(get(exchange::export)))
        .route("/api/v1/projects/{project}/dashboards/{name}/clone", write(post(exchange::clone)))
        .route("/api/v1/projects/{project}/dashboards/{name}/restore", write(post(one::restore)))
        .route("/api/v1/projects/{project}/dashboards/{name}/shares", only(LIST, get(shares::list).post(shares::create)))
        .route("/api/v1/projects/{project}/dashboards/{name}/shares/{id}", only("DELETE, OPTIONS", delete(shares::revoke)))
        .route("/api/v1/shared/{token}", read(get(shared::document)))
        .route("/api/v1/shared/{token}/query", both(get(shared::query).post(shared::query)))
        .route("/api/v1/shared/{token}/query_range", both(get(shared::query_range).post(shared::query_range)))
        .route("/api/v1/shared/{token}/stream", both(get(shared::stream).post(shared::stream)))
        .route("/api/v1/shared/{token}/series", both(get(shared::series).post(shared::series)))
        .route("/api/v1/shared/{token}/labels", both(get(shared::labels).post(shared::labels)))
        .route("/api/v1/shared/{token}/label/{label}/values", read(get(shared::label_values)))
        .route("/api/v1/projects/{project}/dashboards/{name}/versions", read(get(history::list)))
        .route("/api/v1/projects/{project}/dashboards/{name}/versions/{version}", read(get(history::one)))
        .route("/api/v1/projects/{project}/dashboards/{name}/versions/{version}/diff", read(get(history::diff)))
        .route("/api/v1/projects/{project}/dashboards/{name}/versions/{version}/restore", write(post(history::restore)))
        .route("/api/v1/projects/{project}/dashboards/from-template", write(post(templates::use_one)))
        .route("/api/v1/templates", only(LIST, get(templates::list).post(templates::create)))
        .route(
            "/api/v1/templates/{id}",
            only("DELETE, GET, HEAD, OPTIONS, PUT", get(templates::one).put(templates::put).delete(templates::delete)),
        )
        .route("/api/v1/presets", read(get(templates::list_presets)))
        .route("/api/v1/preferences", only("GET, HEAD, OPTIONS, PATCH, PUT", mine))
        .route(
            "/api/v1/preferences/favourites/{project}/{name}",
            only("DELETE, OPTIONS, PUT", put(preferences::mark).delete(preferences::unmark)),
        )
        .route("/api/v1/preferences/recents/{project}/{name}", only("OPTIONS, PUT", put(preferences::looked_at)))
        .route("/api/v1/audit/logs", read(get(audit::list)))
}
