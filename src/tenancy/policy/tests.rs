//! The policy against the naive reading of its file.

use proptest::prelude::*;

use super::*;
use crate::config::LabelRule;
use crate::tenancy::Namespace;

fn labels(rules: &[(&[&str], RuleTarget)]) -> TenantLabels {
    let rule = |(metrics, target): &(&[&str], RuleTarget)| LabelRule {
        metrics: metrics.iter().map(|m| (*m).to_owned()).collect(),
        target: target.clone(),
    };
    TenantLabels { rules: rules.iter().map(rule).collect(), default_label: "namespace".into() }
}

fn label(name: &str) -> RuleTarget {
    RuleTarget::Label(name.into())
}

/// A small map with everything in it.
fn map() -> TenantLabels {
    labels(&[
        (&["DCGM_*", "habanalabs_*"], label("exported_namespace")),
        (&["training_*"], label("job_namespace")),
        (&["kueue_local_queue_*"], label("exported_namespace")),
        (&["kueue_*", "node_*"], RuleTarget::Cluster),
        (&["slo:*", "up_total"], RuleTarget::Shared),
        (&["ALERTS*"], label("namespace")),
    ])
}

fn tenant(names: &[&str]) -> Scope {
    Scope::of(names.iter().map(|name| Namespace::new(name).unwrap()))
}

fn show(rule: &Rule) -> String {
    let guard = |names: &NameGuard| {
        let part = |sign, regex: &Option<Arc<str>>| regex.as_ref().map_or_else(String::new, |regex| format!(" {sign}{regex}"));
        part("=~", &names.only) + &part("!~", &names.except)
    };
    match rule {
        Rule::Open(names) => format!("open{}", guard(names)),
        Rule::Tenant { label, values, names } => format!("{label} in {}{}", values.join(","), guard(names)),
    }
}

fn check(scope: &Scope, name: MetricName<'_>) -> String {
    match Policy::new(&map()).for_scope(scope).rule(name) {
        Ok(rule) => show(&rule),
        Err(refusal) => format!("refused: {refusal}"),
    }
}

const ALL_BUT_DEFAULT: &str = r"(?s:DCGM_.*|habanalabs_.*|training_.*|kueue_local_queue_.*|kueue_.*|node_.*|slo:.*|up_total)";

#[test]
fn a_literal_name_falls_under_its_first_rule() {
    for (name, expect) in [
        ("up", "namespace in a,b"),
        ("DCGM_FI_DEV_GPU_UTIL", "exported_namespace in a,b"),
        ("training_jobs", "job_namespace in a,b"),
        ("kueue_local_queue_status", "exported_namespace in a,b"),
        ("slo:errors", "open"),
        ("up_total", "open"),
        ("ALERTS_FOR_STATE", "namespace in a,b"),
        ("", "namespace in a,b"),
        (
            "kueue_pending",
            "refused: the metric \"kueue_pending\" cannot be told apart by namespace: cluster-wide permission is needed to read it",
        ),
    ] {
        assert_eq!(check(&tenant(&["b", "a"]), MetricName::Literal(name)), expect);
    }
}

#[test]
fn a_list_of_names_has_to_agree() {
    for (names, expect) in [
        (&["up", "ALERTS"][..], "namespace in a"),
        (&["DCGM_x", "kueue_local_queue_y"], "exported_namespace in a"),
        (&["slo:a", "up_total"], "open"),
        (&["node_a"], "refused: the metric \"node_a\" cannot be told apart by namespace: cluster-wide permission is needed to read it"),
        (
            &["up", "DCGM_x"],
            "refused: one selector asks for \"up\" (its tenant is in the label \"namespace\") and \"DCGM_x\" (its tenant is in the label \
             \"exported_namespace\"): write a selector for each and join them with `or`",
        ),
        (
            &["slo:x", "node_x"],
            "refused: one selector asks for \"slo:x\" (everyone may read it) and \"node_x\" (it needs cluster-wide scope): write a selector \
             for each and join them with `or`",
        ),
    ] {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        assert_eq!(check(&tenant(&["a"]), MetricName::OneOf(&names)), expect);
    }
    assert_eq!(check(&tenant(&["a"]), MetricName::OneOf(&[])), check(&tenant(&["a"]), MetricName::Any));
}

#[test]
fn a_pattern_is_bound_to_one_rule() {
    for (prefix, expect) in [
        ("DCGM_FI", r"exported_namespace in a =~(?s:DCGM_.*|habanalabs_.*)".to_owned()),
        ("DCGM_", r"exported_namespace in a =~(?s:DCGM_.*|habanalabs_.*)".into()),
        ("DCGM", format!("namespace in a !~{ALL_BUT_DEFAULT}")),
        ("", format!("namespace in a !~{ALL_BUT_DEFAULT}")),
        ("http_", format!("namespace in a !~{ALL_BUT_DEFAULT}")),
        ("slo:", "open =~(?s:slo:.*|up_total)".into()),
        ("up_total", "open =~(?s:slo:.*|up_total)".into()),
        ("up_total_", format!("namespace in a !~{ALL_BUT_DEFAULT}")),
        ("ALERTS", "namespace in a =~(?s:ALERTS.*)".into()),
    ] {
        assert_eq!(check(&tenant(&["a"]), MetricName::Prefix(prefix)), expect, "{prefix}");
    }
    let refused = check(&tenant(&["a"]), MetricName::Prefix("kueue_p"));
    assert!(refused.starts_with("refused: the metrics whose names start with \"kueue_p\" (kueue_*, node_*)"), "{refused}");
}

#[test]
fn no_name_means_the_default_rule_alone() {
    assert_eq!(check(&tenant(&["a"]), MetricName::Any), format!("namespace in a !~{ALL_BUT_DEFAULT}"));
    let bare = Policy::new(&TenantLabels::default()).for_scope(&tenant(&["a"]));
    assert_eq!(show(&bare.rule(MetricName::Any).unwrap()), "namespace in a");
}

#[test]
fn everything_is_one_selector_per_label() {
    let show_all =
        |labels: &TenantLabels| -> Vec<String> { Policy::new(labels).for_scope(&tenant(&["a"])).everything().iter().map(show).collect() };
    assert_eq!(
        show_all(&map()),
        [
            "exported_namespace in a =~(?s:DCGM_.*|habanalabs_.*|kueue_local_queue_.*)",
            "job_namespace in a =~(?s:training_.*)",
            "open =~(?s:slo:.*|up_total)",
            &format!("namespace in a !~{ALL_BUT_DEFAULT}"),
        ]
    );
    // Two rules for one label that the order keeps apart, and one of the default label that a later rule would swallow.
    assert_eq!(
        show_all(&labels(&[
            (&["a_b_*"], label("x")),
            (&["a_*"], label("y")),
            (&["a*"], label("x")),
            (&["k_1"], label("namespace")),
            (&["k_*"], label("y"))
        ])),
        [
            "x in a =~(?s:a_b_.*)",
            "y in a =~(?s:a_.*) !~(?s:a_b_.*)",
            "x in a =~(?s:a.*) !~(?s:a_.*)",
            "namespace in a =~k_1",
            "y in a =~(?s:k_.*) !~k_1",
            "namespace in a !~(?s:a_b_.*|a_.*|a.*|k_.*)",
        ]
    );
}

#[test]
fn cluster_wide_scope_is_left_alone() {
    let rules = Policy::new(&map()).for_scope(&Scope::ClusterWide);
    let names = ["up".to_owned(), "node_x".to_owned()];
    for name in [MetricName::Literal("node_x"), MetricName::OneOf(&names), MetricName::Prefix("kueue_"), MetricName::Any] {
        assert_eq!(rules.rule(name), Ok(Rule::Open(NameGuard::default())));
    }
    assert!(rules.everything().is_empty() && rules.admits(Some("node_x"), |_| None) && rules.is_cluster_wide());
}

#[test]
fn no_scope_sees_nothing() {
    for scope in [Scope::Nothing, Scope::Namespaces(Arc::default())] {
        let rules = Policy::new(&map()).for_scope(&scope);
        for name in [MetricName::Literal("slo:x"), MetricName::Literal("up"), MetricName::Prefix("slo:"), MetricName::Any] {
            assert!(rules.rule(name).is_err());
        }
        assert!(!rules.admits(Some("slo:x"), |_| Some("a")) && !rules.is_cluster_wide());
        let everything = rules.everything();
        assert!(!everything.is_empty(), "an empty list would mean that no selector is needed");
        for rule in everything {
            assert!(["", "up", "slo:x"].iter().all(|name| !oracle::lets_through(guard_of(&rule), name)));
        }
    }
}

#[test]
fn admits_goes_by_the_label_of_the_rule() {
    let rules = Policy::new(&map()).for_scope(&tenant(&["a", "c"]));
    for (name, labels, expect) in [
        (Some("up"), &[("namespace", "a")][..], true),
        (Some("up"), &[("namespace", "b")], false),
        (Some("up"), &[("exported_namespace", "a")], false),
        (Some("up"), &[], false),
        (Some("DCGM_x"), &[("namespace", "b"), ("exported_namespace", "c")], true),
        (Some("DCGM_x"), &[("namespace", "a"), ("exported_namespace", "b")], false),
        (Some("DCGM_x"), &[("namespace", "a")], false),
        (Some("node_x"), &[("namespace", "a")], false),
        (Some("slo:x"), &[], true),
        (None, &[("namespace", "a")], true),
        (None, &[("namespace", "aa")], false),
        (None, &[], false),
    ] {
        let found = rules.admits(name, |wanted| labels.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value));
        assert_eq!(found, expect, "{name:?} {labels:?}");
    }
}

#[test]
fn fingerprints_tell_policies_apart() {
    let base = map();
    let mut changed = vec![base.clone(); 5];
    changed[0].default_label = "ns".into();
    changed[1].rules.swap(0, 1);
    changed[2].rules[0].metrics.pop();
    changed[3].rules[0].target = RuleTarget::Shared;
    changed[4].rules[0].metrics = vec!["DCGM_*habanalabs_*".into()];
    let prints: Vec<u64> = changed.iter().map(|labels| Policy::new(labels).fingerprint()).collect();
    assert_eq!(Policy::new(&base).fingerprint(), Policy::new(&map()).fingerprint());
    for (i, print) in prints.iter().enumerate() {
        assert!(*print != Policy::new(&base).fingerprint() && !prints[i + 1..].contains(print), "{i}");
    }
}

#[test]
fn the_shipped_map_knows_openshift_ai() {
    let shipped = TenantLabels::shipped();
    for (name, expect) in [
        ("DCGM_FI_DEV_GPU_UTIL", label("exported_namespace")),
        ("habanalabs_utilization", label("exported_namespace")),
        ("training_operator_jobs_created_total", label("job_namespace")),
        ("data_science_pipelines_application_ready", label("dspa_namespace")),
        ("istio_requests_total", label("destination_service_namespace")),
        ("kueue_local_queue_status", label("exported_namespace")),
        ("kueue_cluster_queue_status", RuleTarget::Cluster),
        ("kueue_pending_workloads", RuleTarget::Cluster),
        ("node_cpu_seconds_total", RuleTarget::Cluster),
        ("kube_node_status_allocatable", RuleTarget::Cluster),
        ("kube_persistentvolume_capacity_bytes", RuleTarget::Cluster),
        ("kube_persistentvolumeclaim_info", label("namespace")),
        ("kube_pod_status_phase", label("namespace")),
        ("vllm:num_requests_running", label("namespace")),
        ("container_cpu_usage_seconds_total", label("namespace")),
        ("ALERTS", label("namespace")),
    ] {
        assert_eq!(oracle::target(&shipped, name), expect, "{name}");
        let rule = Policy::new(&shipped).for_scope(&tenant(&["a"])).rule(MetricName::Literal(name));
        assert_eq!(rule.map_or(RuleTarget::Cluster, |rule| target_of(&rule)), expect, "{name}");
    }
    let everything = Policy::new(&shipped).for_scope(&tenant(&["a"])).everything();
    let labels: Vec<RuleTarget> = everything.iter().map(target_of).collect();
    assert_eq!(labels, ["exported_namespace", "job_namespace", "dspa_namespace", "destination_service_namespace", "namespace"].map(label));
}

fn targets() -> impl Strategy<Value = RuleTarget> {
    prop_oneof![Just(label("namespace")), Just(label("x")), Just(label("y")), Just(RuleTarget::Cluster), Just(RuleTarget::Shared)]
}

fn policies() -> impl Strategy<Value = TenantLabels> {
    let rule = (prop::collection::vec("[ab*]{1,4}", 1..3), targets()).prop_map(|(metrics, target)| LabelRule { metrics, target });
    prop::collection::vec(rule, 0..6).prop_map(|rules| TenantLabels { rules, default_label: "namespace".into() })
}

fn target_of(rule: &Rule) -> RuleTarget {
    match rule {
        Rule::Open(_) => RuleTarget::Shared,
        Rule::Tenant { label, .. } => RuleTarget::Label(label.to_string()),
    }
}

fn guard_of(rule: &Rule) -> &NameGuard {
    match rule {
        Rule::Open(names) | Rule::Tenant { names, .. } => names,
    }
}

proptest! {
    #[test]
    fn a_literal_name_gets_what_its_first_rule_says(policy in policies(), name in "[ab]{0,5}") {
        let expect = oracle::target(&policy, &name);
        match Policy::new(&policy).for_scope(&tenant(&["a"])).rule(MetricName::Literal(&name)) {
            Ok(rule) => {
                prop_assert_eq!(target_of(&rule), expect);
                prop_assert_eq!(guard_of(&rule), &NameGuard::default());
            }
            Err(_) => prop_assert_eq!(expect, RuleTarget::Cluster),
        }
    }

    /// The heart of it: whatever the hint, a name that the guard lets through is a name of that very rule's outcome.
    #[test]
    fn no_guard_lets_a_name_of_another_rule_through(policy in policies(), prefix in "[ab*]{0,3}", name in "[ab]{0,5}") {
        let rules = Policy::new(&policy).for_scope(&tenant(&["a"]));
        for hint in [MetricName::Any, MetricName::Prefix(&prefix)] {
            if let Ok(rule) = rules.rule(hint) && oracle::lets_through(guard_of(&rule), &name) {
                prop_assert_eq!(target_of(&rule), oracle::target(&policy, &name));
            }
        }
    }

    /// `everything` shows each name that is not cluster-only, once, under its own label, and nothing else.
    #[test]
    fn everything_covers_each_name_rightly(policy in policies(), name in "[ab]{0,5}") {
        let everything = Policy::new(&policy).for_scope(&tenant(&["a"])).everything();
        let mut seen: Vec<RuleTarget> = everything.iter().filter(|rule| oracle::lets_through(guard_of(rule), &name)).map(target_of).collect();
        let expect = oracle::target(&policy, &name);
        prop_assert!(seen.iter().all(|target| *target == expect), "{:?} instead of {:?}", seen, expect);
        seen.dedup();
        prop_assert_eq!(seen.len(), usize::from(expect != RuleTarget::Cluster));
    }

    #[test]
    fn a_list_is_taken_only_when_all_agree(policy in policies(), names in prop::collection::vec("[ab]{0,4}", 1..4)) {
        let targets: Vec<RuleTarget> = names.iter().map(|name| oracle::target(&policy, name)).collect();
        let agreed = targets.iter().all(|target| *target == targets[0] && *target != RuleTarget::Cluster);
        let result = Policy::new(&policy).for_scope(&tenant(&["a"])).rule(MetricName::OneOf(&names));
        prop_assert_eq!(result.is_ok(), agreed);
        if let Ok(rule) = result {
            prop_assert_eq!(target_of(&rule), targets[0].clone());
        }
    }
}
