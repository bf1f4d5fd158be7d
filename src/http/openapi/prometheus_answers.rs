//! What Prometheus answers: the frame is always the same, what is in it is the path's own.

use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::{RefOr, Schema};

use super::words::{Members, Schemas, anything, list, map, object, one_of, text};

/// The schemas.
pub(super) fn schemas() -> Schemas {
    let labels = || map("A label set.", text("The value of a label."));
    let result = object("What the expression is.")
        .has("resultType", one_of("Which form `result` has.", &["matrix", "vector", "scalar", "string"]))
        .has(
            "result",
            list(
                "Series with `metric` and `value`, `values`, `histogram` or `histograms`; for a scalar or a string its moment and its value.",
                anything("A series, a moment or a value."),
            ),
        )
        .may("stats", object("What the evaluation took, when it was asked for."));
    vec![
        ("QueryAnswer", framed("The value of an expression.", result)),
        ("SeriesAnswer", framed("Label sets.", list("One for each series.", labels()))),
        ("NamesAnswer", framed("Names or values.", list("In order.", text("One of them.")))),
        ("TextAnswer", framed("A text.", text("The expression."))),
        ("ListAnswer", framed("A list.", list("Entries.", object("An entry.")))),
        ("ObjectAnswer", framed("An object.", object("What the path tells."))),
        ("AnyAnswer", framed("Whatever the upstream tells.", anything("What the path tells."))),
    ]
}

fn framed(description: &str, data: impl Into<RefOr<Schema>>) -> RefOr<Schema> {
    let texts = |description| list(description, text("For people."));
    let frame: ObjectBuilder = object(description)
        .has("status", one_of("Always the same.", &["success"]))
        .has("data", data)
        .may("warnings", texts("What may surprise."))
        .may("infos", texts("What may be of interest."));
    frame.into()
}
