//! promtool, with a bearer token and with a password.

use std::process::Command;

use crate::house::{House, T0};
use crate::support::tool;

#[tokio::test]
async fn promtool_asks_as_it_always_does() {
    let house = House::start("").await;
    let folder = tempfile::tempdir().unwrap();
    let bearer = "authorization: {credentials: token-alice}\n";
    let basic = "basic_auth: {username: alice, password: token-alice}\n";
    let stranger = "authorization: {credentials: token-nobody}\n";
    let (start, end) = (T0.to_string(), (T0 + 600).to_string());
    let run = |config: &str, base: &str, command: &str, options: &[&str], rest: &[&str]| {
        let file = folder.path().join("http.yml");
        std::fs::write(&file, config).unwrap();
        let output = Command::new(tool("promtool"))
            .args(["query", command, "--http.config.file"])
            .arg(&file)
            .args(options)
            .arg(base)
            .args(rest)
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let window = ["--start", start.as_str(), "--end", end.as_str()];
    for config in [bearer, basic] {
        for base in [house.hecate.url().to_owned(), format!("{}/ns/a", house.hecate.url())] {
            let instant = run(config, &base, "instant", &["--time", &end], &["http_requests_total"]);
            assert!(instant.0 && instant.1.contains("pod=\"p2\"") && !instant.1.contains("namespace=\"b\""), "{instant:?}");
            let range =
                run(config, &base, "range", &[&window[..], &["--step", "60s"]].concat(), &["sum by (namespace) (http_requests_total)"]);
            assert!(range.0 && range.1.contains("{namespace=\"a\"}") && !range.1.contains("\"b\""), "{range:?}");
            let series = run(config, &base, "series", &[&window[..], &["--match", "load"]].concat(), &[]);
            assert!(series.0 && series.1.contains("gpu.kind"), "{series:?}");
            let labels = run(config, &base, "labels", &window, &["namespace"]);
            assert!(labels.0 && labels.1.trim() == "a", "{labels:?}");
        }
    }
    let url = house.hecate.url();
    let refused = run(stranger, url, "instant", &[], &["up"]);
    assert!(!refused.0 && refused.1.contains("not recognised"), "{refused:?}");
    let wrong = run(bearer, url, "instant", &[], &["sum("]);
    assert!(!wrong.0 && wrong.1.contains("parse error"), "{wrong:?}");
    let outside = run(bearer, &format!("{url}/ns/b"), "labels", &window, &["namespace"]);
    assert!(!outside.0 && outside.1.contains("outside your scope"), "{outside:?}");
}
