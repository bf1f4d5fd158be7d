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
