//! The demo's configuration and its people, as scripts/demo.sh prints them.

use std::path::Path;

use hecate::config::Config;
use hecate::tenancy::{Authenticator, Credentials, Namespace, Scope};

/// Each token opens what the demo says it opens.
#[tokio::test]
async fn tokens_open_what_the_demo_says() {
    let file = Path::new(crate::ROOT).join("config/demo/hecate.yaml");
    let config = Config::load(Some(&file), std::iter::empty()).unwrap_or_else(|errors| panic!("{errors}"));
    let authenticator = Authenticator::new(&config.auth, true).unwrap();
    let people = [
        ("demo-alice", of(&["team-vision"])),
        ("demo-bob", of(&["team-nlp"])),
        ("demo-carol", of(&["team-nlp", "team-ranking"])),
        ("demo-admin", Scope::ClusterWide),
    ];
    for (token, scope) in people {
        let header = format!("Bearer {token}");
        let identity = authenticator.authenticate(&Credentials { authorization: Some(header.as_bytes()), session: None }).await.unwrap();
        assert_eq!(identity.scope, scope, "{token}");
        assert_eq!(format!("demo-{}", identity.user), token);
    }
    let stranger = authenticator.authenticate(&Credentials { authorization: Some(b"Bearer demo-mallory"), session: None }).await;
    assert!(stranger.is_err(), "{stranger:?}");
}

fn of(namespaces: &[&str]) -> Scope {
    Scope::of(namespaces.iter().map(|name| name.parse::<Namespace>().unwrap()))
}
