//! `tenancy.labels_file`: the ordered map from metric names to the label that carries the tenant.

use std::path::Path;
use std::sync::Arc;

use super::error::{ConfigError, Place, Source};
use super::reader::{Findings, Map};
use super::yaml::{self, Node};
use super::{LabelRule, RuleTarget, TenantLabels, values};

const SHIPPED: &str = include_str!("../../config/tenant-labels.yaml");

/// A policy from a file, with the label for all other metrics only when the file names one.
pub(super) struct LabelsFile {
    pub(super) rules: Vec<LabelRule>,
    pub(super) default_label: Option<String>,
}

impl TenantLabels {
    /// The map that Hecate ships, for OpenShift AI.
    pub fn shipped() -> TenantLabels {
        let mut errors = Vec::new();
        let file = decode(&Source::file(Path::new("tenant-labels.yaml (shipped)")), SHIPPED, &mut errors);
        match file {
            Some(file) if errors.is_empty() => TenantLabels {
                rules: file.rules,
                default_label: file.default_label.unwrap_or_else(|| TenantLabels::default().default_label),
            },
            // The shipped file is part of the program and tested. If it were broken, nobody but cluster-wide callers may see anything.
            _ => {
                let closed = LabelRule { metrics: vec!["*".to_owned()], target: RuleTarget::Cluster };
                TenantLabels { rules: vec![closed], ..TenantLabels::default() }
            }
        }
    }
}

/// Reads the file; the error is for the key that names it.
pub(super) fn read(path: &Path, errors: &mut Vec<ConfigError>) -> Result<Option<LabelsFile>, String> {
    let text = yaml::read_bounded(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(decode(&Source::file(path), &text, errors))
}

/// `None` when the text cannot be read as a mapping; errors are added.
pub(super) fn decode(source: &Arc<Source>, text: &str, errors: &mut Vec<ConfigError>) -> Option<LabelsFile> {
    let root = match yaml::parse(source, text, errors) {
        Ok(root) => root,
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    let findings = Findings::default();
    let file = findings.root(&root, |map| {
        let rules = map.maps("rules", read_rule).unwrap_or_default();
        let default_label = map.value("default", label_name);
        refuse_unreachable(map.findings(), &rules);
        LabelsFile { rules: rules.into_iter().map(|rule| rule.rule).collect(), default_label }
    });
    errors.extend(findings.into_parts().0);
    file
}

/// A rule with the place of each of its patterns.
struct PlacedRule {
    rule: LabelRule,
    path: String,
    places: Vec<Option<Place>>,
}

fn read_rule(map: &mut Map<'_>) -> Option<PlacedRule> {
    const SCOPES: &[(&str, bool)] = &[("cluster", false), ("shared", true)];
    let metrics = map.values("metrics", glob);
    if !map.has("metrics") || map.is_empty_list("metrics") {
        map.error_at("metrics", "missing or empty; name the metrics, such as [\"DCGM_*\"]");
    }
    let label = map.value("label", label_name);
    let scope = map.value("scope", values::word(SCOPES));
    match (map.has("label"), map.has("scope")) {
        (true, true) => map.error_at("scope", "`label` is given too; a rule has exactly one of `label` and `scope`"),
        (false, false) => map.error("`label` or `scope` is missing; write `label: NAME`, `scope: cluster` or `scope: shared`"),
        _ => {}
    }
    let target = label.map(RuleTarget::Label).or(scope.map(|shared| if shared { RuleTarget::Shared } else { RuleTarget::Cluster }))?;
    let metrics = metrics?;
    let path = map.path_of("metrics");
    let places = (0..metrics.len()).map(|index| map.findings().place_of(&format!("{path}[{index}]"))).collect();
    Some(PlacedRule { rule: LabelRule { metrics, target }, path, places })
}

/// A pattern that an earlier one covers is a mistake in the order: the person expects it to matter.
fn refuse_unreachable(findings: &Findings, rules: &[PlacedRule]) {
    for (position, later) in rules.iter().enumerate() {
        for (index, pattern) in later.rule.metrics.iter().enumerate() {
            let covering = rules[..position].iter().find_map(|earlier| {
                let found = earlier.rule.metrics.iter().position(|wide| covers(wide, pattern))?;
                Some((earlier, found))
            });
            let Some((earlier, found)) = covering else { continue };
            let line = earlier.places[found].as_ref().map_or(0, Place::line);
            let here = later.places[index].as_ref();
            let message = format!(
                "line {}: \"{pattern}\" can never decide: \"{}\" on line {line} comes first and covers it; move the narrower rule up",
                here.map_or(0, Place::line),
                earlier.rule.metrics[found],
            );
            findings.error(here, &format!("{}[{index}]", later.path), message);
        }
    }
}

/// Whether everything that `narrow` fits is fitted by `wide` too.
///
/// `*` is the only wildcard, so it is enough to look at `narrow` as a name in which `*` is a letter that only `*` fits.
fn covers(wide: &str, narrow: &str) -> bool {
    let (wide, narrow) = (wide.as_bytes(), narrow.as_bytes());
    let (mut at, mut letter) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while letter < narrow.len() {
        if wide.get(at) == Some(&b'*') {
            star = Some((at, letter));
            at += 1;
        } else if wide.get(at) == Some(&narrow[letter]) {
            at += 1;
            letter += 1;
        } else if let Some((star_at, taken)) = star {
            star = Some((star_at, taken + 1));
            at = star_at + 1;
            letter = taken + 1;
        } else {
            return false;
        }
    }
    wide[at..].iter().all(|byte| *byte == b'*')
}

fn glob(node: &Node) -> Result<String, String> {
    let written = values::text(node)?;
    let is_glob = written.len() <= 256 && written.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '*'));
    if is_glob {
        return Ok(written);
    }
    Err(format!("{} is not a pattern; up to 256 letters, digits, `_`, `:`, `.`, and `*` for any characters", values::quote(&written)))
}

/// The classic label names; those of Prometheus itself start with `__`.
pub(super) fn label_name(node: &Node) -> Result<String, String> {
    let written = values::text(node)?;
    let is_name = written.len() <= 128
        && written.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !written.starts_with(|c: char| c.is_ascii_digit())
        && !written.starts_with("__");
    if is_name {
        return Ok(written);
    }
    Err(format!("{} is not a label; letters, digits and `_`, not a digit first, not `__` first", values::quote(&written)))
}

#[cfg(test)]
mod tests {
    use super::{RuleTarget, TenantLabels, covers};

    #[test]
    fn wide_covers_narrow() {
        let cases = [
            ("*", "*", true),
            ("*", "node_*", true),
            ("node_*", "*", false),
            ("kube_*", "kube_node_*", true),
            ("kube_node_*", "kube_*", false),
            ("*_total", "a*_total", true),
            ("a*c", "a*b*c", true),
            ("a*b*c", "a*c", false),
            ("a*a", "a", false),
            ("**", "", true),
            ("up", "up", true),
            ("up", "up*", false),
        ];
        for (wide, narrow, expected) in cases {
            assert_eq!(covers(wide, narrow), expected, "{wide} covers {narrow}");
        }
    }

    #[test]
    fn shipped_map_is_whole() {
        let labels = TenantLabels::shipped();
        assert_eq!(labels.default_label, "namespace");
        let gpu = labels.rules.iter().find(|rule| rule.metrics.iter().any(|metric| metric == "DCGM_*")).unwrap();
        assert_eq!(gpu.target, RuleTarget::Label("exported_namespace".into()));
        assert!(labels.rules.iter().any(|rule| rule.target == RuleTarget::Cluster && rule.metrics.contains(&"node_*".to_owned())));
    }
}
