//! `hecate migrate`.

use crate::Desk;

#[test]
fn migrations_are_applied_once() {
    let desk = Desk::with(&[("hecate.yaml", "dashboards: {database: \"sqlite:x.db\"}\n")]);
    let first = desk.run(&["migrate", "--config", "hecate.yaml"]);
    assert_eq!((first.code, first.out.as_str(), first.err.as_str()), (0, "applied 0001 dashboards\n", ""));
    assert!(desk.path("x.db").exists());
    let second = desk.run(&["migrate", "--config", "hecate.yaml"]);
    assert_eq!((second.code, second.out.as_str(), second.err.as_str()), (0, "the database is up to date\n", ""));
    let check = desk.run(&["check", "--config", "hecate.yaml"]);
    assert!(check.out.contains("database answers\n"), "{check:?}");
}

#[test]
fn a_database_that_cannot_be_used() {
    let away = Desk::with(&[("hecate.yaml", "dashboards: {database: \"postgres://u:secret-word@127.0.0.1:1/d\"}\n")]);
    for command in ["migrate", "check"] {
        let said = away.run(&[command, "--config", "hecate.yaml"]);
        assert!(said.code == 1 && !format!("{said:?}").contains("secret-word"), "{said:?}");
        assert!(format!("{said:?}").contains("does not answer"), "{said:?}");
    }
    let folder = Desk::with(&[("hecate.yaml", "dashboards: {database: \"sqlite:nowhere/x.db\"}\n")]);
    let said = folder.run(&["check", "--config", "hecate.yaml"]);
    assert!(said.code == 1 && said.out.contains("database does not answer (there is no folder"), "{said:?}");
    let templates = Desk::with(&[("hecate.yaml", "dashboards: {templates_dir: nowhere}\n")]);
    let said = templates.run(&["check", "--config", "hecate.yaml"]);
    assert!(said.code == 64 && said.err.contains("hecate.yaml:1:14: dashboards.templates_dir: "), "{said:?}");
}
