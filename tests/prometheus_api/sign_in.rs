//! 401 with challenges, 403 without the permission, and the forms of credentials.

use crate::house::House;
use crate::support::{Hecate, client, users};

const BASIC: &str = "Basic realm=\"hecate\", charset=\"UTF-8\"";

#[tokio::test]
async fn credentials_and_challenges() {
    let house = House::start("").await;
    let before = house.reached_upstream().await;
    // Header; status; a word of the text; the error of the Bearer challenge.
    for (header, status, word, challenge) in [
        ("", 401, "credentials are needed", "Bearer realm=\"hecate\""),
        ("Bearer nobody", 401, "not recognised", "error=\"invalid_token\""),
        ("Bearer", 401, "no token", "error=\"invalid_request\""),
        ("Bearer token-alice x", 401, "characters", "error=\"invalid_request\""),
        ("Digest x", 401, "neither Bearer nor Basic", "error=\"invalid_request\""),
        ("Basic !!", 401, "base64", "error=\"invalid_request\""),
        // bob:token-alice: the name has to be the token's.
        ("Basic Ym9iOnRva2VuLWFsaWNl", 401, "user name is not the one", "error=\"invalid_token\""),
    ] {
        for target in ["/api/v1/query?query=up", "/api/v1/labels", "/ns/b/api/v1/rules", "/api/v1/status/buildinfo", "/api/v1/auth/me"] {
            let headers: Vec<(&str, &str)> = if header.is_empty() { vec![] } else { vec![("authorization", header)] };
            let refused = house.ask_with("", "GET", target, "", &headers).await;
            assert_eq!(refused.status, status, "{header} {target}: {refused:?}");
            assert!(refused.error().contains(word), "{header} {target}: {refused:?}");
            let told: Vec<&str> = refused.headers.get_all("www-authenticate").iter().map(|v| v.to_str().unwrap()).collect();
            assert!(told.len() == 2 && told[0].contains(challenge) && told[1] == BASIC, "{header} {target}: {told:?}");
        }
    }
    let twice = house.ask_with("alice", "GET", "/api/v1/query?query=up", "", &[("authorization", "Bearer token-admin")]).await;
    assert_eq!(twice.status, 400, "{twice:?}");
    assert_eq!(house.reached_upstream().await, before);
    // alice:token-alice, and the same without a name.
    for header in ["Basic YWxpY2U6dG9rZW4tYWxpY2U=", "basic OnRva2VuLWFsaWNl", "bearer token-alice"] {
        let answer = house.ask_with("", "GET", "/api/v1/query?query=work_total", "", &[("authorization", header)]).await;
        assert_eq!(answer.status, 200, "{header}: {answer:?}");
        assert!(answer.body.contains("\"a\"") && !answer.body.contains("\"b\""), "{header}: {answer:?}");
    }
}

#[tokio::test]
async fn without_the_permission_nothing_is_read() {
    let people = users(&[("editor", "token-editor", "namespaces: [a], permissions: [Dashboard:read]")]);
    let auth = "auth: {providers: [{kind: static, users_file: users.yaml}]}\n";
    let hecate = Hecate::start("", auth, &[("users.yaml", &people)]);
    let ask = |path: &str| client().get(format!("{}{path}", hecate.url())).bearer_auth("token-editor").send();
    for path in ["/api/v1/query?query=up", "/api/v1/labels", "/api/v1/rules", "/federate", "/api/v1/status/buildinfo", "/api/v1/targets"] {
        let refused = ask(path).await.unwrap();
        assert_eq!(refused.status().as_u16(), 403, "{path}");
        assert!(!refused.headers().contains_key("www-authenticate"));
        let body = refused.text().await.unwrap();
        assert!(body.contains("Metrics:query") && body.contains("\"forbidden\""), "{body}");
    }
    assert_eq!(ask("/api/v1/auth/me").await.unwrap().status().as_u16(), 200, "who they are, they may know");
}
