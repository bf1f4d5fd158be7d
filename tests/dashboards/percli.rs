//! The command line of Perses, as it is, against Hecate.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::support::tool;
use super::{House, dashboard};

struct Percli {
    folder: tempfile::TempDir,
}

impl Percli {
    /// Signed in as alice, in her project.
    fn new(house: &House) -> Percli {
        let folder = tempfile::tempdir().unwrap();
        let config = json!({
            "rest_client_config": {"url": house.hecate.url(), "authorization": {"type": "Bearer", "credentials": "token-alice"}},
            "project": "team-a",
        });
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        Percli { folder }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    /// What it printed; whether it was content, and where it complained.
    fn run(&self, words: &[&str]) -> (bool, String) {
        let output = Command::new(tool("percli"))
            .arg("--percliconfig")
            .arg(self.folder.path().join("config.json"))
            .args(words)
            .env("HOME", self.folder.path())
            .output()
            .unwrap();
        (output.status.success(), [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat())
    }

    fn good(&self, words: &[&str]) -> String {
        let (is_good, text) = self.run(words);
        assert!(is_good, "{words:?}: {text}");
        text
    }
}

/// It writes fractions of a second without their last zeros.
fn without_times(mut document: Value) -> Value {
    for key in ["createdAt", "updatedAt"] {
        document["metadata"][key] = json!("some");
    }
    document
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_applied_listed_described_and_deleted() {
    let house = House::start("");
    let percli = Percli::new(&house);
    let body = |title: &str| {
        let mut body = dashboard("mine", title);
        body["metadata"]["project"] = json!("team-a");
        body
    };
    assert!(percli.good(&["get", "projects"]).contains("team-a"));
    // A file knows no version: it replaces whatever is there, as often as it is applied.
    for (version, title) in ["one", "two", "two"].iter().enumerate() {
        let file = percli.file("d.json", &body(title).to_string());
        percli.good(&["apply", "-f", file.to_str().unwrap()]);
        let now = house.get("alice", "/api/v1/projects/team-a/dashboards/mine").await.json();
        assert_eq!((&now["metadata"]["version"], &now["spec"]["display"]["name"]), (&json!(version), &json!(title)));
    }
    assert!(percli.good(&["get", "dashboards"]).contains("mine"));
    assert!(percli.good(&["get", "dashboards", "mi"]).contains("mine"));
    assert!(!percli.good(&["get", "dashboards", "other"]).contains("mine"));
    // What it describes is what is kept, and can be applied again.
    let described = serde_json::from_str(&percli.good(&["describe", "dashboard", "mine", "-o", "json"])).unwrap();
    assert_eq!(without_times(described), without_times(house.get("alice", "/api/v1/projects/team-a/dashboards/mine").await.json()));
    let yaml = percli.file("d.yaml", &percli.good(&["describe", "dashboard", "mine", "-o", "yaml"]));
    percli.good(&["apply", "-f", yaml.to_str().unwrap()]);
    // What was loaded before somebody else saved it is not written over their work.
    let (is_good, told) = percli.run(&["apply", "-f", yaml.to_str().unwrap()]);
    assert!(!is_good && told.contains("409"), "{told}");
    // Another team's project is not there.
    let mut wrong = body("three");
    wrong["metadata"]["project"] = json!("team-b");
    let file = percli.file("wrong.json", &wrong.to_string());
    let (is_good, told) = percli.run(&["apply", "-f", file.to_str().unwrap(), "--project", "team-b"]);
    assert!(!is_good && told.contains("404"), "{told}");
    percli.good(&["delete", "dashboard", "mine"]);
    assert!(!percli.good(&["get", "dashboards"]).contains("mine"));
    assert_eq!(house.get("alice", "/api/v1/projects/team-a/dashboards/mine").await.status, 404);
    house.hecate.assert_no_bug();
}
