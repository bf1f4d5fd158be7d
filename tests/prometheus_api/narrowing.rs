//! `/ns/{namespace}/`, `?namespace=` and `X-Hecate-Namespaces` make a scope smaller, never larger.

use std::collections::BTreeSet;

use crate::house::{Answer, House};

const QUERY: &str = "/api/v1/query?query=count+by+(namespace)+(work_total)";

/// The namespaces in an answer.
fn seen(answer: &Answer) -> BTreeSet<String> {
    let rows = answer.json()["data"]["result"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone();
    rows.iter().map(|row| row["metric"]["namespace"].as_str().unwrap().to_owned()).collect()
}

/// Target, header, and what is seen: namespaces, or the status and the namespace that the error names.
type Case<'a> = (&'a str, String, &'a str, Result<&'a str, (u16, &'a str)>);

#[tokio::test]
async fn every_way_to_narrow_and_their_combinations() {
    let house = House::start("").await;
    let at = |prefix: &str, more: &str| format!("{prefix}{QUERY}{more}");
    let cases: Vec<Case<'_>> = vec![
        ("alice", at("", ""), "", Ok("a")),
        ("both", at("", ""), "", Ok("a b")),
        ("admin", at("", ""), "", Ok("a b")),
        ("both", at("/ns/a", ""), "", Ok("a")),
        ("both", at("", "&namespace=a"), "", Ok("a")),
        ("both", at("", ""), "a", Ok("a")),
        ("admin", at("/ns/b", ""), "", Ok("b")),
        ("admin", at("", "&namespace=b"), "", Ok("b")),
        ("admin", at("", ""), "b", Ok("b")),
        ("both", at("", "&namespace=a&namespace=b"), "", Ok("a b")),
        ("both", at("", "&namespace=b&namespace=b"), "", Ok("b")),
        ("both", at("", ""), "a, b", Ok("a b")),
        ("both", at("/ns/a", "&namespace=a"), "a", Ok("a")),
        ("both", at("", "&namespace=a&namespace=b"), "b", Ok("b")),
        // Outside the scope: the namespace asked for, and no other.
        ("alice", at("/ns/b", ""), "", Err((403, "b"))),
        ("alice", at("", "&namespace=b"), "", Err((403, "b"))),
        ("alice", at("", "&namespace=a&namespace=zz"), "", Err((403, "zz"))),
        ("alice", at("", ""), "b", Err((403, "b"))),
        ("both", at("/ns/c", ""), "", Err((403, "c"))),
        // Each place narrows what the one before left: what they do not have in common is refused, not ignored.
        ("both", at("/ns/a", "&namespace=b"), "", Err((403, "b"))),
        ("both", at("/ns/a", ""), "b", Err((403, "b"))),
        ("alice", at("/ns/a", "&namespace=b"), "", Err((403, "b"))),
        ("both", at("", "&namespace=a"), "b", Err((403, "b"))),
        ("admin", at("/ns/a", "&namespace=b"), "", Err((403, "b"))),
        ("admin", at("/ns/a", ""), "a,b", Err((403, "b"))),
        // What cannot be a namespace.
        ("alice", at("/ns/A", ""), "", Err((400, "lower-case"))),
        ("alice", at("/ns/a_b", ""), "", Err((400, "lower-case"))),
        ("alice", at("", "&namespace="), "", Err((400, "namespace"))),
        ("alice", at("", "&namespace=a%22%7D"), "", Err((400, "namespace"))),
        ("alice", at("", "&namespace=.*"), "", Err((400, "namespace"))),
        ("alice", at("", "&namespace=a,b"), "", Err((400, "namespace"))),
        ("alice", at("", "&namespace=a%00"), "", Err((400, ""))),
        ("alice", at("", ""), "a,,b", Err((400, "X-Hecate-Namespaces"))),
        ("alice", at("", ""), "*", Err((400, "X-Hecate-Namespaces"))),
        ("alice", at(&format!("/ns/{}", "a".repeat(64)), ""), "", Err((400, "63"))),
    ];
    for (user, target, header, expected) in cases {
        let headers: Vec<(&str, &str)> = if header.is_empty() { vec![] } else { vec![("x-hecate-namespaces", header)] };
        let answer = house.ask_with(user, "GET", &target, "", &headers).await;
        let shown = format!("{user} {target} [{header}]: {answer:?}");
        match expected {
            Ok(namespaces) => {
                assert_eq!(answer.status, 200, "{shown}");
                assert_eq!(seen(&answer), namespaces.split(' ').map(str::to_owned).collect(), "{shown}");
            }
            Err((status, name)) => {
                assert_eq!(answer.status, status, "{shown}");
                let error = answer.error();
                assert!(error.contains(name), "{shown}");
                if status == 403 {
                    let quoted: Vec<&str> = error.split('"').skip(1).step_by(2).collect();
                    assert_eq!(quoted, [name], "{shown}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_form_narrows_too_and_no_form_widens() {
    let house = House::start("").await;
    let query = "query=count+by+(namespace)+(work_total)";
    let narrowed = house.ask("both", "POST", "/api/v1/query", &format!("{query}&namespace=a")).await;
    assert_eq!(seen(&narrowed), BTreeSet::from(["a".to_owned()]));
    // A list in two halves is one list.
    let halves = house.ask("both", "POST", "/api/v1/query?namespace=a", &format!("{query}&namespace=b")).await;
    assert_eq!(seen(&halves), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    let outside = house.ask("alice", "POST", "/api/v1/query?namespace=a", &format!("{query}&namespace=b")).await;
    assert_eq!((outside.status, outside.error().contains("\"b\"")), (403, true), "{outside:?}");
}

#[tokio::test]
async fn every_path_narrows() {
    let house = House::start("").await;
    for target in [
        "/api/v1/series?match%5B%5D=work_total",
        "/api/v1/labels?x=y",
        "/api/v1/label/namespace/values?x=y",
        "/api/v1/label/__name__/values?x=y",
        "/api/v1/query_exemplars?query=work_total",
        "/api/v1/metadata?x=y",
        "/api/v1/rules?x=y",
        "/api/v1/alerts?x=y",
        "/federate?match%5B%5D=work_total&match%5B%5D=only_b",
    ] {
        let without_times = |answer: &Answer| {
            let kept: String = answer.body.chars().filter(|c| !c.is_ascii_digit() && !matches!(c, '.' | 'e' | '-')).collect();
            (answer.status, kept)
        };
        let as_alice = house.get("alice", target).await;
        assert_eq!(as_alice.status, 200, "{target}: {as_alice:?}");
        let both = house.get("both", target).await;
        for (prefix, more, header) in [("/ns/a", "", ""), ("", "&namespace=a", ""), ("", "", "a")] {
            let headers: Vec<(&str, &str)> = if header.is_empty() { vec![] } else { vec![("x-hecate-namespaces", header)] };
            for user in ["both", "admin"] {
                let narrowed = house.ask_with(user, "GET", &format!("{prefix}{target}{more}"), "", &headers).await;
                assert_eq!(without_times(&narrowed), without_times(&as_alice), "{user} {prefix}{target}{more} {header}");
            }
        }
        if !target.contains("/labels") {
            assert_ne!(without_times(&both), without_times(&as_alice), "{target}: there is something to narrow");
        }
        let body = &as_alice.body;
        assert!(!body.contains("only_b") && !body.contains("SecretOfB") && !body.contains("secret of b"), "{target}: {body}");
    }
}
