//! What Hecate tells of itself, and of queries without running them; and the admin listener.

use utoipa::openapi::HttpMethod::{Delete, Get, Post};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Content, PathItem, RefOr, ResponseBuilder, Schema, Server, ServerBuilder};

use super::super::error::Family::{Own, Prometheus};
use super::call::{Call, Field, Paths, json, path, plain};
use super::examples;
use super::words::{Members, Schemas, flag, list, map, named, namespace, number, object, one_of, text, whole};

const TAG: &str = "Hecate";
const ADMIN: &str = "Admin listener";

/// The paths.
pub(super) fn paths() -> Paths {
    let draining = || plain("It starts, or drains.");
    let document = object("This document.").has("openapi", text("The version of OpenAPI."));
    vec![
        path("/api/v1/metrics/validate", [(Post, validate())]),
        path("/api/v1/cache", [(Delete, drop_kept())]),
        path("/api/v1/auth/me", [(Get, me())]),
        path("/api/v1/health", [(Get, health())]),
        path("/api/openapi.json", [(Get, Call::open(Own, TAG, "openapi", "This document").answers_json("OpenAPI 3.1.", document))]),
        path("/api/docs", [(Get, Call::open(Own, TAG, "docs", "This document for people").answers(200, page()))]),
        path("/live", [(Get, Call::open(Prometheus, TAG, "live", "Whether the process runs").answers(200, plain("It does.")))]),
        path(
            "/ready",
            [(
                Get,
                Call::open(Prometheus, TAG, "ready", "Whether the process takes requests")
                    .answers(200, plain("It does."))
                    .answers(503, draining()),
            )],
        ),
        at_admin(path("/metrics", [(Get, admin("metrics", "What is counted").answers(200, metrics()))])),
        at_admin(path("/debug/config", [(Get, admin("debug_config", "The configuration in force, secrets masked").answers(200, yaml()))])),
    ]
}

fn page() -> ResponseBuilder {
    ResponseBuilder::new().description("A page.").content("text/html", Content::new(Some(text("A page."))))
}

fn admin(id: &str, summary: &str) -> Call {
    Call::open(Prometheus, ADMIN, id, summary)
}

fn metrics() -> ResponseBuilder {
    plain("The text format of Prometheus.")
}

fn yaml() -> ResponseBuilder {
    ResponseBuilder::new().description("YAML.").content("application/yaml", Content::new(Some(text("The configuration."))))
}

fn at_admin((template, mut item): (&'static str, PathItem)) -> (&'static str, PathItem) {
    let server: Server = ServerBuilder::new().url("http://127.0.0.1:7071").description(Some("`server.admin_listen`; never public")).build();
    item.servers = Some(vec![server]);
    (template, item)
}

fn validate() -> Call {
    Call::new(Own, TAG, "validate", "What would be sent for an expression, what it costs and why; nothing is run")
        .told("Needs the permission `Metrics:query`. An expression that would not be sent is `valid: false`; the status is 200.")
        .narrowed()
        .json("Question", examples::question())
        .answers_json("What was found.", named("Explained"))
}

fn drop_kept() -> Call {
    let selection = object("What was meant; nothing is everything.")
        .may("upstream", text("Of this upstream only."))
        .may("namespace", text("Of this namespace only."))
        .may("metric", text("Of this metric only."));
    let dropped = object("What was dropped.")
        .has("dropped", whole("Entries in the memory of the replica that answers; the others drop theirs within moments.", 0))
        .has("selection", selection)
        .closed();
    Call::new(Own, TAG, "drop_cache", "Drops what is kept of answers, on all replicas")
        .told("Needs the permission `Metrics:query` and cluster-wide scope. Without parameters everything is dropped.")
        .asked(&[
            Field::may("upstream", text("Of this upstream only.")),
            Field::may("namespace", namespace("Of this namespace only.")),
            Field::may("metric", text("Of this metric only.")),
        ])
        .answers_json("What was dropped.", dropped)
}

fn me() -> Call {
    Call::new(Own, TAG, "me", "Who the caller is to Hecate, and what they may see").answers_json("The caller.", named("Me"))
}

fn health() -> Call {
    Call::open(Own, TAG, "health", "Whether each dependency answers")
        .answers_json("All of it works, or a part (`degraded`).", named("Health"))
        .answers(503, json("Nothing can be answered.", named("Health")))
}

/// The schemas.
pub(super) fn schemas() -> Schemas {
    let texts = |description, of| list(description, text(of));
    let me = object("The caller.")
        .has("user", text("Their name, unique within the provider."))
        .has("groups", texts("Their groups.", "A group."))
        .has("provider", text("Who vouches for them."))
        .has("cluster", flag("They see the whole cluster."))
        .has("namespaces", list("What they see otherwise.", namespace("A namespace.")))
        .has("permissions", texts("What they may do.", "A permission."))
        .closed();
    let check = object("What was found about a part.")
        .has("status", state())
        .may("detail", text("Why."))
        .may("latency_ms", number("How long it took to find out."))
        .closed();
    let health = object("How everything is.")
        .has("status", state())
        .has("checks", map("The parts, under names such as `upstream:prometheus`.", check))
        .has("version", text("The version that runs."))
        .has("uptime_seconds", whole("Since it started.", 0))
        .closed();
    vec![("Me", me.into()), ("Health", health.into()), ("Question", question()), ("Explained", explained())]
}

fn state() -> ObjectBuilder {
    one_of("How it is.", &["healthy", "degraded", "unhealthy"])
}

fn question() -> RefOr<Schema> {
    let text_or_number = |description: &str| {
        ObjectBuilder::new().schema_type(SchemaType::Array(vec![Type::String, Type::Number, Type::Null])).description(Some(description))
    };
    object("An expression; with start, end and step, which belong together, over a window.")
        .has("query", text("PromQL."))
        .may("start", text_or_number("RFC 3339 or seconds."))
        .may("end", text_or_number("RFC 3339 or seconds."))
        .may("step", text_or_number("A duration or seconds."))
        .may("namespaces", list("Narrows.", namespace("A namespace of the caller.")))
        .closed()
        .into()
}

fn explained() -> RefOr<Schema> {
    let place = |description| whole(description, 1);
    let fault = object("One thing that is wrong.")
        .has("message", text("What, and what would be right."))
        .may("line", place("Of the text."))
        .may("column", place("In characters."))
        .may("excerpt", text("The line with a caret below the place."))
        .closed();
    let count = |description| whole(description, 0);
    let estimate = object("What it would touch: lower bounds.")
        .has("series", count("Series that the selectors find."))
        .has("samples", count("Samples."))
        .has("points", count("Steps."))
        .may("answer_series", count("Series of the latest answer to this expression."))
        .has("selectors_known", count("Selectors of which earlier answers showed the series."))
        .closed();
    let limits = ["query_bytes", "depth", "selectors", "points_per_series", "range_seconds", "series", "samples", "response_bytes"];
    let limits = limits.into_iter().fold(object("What it is held against."), |limits, name| limits.has(name, count("The most."))).closed();
    let cacheable =
        object("Whether equal steps of other windows have equal values.").has("yes", flag("They do.")).has("reason", text("Why.")).closed();
    let selector = object("A selector.")
        .has("text", text("As it was written."))
        .may("tenant_label", text("The label that carries the tenant."))
        .has("samples", count("Samples, at least."))
        .may("reads_back_ms", ObjectBuilder::new().schema_type(Type::Integer).description(Some("How far before the window it reads.")))
        .closed();
    object("What was found; nothing was run.")
        .has("valid", flag("It would be sent."))
        .has("errors", list("Why not.", fault))
        .has("warnings", list("What may surprise.", text("A sentence.")))
        .may("enforced_query", text("What would be sent."))
        .may("canonical_query", text("The text in its one spelling."))
        .may("estimate", estimate)
        .has("limits", limits)
        .may("cacheable", cacheable)
        .has("selectors", list("What it reads.", selector))
        .closed()
        .into()
}
