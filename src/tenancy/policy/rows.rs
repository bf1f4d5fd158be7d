//! The policy, worked out once: which row a metric name falls under, and matchers that keep the other rows out.

use std::sync::Arc;

use super::glob::{Glob, regex_of};
use crate::config::{RuleTarget, TenantLabels};
use crate::promql::NameGuard;

/// One rule of the policy.
pub(super) struct Row {
    pub(super) globs: Vec<Glob>,
    pub(super) target: Arc<Target>,
    /// Only names whose first rule has this row's target.
    pub(super) guard: NameGuard,
}

/// Who may read the metrics of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Label(Arc<str>),
    Cluster,
    Shared,
}

/// Rows with the same target that one guard can stand for.
pub(super) struct Group {
    pub(super) target: Arc<Target>,
    pub(super) guard: NameGuard,
}

/// All rules, the default one apart.
pub(super) struct Rows {
    pub(super) rules: Vec<Row>,
    pub(super) default: Row,
    /// Together they cover every name, each with its own target.
    pub(super) groups: Vec<Group>,
}

impl Target {
    fn of(target: &RuleTarget) -> Target {
        match target {
            RuleTarget::Label(label) => Target::Label(label.as_str().into()),
            RuleTarget::Cluster => Target::Cluster,
            RuleTarget::Shared => Target::Shared,
        }
    }
}

impl Rows {
    pub(super) fn new(labels: &TenantLabels) -> Rows {
        let parsed: Vec<(Vec<Glob>, Arc<Target>)> = labels
            .rules
            .iter()
            .map(|rule| (rule.metrics.iter().map(|p| Glob::new(p)).collect(), Arc::new(Target::of(&rule.target))))
            .collect();
        let default_target = Arc::new(Target::Label(labels.default_label.as_str().into()));
        let groups = groups(&parsed, &default_target);
        let default = Row { globs: Vec::new(), guard: default_guard(&parsed, &default_target), target: default_target };
        let rules = parsed
            .iter()
            .enumerate()
            .map(|(i, (globs, target))| Row { globs: globs.clone(), target: Arc::clone(target), guard: guard(globs, target, &parsed[..i]) })
            .collect();
        Rows { rules, default, groups }
    }

    /// The row that the name falls under.
    pub(super) fn of_name(&self, name: &str) -> &Row {
        self.rules.iter().find(|row| row.globs.iter().any(|glob| glob.matches(name))).unwrap_or(&self.default)
    }

    /// The row that names with this prefix seem to fall under. Its guard has to be used: this is a guess.
    pub(super) fn of_prefix(&self, prefix: &str) -> &Row {
        let inside = |glob: &Glob| prefix.starts_with(glob.literal_prefix()) && glob.fits_some_that_starts(prefix);
        self.rules.iter().find(|row| row.globs.iter().any(inside)).unwrap_or(&self.default)
    }
}

/// Lets through what fits `globs` and no earlier rule with another target.
fn guard(globs: &[Glob], target: &Target, earlier: &[(Vec<Glob>, Arc<Target>)]) -> NameGuard {
    let except = others(earlier, target).filter(|other| globs.iter().any(|glob| glob.overlaps(other)));
    NameGuard { only: Some(regex_of(globs).into()), except: alternation(except) }
}

/// Lets through what fits no rule with another target.
fn default_guard(rules: &[(Vec<Glob>, Arc<Target>)], target: &Target) -> NameGuard {
    NameGuard { only: None, except: alternation(others(rules, target)) }
}

/// The patterns of rules with another target.
fn others<'a>(rules: &'a [(Vec<Glob>, Arc<Target>)], target: &'a Target) -> impl Iterator<Item = &'a Glob> {
    rules.iter().filter(move |(_, other)| **other != *target).flat_map(|(globs, _)| globs)
}

fn alternation<'a>(globs: impl Iterator<Item = &'a Glob>) -> Option<Arc<str>> {
    let mut globs = globs.peekable();
    globs.peek().is_some().then(|| regex_of(globs).into())
}

/// As few groups as the order of the rules allows.
fn groups(rules: &[(Vec<Glob>, Arc<Target>)], default: &Arc<Target>) -> Vec<Group> {
    let default_takes = |i: usize| rules[i].1 == *default && may_move(rules, i, rules.len());
    let mut grouped: Vec<bool> = (0..rules.len()).map(default_takes).collect();
    let mut groups = Vec::new();
    for i in 0..rules.len() {
        if grouped[i] {
            continue;
        }
        let mut members = vec![i];
        for k in i + 1..rules.len() {
            if !grouped[k] && rules[k].1 == rules[i].1 && members.iter().all(|&m| may_move(rules, m, k)) {
                members.push(k);
                grouped[k] = true;
            }
        }
        let globs: Vec<Glob> = members.iter().flat_map(|&m| rules[m].0.iter().cloned()).collect();
        let last = members[members.len() - 1];
        groups.push(Group { target: Arc::clone(&rules[i].1), guard: guard(&globs, &rules[i].1, &rules[..last]) });
    }
    groups.push(Group { target: Arc::clone(default), guard: default_guard(rules, default) });
    groups
}

/// Whether rule `i` could as well stand at `to`: no rule on the way takes some of its names for another target.
fn may_move(rules: &[(Vec<Glob>, Arc<Target>)], i: usize, to: usize) -> bool {
    let (globs, target) = &rules[i];
    !others(&rules[i + 1..to], target).any(|other| globs.iter().any(|glob| glob.overlaps(other)))
}
