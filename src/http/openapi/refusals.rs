//! How we say no: one response for each status, in each of the two forms of errors.

use serde_json::json;
use utoipa::openapi::{ComponentsBuilder, Content, ContentBuilder, ResponseBuilder};

use super::super::error::Family;
use super::call::header;
use super::words::{Members, Schemas, list, named, object, one_of, text, whole};

/// Status, name, and when.
const REFUSALS: &[(u16, &str, &str)] = &[
    (400, "BadRequest", "The path, a parameter or the body is wrong: the message says which, and what would be right."),
    (401, "Unauthorized", "No credentials, or bad ones. A link that leads nowhere, or no more, is `INVALID_SHARE_TOKEN`."),
    (
        403,
        "Forbidden",
        "Outside of the caller's namespaces, without the permission (`details.required_permission`), or only with cluster-wide scope. A link \
         that works from other networks is `IP_RESTRICTION_VIOLATION`.",
    ),
    (404, "NotFound", "There is no such thing, or not for this caller to know."),
    (408, "TooSlow", "The body came too slowly."),
    (
        409,
        "Conflict",
        "Somebody was faster (`VERSION_CONFLICT`, with the version that is stored, who saved it and when), or the name is taken.",
    ),
    (413, "TooLarge", "The body is larger than `server.max_body`."),
    (414, "TargetTooLong", "Path and query together are longer than `server.max_uri`."),
    (415, "UnsupportedMediaType", "The body is of another type than this takes, or encoded."),
    (
        422,
        "Unprocessable",
        "A dashboard that is not valid (`details.problems`), or a query over one of `limits:` or that could not be executed.",
    ),
    (429, "TooManyRequests", "Too often, or too much at once."),
    (431, "HeadersTooLarge", "The headers are larger than `server.max_headers`."),
    (500, "Internal", "Our fault. The log has the details under the id of the request."),
    (503, "Unavailable", "Something that is needed is away or too slow: an upstream, the database, or who vouches for callers."),
];

/// Every `code`.
pub(super) const CODES: &[&str] = &[
    "INVALID_REQUEST",
    "INVALID_PROMQL",
    "UNAUTHORIZED",
    "INVALID_SHARE_TOKEN",
    "FORBIDDEN",
    "IP_RESTRICTION_VIOLATION",
    "NOT_FOUND",
    "VERSION_CONFLICT",
    "DASHBOARD_NAME_CONFLICT",
    "TEMPLATE_NAME_CONFLICT",
    "INVALID_DASHBOARD",
    "QUERY_TOO_EXPENSIVE",
    "RATE_LIMITED",
    "SHARE_RATE_LIMITED",
    "INTERNAL",
    "UNAVAILABLE",
];

/// Every `errorType`, Prometheus' own and those for what it does not have.
const ERROR_TYPES: &[&str] = &[
    "bad_data",
    "execution",
    "timeout",
    "canceled",
    "not_found",
    "not_acceptable",
    "unavailable",
    "too_many_requests",
    "too_many_samples",
    "unauthorized",
    "forbidden",
    "internal",
];

/// The name of a response among the components.
pub(super) fn name(family: Family, status: u16) -> String {
    let known = REFUSALS.iter().find(|(refused, ..)| *refused == status).map_or("Internal", |(_, name, _)| name);
    match family {
        Family::Prometheus => format!("Prometheus{known}"),
        Family::Own => known.to_owned(),
    }
}

/// All of them in both forms.
pub(super) fn responses(components: ComponentsBuilder) -> ComponentsBuilder {
    REFUSALS.iter().fold(components, |components, (status, _, when)| {
        // Nothing is saved by the paths of Prometheus.
        let families: &[Family] = if *status == 409 { &[Family::Own] } else { &[Family::Own, Family::Prometheus] };
        families.iter().fold(components, |components, &family| {
            let response = ResponseBuilder::new().description(*when).content("application/json", content(family));
            let response = response.header_ref("X-Request-Id", header("X-Request-Id"));
            let response = match status {
                401 => response.header_ref("WWW-Authenticate", header("WWW-Authenticate")),
                429 | 503 => response.header_ref("Retry-After", header("Retry-After")),
                _ => response,
            };
            components.response(name(family, *status), response)
        })
    })
}

fn content(family: Family) -> Content {
    let (schema, example) = match family {
        Family::Own => ("Error", json!({"code": "INVALID_REQUEST", "message": "start, end and step belong together", "details": {}})),
        Family::Prometheus => {
            ("PrometheusError", json!({"status": "error", "errorType": "bad_data", "error": "missing parameter \"query\""}))
        }
    };
    ContentBuilder::new().schema(Some(named(schema))).example(Some(example)).build()
}

/// The two forms.
pub(super) fn schemas() -> Schemas {
    let problem = object("One thing that is wrong with a document.")
        .has("pointer", text("Where: a JSON pointer (RFC 6901)."))
        .has("message", text("What was found, and what would be right."))
        .closed();
    let details = object("More for machines; what is in it goes with the code.")
        .may("problems", list("What is wrong with a document.", named("Problem")))
        .may(
            "queries",
            list("Of `?check=queries`: the result of each query of the document.", object("Pointer, panel, query, valid, errors.")),
        )
        .may("required_permission", text("The permission that is missing."))
        .may("current_version", whole("The version that is stored.", 0))
        .may("updated_by", text("Who saved it."))
        .may("updated_at", text("When, as RFC 3339 has it."))
        .may("dependency", text("What is away."))
        .may("retry_after_seconds", whole("When it may be there again.", 0));
    let error = object("An error of our own paths.")
        .has("code", one_of("For programs.", CODES))
        .has("message", text("For people: what was wrong, where, what would be right."))
        .has("details", details)
        .closed();
    let prometheus = object("An error in the form of Prometheus.")
        .has("status", one_of("Always the same.", &["error"]))
        .has("errorType", one_of("For programs.", ERROR_TYPES))
        .has("error", text("For people: what was wrong, where, what would be right."))
        .closed();
    vec![("Problem", problem.into()), ("Error", error.into()), ("PrometheusError", prometheus.into())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_handlers_is_known() {
        let sources = [
            include_str!("../error.rs"),
            include_str!("../from_inner.rs"),
            include_str!("../dashboards/shared.rs"),
            include_str!("../dashboards/caller.rs"),
        ];
        let is_code = |word: &&str| word.len() > 6 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        let used: Vec<&str> = sources.iter().flat_map(|source| source.split('"')).filter(is_code).collect();
        assert!(used.len() > 15, "the codes were not found: {used:?}");
        for code in used {
            assert!(CODES.contains(&code), "{code}");
        }
    }
}
