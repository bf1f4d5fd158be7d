//! What is around dashboards: templates, presets, preferences, the audit log.

use utoipa::openapi::HttpMethod::{Delete, Get, Patch, Post, Put};
use utoipa::openapi::path::Parameter;
use utoipa::openapi::{Content, Ref, RefOr, Schema};

use super::super::error::Family::Own;
use super::call::{Call, Field, Paths, empty, header, json, part, path, query};
use super::dashboards::{dashboard, project};
use super::examples;
use super::words::{
    Members, Schemas, duration, flag, list, moment, name, named, namespace, number, object, one_of, text, text_or_null, time, whole,
};

const TEMPLATES: &str = "Templates";
const PREFERENCES: &str = "Preferences";
const AUDIT: &str = "Audit";

/// The paths.
pub(super) fn paths() -> Paths {
    vec![
        path("/api/v1/templates", [(Get, templates()), (Post, create_template())]),
        path("/api/v1/templates/{id}", [(Get, template()), (Put, save_template()), (Delete, remove_template())]),
        path("/api/v1/presets", [(Get, presets())]),
        path("/api/v1/preferences", [(Get, preferences()), (Put, save_preferences()), (Patch, patch_preferences())]),
        path(
            "/api/v1/preferences/favourites/{project}/{name}",
            [(Put, place("mark_favourite", "Marks a dashboard")), (Delete, place("unmark_favourite", "Takes the mark away"))],
        ),
        path("/api/v1/preferences/recents/{project}/{name}", [(Put, place("note_recent", "Remembers that a dashboard was looked at"))]),
        path("/api/v1/audit/logs", [(Get, audit())]),
    ]
}

fn id() -> Parameter {
    part("id", name("The id of the template.").examples([examples::TEMPLATE]))
}

fn templates() -> Call {
    Call::new(Own, TEMPLATES, "list_templates", "Templates: built-in ones, those of the folder, and custom ones")
        .told("Needs the permission `Template:read`.")
        .asked(&[Field::may("category", text("Those of this category only."))])
        .answers_json("All of them, without their panels.", list("Templates.", named("TemplateHead")))
}

fn template() -> Call {
    Call::new(Own, TEMPLATES, "get_template", "A template")
        .told("Needs the permission `Template:read`.")
        .takes(id())
        .answers_json("The whole of it.", named("Template"))
        .refuses(&[404])
}

fn create_template() -> Call {
    Call::new(Own, TEMPLATES, "create_template", "Keeps a custom template")
        .told("Needs the permission `Dashboard:create` and cluster-wide scope: templates are everybody's.")
        .json("SentTemplate", examples::template())
        .answers_json("The template.", named("Template"))
        .refuses(&[409, 422])
}

fn save_template() -> Call {
    Call::new(Own, TEMPLATES, "save_template", "Saves a custom template")
        .told("Needs the permission `Dashboard:update` and cluster-wide scope. Built-in ones cannot be changed.")
        .takes(id())
        .json("SentTemplate", examples::template())
        .answers_json("The template.", named("Template"))
        .refuses(&[404, 422])
}

fn remove_template() -> Call {
    Call::new(Own, TEMPLATES, "remove_template", "Removes a custom template")
        .told("Needs the permission `Dashboard:delete` and cluster-wide scope.")
        .takes(id())
        .answers(204, empty("Done."))
        .refuses(&[404])
}

fn presets() -> Call {
    Call::new(Own, TEMPLATES, "list_presets", "Single panels, ready to be put into any dashboard")
        .told("Needs the permission `Template:read`.")
        .answers_json("All of them.", list("Presets.", named("Preset")))
}

fn preferences() -> Call {
    Call::new(Own, PREFERENCES, "get_preferences", "What is kept of the caller").answers_json("All of it.", named("Preferences"))
}

fn save_preferences() -> Call {
    Call::new(Own, PREFERENCES, "save_preferences", "Keeps this of the caller instead")
        .json("SentPreferences", examples::preferences())
        .answers_json("What is kept now.", named("Preferences"))
}

fn patch_preferences() -> Call {
    Call::new(Own, PREFERENCES, "patch_preferences", "Changes some of what is kept of the caller")
        .told("RFC 7396: null takes a member away.")
        .merge_patch("PreferencesPatch", examples::preferences_patch())
        .answers_json("What is kept now.", named("Preferences"))
}

fn place(id: &str, summary: &str) -> Call {
    Call::new(Own, PREFERENCES, id, summary).takes(project()).takes(dashboard()).narrowed().answers(204, empty("Done.")).refuses(&[404])
}

fn audit() -> Call {
    let answer = json("A page, newest first.", named("AuditPage"))
        .content("application/x-ndjson", Content::new(Some(text("The same, an entry a line."))))
        .header_ref("Link", header("Link"));
    Call::new(Own, AUDIT, "list_audit", "Who did what")
        .told("Needs the permission `AuditLog:read`.")
        .narrowed()
        .asked(&[
            Field::may("user", text("Of this user only.")),
            Field::may("action", text("Of this action only, such as `dashboard.update`.")),
            Field::may("resource", text("About such things only: `dashboard`, `share`, `template`.")),
            Field::may("project", text("In this project only.")),
            Field::may("from", time("From here on.")),
            Field::may("to", time("Up to here.")),
            Field::may("limit", whole("Entries on a page.", 1).maximum(Some(1000)).default(Some(100.into()))),
            Field::may("cursor", text("Where the page begins: `next` of the page before.").pattern(Some("^[0-9a-fA-F]{32}$"))),
        ])
        .takes(query("format", one_of("`jsonl` for an entry a line; so does `Accept: application/x-ndjson`.", &["json", "jsonl"])))
        .answers(200, answer)
}

/// The schemas.
pub(super) fn schemas() -> Schemas {
    let entry = object("Something that was done, or tried.")
        .has("id", text("Its id."))
        .has("time", moment("When."))
        .has("user", text("Who."))
        .has("action", text("What, such as `dashboard.update`."))
        .has("resource", text("What kind of thing: `dashboard`, `share`, `template`."))
        .has("project", text("Where; empty for what is in no project."))
        .has("name", text("Its name; empty where it has none."))
        .has("version", whole_or_null("The version that it has since."))
        .has("outcome", one_of("What became of it.", &["success", "denied"]))
        .has("address", text("The client's address; empty where it is not known."))
        .has("request_id", text("The id of the request."))
        .closed();
    let page = object("A page.")
        .has("items", list("Entries.", entry))
        .has("next", text_or_null("The cursor of the next page; null on the last one."))
        .closed();
    let mut schemas: Schemas = vec![("AuditPage", page.into())];
    schemas.extend(of_preferences());
    schemas.extend(of_templates());
    schemas
}

fn whole_or_null(description: &str) -> RefOr<Schema> {
    use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
    ObjectBuilder::new().schema_type(SchemaType::Array(vec![Type::Integer, Type::Null])).description(Some(description)).into()
}

fn of_preferences() -> Schemas {
    let places = |description| list(description, named("Place")).max_items(Some(200));
    let own = |description| {
        object(description)
            .may("theme", one_of("How it looks.", &["light", "dark", "system"]))
            .may("time_zone", text("`browser`, `utc`, or a name such as `Europe/Berlin`.").pattern(Some("^[a-zA-Z0-9/_+-]{1,64}$")))
            .may("default_range", duration("How far back a dashboard looks when it does not say."))
            .may("refresh", duration("How often it is drawn anew; `0s` is never."))
            .may("home", text("The dashboard that is shown first: `project/name`."))
    };
    let of_place = object("A dashboard, by where it is.").has("project", namespace("Its project.")).has("name", name("Its name.")).closed();
    let kept = own("What is kept of a person.")
        .has("favourites", places("What they marked."))
        .has("recents", places("What they looked at, latest first."))
        .closed();
    let sent = own("What is to be kept.")
        .may("favourites", places("What is marked."))
        .may("recents", places("What was looked at, latest first."))
        .closed();
    let or_null = ["theme", "time_zone", "default_range", "refresh", "home"];
    let patch = object("What is to be changed; null takes a member away.");
    let patch = or_null.into_iter().fold(patch, |patch, member| patch.may(member, text_or_null("As in the whole.")));
    let patch = patch
        .may("favourites", places("Instead of those that are there."))
        .may("recents", places("Instead of those that are there."))
        .closed();
    vec![("Place", of_place.into()), ("Preferences", kept.into()), ("SentPreferences", sent.into()), ("PreferencesPatch", patch.into())]
}

fn of_templates() -> Schemas {
    let variable = object("What has to be known.")
        .has("name", text("Its name in queries, without `$`."))
        .has("label", text("What people call it."))
        .may("from", one_of("It is this, and cannot be given.", &["project"]))
        .may("required", flag("It has to be given."))
        .may("default", text("What it is when it is not given; `$other` stands for a variable above."))
        .closed();
    let query =
        object("A query.").has("query", text("PromQL, with variables in it.")).may("legend", text("How its series are called.")).closed();
    let step = object("A step.").has("value", number("From here on.")).has("colour", colour()).closed();
    let thresholds = object("Which values are good.").has("below", colour()).has("steps", list("From each value on.", step)).closed();
    let panel = object("A panel, short as people write it.")
        .has("id", name("Its key in the dashboard."))
        .has("title", text("What people call it."))
        .may("description", text("What it means."))
        .has("kind", one_of("What draws it.", &["TimeSeriesChart", "StatChart", "GaugeChart", "Table", "BarChart"]))
        .may("unit", text("The unit of its values, as Perses has it."))
        .has("queries", list("What it asks. `M()`, `P()` and `G()` stand for the labels of a model, of pods, and of GPUs of pods.", query))
        .may("thresholds", thresholds)
        .may("options", object("Settings of the plugin, as Perses has them."))
        .closed();
    let row = object("Panels below one heading.")
        .has("title", text("The heading."))
        .has("panels", list("From left to right.", named("TemplatePanel")))
        .closed();
    let body = |description| {
        object(description)
            .has("id", name("As requests have it."))
            .has("title", text("What people call it.").min_length(Some(1)).max_length(Some(256)))
            .has("description", text("What it is for."))
            .has("category", text("`model_serving`, `training_job`, `notebook`, `data_pipeline`, `cluster` or `custom`."))
            .has("scope", reach())
            .has("duration", duration("The range that its dashboards show."))
            .has("refresh_interval", duration("How often they are drawn anew."))
            .has("rows", list("What is shown, from top to bottom.", named("TemplateRow")).min_items(Some(1)).max_items(Some(50)))
            .may("tags", list("Of its dashboards.", text("A tag.")))
            .may("variables", list("What has to be known.", named("TemplateVariable")))
    };
    let kept = body("A template.")
        .has("system", flag("It is built in, or of the folder, and cannot be changed here."))
        .may("version", whole("Of a custom one: counted from 0.", 0))
        .may("updated_by", text("Of a custom one: who saved it last."))
        .may("updated_at", moment("Of a custom one: when."));
    let head = object("A template without its panels.")
        .has("id", name("As requests have it."))
        .has("title", text("What people call it."))
        .has("description", text("What it is for."))
        .has("category", text("What it is about."))
        .has("scope", reach())
        .has("variables", list("What has to be known.", named("TemplateVariable")))
        .has("panels", whole("How many it has.", 0))
        .has("system", flag("It is built in, or of the folder."))
        .closed();
    let preset = object("A panel that stands for itself.")
        .has("id", name("Its id."))
        .has("title", text("What people call it."))
        .has("description", text_or_null("What it means."))
        .has("kind", text("What draws it."))
        .has("panel", RefOr::Ref(Ref::from_schema_name("Panel")))
        .closed();
    vec![
        ("TemplateVariable", variable.into()),
        ("TemplatePanel", panel.into()),
        ("TemplateRow", row.into()),
        ("Template", kept.closed().into()),
        ("SentTemplate", body("A template as it is sent.").closed().into()),
        ("TemplateHead", head.into()),
        ("Preset", preset.into()),
    ]
}

fn colour() -> utoipa::openapi::schema::ObjectBuilder {
    one_of("What it means.", &["good", "info", "warning", "critical", "idle"])
}

fn reach() -> utoipa::openapi::schema::ObjectBuilder {
    one_of("Who can use what is made of it.", &["namespace", "cluster"])
}
