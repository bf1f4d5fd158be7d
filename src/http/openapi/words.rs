//! The words that schemas are written in: shorter than the builders of utoipa, and the same everywhere.

use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, Ref, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{OneOfBuilder, RefOr};

/// Schemas by their names.
pub(super) type Schemas = Vec<(&'static str, RefOr<Schema>)>;

/// A schema that has a name.
pub(super) fn named(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

/// An object; [`Members`] says what is in it. Others may be there too.
pub(super) fn object(description: &str) -> ObjectBuilder {
    of_type(Type::Object, description)
}

/// An object whose members are all alike.
pub(super) fn map(description: &str, values: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    object(description).additional_properties(Some(AdditionalProperties::RefOr(values.into())))
}

/// A text.
pub(super) fn text(description: &str) -> ObjectBuilder {
    of_type(Type::String, description)
}

/// A text, or nothing at all.
pub(super) fn text_or_null(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Array(vec![Type::String, Type::Null])).description(Some(description))
}

/// One of a few words.
pub(super) fn one_of(description: &str, words: &[&str]) -> ObjectBuilder {
    text(description).enum_values(Some(words.iter().copied()))
}

/// A moment as RFC 3339 has it.
pub(super) fn moment(description: &str) -> ObjectBuilder {
    text(description).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

/// A name of a dashboard or a template.
pub(super) fn name(description: &str) -> ObjectBuilder {
    // Not `.` and `..`, which paths take for something else.
    text(description)
        .pattern(Some(r"^(\.{0,2}[a-zA-Z0-9_-][a-zA-Z0-9_.-]*|\.{3}[a-zA-Z0-9_.-]*)$"))
        .min_length(Some(1))
        .max_length(Some(75))
}

/// A namespace, which is a project.
pub(super) fn namespace(description: &str) -> ObjectBuilder {
    text(description).pattern(Some("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))
}

/// A duration as Prometheus writes it.
pub(super) fn duration(description: &str) -> ObjectBuilder {
    text(description).pattern(Some(format!("^(0|{UNITS})$"))).examples(["1h", "15s"])
}

/// A duration in a parameter: seconds will do too.
pub(super) fn duration_or_seconds(description: &str) -> ObjectBuilder {
    text(description).pattern(Some(format!(r"^([0-9]+(\.[0-9]+)?|{UNITS})$"))).examples(["1h", "15"])
}

/// A moment in a parameter: seconds since 1970, or RFC 3339.
pub(super) fn time(description: &str) -> ObjectBuilder {
    let pattern = format!(r"^(-?[0-9]+(\.[0-9]+)?|{DAY}T{CLOCK}(\.[0-9]{{1,9}})?(Z|[+-][0-2][0-9]:[0-5][0-9]))$");
    text(description).pattern(Some(pattern)).examples(["1794000000", "2026-11-27T12:00:00Z"])
}

/// Those of a duration, in falling order. Nothing at all counts as not given.
const UNITS: &str = "([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?";
const DAY: &str = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
const CLOCK: &str = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]";

/// A whole number from `least` on.
pub(super) fn whole(description: &str, least: i64) -> ObjectBuilder {
    of_type(Type::Integer, description).minimum(Some(least))
}

/// A number.
pub(super) fn number(description: &str) -> ObjectBuilder {
    of_type(Type::Number, description)
}

/// True or false.
pub(super) fn flag(description: &str) -> ObjectBuilder {
    of_type(Type::Boolean, description)
}

/// Anything that JSON can say.
pub(super) fn anything(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(description))
}

/// A list.
pub(super) fn list(description: &str, items: impl Into<RefOr<Schema>>) -> ArrayBuilder {
    ArrayBuilder::new().items(items.into()).description(Some(description))
}

fn of_type(kind: Type, description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind).description(Some(description))
}

fn or_null(kind: SchemaType) -> SchemaType {
    match kind {
        SchemaType::Type(kind) => SchemaType::Array(vec![kind, Type::Null]),
        several => several,
    }
}

/// Members of an object.
pub(super) trait Members {
    /// One that is always there.
    fn has(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self;
    /// One that may be missing.
    fn may(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self;
    /// One that may be missing, which null says too.
    fn nullable(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self;
    /// There are no others.
    fn closed(self) -> Self;
}

impl Members for ObjectBuilder {
    fn has(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        self.property(name, schema).required(name)
    }

    fn may(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        self.property(name, schema)
    }

    fn nullable(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        let null = ObjectBuilder::new().schema_type(Type::Null);
        let schema = match schema.into() {
            RefOr::T(Schema::Object(mut object)) => {
                object.schema_type = or_null(object.schema_type);
                object.enum_values.iter_mut().for_each(|words| words.push(serde_json::Value::Null));
                RefOr::T(Schema::Object(object))
            }
            RefOr::T(Schema::Array(mut array)) => {
                array.schema_type = or_null(array.schema_type);
                RefOr::T(Schema::Array(array))
            }
            other => OneOfBuilder::new().item(other).item(null).into(),
        };
        self.property(name, schema)
    }

    fn closed(self) -> Self {
        self.additional_properties(Some(AdditionalProperties::FreeForm(false)))
    }
}
