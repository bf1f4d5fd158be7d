//! docs/stream.schema.json, held against every event that a test receives.

use std::collections::HashMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../docs/stream.schema.json");
const EVENTS: [&str; 6] = ["connected", "snapshot", "delta", "error", "heartbeat", "shutdown"];

static VALIDATORS: LazyLock<HashMap<&str, Validator>> = LazyLock::new(|| {
    let whole: Value = serde_json::from_str(SCHEMA).unwrap();
    let one = |event: &&'static str| {
        let schema = json!({"$schema": whole["$schema"], "$defs": whole["$defs"], "$ref": format!("#/$defs/{event}")});
        (*event, jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{event}: {error}")))
    };
    EVENTS.iter().map(one).collect()
});

/// Fails the test when the data is not what the schema says of the event.
pub fn check(event: &str, data: &str) {
    let validator = VALIDATORS.get(event).unwrap_or_else(|| panic!("the event {event:?} is in no schema"));
    let value: Value = serde_json::from_str(data).unwrap_or_else(|error| panic!("{event}: {error}: {data}"));
    if let Err(error) = validator.validate(&value) {
        panic!("{event}: {error}: {data}");
    }
}

#[test]
fn the_schema_refuses_what_is_wrong() {
    let good = json!({"v": 1, "id": "q0", "start": 1, "end": 2.5, "data": {"resultType": "matrix", "result": []}, "gone": []});
    check("delta", &good.to_string());
    for (member, value) in
        [("v", json!(2)), ("id", json!("")), ("start", json!("1")), ("gone", json!([[1]])), ("data", json!({"result": []}))]
    {
        let mut wrong = good.clone();
        wrong[member] = value;
        assert!(VALIDATORS["delta"].validate(&wrong).is_err(), "{wrong}");
    }
    for member in ["v", "id", "start", "end", "data", "gone"] {
        let mut wrong = good.clone();
        wrong.as_object_mut().unwrap().remove(member);
        assert!(VALIDATORS["delta"].validate(&wrong).is_err(), "{wrong}");
    }
}
