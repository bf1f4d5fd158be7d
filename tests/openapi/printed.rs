//! `hecate openapi`, `/api/openapi.json` and docs/openapi.json are one text.

use std::process::{Command, Stdio};

use crate::support::{Hecate, client};

#[tokio::test]
async fn printed_served_and_kept_are_the_same() {
    let kept = include_str!("../../docs/openapi.json");
    let printed = Command::new(env!("CARGO_BIN_EXE_hecate")).arg("openapi").stdin(Stdio::null()).output().unwrap();
    assert!(printed.status.success() && printed.stderr.is_empty(), "{printed:?}");
    assert!(printed.stdout == kept.as_bytes(), "docs/openapi.json is old: cargo run -- openapi > docs/openapi.json");
    // Nobody has to sign in for it, where everybody has to.
    let auth = "auth: {providers: [{kind: static, users_file: users.yaml}]}\n";
    let hecate = Hecate::start("", auth, &[("users.yaml", &crate::support::usual_users())]);
    let get = async |path: &str| client().get(format!("{}{path}", hecate.url())).send().await.unwrap();
    let served = get("/api/openapi.json").await;
    assert_eq!((served.status().as_u16(), served.headers()["content-type"].to_str().unwrap()), (200, "application/json"));
    assert!(served.text().await.unwrap() == kept);
    assert_eq!(get("/api/v1/auth/me").await.status().as_u16(), 401);
}
