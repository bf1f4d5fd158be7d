//! One method of one path: what it takes, what it answers, how it refuses.

use serde_json::Value;
use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn, ParameterStyle, PathItemBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, ContentBuilder, HttpMethod, PathItem, Ref, RefOr, Required, ResponseBuilder, Schema};

use super::super::error::Family;
use super::refusals;
use super::words::named;

/// Paths by their templates.
pub(super) type Paths = Vec<(&'static str, PathItem)>;

/// Every request can be refused like this: by the edge, or because we are not well.
const ANY: &[u16] = &[400, 414, 431, 500, 503];
/// Those of somebody who has to sign in.
const SIGNED_IN: &[u16] = &[401, 403, 429];
/// Those with a body.
const WITH_BODY: &[u16] = &[408, 413, 415];

/// A path with its methods.
pub(super) fn path<const N: usize>(template: &'static str, calls: [(HttpMethod, Call); N]) -> (&'static str, PathItem) {
    let item = PathItemBuilder::new();
    (template, calls.into_iter().fold(item, |item, (method, call)| item.operation(method, call.operation)).build())
}

/// What is known of a method so far.
pub(super) struct Call {
    operation: OperationBuilder,
    family: Family,
}

impl Call {
    /// For somebody who has signed in.
    pub(super) fn new(family: Family, tag: &str, id: &str, summary: &str) -> Call {
        let operation = OperationBuilder::new().tag(tag).operation_id(Some(id)).summary(Some(summary));
        let signed_in = ["bearer", "basic"].map(|scheme| SecurityRequirement::new(scheme, [""; 0]));
        Call { operation: operation.securities(Some(signed_in)), family }.refuses(ANY).refuses(SIGNED_IN)
    }

    /// For everybody.
    pub(super) fn open(family: Family, tag: &str, id: &str, summary: &str) -> Call {
        let operation = OperationBuilder::new().tag(tag).operation_id(Some(id)).summary(Some(summary));
        // An empty requirement: no credentials are one way in.
        Call { operation: operation.securities(Some([SecurityRequirement::default()])), family }.refuses(ANY)
    }

    /// What has to be said besides.
    pub(super) fn told(self, description: &str) -> Call {
        Call { operation: self.operation.description(Some(description)), ..self }
    }

    /// A parameter.
    pub(super) fn takes(self, parameter: Parameter) -> Call {
        Call { operation: self.operation.parameter(parameter), ..self }
    }

    /// A parameter that many take, by its name among the components.
    pub(super) fn takes_named(self, name: &str) -> Call {
        Call { operation: self.operation.parameter_ref(Ref::new(format!("#/components/parameters/{name}"))), ..self }
    }

    /// It can be narrowed to some namespaces.
    pub(super) fn narrowed(self) -> Call {
        self.takes_named("Namespace").takes_named("Namespaces")
    }

    /// Parameters in the URL.
    pub(super) fn asked(self, fields: &[Field]) -> Call {
        fields.iter().fold(self, |call, field| call.takes(field.parameter()))
    }

    /// A body of JSON, and one that works.
    pub(super) fn json(self, schema: &str, example: Value) -> Call {
        self.body([("application/json", named(schema), Some(example))])
    }

    /// A merge patch (RFC 7396), and one that works.
    pub(super) fn merge_patch(self, schema: &str, example: Value) -> Call {
        self.body(["application/json", "application/merge-patch+json"].map(|kind| (kind, named(schema), Some(example.clone()))))
    }

    /// A body of one of these types.
    pub(super) fn body<const N: usize>(self, forms: [(&str, RefOr<Schema>, Option<Value>); N]) -> Call {
        let body = RequestBodyBuilder::new().required(Some(Required::True));
        let body = forms.into_iter().fold(body, |body, (kind, schema, example)| {
            body.content(kind, ContentBuilder::new().schema(Some(schema)).example(example).build())
        });
        Call { operation: self.operation.request_body(Some(body.build())), ..self }.refuses(WITH_BODY)
    }

    /// An answer that is none of the usual refusals.
    pub(super) fn answers(self, status: u16, answer: ResponseBuilder) -> Call {
        let answer = answer.header_ref("X-Request-Id", header("X-Request-Id"));
        Call { operation: self.operation.response(status.to_string(), answer), ..self }
    }

    /// 200 with JSON.
    pub(super) fn answers_json(self, description: &str, schema: impl Into<RefOr<Schema>>) -> Call {
        self.answers(200, json(description, schema))
    }

    /// Refusals in the form of the family.
    pub(super) fn refuses(self, statuses: &[u16]) -> Call {
        let refer = |operation: OperationBuilder, status: &u16| {
            operation.response(status.to_string(), Ref::from_response_name(refusals::name(self.family, *status)))
        };
        Call { operation: statuses.iter().fold(self.operation, refer), ..self }
    }
}

/// An answer of JSON.
pub(super) fn json(description: &str, schema: impl Into<RefOr<Schema>>) -> ResponseBuilder {
    ResponseBuilder::new().description(description).content("application/json", Content::new(Some(schema.into())))
}

/// An answer of plain text.
pub(super) fn plain(description: &str) -> ResponseBuilder {
    ResponseBuilder::new().description(description).content("text/plain", Content::new(Some(super::words::text("for people"))))
}

/// An answer without a body.
pub(super) fn empty(description: &str) -> ResponseBuilder {
    ResponseBuilder::new().description(description)
}

/// A header, by its name among the components.
pub(super) fn header(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

/// A parameter in the URL or in a form.
pub(super) struct Field {
    /// Its name.
    pub(super) name: &'static str,
    /// Whether it has to be there.
    pub(super) required: bool,
    /// What it may be.
    pub(super) schema: RefOr<Schema>,
}

impl Field {
    /// One that has to be there.
    pub(super) fn has(name: &'static str, schema: impl Into<RefOr<Schema>>) -> Field {
        Field { name, required: true, schema: schema.into() }
    }

    /// One that may be missing.
    pub(super) fn may(name: &'static str, schema: impl Into<RefOr<Schema>>) -> Field {
        Field { name, required: false, schema: schema.into() }
    }

    fn parameter(&self) -> Parameter {
        at(ParameterIn::Query, self.name, self.required, self.schema.clone())
    }
}

/// A part of the path.
pub(super) fn part(name: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    at(ParameterIn::Path, name, true, schema.into())
}

/// A header of the request.
pub(super) fn sent_header(name: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    at(ParameterIn::Header, name, false, schema.into())
}

/// A parameter of the URL that may be missing.
pub(super) fn query(name: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    at(ParameterIn::Query, name, false, schema.into())
}

/// What the schema says of itself is what the parameter says: once is enough.
fn at(place: ParameterIn, name: &str, required: bool, mut schema: RefOr<Schema>) -> Parameter {
    let description = match &mut schema {
        RefOr::T(Schema::Object(object)) => object.description.take(),
        RefOr::T(Schema::Array(array)) => array.description.take(),
        _ => None,
    };
    // A list is one parameter, given again and again.
    let repeated = matches!((&place, &schema), (ParameterIn::Query, RefOr::T(Schema::Array(_))));
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(if required { Required::True } else { Required::False })
        .description(description)
        .schema(Some(schema))
        .style(repeated.then_some(ParameterStyle::Form))
        .explode(repeated.then_some(true))
        .build()
}
