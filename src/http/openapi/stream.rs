//! Live streams, as Server-Sent Events.

use serde_json::json;
use utoipa::openapi::HttpMethod::{Get, Post};
use utoipa::openapi::{Content, ResponseBuilder};

use super::super::error::Family::Own;
use super::call::{Call, Field, Paths, part, path, sent_header};
use super::prometheus::form;
use super::words::{Members, Schemas, duration, list, named, number, object, text, whole};

const TAG: &str = "Streams";
const ABOUT: &str = "Whole windows first, then at each step what is new or changed; docs/streams.md says how they are put together, docs/stream.schema.json \
    what the data of each event is. Needs the permission `Metrics:query`.";

/// The paths.
pub(super) fn paths() -> Paths {
    let summary = "Follows queries, or all panels of a dashboard";
    let get = call("stream", summary).asked(&fields());
    let asked = list("The queries.", named("StreamedQuery"));
    let post = call("stream_form", summary)
        .body([
            ("application/x-www-form-urlencoded", form(&fields()), Some(json!({"query": ["up"], "step": "15s", "window": "1h"}))),
            ("application/json", asked.into(), Some(json!([{"query": "up", "id": "a", "step": "15s", "window": "1h"}]))),
        ])
        .refuses(&[422]);
    let status =
        Call::new(Own, TAG, "stream_status", "The caller's streams at this replica; all of them for those who see the whole cluster")
            .told("Needs the permission `Metrics:query`.")
            .answers_json("Streams, the oldest first.", named("Streams"));
    vec![
        path("/api/v1/metrics/stream", [(Get, get.refuses(&[404, 422])), (Post, post.refuses(&[404]))]),
        path("/api/v1/metrics/stream/status", [(Get, status)]),
        path("/api/v1/shared/{token}/stream", [(Get, shared("shared_stream")), (Post, shared("shared_stream_form"))]),
    ]
}

/// The schemas.
pub(super) fn schemas() -> Schemas {
    let query = object("A query to follow.")
        .has("query", text("PromQL."))
        .may("id", text("What the client calls it; `q0`, `q1`, … when none has one."))
        .may("step", duration("Distance of points, and how often it is evaluated."))
        .may("window", duration("From the first point to the last."))
        .closed();
    let told = object("A query that is followed.")
        .has("id", text("What the client calls it."))
        .has("query", text("As it was asked."))
        .has("step_seconds", number("Distance of points."))
        .has("window_seconds", number("From the first point to the last."));
    let one = object("A stream.")
        .has("stream", text("Its name, as `connected` told it."))
        .has("open_seconds", number("For how long it has been open."))
        .has("queries", list("Its queries.", told))
        .has("events", whole("Events sent.", 0))
        .has("bytes", whole("Bytes sent.", 0))
        .has("conflations", whole("How often it was behind and got the newest state.", 0));
    vec![("StreamedQuery", query.into()), ("Streams", object("Streams.").has("streams", list("The oldest first.", one)).into())]
}

fn call(id: &str, summary: &str) -> Call {
    Call::new(Own, TAG, id, summary).told(ABOUT).narrowed().takes(last_event_id()).answers(200, events())
}

fn shared(id: &str) -> Call {
    Call::open(Own, TAG, id, "Follows all panels of a dashboard by a link to it")
        .told("Variables are given as `var-NAME`. Taking the link back ends the stream.")
        .takes(part("token", text("The token of the link, which lets in who has it.").min_length(Some(1))))
        .takes(last_event_id())
        .asked(&[step(), window()])
        .answers(200, events())
        .refuses(&[401, 403, 422, 429])
}

fn last_event_id() -> utoipa::openapi::path::Parameter {
    sent_header("Last-Event-ID", text("The id of the last event that was read: the stream goes on after it, at any replica."))
}

fn events() -> ResponseBuilder {
    let text = text("Events `connected`, `snapshot`, `delta`, `error`, `heartbeat` and `shutdown`.");
    ResponseBuilder::new().description("Events, until either side ends it.").content("text/event-stream", Content::new(Some(text)))
}

fn step() -> Field {
    Field::may("step", duration("Distance of points, and how often queries are evaluated; `stream.interval` without."))
}

fn window() -> Field {
    Field::may("window", duration("From the first point to the last; 1h without."))
}

fn fields() -> Vec<Field> {
    vec![
        Field::may("query", list("PromQL, one for each query.", text("A query."))),
        Field::may("id", list("What the client calls them: as many as queries, or none.", text("A name."))),
        Field::may(
            "dashboard",
            text(
                "`project/name`: all of its panels, in place of queries. Variables are given as `var-NAME`. Needs the permission `Dashboard:read` too.",
            ),
        ),
        step(),
        window(),
        Field::may("last_event_id", text("As the header `Last-Event-ID`.")),
    ]
}
