//! Family 1: the paths of Prometheus.

use serde_json::json as value;
use utoipa::openapi::HttpMethod::{self, Get, Post};
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::{PathItem, RefOr, ResponseBuilder, Schema};

use super::super::error::Family::Prometheus;
use super::call::{Call, Field, Paths, empty, header, json, part, path, plain};
use super::words::{Members, duration_or_seconds, flag, list, named, one_of, text, time, whole};

const TAG: &str = "Prometheus";
const CLUSTER: &str = "Prometheus, the whole of it";
/// What an upstream may say of a query, besides what Hecate says.
const OF_THE_UPSTREAM: &[u16] = &[404, 422];

/// The paths.
pub(super) fn paths() -> Paths {
    let evaluated = "Every selector of the expression is bound to the caller's namespaces before it goes to an upstream.";
    let matched = "Every `match[]` is bound to the caller's namespaces; without one, everything in them is meant.";
    let mut paths = vec![
        both("/api/v1/query", "query", "Evaluates an expression at one moment", evaluated, instant_fields, "QueryAnswer"),
        both(
            "/api/v1/query_range",
            "query_range",
            "Evaluates an expression at every step of a window",
            evaluated,
            range_fields,
            "QueryAnswer",
        ),
        path("/api/v1/query_exemplars", exemplars(evaluated)),
        both("/api/v1/series", "series", "The label sets of the series that fit", matched, series_fields, "SeriesAnswer"),
        both("/api/v1/labels", "labels", "The names of labels", matched, selection_fields, "NamesAnswer"),
        path("/api/v1/label/{name}/values", [(Get, label_values())]),
        both("/api/v1/format_query", "format_query", "The expression as Prometheus would lay it out", NO_DATA, text_fields, "TextAnswer"),
        both("/api/v1/parse_query", "parse_query", "The expression as a tree", NO_DATA, text_fields, "ObjectAnswer"),
        path("/api/v1/metadata", [(Get, metadata())]),
        path("/api/v1/rules", [(Get, rules())]),
        path(
            "/api/v1/alerts",
            [(
                Get,
                read("alerts", "Alerts that are pending or firing", "ObjectAnswer")
                    .told("Those whose labels lie in the caller's namespaces, and those without a tenant label whose rule is theirs."),
            )],
        ),
        path("/federate", [(Get, federate())]),
        path(
            "/api/v1/status/buildinfo",
            [(
                Get,
                read("buildinfo", "The version whose API this is", "ObjectAnswer")
                    .told("Answered by Hecate with the upstream's version; Grafana asks it to learn what the API can do."),
            )],
        ),
        path("/-/healthy", [(Get, probe("healthy", "Whether the process runs"))]),
        path(
            "/-/ready",
            [(Get, probe("ready_prometheus", "Whether the process takes requests").answers(503, plain("Not yet, or no more.")))],
        ),
    ];
    paths.extend(about_cluster());
    paths
}

const NO_DATA: &str = "About the text only: no data is read.";

fn about_cluster() -> Paths {
    let one = |template, id, summary| path(template, [(Get, whole_prometheus(id, summary))]);
    let targets = whole_prometheus("targets", "Scrape targets").asked(&[
        Field::may("scrapePool", text("Those of this pool only.")),
        Field::may("state", one_of("Those in this state only.", &["active", "dropped", "any"])),
    ]);
    let of_targets = whole_prometheus("targets_metadata", "Metadata as each target tells it").asked(&[
        Field::may("match_target", text("A selector of targets.")),
        Field::may("metric", text("One metric.")),
        Field::may("limit", text("At most as many targets.")),
    ]);
    vec![
        path("/api/v1/targets", [(Get, targets)]),
        path("/api/v1/targets/metadata", [(Get, of_targets)]),
        one("/api/v1/alertmanagers", "alertmanagers", "Alertmanagers"),
        one("/api/v1/status/config", "status_config", "The configuration in force"),
        one("/api/v1/status/flags", "status_flags", "Command-line flags"),
        path(
            "/api/v1/status/tsdb",
            [(Get, whole_prometheus("status_tsdb", "Cardinality statistics").asked(&[Field::may("limit", text("Entries of each list."))]))],
        ),
        one("/api/v1/status/runtimeinfo", "status_runtimeinfo", "State of the process"),
    ]
}

fn whole_prometheus(id: &str, summary: &str) -> Call {
    Call::new(Prometheus, CLUSTER, id, summary)
        .told("Needs the permission `Metrics:query` and cluster-wide scope: whoever narrows has none for this request.")
        .answers_json("As the upstream answers.", named("AnyAnswer"))
        .refuses(OF_THE_UPSTREAM)
}

fn probe(id: &str, summary: &str) -> Call {
    Call::open(Prometheus, TAG, id, summary).answers(200, plain("It does."))
}

fn read(id: &str, summary: &str, answer: &str) -> Call {
    let call = Call::new(Prometheus, TAG, id, summary).narrowed().takes_named("IfNoneMatch").takes_named("Explain");
    call.answers(200, kept(answer)).answers(304, unchanged()).refuses(OF_THE_UPSTREAM)
}

/// An answer that may come from the cache.
pub(super) fn kept(schema: &str) -> ResponseBuilder {
    json("Prometheus' own answer.", named(schema))
        .header_ref("Cache-Status", header("Cache-Status"))
        .header_ref("Server-Timing", header("Server-Timing"))
        .header_ref("ETag", header("ETag"))
        .header_ref("X-Hecate-Explain", header("X-Hecate-Explain"))
}

/// An answer that the client has already.
pub(super) fn unchanged() -> ResponseBuilder {
    empty("The client has it already (`If-None-Match`).").header_ref("ETag", header("ETag"))
}

/// A path for GET, and for POST with a form.
fn both(template: &'static str, id: &str, summary: &str, told: &str, fields: fn() -> Vec<Field>, answer: &str) -> (&'static str, PathItem) {
    path(template, [(Get, by_url(id, summary, told, fields, answer)), (Post, by_form(id, summary, told, fields, answer))])
}

fn by_url(id: &str, summary: &str, told: &str, fields: fn() -> Vec<Field>, answer: &str) -> Call {
    read(id, summary, answer).told(&format!("{told}\n\n{PERMISSION}")).asked(&fields())
}

fn by_form(id: &str, summary: &str, told: &str, fields: fn() -> Vec<Field>, answer: &str) -> Call {
    Call::new(Prometheus, TAG, &format!("{id}_form"), summary)
        .told(&format!("{told} The parameters may stand in the form, in the URL, or in both; together they are one set.\n\n{PERMISSION}"))
        .narrowed()
        .takes_named("Explain")
        .body([("application/x-www-form-urlencoded", form(&fields()), None)])
        .answers(200, kept(answer))
        .refuses(OF_THE_UPSTREAM)
}

const PERMISSION: &str = "Needs the permission `Metrics:query`.";

fn exemplars(told: &str) -> [(HttpMethod, Call); 2] {
    let (id, summary, answer) = ("query_exemplars", "Exemplars of the series that an expression reads", "ListAnswer");
    let nothing = || empty("The expression reads no series.");
    [
        (Get, by_url(id, summary, told, window_fields, answer).answers(204, nothing())),
        (Post, by_form(id, summary, told, window_fields, answer).answers(204, nothing())),
    ]
}

/// The same parameters as members of a form.
pub(super) fn form(fields: &[Field]) -> RefOr<Schema> {
    let member = |form: ObjectBuilder, field: &Field| {
        if field.required { form.has(field.name, field.schema.clone()) } else { form.may(field.name, field.schema.clone()) }
    };
    fields.iter().fold(super::words::object("Parameters."), member).into()
}

fn label_values() -> Call {
    let label = text("The label; as `U__…` or percent-encoded for names beyond `[a-zA-Z0-9_]`.").min_length(Some(1));
    read("label_values", "The values of one label", "NamesAnswer").takes(part("name", label.examples(["job"]))).asked(&selection_fields())
}

fn metadata() -> Call {
    read("metadata", "Type, help and unit of metrics", "ObjectAnswer").told("Of those metrics only that the caller has series of.").asked(
        &[
            Field::may("metric", text("One metric.")),
            Field::may("limit", number_or_less("At most as many metrics, counted after those of others are gone; negative is no limit.")),
            Field::may("limit_per_metric", number_or_less("At most as many texts for one metric; 0 or less is no limit.")),
        ],
    )
}

fn rules() -> Call {
    let texts = |description| list(description, text("A text."));
    read("rules", "Rules with their state", "ObjectAnswer")
        .told("Those only whose labels, or all whose selectors, lie in the caller's namespaces.")
        .asked(&[
            Field::may("type", one_of("One kind only.", &["alert", "record"])),
            Field::may("rule_name[]", texts("Rules of these names.")),
            Field::may("rule_group[]", texts("Groups of these names.")),
            Field::may("file[]", texts("Groups of these files.")),
            Field::may("match[]", texts("Rules whose labels fit.")),
            Field::may("exclude_alerts", flag("Leaves the alerts of a rule out.")),
            Field::may("group_limit", whole("Groups on a page.", 1)),
            Field::may(
                "group_next_token",
                text("Where the page begins: from `groupNextToken` of the page before; only with `group_limit`."),
            ),
        ])
}

fn federate() -> Call {
    let samples = utoipa::openapi::Content::new(Some(text("The text format of Prometheus.")));
    Call::new(Prometheus, TAG, "federate", "The newest sample of every series that fits")
        .told("Every `match[]` is bound to the caller's namespaces.")
        .narrowed()
        .asked(&[Field::may("match[]", selectors())])
        .answers(200, ResponseBuilder::new().description("Samples as text.").content("text/plain", samples))
        .refuses(OF_THE_UPSTREAM)
}

/// Those of an instant query.
pub(super) fn instant_fields() -> Vec<Field> {
    let mut fields = vec![Field::has("query", expression()), Field::may("time", time("The moment; now without it."))];
    fields.extend(evaluation());
    fields
}

/// Those of a range query.
pub(super) fn range_fields() -> Vec<Field> {
    let mut fields = vec![
        Field::has("query", expression()),
        Field::has("start", time("The first step.")),
        Field::has("end", time("Not before the start.")),
        Field::has("step", step()),
    ];
    fields.extend(evaluation());
    fields
}

fn window_fields() -> Vec<Field> {
    vec![Field::has("query", expression()), Field::may("start", time("From here on.")), Field::may("end", time("Up to here."))]
}

/// Those of a list of series.
pub(super) fn series_fields() -> Vec<Field> {
    let mut fields = selection_fields();
    fields[0] = Field::has("match[]", selectors().min_items(Some(1)));
    fields
}

/// Those of a list of names or values.
pub(super) fn selection_fields() -> Vec<Field> {
    vec![
        Field::may("match[]", selectors()),
        Field::may("start", time("From here on.")),
        Field::may("end", time("Up to here.")),
        Field::may("limit", whole("At most as many; 0 is no limit.", 0)),
    ]
}

fn text_fields() -> Vec<Field> {
    vec![Field::has("query", expression())]
}

fn evaluation() -> [Field; 4] {
    [
        Field::may("timeout", duration_or_seconds("How long the evaluation may take.")),
        Field::may("limit", whole("At most as many series; 0 is no limit.", 0)),
        Field::may("lookback_delta", duration_or_seconds("How old a sample may be that still counts.")),
        Field::may("stats", text("`all` for statistics of each step, anything else for totals.")),
    ]
}

fn expression() -> ObjectBuilder {
    text("A PromQL expression.").min_length(Some(1)).examples(["sum(rate(http_requests_total[5m]))"])
}

fn selectors() -> utoipa::openapi::ArrayBuilder {
    list("Selectors; may be given again and again.", text("A selector of series.")).examples([value!(["up"])])
}

fn step() -> ObjectBuilder {
    duration_or_seconds("The distance of the steps: seconds, or a duration. Not 0.")
}

fn number_or_less(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(utoipa::openapi::Type::Integer).description(Some(description))
}
