//! Links that work without signing in: given, taken back, and what they open.

use utoipa::openapi::HttpMethod::{Delete, Get, Post};
use utoipa::openapi::PathItem;

use super::super::error::Family::{Own, Prometheus};
use super::call::{Call, Field, Paths, empty, json, part, path};
use super::dashboards::about_one;
use super::examples;
use super::prometheus::{form, instant_fields, kept, range_fields, selection_fields, series_fields, unchanged};
use super::words::{Members, Schemas, list, moment, named, object, text, text_or_null};

const TAG: &str = "Links";

/// The paths.
pub(super) fn paths() -> Paths {
    vec![
        path("/api/v1/projects/{project}/dashboards/{name}/shares", [(Get, shares()), (Post, share())]),
        path("/api/v1/projects/{project}/dashboards/{name}/shares/{id}", [(Delete, revoke())]),
        path("/api/v1/shared/{token}", [(Get, shared())]),
        both(
            "/api/v1/shared/{token}/query",
            "shared_query",
            "As `/api/v1/query`, for the queries of the dashboard",
            instant_fields,
            "QueryAnswer",
        ),
        both(
            "/api/v1/shared/{token}/query_range",
            "shared_query_range",
            "As `/api/v1/query_range`, for the queries of the dashboard",
            range_fields,
            "QueryAnswer",
        ),
        both(
            "/api/v1/shared/{token}/series",
            "shared_series",
            "As `/api/v1/series`, for variables of the dashboard",
            series_fields,
            "SeriesAnswer",
        ),
        both(
            "/api/v1/shared/{token}/labels",
            "shared_labels",
            "As `/api/v1/labels`, for variables of the dashboard",
            selection_fields,
            "NamesAnswer",
        ),
        path("/api/v1/shared/{token}/label/{label}/values", [(Get, label_values())]),
    ]
}

/// The schemas.
pub(super) fn schemas() -> Schemas {
    let networks = || list("Networks that it works from; everywhere without any.", text("Such as `10.0.0.0/8`.")).max_items(Some(50));
    let wish =
        object("A link.").has("expires_in", text("How long it works: from 1m to 7d.").examples(["1h"])).may("cidrs", networks()).closed();
    let made = object("A link, with what opens it.")
        .has("id", text("For taking it back."))
        .has("token", text("Shown this once."))
        .has("url", text("Where it leads; a path when `server.public_url` is not set."))
        .has("expires_at", moment("Until when it works."))
        .closed();
    let share = object("A link, without what opens it.")
        .has("id", text("For taking it back."))
        .has("created_at", moment("When it was given."))
        .has("created_by", text("Who gave it."))
        .has("expires_at", moment("Until when it works."))
        .has("cidrs", networks())
        .has("revoked_at", text_or_null("When it was taken back."))
        .closed();
    let shared =
        object("What a link opens.").has("dashboard", named("Dashboard")).has("expires_at", moment("Until when it works.")).closed();
    vec![("NewShare", wish.into()), ("MadeShare", made.into()), ("Share", share.into()), ("Shared", shared.into())]
}

fn shares() -> Call {
    about_one(TAG, "list_shares", "Links to a dashboard")
        .told("Needs the permission `Dashboard:share`.")
        .answers_json("All of them.", list("Links.", named("Share")))
}

fn share() -> Call {
    about_one(TAG, "create_share", "Gives a link to a dashboard")
        .told("Needs the permission `Dashboard:share`. At most 10 an hour to one dashboard. It works as long as its author may give links.")
        .json("NewShare", examples::share())
        .answers(201, json("The only time that the token is shown.", named("MadeShare")))
}

fn revoke() -> Call {
    about_one(TAG, "revoke_share", "Takes a link back")
        .told("Needs the permission `Dashboard:share`.")
        .takes(part("id", text("The id of the link.").min_length(Some(1))))
        .answers(204, empty("It works no more."))
}

/// The token in the path is what lets in: OpenAPI has no security scheme for that.
fn by_link(family: super::super::error::Family, id: &str, summary: &str) -> Call {
    Call::open(family, TAG, id, summary)
        .takes(part("token", text("The token of the link, which lets in who has it.").min_length(Some(1))))
        .refuses(&[401, 403, 429])
}

fn shared() -> Call {
    by_link(Own, "get_shared", "The dashboard that a link opens").answers_json("The dashboard, read-only.", named("Shared"))
}

const ONLY_ITS_OWN: &str = "Only what stands in the dashboard is answered, variables filled in; anything else is 403.";

fn both(template: &'static str, id: &str, summary: &str, fields: fn() -> Vec<Field>, answer: &str) -> (&'static str, PathItem) {
    let get = read(id, summary, answer).asked(&fields());
    let post = by_link(Prometheus, &format!("{id}_form"), summary)
        .told(ONLY_ITS_OWN)
        .narrowed()
        .body([("application/x-www-form-urlencoded", form(&fields()), None)])
        .answers(200, kept(answer))
        .refuses(&[404, 422]);
    path(template, [(Get, get), (Post, post)])
}

fn read(id: &str, summary: &str, answer: &str) -> Call {
    let call = by_link(Prometheus, id, summary).told(ONLY_ITS_OWN).narrowed().takes_named("IfNoneMatch");
    call.answers(200, kept(answer)).answers(304, unchanged()).refuses(&[404, 422])
}

fn label_values() -> Call {
    let summary = "As `/api/v1/label/{name}/values`, for variables of the dashboard";
    read("shared_label_values", summary, "NamesAnswer")
        .takes(part("label", text("The label.").min_length(Some(1)).examples(["job"])))
        .asked(&selection_fields())
}
