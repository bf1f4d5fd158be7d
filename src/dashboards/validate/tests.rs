use serde_json::{Value, json};

use super::pieces::{duration, is_name};
use super::variables::variables_in;
use super::{dashboard, nuls};

fn good() -> Value {
    json!({
        "kind": "Dashboard",
        "metadata": {"name": "spike", "project": "demo", "tags": ["a"]},
        "spec": {
            "display": {"name": "Überblick"},
            "duration": "30m",
            "refreshInterval": "0s",
            "datasources": {"local": {"default": true, "plugin": {"kind": "PrometheusDatasource", "spec": {"any": ["thing"]}}}},
            "variables": [
                {"kind": "TextVariable", "spec": {"name": "note", "value": "x"}},
                {"kind": "ListVariable", "spec": {"name": "job", "plugin": {"kind": "PrometheusLabelValuesVariable", "spec": {"matchers": ["up{note=\"$note\"}"]}}}}
            ],
            "panels": {"p.1": {"kind": "Panel", "spec": {
                "display": {"name": "T"},
                "plugin": {"kind": "TimeSeriesChart", "spec": {}},
                "queries": [{"kind": "TimeSeriesQuery", "spec": {"plugin": {"kind": "PrometheusTimeSeriesQuery", "spec": {"query": "up"}}}}]
            }}},
            "layouts": [{"kind": "Grid", "spec": {"items": [
                {"x": 0, "y": 0, "width": 24, "height": 8, "content": {"$ref": "#/spec/panels/p.1"}}
            ]}}]
        }
    })
}

fn check(pointer: &str, value: Value, expected: &[(&str, &str)]) {
    let mut document = good();
    match document.pointer_mut(pointer) {
        Some(place) => *place = value,
        None => {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            document.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.to_owned(), value);
        }
    }
    let found = [dashboard(&document), nuls(&document)].concat();
    let fits = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, (pointer, words))| found.pointer == *pointer && found.message.contains(words));
    assert!(fits, "{pointer}: {found:#?}, expected {expected:?}");
}

#[test]
fn a_dashboard_of_perses_is_valid() {
    assert_eq!(dashboard(&good()), []);
    assert_eq!(dashboard(&json!({"kind": "Dashboard", "metadata": {"name": "n"}, "spec": {}})), []);
}

#[test]
fn what_perses_requires_is_told_with_its_place() {
    check("/kind", json!("Folder"), &[("/kind", "\"Dashboard\"")]);
    check("/kind", Value::Null, &[("/kind", "missing")]);
    check("/metadata", json!([]), &[("/metadata", "a list stands where an object")]);
    check("/metadata/name", json!("a b"), &[("/metadata/name", "not a name")]);
    check("/metadata/name", json!("x".repeat(76)), &[("/metadata/name", "not a name")]);
    check("/metadata/name", json!("import"), &[("/metadata/name", "a path of its own")]);
    check("/metadata/tags", json!(["a", "", 1]), &[("/metadata/tags/1", "1 to 50"), ("/metadata/tags/2", "1 to 50")]);
    check("/metadata/tags", json!(vec!["t"; 21]), &[("/metadata/tags", "at most 20")]);
    check("/spec", Value::Null, &[("/spec", "missing")]);
    check("/spec/display/name", json!("x".repeat(257)), &[("/spec/display/name", "at most 256")]);
    check("/spec/duration", json!("soon"), &[("/spec/duration", "not a duration")]);
    check("/spec/refreshInterval", json!(5), &[("/spec/refreshInterval", "a text is expected")]);
    // A key with a slash, which the pointer has as ~1.
    let mut odd = good();
    odd["spec"]["panels"]["a/b"] = odd["spec"]["panels"]["p.1"].clone();
    assert_eq!(dashboard(&odd).iter().map(|problem| problem.pointer.as_str()).collect::<Vec<_>>(), ["/spec/panels/a~1b"]);
    check("/spec/panels/p.1/kind", json!("Row"), &[("/spec/panels/p.1/kind", "\"Panel\"")]);
    check("/spec/panels/p.1/spec/plugin", Value::Null, &[("/spec/panels/p.1/spec/plugin", "missing")]);
    check("/spec/panels/p.1/spec/plugin/kind", json!(""), &[("/spec/panels/p.1/spec/plugin/kind", "empty")]);
    check("/spec/panels/p.1/spec/queries/0/spec", json!({}), &[("/spec/panels/p.1/spec/queries/0/spec/plugin", "missing")]);
}

#[test]
fn layouts_point_to_panels_inside_the_grid() {
    let item = "/spec/layouts/0/spec/items/0";
    check("/spec/layouts/0/kind", json!("Flow"), &[("/spec/layouts/0/kind", "\"Grid\"")]);
    check(&format!("{item}/content/$ref"), json!("#/spec/panels/gone"), &[(&format!("{item}/content/$ref"), "no panel \"gone\"")]);
    check(&format!("{item}/content/$ref"), json!("p.1"), &[(&format!("{item}/content/$ref"), "points to no panel")]);
    check(&format!("{item}/x"), json!(1), &[(item, "column 25")]);
    check(&format!("{item}/width"), json!(0), &[(&format!("{item}/width"), "from 1 on")]);
    check(&format!("{item}/y"), json!(-1), &[(&format!("{item}/y"), "from 0 on")]);
    check(&format!("{item}/height"), json!(u64::MAX), &[(&format!("{item}/height"), "from 1 on")]);
}

#[test]
fn variables_have_names_and_no_circles() {
    let list =
        |name: &str, query: &str| json!({"kind": "ListVariable", "spec": {"name": name, "plugin": {"kind": "P", "spec": {"expr": query}}}});
    check("/spec/variables", json!([list("a", "$b"), list("b", "${c:csv}"), list("c", "x")]), &[]);
    check("/spec/variables", json!([list("a", "x$a")]), &[("/spec/variables/0", "\"a\" in a circle")]);
    let circle = json!([list("a", "$b"), list("b", "${c}"), list("c", "$a"), list("free", "$other")]);
    check("/spec/variables", circle, &[("/spec/variables/0", "\"b\""), ("/spec/variables/1", "\"c\""), ("/spec/variables/2", "\"a\"")]);
    check("/spec/variables", json!([list("a", ""), list("a", "")]), &[("/spec/variables/1/spec/name", "already")]);
    check("/spec/variables", json!([list("12", "")]), &[("/spec/variables/0/spec/name", "not digits alone")]);
    check("/spec/variables", json!([list("__from", "")]), &[("/spec/variables/0/spec/name", "Perses' own")]);
    check("/spec/variables", json!([{"kind": "TextVariable", "spec": {"name": "t"}}]), &[("/spec/variables/0/spec/value", "missing")]);
    check("/spec/variables", json!([{"kind": "Other", "spec": {"name": "t"}}]), &[("/spec/variables/0/kind", "neither")]);
}

#[test]
fn datasources_have_one_default_of_a_kind() {
    let source = |default: Value| json!({"default": default, "plugin": {"kind": "PrometheusDatasource", "spec": {}}});
    check("/spec/datasources", json!({"a": source(json!(true)), "b": source(json!(true))}), &[("/spec/datasources/b/default", "already")]);
    check("/spec/datasources", json!({"a": source(json!("yes"))}), &[("/spec/datasources/a/default", "true or false")]);
}

#[test]
fn bounds_and_nul() {
    let panel = good().pointer("/spec/panels/p.1").unwrap().clone();
    let many: serde_json::Map<String, Value> =
        (0..501).map(|n| (format!("p{n}"), panel.clone())).chain([("p.1".to_owned(), panel.clone())]).collect();
    check("/spec/panels", Value::Object(many), &[("/spec/panels", "at most 500")]);
    check("/spec/display/name", json!("a\0b"), &[("/spec/display/name", "NUL")]);
    check("/spec/anything", json!({"a\0": 1}), &[("/spec/anything/a\0", "NUL")]);
    let wrong: Vec<Value> = (0..300).map(Value::from).collect();
    assert_eq!(
        dashboard(&json!({"kind": "Dashboard", "metadata": {"name": "n", "tags": wrong}, "spec": {"layouts": wrong, "variables": wrong}}))
            .len(),
        100
    );
}

#[test]
fn names_durations_and_references() {
    for name in ["a", "A.b-c_9", &"x".repeat(75), "...", "0"] {
        assert!(is_name(name), "{name}");
    }
    for name in ["", ".", "..", "a/b", "ä", "a b", "a\n", &"x".repeat(76)] {
        assert!(!is_name(name), "{name:?}");
    }
    for (text, ms) in [
        ("0", Some(0)),
        ("0s", Some(0)),
        ("1h30m", Some(5_400_000)),
        ("5ms", Some(5)),
        ("", None),
        ("5", None),
        ("m", None),
        ("1.5h", None),
        ("99999999999999999999y", None),
    ] {
        assert_eq!(duration(text), ms, "{text}");
    }
    assert_eq!(variables_in("a$b ${c} ${d:regex} $$e $ ${}"), ["b", "c", "d", "e"]);
}
