//! OpenAPI 3.1 for the whole API: as JSON, as a page for people, and from `hecate openapi`.
//!
//! Nothing here is asked by handlers: the description stands beside them, and tests hold it against the router, against
//! docs/openapi.json, and (tests/openapi) against what is really answered.
//!
//! * `served`: the two paths; `page/` has what a browser gets
//! * `words`, `call`, `refusals`, `examples`: what descriptions are written with
//! * `prometheus`, `dashboards`, `exchange`, `links`, `people`, `stream`, `own`, `sign_in`: the paths, a family each, with their schemas

mod call;
mod dashboard_schemas;
mod dashboards;
mod examples;
mod exchange;
mod links;
mod own;
mod people;
mod prometheus;
mod prometheus_answers;
mod refusals;
mod served;
mod sign_in;
mod stream;
mod words;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, ComponentsBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, PathsBuilder, ServerBuilder, ServerVariableBuilder,
};

pub(super) use served::{document as serve_document, page as serve_page};

/// The document as text, with a line break at its end.
pub fn openapi() -> String {
    // A description always can be written as JSON; were it otherwise, an empty text would fail the tests.
    document().to_pretty_json().map(|text| text + "\n").unwrap_or_default()
}

fn document() -> OpenApi {
    let families = [
        prometheus::paths(),
        dashboards::paths(),
        exchange::paths(),
        links::paths(),
        people::paths(),
        stream::paths(),
        own::paths(),
        sign_in::paths(),
    ];
    let paths = families.into_iter().flatten().fold(PathsBuilder::new(), |paths, (template, item)| paths.path(template, item));
    let info = InfoBuilder::new()
        .title("Hecate")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(License::builder().name("Apache-2.0").identifier(Some("Apache-2.0")).build()));
    let namespace = ServerVariableBuilder::new().default_value("team-a").description(Some("A namespace of the caller"));
    let servers = [
        ServerBuilder::new().url("/").description(Some("All namespaces of the caller")).build(),
        ServerBuilder::new()
            .url("/ns/{namespace}")
            .description(Some("One namespace of the caller"))
            .parameter("namespace", namespace)
            .build(),
    ];
    OpenApiBuilder::new().info(info).servers(Some(servers)).paths(paths).components(Some(components())).build()
}

const ABOUT: &str = "Prometheus' own API with tenancy enforced on every query, dashboards behind the paths of Perses, and what Hecate adds.\n\n\
    `HEAD` works wherever `GET` does; `OPTIONS` answers `204` with `Allow`; any other method is `405` with `Allow`. A path that is not \
    here is `404`, one that could be read in two ways (`//`, `..`, an encoded slash, a slash at its end) is `400`.\n\n\
    Every path also works behind `/ns/{namespace}`, which narrows what is seen to one namespace. Parameters that nobody knows are \
    dropped; those by which a backend chooses tenants, stores or filters are `400`, as is one value given twice with different texts.";

/// What paths refer to.
fn components() -> Components {
    let families = [
        refusals::schemas(),
        prometheus_answers::schemas(),
        dashboard_schemas::schemas(),
        exchange::schemas(),
        links::schemas(),
        people::schemas(),
        stream::schemas(),
        own::schemas(),
        sign_in::schemas(),
    ];
    let components =
        families.into_iter().flatten().fold(ComponentsBuilder::new(), |components, (name, schema)| components.schema(name, schema));
    let components = HEADERS.iter().fold(components, |components, (name, description)| {
        components.header(*name, HeaderBuilder::new().schema(Some(words::text(description))).description(Some(*description)).build())
    });
    let namespaces =
        words::list("Narrows to these namespaces of the caller; may be given again and again.", words::namespace("A namespace."));
    let header = words::text("The same in a header, with commas between.").examples(["team-a,team-b"]);
    let components = components
        .parameter("Namespace", call::query("namespace", namespaces))
        .parameter("Namespaces", call::sent_header("X-Hecate-Namespaces", header))
        .parameter("IfNoneMatch", call::sent_header("If-None-Match", words::text("Entity tags of what the client has.")))
        .parameter("Explain", call::sent_header("X-Hecate-Explain", words::one_of("Tells what upstreams were asked.", &["1"])))
        .security_scheme("bearer", http(HttpAuthScheme::Bearer, "A token of `users.yaml`, or a JWT of the identity provider."))
        .security_scheme("basic", http(HttpAuthScheme::Basic, "The token as password; the name is empty, or the token's own."));
    refusals::responses(components).build()
}

fn http(scheme: HttpAuthScheme, description: &str) -> SecurityScheme {
    SecurityScheme::Http(HttpBuilder::new().scheme(scheme).description(Some(description)).build())
}

const HEADERS: &[(&str, &str)] = &[
    ("X-Request-Id", "The client's own when it is sensible, else a new one; it is in every line of the log."),
    ("ETag", "What is answered now; goes into `If-None-Match` or `If-Match`."),
    ("Link", "`<?…>; rel=\"next\"`: the next page, when there is one."),
    ("X-Total-Count", "Entries of all pages."),
    ("Location", "Where the browser goes."),
    ("Set-Cookie", "What the browser keeps, or forgets."),
    ("Retry-After", "Seconds until it is worth trying again."),
    ("WWW-Authenticate", "Which credentials are taken."),
    ("Cache-Status", "What the cache did (RFC 9211)."),
    ("Server-Timing", "Where the time went."),
    ("X-Hecate-Explain", "What upstreams were asked, as JSON, when the request wants to know."),
    ("Content-Disposition", "A name for the file."),
    ("Age", "Seconds since the database said so, when it is away now."),
    ("Warning", "110 when the answer comes from memory because the database is away."),
    ("X-Hecate-Stale", "`true` when the answer comes from memory because the database is away."),
];

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use axum::body::Body;
    use http::{Request, StatusCode};
    use serde_json::Value;
    use tower::ServiceExt;

    use super::super::track::tests::site;
    use super::super::{ADMIN, PUBLIC, admin_router, router};
    use super::*;
    use crate::config::Config;

    const METHODS: [&str; 6] = ["get", "post", "put", "patch", "delete", "query"];

    fn read() -> Value {
        serde_json::from_str(&openapi()).unwrap()
    }

    /// Templates and the methods that stand in the document.
    fn described(document: &Value) -> BTreeMap<String, BTreeSet<&'static str>> {
        let paths = document["paths"].as_object().unwrap();
        let methods = |item: &Value| METHODS.into_iter().filter(|method| item.get(method).is_some()).collect();
        paths.iter().map(|(template, item)| (template.clone(), methods(item))).collect()
    }

    #[test]
    fn the_file_is_the_document() {
        let kept = include_str!("../../../docs/openapi.json");
        assert!(openapi() == kept, "docs/openapi.json is old: cargo run -- openapi > docs/openapi.json");
        assert_eq!(read()["openapi"], "3.1.0");
    }

    #[tokio::test]
    async fn every_route_is_described_with_every_method_that_it_takes() {
        let config = Config::default();
        let site = site(&config);
        let mut taken = BTreeMap::<String, BTreeSet<&str>>::new();
        for (router, templates) in [(router(site.clone(), &config.server), PUBLIC), (admin_router(site), ADMIN)] {
            for template in templates {
                let path = template.replace(['{', '}'], "");
                for method in METHODS {
                    // Without what the edge adds, a handler gives up before it asks anybody.
                    let request = Request::builder().method(method.to_ascii_uppercase().as_str()).uri(&path).body(Body::empty()).unwrap();
                    let status = router.clone().oneshot(request).await.unwrap().status();
                    assert_ne!(status, StatusCode::NOT_FOUND, "{method} {path}");
                    if status != StatusCode::METHOD_NOT_ALLOWED {
                        taken.entry((*template).to_owned()).or_default().insert(method);
                    }
                }
            }
        }
        assert_eq!(described(&read()), taken);
    }

    #[test]
    fn everything_that_is_referred_to_is_there_and_names_are_unique() {
        fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
            match value {
                Value::Object(members) => {
                    found.extend(members.get("$ref").and_then(Value::as_str));
                    // A dashboard has references of its own.
                    members.iter().filter(|(name, _)| *name != "example").for_each(|(_, value)| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = read();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        for reference in &found {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference} is nowhere");
        }
        let components = document["components"].as_object().unwrap();
        for (kind, members) in components.iter().filter(|(kind, _)| *kind != "securitySchemes") {
            for name in members.as_object().unwrap().keys() {
                assert!(found.contains(format!("#/components/{kind}/{name}").as_str()), "nothing refers to {kind}/{name}");
            }
        }
        let operations =
            || document["paths"].as_object().unwrap().values().flat_map(|item| METHODS.iter().filter_map(|name| item.get(name)));
        let ids: BTreeSet<_> = operations().map(|operation| operation["operationId"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), operations().count());
    }

    #[test]
    fn every_part_of_a_path_is_a_parameter() {
        let document = read();
        for (template, item) in document["paths"].as_object().unwrap() {
            let parts: BTreeSet<_> = template.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            for operation in METHODS.iter().filter_map(|method| item.get(method)) {
                let parameters = operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "path");
                let named: BTreeSet<_> = parameters.map(|parameter| parameter["name"].as_str().unwrap()).collect();
                assert_eq!(parts, named, "{template}");
            }
        }
    }
}
