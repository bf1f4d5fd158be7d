//! `hecate check`.

use crate::Desk;
use crate::support::{Prometheus, PrometheusOptions, free_port};

#[tokio::test]
async fn a_good_configuration_with_everything_there() {
    let prometheus = Prometheus::start(PrometheusOptions::default()).await;
    let config = format!(
        "upstreams: [{{name: near, url: \"{}\"}}]\nauth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\n",
        prometheus.url()
    );
    let desk = Desk::with(&[("hecate.yaml", &config), ("users.yaml", "users: []\n")]);
    let said = desk.run(&["check", "--config", "hecate.yaml"]);
    assert_eq!(
        (said.code, said.out.as_str(), said.err.as_str()),
        (0, "the configuration is valid\nupstream:near answers\ndatabase is made at the first start\n", "")
    );
}

#[tokio::test]
async fn a_dependency_that_is_away_is_named() {
    let prometheus = Prometheus::start(PrometheusOptions::default()).await;
    let config = format!(
        "upstreams:\n- {{name: near, url: \"{}\", retention: 2d}}\n- {{name: far, role: cold, url: \"http://127.0.0.1:{}\"}}\n",
        prometheus.url(),
        free_port()
    );
    let desk = Desk::with(&[("hecate.yaml", &config)]);
    let said = desk.run(&["check", "--config", "hecate.yaml"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("the configuration is valid\n") && said.out.contains("upstream:near answers\n"), "{said:?}");
    let far = said.out.lines().find(|line| line.starts_with("upstream:far")).unwrap();
    assert!(far.contains("does not answer") && far.contains("no connection"), "{said:?}");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let config = "server: {listen: here}\nupstreams: [{name: a, url: \"prometheus:9090\"}]\nlimits: {depth: many}\nlimit: {}\n";
    let desk = Desk::with(&[("hecate.yaml", config)]);
    let said = desk.run_with(&["check", "--config", "hecate.yaml"], &[("HECATE__LIMITS__SERIES", "0")]);
    assert_eq!((said.code, said.out.as_str()), (64, ""), "{said:?}");
    let places: Vec<&str> = said.err.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        places,
        [
            "Invalid configuration:",
            "hecate.yaml:1:10",
            "hecate.yaml:2:23",
            "hecate.yaml:3:10",
            "hecate.yaml:4:1",
            "HECATE__LIMITS__SERIES",
            "5 errors in the configuration"
        ],
        "{said:?}"
    );
}

#[test]
fn a_file_that_is_not_there() {
    let said = Desk::with(&[]).run(&["check", "--config", "nowhere.yaml"]);
    assert!(said.code == 64 && said.err.contains("nowhere.yaml"), "{said:?}");
}

#[tokio::test]
async fn a_redis_is_asked_too() {
    let prometheus = Prometheus::start(PrometheusOptions::default()).await;
    let port = free_port();
    let config = |more: &str| {
        format!(
            "upstreams: [{{name: near, url: \"{}\"}}]\ncache: {{{more}redis: {{url: \"redis://127.0.0.1:{port}\"}}}}\n",
            prometheus.url()
        )
    };
    let desk = Desk::with(&[("hecate.yaml", &config("")), ("off.yaml", &config("enabled: false, "))]);
    let said = desk.run(&["check", "--config", "hecate.yaml"]);
    let redis = said.out.lines().find(|line| line.starts_with("redis ")).unwrap();
    assert!(said.code == 1 && redis.starts_with("redis does not answer (") && redis.contains("refused"), "{said:?}");
    let said = desk.run(&["check", "--config", "off.yaml"]);
    assert!(said.code == 0 && !said.out.contains("redis"), "what is switched off is not asked: {said:?}");

    let mut server = std::process::Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("redis-server is missing: run make setup");
    let line = crate::support::eventually("Redis answers", async || {
        let said = desk.run(&["check", "--config", "hecate.yaml"]);
        (said.code == 0).then(|| said.out.lines().last().unwrap_or_default().to_owned())
    })
    .await;
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(line.starts_with("redis answers (Redis ") && line.ends_with(", one server)"), "{line}");
}

#[test]
fn files_for_redis_that_cannot_be_used_are_told_with_their_key() {
    for (keys, key) in [
        ("ca_file: none.pem", "cache.redis.ca_file"),
        ("client_certificate: {cert: none.pem, key: none.pem}", "cache.redis.client_certificate"),
        ("ca_file: x.pem, client_certificate: {cert: x.pem, key: x.pem}", "cache.redis"),
    ] {
        let config =
            format!("upstreams: [{{name: a, url: \"http://127.0.0.1:9\"}}]\ncache:\n  redis: {{url: \"rediss://127.0.0.1:9\", {keys}}}\n");
        let desk = Desk::with(&[("hecate.yaml", &config), ("x.pem", "nothing\n")]);
        let said = desk.run(&["check", "--config", "hecate.yaml"]);
        assert!(said.code == 64 && said.err.contains(&format!(": {key}: ")) && said.err.contains("hecate.yaml:3:"), "{said:?}");
    }
}
