//! What goes in comes out.

use hecate::dashboards::{Document, Expect, NewDashboard, StoreError};
use serde_json::{Value, json};

use super::{Home, actor, body, create};

super::on_both!(unknown_fields_order_and_numbers_stay, odd_names_and_titles, a_document_of_a_mebibyte, missing_is_missing);

async fn unknown_fields_order_and_numbers_stay(home: Home) {
    let store = home.store().await;
    let text = r#"{"spec":{"zeta":{"b":1.50,"a":[1e3,{"y":0,"x":null}]},"panels":{},"display":{"name":"T"}},"x-mine":true,"metadata":{"name":"n","labels":{"z":1,"a":2},"project":"p"},"kind":"Dashboard"}"#;
    let document = Document::read(text, Expect::default()).unwrap();
    let new = NewDashboard { document: &document, template: None, key: None, message: "" };
    let made = store.create(&actor("alice"), new).await.unwrap().dashboard;
    let read = store.get("p", "n").await.unwrap();
    assert_eq!((read.stale_since, read.dashboard.text()), (None, made.text()));
    let (before, rest) = read.dashboard.text().split_once(r#""createdAt""#).map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert_eq!(
        before,
        r#"{"spec":{"zeta":{"b":1.50,"a":[1e3,{"y":0,"x":null}]},"panels":{},"display":{"name":"T"}},"x-mine":true,"metadata":{"name":"n","labels":{"z":1,"a":2},"project":"p","#
    );
    assert!(rest.ends_with(r#","version":0},"kind":"Dashboard"}"#), "{rest}");
}

async fn odd_names_and_titles(home: Home) {
    let store = home.store().await;
    for (name, title) in [("a.b-c_D.9", "Größe 🚀 日本語"), (&"x".repeat(75), "quo\"te \\ \u{2028}"), ("...", " ")] {
        create(&store, "älice 🚀", &body("p", name, title)).await.unwrap();
        let read = store.get("p", name).await.unwrap().dashboard;
        let value: Value = serde_json::from_str(&read.text()).unwrap();
        assert_eq!((&value["metadata"]["name"], &value["spec"]["display"]["name"]), (&json!(name), &json!(title)));
        assert_eq!(read.created_by, "älice 🚀");
    }
    assert_eq!(store.get("p", "...").await.unwrap().dashboard.title, "...", "a title of nothing is the name");
}

async fn a_document_of_a_mebibyte(home: Home) {
    let store = home.store().await;
    let mut value = body("p", "large", "Large");
    let panel = |n: usize| json!({"kind": "Panel", "spec": {"display": {"name": format!("Panel {n}"), "description": "d".repeat(2_300)}, "plugin": {"kind": "Markdown", "spec": {"n": n}}}});
    value["spec"]["panels"] = (0..430).map(|n| (format!("p{n}"), panel(n))).collect::<serde_json::Map<_, _>>().into();
    let size = value.to_string().len();
    assert!((1_000_000..1_100_000).contains(&size), "{size}");
    create(&store, "alice", &value).await.unwrap();
    let mut stored: Value = serde_json::from_str(&store.get("p", "large").await.unwrap().dashboard.text()).unwrap();
    let old: Value = serde_json::from_str(&store.version("p", "large", 0).await.unwrap()).unwrap();
    assert_eq!(old, stored, "the first version is what is stored");
    for key in ["createdAt", "updatedAt", "version"] {
        stored["metadata"].as_object_mut().unwrap().remove(key);
    }
    assert_eq!(stored, value);
}

async fn missing_is_missing(home: Home) {
    let store = home.store().await;
    create(&store, "alice", &body("p", "n", "T")).await.unwrap();
    for (project, name) in [("p", "m"), ("q", "n"), ("p", "N"), ("p", "n%"), ("p", "' OR 1=1 --")] {
        let error = store.get(project, name).await.unwrap_err();
        assert!(matches!(error, StoreError::NotFound { what: "dashboard", .. }), "{error:?}");
    }
}
