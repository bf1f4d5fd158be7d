//! Family 2: dashboards, listed, made, read, saved, archived; and the projects that they are in.

use utoipa::openapi::HttpMethod::{Delete, Get, Patch, Post, Put};
use utoipa::openapi::ResponseBuilder;
use utoipa::openapi::path::Parameter;

use super::super::error::Family::Own;
use super::call::{Call, Field, Paths, empty, header, json, part, path, query, sent_header};
use super::examples;
use super::words::{flag, list, name, named, namespace, one_of, text, whole};

const TAG: &str = "Dashboards";

/// The paths.
pub(super) fn paths() -> Paths {
    vec![
        path("/api/v1/dashboards", [(Get, list_all()), (Post, create_anywhere())]),
        path("/api/v1/projects", [(Get, projects())]),
        path("/api/v1/projects/{project}", [(Get, one_project())]),
        path("/api/v1/projects/{project}/dashboards", [(Get, list_of_project()), (Post, create())]),
        path("/api/v1/projects/{project}/dashboards/{name}", [(Get, get()), (Put, put()), (Patch, patch()), (Delete, delete())]),
        path("/api/v1/projects/{project}/dashboards/{name}/restore", [(Post, restore())]),
    ]
}

/// The project in a path.
pub(super) fn project() -> Parameter {
    part("project", namespace("The project: a namespace of the caller.").examples([examples::PROJECT]))
}

/// The name in a path.
pub(super) fn dashboard() -> Parameter {
    part("name", name("The name of the dashboard; its title is `spec.display.name`.").examples([examples::NAME]))
}

/// A call about one dashboard.
pub(super) fn about_one(tag: &str, id: &str, summary: &str) -> Call {
    Call::new(Own, tag, id, summary).takes(project()).takes(dashboard()).narrowed().refuses(&[404])
}

/// The answer that is a dashboard.
pub(super) fn document(description: &str) -> ResponseBuilder {
    json(description, named("Dashboard")).header_ref("ETag", header("ETag"))
}

/// What stands in the history of a change.
pub(super) fn message() -> Parameter {
    query("message", text("What the history says about this version."))
}

/// Makes a POST safe to send again.
pub(super) fn idempotency_key() -> Parameter {
    sent_header(
        "Idempotency-Key",
        text("The same request of the same user with the same key again is answered with what the first one made.")
            .pattern(Some("^[ -~]*$")),
    )
}

/// Which version a change is to follow.
pub(super) fn if_match() -> Parameter {
    sent_header("If-Match", text("The `ETag` of the version that this follows; `*` overwrites whatever is there."))
}

fn list_all() -> Call {
    listed("list_dashboards", "Dashboards of every project of the caller")
        .asked(&[Field::may("project", namespace("Those of this project only."))])
        .refuses(&[404])
}

fn list_of_project() -> Call {
    listed("list_dashboards_of_project", "Dashboards of one project").takes(project()).refuses(&[404])
}

fn listed(id: &str, summary: &str) -> Call {
    let answer = json("A page.", list("Dashboards.", named("Dashboard")))
        .header_ref("X-Total-Count", header("X-Total-Count"))
        .header_ref("Link", header("Link"));
    Call::new(Own, TAG, id, summary)
        .told("Needs the permission `Dashboard:read`. `Link` leads to the next page.")
        .narrowed()
        .asked(&[
            Field::may("q", text("Words that all have to be in title, name, tags, description, titles of panels or queries.")),
            Field::may("state", one_of("Those in this state; without it active ones and drafts.", &["active", "draft", "archived"])),
            Field::may("tag", list("Tags that all have to be on it; may be given again and again.", text("A tag."))),
            Field::may("template", text("Those made of this template.")),
            Field::may("author", text("Those that this user made.")),
            Field::may("name", text("Those whose name begins so.")),
            Field::may(
                "sort",
                one_of(
                    "In which order; `-` in front turns it round.",
                    &["name", "title", "updated", "created", "-name", "-title", "-updated", "-created"],
                ),
            ),
            Field::may("limit", whole("Dashboards on a page.", 1).maximum(Some(1000)).default(Some(200.into()))),
            Field::may("cursor", text("Where the page begins: from the `Link` of the page before.")),
            Field::may("fields", one_of("`metadata` leaves panels out.", &["all", "metadata"])),
            Field::may("metadata_only", flag("`true` leaves panels out.")),
        ])
        .answers(200, answer)
}

fn create_anywhere() -> Call {
    made("create_dashboard_anywhere", "Makes a dashboard in the project that it names").refuses(&[404])
}

fn create() -> Call {
    made("create_dashboard", "Makes a dashboard").takes(project()).refuses(&[404])
}

fn made(id: &str, summary: &str) -> Call {
    Call::new(Own, TAG, id, summary)
        .told("Needs the permission `Dashboard:create`.")
        .narrowed()
        .takes(check())
        .takes(message())
        .takes(idempotency_key())
        .json("SentDashboard", examples::dashboard())
        .answers(200, document("The dashboard that was made."))
        .refuses(&[409, 422])
}

fn check() -> Parameter {
    query("check", one_of("Keeps it only when every query in it would be answered, variables filled in with their defaults.", &["queries"]))
}

fn get() -> Call {
    let answer = document("The dashboard. From memory, with `Age`, `Warning` and `X-Hecate-Stale`, while the database is away.");
    let answer = ["Age", "Warning", "X-Hecate-Stale"].into_iter().fold(answer, |answer, name| answer.header_ref(name, header(name)));
    about_one(TAG, "get_dashboard", "A dashboard")
        .told("Needs the permission `Dashboard:read`.")
        .takes_named("IfNoneMatch")
        .answers(200, answer)
        .answers(304, empty("The client has it already.").header_ref("ETag", header("ETag")))
}

fn put() -> Call {
    about_one(TAG, "save_dashboard", "Saves a dashboard")
        .told("Needs the permission `Dashboard:update`. Says which version it follows, in `If-Match` or in `metadata.version`; when another one is \
             stored it is `VERSION_CONFLICT`.")
        .takes(check())
        .takes(message())
        .takes(if_match())
        .json("SentDashboard", examples::dashboard())
        .answers(200, document("The dashboard as it is now."))
        .refuses(&[409, 422])
}

fn patch() -> Call {
    about_one(TAG, "patch_dashboard", "Changes state, tags or display of a dashboard")
        .told("Needs the permission `Dashboard:update`. RFC 7396: null takes a member away. Without a version it is laid over whatever is there.")
        .takes(message())
        .takes(if_match())
        .merge_patch("DashboardPatch", examples::dashboard_patch())
        .answers(200, document("The dashboard as it is now."))
        .refuses(&[409, 422])
}

fn delete() -> Call {
    about_one(TAG, "archive_dashboard", "Archives a dashboard, or removes archived ones")
        .told("Needs the permission `Dashboard:delete`. Links to it are taken back and its name is free again; `restore` brings it back.")
        .takes(query("purge", flag("`true` removes those of this name that are archived, for good.")))
        .takes(if_match())
        .answers(204, empty("Done."))
        .refuses(&[409])
}

fn restore() -> Call {
    about_one(TAG, "restore_dashboard", "Brings back the dashboard of this name that was archived last")
        .told("Needs the permission `Dashboard:update`.")
        .answers(200, document("The dashboard."))
        .refuses(&[409])
}

fn projects() -> Call {
    Call::new(Own, TAG, "list_projects", "The projects of the caller")
        .told("Needs the permission `Dashboard:read`. For callers with cluster-wide scope those that have dashboards.")
        .narrowed()
        .asked(&[Field::may("name", text("Those whose name begins so."))])
        .answers_json("All of them.", list("Projects.", named("Project")))
}

fn one_project() -> Call {
    Call::new(Own, TAG, "get_project", "A project")
        .told("Needs the permission `Dashboard:read`.")
        .takes(project())
        .narrowed()
        .answers_json("The project.", named("Project"))
        .refuses(&[404])
}
