//! What only the rooms can judge is told like everything else that is wrong: file, line, key, and all of it at once.

use crate::Desk;

/// The errors, without the heading and the count.
fn faults(desk: &Desk, command: &str) -> Vec<String> {
    let said = desk.run(&[command, "--config", "hecate.yaml"]);
    assert_eq!((said.code, said.out.as_str()), (64, ""), "{said:?}");
    let lines: Vec<String> = said.err.lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "Invalid configuration:", "{said:?}");
    lines[1..lines.len() - 1].to_vec()
}

#[test]
fn one_by_one() {
    let hash = "0".repeat(64);
    let users = format!("users:\n- {{name: a, token_sha256: \"{hash}\", namespaces: [a]}}\n- {{name: b}}\n");
    let garbage: &[(&str, &str)] =
        &[("users.yaml", &users), ("roles.yaml", "roles: [{user: a, namespace: [a]}]\n"), ("x.pem", "nothing\n")];
    for (config, (line, key), words) in [
        ("auth:\n  providers:\n  - kind: static\n    users_file: nobody.yaml\n", (4, "auth.providers[0].users_file"), &["nobody.yaml"][..]),
        (
            "auth:\n  providers: [{kind: static, users_file: users.yaml}]\n",
            (2, "auth.providers[0].users_file"),
            &["users.yaml:3", "hecate token new b"],
        ),
        ("auth:\n  roles_file: roles.yaml\n", (2, "auth.roles_file"), &["roles.yaml:1", "namespaces"]),
        ("promql:\n  features: [no-such-thing]\n", (2, "promql.features"), &["no-such-thing"]),
        ("server:\n  tls: {cert: a.pem, key: b.pem}\n", (2, "server.tls.cert"), &["a.pem"]),
        ("server:\n  tls: {cert: x.pem, key: x.pem}\n", (2, "server.tls.cert"), &["x.pem"]),
        ("upstreams:\n- name: p\n  url: https://127.0.0.1:9\n  auth: {ca_file: x.pem}\n", (4, "upstreams[0].auth.ca_file"), &["x.pem"]),
        (
            "upstreams:\n- name: p\n  url: http://127.0.0.1:9\n  auth: {bearer_token_file: none}\n",
            (4, "upstreams[0].auth.bearer_token_file"),
            &["none"],
        ),
    ] {
        let desk = Desk::with(&[&[("hecate.yaml", config)], garbage].concat());
        for command in ["check", "serve"] {
            let told = faults(&desk, command);
            assert!(told.len() == 1 && told[0].starts_with(&format!("hecate.yaml:{line}:")), "{config}: {told:?}");
            assert_eq!(told[0].split(": ").nth(1), Some(key), "{config}: {told:?}");
            assert!(words.iter().all(|word| told[0].contains(word)), "{config}: {told:?}");
        }
    }
}

#[test]
fn all_at_once() {
    let config =
        "server: {tls: {cert: a.pem, key: a.pem}}\nauth: {providers: [{kind: static, users_file: nobody.yaml}]}\npromql: {features: [x]}\n";
    let desk = Desk::with(&[("hecate.yaml", config)]);
    for command in ["check", "serve"] {
        let told = faults(&desk, command);
        let keys: Vec<&str> = told.iter().map(|line| line.split(": ").nth(1).unwrap()).collect();
        assert_eq!(keys, ["server.tls.cert", "auth.providers[0].users_file", "promql.features"], "{told:?}");
    }
}
