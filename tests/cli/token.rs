//! `hecate token new`: what it prints works.

use std::fs;

use crate::Desk;
use crate::support::{Hecate, client};

/// The token and the line for users.yaml.
fn made(desk: &Desk, arguments: &[&str]) -> (String, String) {
    let said = desk.run(&[&["token", "new"], arguments].concat());
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    let token = said.out.lines().next().unwrap().rsplit(' ').next().unwrap().to_owned();
    (token, said.out.lines().last().unwrap().to_owned())
}

#[tokio::test]
async fn the_line_makes_the_token_known() {
    let desk = Desk::with(&[]);
    let (carol, carols_line) = made(&desk, &["carol", "--namespace", "team-a", "--namespace", "team-b"]);
    let (root, roots_line) = made(&desk, &["root"]);
    assert!(carol.len() >= 32 && carol != root && !carols_line.contains(&carol));
    let auth = "auth: {providers: [{kind: static, users_file: users.yaml}]}\n";
    let hecate = Hecate::start("", auth, &[("users.yaml", &format!("users:\n{carols_line}\n"))]);
    let me = async |token: &str| {
        let answer = client().get(format!("{}/api/v1/auth/me", hecate.url())).bearer_auth(token).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, body) = me(&carol).await;
    assert!(status == 200 && body.contains("[\"team-a\",\"team-b\"]") && body.contains("\"cluster\":false"), "{body}");
    assert_eq!(me(&root).await.0, 401);
    // The file is read again when it changes.
    fs::write(hecate.folder().join("users.yaml"), format!("users:\n{carols_line}\n{roots_line}\n")).unwrap();
    // A verdict on a token that was wrong is kept for some seconds.
    crate::support::eventually("the new user is known", async || (me(&root).await.0 == 200).then_some(())).await;
    assert!(me(&root).await.1.contains("\"cluster\":true"));
}

#[test]
fn names_and_namespaces_that_cannot_be() {
    let desk = Desk::with(&[]);
    let bad = desk.run(&["token", "new", "carol", "--namespace", "Team_A"]);
    assert!(bad.code == 1 && bad.out.is_empty() && bad.err.contains("lower-case"), "{bad:?}");
    for name in ["", "a: b", "a:b", "a\nb"] {
        let said = desk.run(&["token", "new", name]);
        assert!(said.code == 1 && said.out.is_empty() && said.err.contains("name"), "{said:?}");
    }
    for name in ["it's", "\"q\"", "#x", "ü", "yes", "1"] {
        let said = desk.run(&["token", "new", name]);
        assert_eq!(said.code, 0, "{said:?}");
        fs::write(desk.path("users.yaml"), format!("users:\n{}\n", said.out.lines().last().unwrap())).unwrap();
        fs::write(desk.path("hecate.yaml"), "auth: {providers: [{kind: static, users_file: users.yaml}]}\n").unwrap();
        let check = desk.run_with(&["check", "--config", "hecate.yaml"], &[("HECATE__UPSTREAMS__0__URL", "http://127.0.0.1:9")]);
        assert_eq!(check.code, 1, "{name}: the file is good, only the upstream is away: {check:?}");
    }
}
