//! Keys of the contract that this version does not have: answered plainly, never ignored.

use super::reader::{Findings, join};
use super::yaml::{Node, Value};

/// To switch a key on, take it out here and read it in its topic.
pub(super) const KEYS: &[&str] = &["perses.dashboards", "workloads.enabled", "workloads.kubeconfig", "workloads.kinds"];

/// `kind`s of `auth.providers` that this version does not have.
pub(super) const PROVIDERS: &[&str] = &["kubernetes", "perses"];

/// `kind`s of `auth.sign_in` that this version does not have.
pub(super) const SIGN_INS: &[&str] = &["openshift"];

/// Whether the key belongs to a later version; if so the errors are noted, one for each key that stands there.
pub(super) fn refuse(findings: &Findings, path: &str, node: &Node) -> bool {
    let is_section = KEYS.iter().any(|key| key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')));
    if !is_section && !KEYS.contains(&path) {
        return false;
    }
    match &node.value {
        Value::Map(entries) if is_section && !entries.is_empty() => {
            for (name, below) in entries {
                let key = join(path, name);
                if !refuse(findings, &key, below) {
                    findings.error(Some(&below.place), &key, format!("unknown key, and `{path}` is not in this version"));
                }
            }
        }
        _ => findings.error(Some(&node.place), path, format!("`{path}` is not in this version; take it out")),
    }
    true
}
