//! Dashboards: their history, and out, in and over in other forms.

use utoipa::openapi::HttpMethod::{Get, Post};
use utoipa::openapi::path::Parameter;
use utoipa::openapi::{Content, ResponseBuilder};

use super::super::error::Family::Own;
use super::call::{Call, Field, Paths, header, json, part, path, query};
use super::dashboards::{about_one, document, idempotency_key, if_match, project};
use super::examples;
use super::words::{Members, Schemas, anything, flag, list, map, moment, name, named, namespace, object, one_of, text, whole};

const HISTORY: &str = "History";
const EXCHANGE: &str = "In and out";

/// The paths.
pub(super) fn paths() -> Paths {
    vec![
        path("/api/v1/projects/{project}/dashboards/{name}/versions", [(Get, versions())]),
        path("/api/v1/projects/{project}/dashboards/{name}/versions/{version}", [(Get, one_version())]),
        path("/api/v1/projects/{project}/dashboards/{name}/versions/{version}/diff", [(Get, diff())]),
        path("/api/v1/projects/{project}/dashboards/{name}/versions/{version}/restore", [(Post, restore_version())]),
        path("/api/v1/projects/{project}/dashboards/{name}/export", [(Get, export())]),
        path("/api/v1/projects/{project}/dashboards/{name}/clone", [(Post, clone())]),
        path("/api/v1/projects/{project}/dashboards/export", [(Get, export_project())]),
        path("/api/v1/projects/{project}/dashboards/import", [(Post, import())]),
        path("/api/v1/projects/{project}/dashboards/from-template", [(Post, from_template())]),
    ]
}

/// The schemas.
pub(super) fn schemas() -> Schemas {
    let version = object("A save.")
        .has("version", whole("Counted from 0.", 0))
        .has("author", text("Who saved it."))
        .has("created_at", moment("When."))
        .has("message", text("What they said about it."))
        .has("size_bytes", whole("Of the document.", 0))
        .closed();
    let diff = object("What is different.")
        .has("from", whole("The older version.", 0))
        .has("to", whole("The newer one.", 0))
        .has("patch", list("From one to the other (RFC 6902).", object("An operation.")))
        .has("summary", list("The same in words.", text("A sentence.")))
        .closed();
    let line = object("What became of a document.")
        .may("file", text("Its name in the archive."))
        .has("outcome", one_of("What became of it.", &["created", "replaced", "refused"]))
        .may("name", name("The name of the dashboard."))
        .may("version", whole("Its version.", 0))
        .may("notes", list("What was left out, and why.", text("A note.")))
        .may("code", one_of("Why it was refused, for programs.", super::refusals::CODES))
        .may("reason", text("The same for people."))
        .may("details", anything("More for machines."))
        .closed();
    let clone = object("The copy.")
        .has("name", name("Its name."))
        .may("project", namespace("Its project; without one the same."))
        .may("title", text("Its title; without one the same.").max_length(Some(256)))
        .closed();
    let wish = object("A dashboard made of a template.")
        .has("template", name("The id of the template."))
        .has("name", name("The name of the dashboard."))
        .may("title", text("Its title; without one that of the template.").max_length(Some(256)))
        .may("variables", map("What the template asks for.", text("A value.")))
        .closed();
    vec![
        ("Version", version.into()),
        ("Diff", diff.into()),
        ("ImportLine", line.into()),
        ("Clone", clone.into()),
        ("FromTemplate", wish.into()),
    ]
}

fn version() -> Parameter {
    part("version", whole("The number of the version.", 0).examples([0]))
}

fn versions() -> Call {
    let answer = json("A page, newest first.", list("Versions.", named("Version"))).header_ref("Link", header("Link"));
    about_one(HISTORY, "list_versions", "The history of a dashboard")
        .told("Needs the permission `Dashboard:read`.")
        .asked(&[
            Field::may("limit", whole("Versions on a page, at most 1000.", 0).default(Some(100.into()))),
            Field::may("cursor", whole("Those before this version.", 0)),
        ])
        .answers(200, answer)
}

fn one_version() -> Call {
    about_one(HISTORY, "get_version", "A dashboard as it was")
        .told("Needs the permission `Dashboard:read`.")
        .takes(version())
        .answers_json("The document.", named("Dashboard"))
}

fn diff() -> Call {
    about_one(HISTORY, "compare_versions", "What is different between two versions")
        .told("Needs the permission `Dashboard:read`.")
        .takes(version())
        .takes(query("to", whole("The other version; without it the one that is there now.", 0)))
        .answers_json("The difference.", named("Diff"))
}

fn restore_version() -> Call {
    about_one(HISTORY, "restore_version", "Saves an old version anew")
        .told("Needs the permission `Dashboard:update`.")
        .takes(version())
        .takes(if_match())
        .answers(200, document("The dashboard as it is now."))
        .refuses(&[409, 422])
}

fn format() -> Parameter {
    query("format", one_of("JSON, YAML, or YAML of a `PersesDashboard` resource for Kubernetes.", &["json", "yaml", "cr"]))
}

fn file(description: &str) -> ResponseBuilder {
    ResponseBuilder::new().description(description).header_ref("Content-Disposition", header("Content-Disposition"))
}

fn export() -> Call {
    let answer = file("The dashboard as a file.")
        .content("application/json", Content::new(Some(named("Dashboard"))))
        .content("application/yaml", Content::new(Some(object("The same as YAML, or a `PersesDashboard` resource."))))
        .header_ref("ETag", header("ETag"));
    about_one(EXCHANGE, "export_dashboard", "A dashboard as a file")
        .told("Needs the permission `Dashboard:read`.")
        .takes(format())
        .answers(200, answer)
}

fn export_project() -> Call {
    let archive = Content::new(Some(text("A zip archive.").content_media_type("application/zip")));
    Call::new(Own, EXCHANGE, "export_project", "All dashboards of a project in an archive")
        .told("Needs the permission `Dashboard:read`. At most 1000 of them.")
        .takes(project())
        .narrowed()
        .takes(format())
        .answers(200, file("A file for each dashboard.").content("application/zip", archive))
        .refuses(&[404])
}

fn import() -> Call {
    let any = || anything("A Perses dashboard, or a `PersesDashboard` resource.").into();
    let archive = text("Files of these forms in a zip archive.").content_media_type("application/zip");
    Call::new(Own, EXCHANGE, "import_dashboards", "Takes dashboards in")
        .told(
            "Needs the permission `Dashboard:create`, with `replace` also `Dashboard:update`. Whatever project a document names, it belongs to \
             that of the path. A datasource with an address of its own is left out.",
        )
        .takes(project())
        .narrowed()
        .takes(query("replace", flag("`true` saves over dashboards of the same name.")))
        .body([
            ("application/json", any(), Some(examples::dashboard())),
            ("application/yaml", any(), None),
            ("application/zip", archive.into(), None),
        ])
        .answers_json("What became of each.", list("A line for each document.", named("ImportLine")))
        .refuses(&[404, 409, 422])
}

fn clone() -> Call {
    about_one(EXCHANGE, "clone_dashboard", "Makes another dashboard like this one")
        .told("Needs the permissions `Dashboard:create` and `Dashboard:read`.")
        .json("Clone", examples::clone())
        .answers(200, document("The copy."))
        .refuses(&[409, 422])
}

fn from_template() -> Call {
    Call::new(Own, EXCHANGE, "create_from_template", "Makes a dashboard of a template")
        .told("Needs the permission `Dashboard:create`; for a template of the whole cluster also cluster-wide scope.")
        .takes(project())
        .narrowed()
        .takes(idempotency_key())
        .json("FromTemplate", examples::from_template())
        .answers(200, document("The dashboard that was made."))
        .refuses(&[404, 409, 422])
}
