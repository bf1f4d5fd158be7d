//! The documents of Perses, as far as Hecate looks into them. What belongs to a plugin, and what nobody knows, is kept as it is.

use utoipa::openapi::schema::{ObjectBuilder, SchemaType};
use utoipa::openapi::{RefOr, Schema, Type};

use super::words::{Members, Schemas, anything, duration, list, map, moment, name, named, namespace, object, one_of, text, whole};

/// How far down a dashboard may reach.
const MOST_ROWS: i64 = 100_000;

/// The schemas.
pub(super) fn schemas() -> Schemas {
    vec![
        ("Dashboard", dashboard("A dashboard.", metadata()).into()),
        ("SentDashboard", dashboard("A dashboard as it is sent.", sent_metadata()).into()),
        ("DashboardPatch", patch().into()),
        ("Panel", panel().into()),
        ("Plugin", plugin().into()),
        ("Layout", layout().into()),
        ("Display", display().into()),
        ("Project", project()),
    ]
}

fn dashboard(description: &str, metadata: ObjectBuilder) -> ObjectBuilder {
    object(description).has("kind", one_of("Always the same.", &["Dashboard"])).has("metadata", metadata).has("spec", spec())
}

fn metadata() -> ObjectBuilder {
    object("What it is called, and what became of it.")
        .has("name", name("Its name."))
        .has("project", namespace("Its project."))
        .has("createdAt", moment("When it was made."))
        .has("updatedAt", moment("When it was saved last."))
        .has("version", whole("Counted from 0, one more with each save.", 0))
        .may("state", one_of("Missing for an active one.", &["draft", "archived"]))
        .nullable("tags", tags())
}

fn sent_metadata() -> ObjectBuilder {
    object("What it is called. The members that the server keeps may be sent back; they are not looked at, but for `version`.")
        .has("name", name("Its name; not `import`, `export` or `from-template`. It has to be that of the path, where the path has one."))
        .nullable("project", namespace("Its project; that of the path, where the path has one."))
        .nullable("version", whole("The version that this follows.", 0))
        .nullable("state", one_of("A draft is one that lists can leave out.", &["active", "draft"]))
        .nullable("tags", tags())
}

fn tags() -> RefOr<Schema> {
    list("For finding it.", text("A tag.").min_length(Some(1)).max_length(Some(50))).max_items(Some(20)).into()
}

fn spec() -> ObjectBuilder {
    object("What it shows.")
        .nullable("display", named("Display"))
        .nullable("panels", map("Its panels by their keys, at most 500.", named("Panel")))
        .nullable("duration", duration("The range that it shows, when nobody says another one."))
        .nullable("refreshInterval", duration("How often it is drawn anew; `0s` is never."))
        .nullable("layouts", list("Where its panels are, from top to bottom.", named("Layout")).max_items(Some(200)))
        .nullable(
            "variables",
            list("What its queries leave open.", object("`TextVariable` or `ListVariable`, as Perses has them.")).max_items(Some(200)),
        )
        .nullable("datasources", map("Where its queries go, as Perses has it.", object("A datasource.")))
}

fn panel() -> ObjectBuilder {
    let query = object("A query.")
        .has("kind", text("Such as `TimeSeriesQuery`."))
        .has("spec", object("The plugin that asks.").has("plugin", named("Plugin")));
    object("A panel.").has("kind", one_of("Always the same.", &["Panel"])).has(
        "spec",
        object("What it shows.")
            .nullable("display", named("Display"))
            .has("plugin", named("Plugin"))
            .nullable("queries", list("What it asks.", query).max_items(Some(100))),
    )
}

fn plugin() -> ObjectBuilder {
    object("A plugin of Perses and its settings.")
        .has("kind", text("Such as `TimeSeriesChart` or `PrometheusTimeSeriesQuery`.").min_length(Some(1)))
        .nullable("spec", object("Its own: not looked into."))
}

fn layout() -> ObjectBuilder {
    let column = |description, most: i64| whole(description, 0).maximum(Some(most));
    let item = object("A panel and its place in 24 columns.")
        .has("x", column("The first column.", 23))
        .has("y", whole("The first row.", 0).maximum(Some(MOST_ROWS)))
        .has("width", whole("Columns.", 1).maximum(Some(24)))
        .has("height", whole("Rows.", 1).maximum(Some(MOST_ROWS)))
        .has("content", object("Which panel.").has("$ref", text("`#/spec/panels/` and the key of a panel.")));
    let spec = object("What is in it.")
        .may("display", anything("Heading, and whether it can be folded; not looked into."))
        .nullable("items", list("Panels.", item).max_items(Some(500)));
    object("A part of the dashboard.").has("kind", one_of("Always the same.", &["Grid"])).has("spec", spec)
}

fn display() -> ObjectBuilder {
    object("What people read.")
        .nullable("name", text("The title.").max_length(Some(256)))
        .nullable("description", text("What it is about.").max_length(Some(10_000)))
}

fn patch() -> ObjectBuilder {
    let or_null = |kind, description: &str| {
        ObjectBuilder::new().schema_type(SchemaType::Array(vec![kind, Type::Null])).description(Some(description))
    };
    let metadata = object("Of the metadata these only.")
        .may("state", one_of("A draft is one that lists can leave out.", &["active", "draft"]))
        .may("tags", list("Instead of those that are there.", text("A tag.").min_length(Some(1)).max_length(Some(50))).max_items(Some(20)))
        .may("version", whole("The version that this follows.", 0))
        .closed();
    let display = object("Of the display these only.")
        .may("name", or_null(Type::String, "The title."))
        .may("description", or_null(Type::String, "What it is about."))
        .closed();
    object("A merge patch (RFC 7396).")
        .may("metadata", metadata)
        .may("spec", object("Of the spec the display only.").has("display", display).closed())
        .closed()
        .min_properties(Some(1))
}

fn project() -> RefOr<Schema> {
    object("A project of Perses, which is a namespace.")
        .has("kind", one_of("Always the same.", &["Project"]))
        .has("metadata", object("Its name.").has("name", namespace("The name.")))
        .has("spec", object("Its display.").has("display", named("Display")))
        .into()
}
