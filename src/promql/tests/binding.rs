//! Which matchers a selector gets, and which it must not get.

use super::*;

#[test]
fn every_selector_gets_the_matcher() {
    for (text, want) in [
        ("topk(scalar(secret), up)", r#"topk(scalar(secret{namespace="a"}), up{namespace="a"})"#),
        ("-max_over_time(x[5m:1m] offset 5m)", r#"-max_over_time(x{namespace="a"}[5m:1m] offset 5m)"#),
        ("a </ on (b) c anchored", r#"a{namespace="a"} </ on (b) c{namespace="a"} anchored"#),
        ("x{namespace=\"b\"}", r#"x{namespace="b",namespace="a"}"#),
        ("x{__n__=\"1\"}", r#"x{__n__="1",namespace="a"}"#),
        ("DCGM_X / on (pod) x", r#"DCGM_X{exported_namespace="a"} / on (pod) x{namespace="a"}"#),
        ("ALERTS + x", r#"ALERTS + x{namespace="a"}"#),
        (r#"{__name__=~"DCGM_.*"}"#, r#"{__name__=~"DCGM_.*",exported_namespace="a"}"#),
        (r#"{job="x"}"#, r#"{__name__!~"DCGM_.*|node_.*|ALERTS",job="x",namespace="a"}"#),
        (r#"{__name__="up"}"#, r#"{"up",namespace="a"}"#),
        (r#"{__name__=~"up|x"}"#, r#"{__name__=~"up|x",namespace="a"}"#),
        ("count_values(\"v\", x)", r#"count_values("v", x{namespace="a"})"#),
        ("1 + time()", "1 + time()"),
    ] {
        assert_eq!(enforced(text, &["a"]), want, "{text}");
    }
}

#[test]
fn a_selector_inside_the_scope_is_left_alone() {
    for (text, want) in [
        (r#"x{namespace="a"}"#, r#"x{namespace="a"}"#),
        (r#"x{namespace=~"a|b"}"#, r#"x{namespace=~"a|b"}"#),
        (r#"x{namespace=~"(b|a)"}"#, r#"x{namespace=~"(b|a)"}"#),
        (r#"x{namespace=~"a|c"}"#, r#"x{namespace=~"a|c",namespace=~"a|b"}"#),
        (r#"x{namespace=~"a|"}"#, r#"x{namespace=~"a|",namespace=~"a|b"}"#),
        (r#"x{namespace=~"a.*"}"#, r#"x{namespace=~"a.*",namespace=~"a|b"}"#),
        (r#"x{namespace!="b"}"#, r#"x{namespace!="b",namespace=~"a|b"}"#),
        (r#"x{namespace=""}"#, r#"x{namespace="",namespace=~"a|b"}"#),
        (r#"x{exported_namespace="a"}"#, r#"x{exported_namespace="a",namespace=~"a|b"}"#),
    ] {
        assert_eq!(enforced(text, &["a", "b"]), want, "{text}");
    }
}

#[test]
fn absent_keeps_the_labels_of_its_answer() {
    for (text, want) in [
        ("absent(x)", r#"absent(x{namespace=~"a"})"#),
        (r#"absent(x{namespace="b"})"#, r#"absent(x{namespace=~"a",namespace="b"})"#),
        (r#"absent(x{namespace="a"})"#, r#"absent(x{namespace="a"})"#),
        (r#"absent_over_time((x{job="j"}[5m]))"#, r#"absent_over_time(x{job="j",namespace=~"a"}[5m])"#),
        ("absent(sum(x))", r#"absent(sum(x{namespace=~"a"}))"#),
        ("absent(x) + x", r#"absent(x{namespace=~"a"}) + x{namespace="a"}"#),
    ] {
        assert_eq!(enforced(text, &["a"]), want, "{text}");
    }
}

#[test]
fn info_is_bound_or_refused() {
    for (text, want) in [
        (r#"info(x, {version=~".+"})"#, r#"info(x{namespace="a"}, {namespace="a",version=~".+"})"#),
        (r#"info(rate(x[5m]), {"build_info", v="1"})"#, r#"info(rate(x{namespace="a"}[5m]), {"build_info",namespace="a",v="1"})"#),
        (r#"info(sum by (job, namespace) (x), {v="1"})"#, r#"info(sum by (job, namespace) (x{namespace="a"}), {namespace="a",v="1"})"#),
        (
            r#"info(sum by (job) (x), {v="1", namespace=~".+"})"#,
            r#"info(sum by (job) (x{namespace="a"}), {namespace=~".+",namespace="a",v="1"})"#,
        ),
    ] {
        assert_eq!(enforced(text, &["a"]), want, "{text}");
        assert!(ScopedQuery::new(text, &Cluster, &all(), ConflictMode::Empty).is_ok());
    }
    for (text, part) in [
        ("info(x)", "name the labels"),
        ("info(x, {})", "excludes the empty value"),
        (r#"info(x, {version=~".*"})"#, "excludes the empty value"),
        (r#"info(x, {__name__=~".+_info", v="1"})"#, "named literally"),
        (r#"info(x, {__name__!="build_info", v="1"})"#, "named literally"),
        (r#"info(x, {"node_info", v="1"})"#, "cluster-wide"),
        (r#"info(sum by (job) (x), {v="1"})"#, "has to keep the label"),
        (r#"info(x * on (job) y, {v="1"})"#, "has to keep the label"),
        (r#"info(label_replace(x, "namespace", "", "", ""), {v="1"})"#, "has to keep the label"),
    ] {
        let error = scoped_for(text, &["a"]).expect_err(text);
        assert!(matches!(&error, ScopeError::Refused { refusal, .. } if refusal.message.contains(part)), "{text}: {error}");
        assert!(ScopedQuery::new(text, &Cluster, &all(), ConflictMode::Empty).is_ok());
    }
}

#[test]
fn refusals_and_conflicts_have_places() {
    let error = scoped_for("up +\n  node_load1", &["a"]).unwrap_err();
    assert_eq!(error.to_string(), "2:3: node metrics need cluster-wide scope");
    let strict = |text: &str| ScopedQuery::new(text, &Policy::of(&["a"]), &all(), ConflictMode::Error);
    let error = strict(r#"up{namespace=~"b|c"}"#).unwrap_err();
    assert_eq!(error.to_string(), r#"1:1: namespace="b|c" is outside of your scope"#);
    for text in [r#"up{namespace=~"a|c"}"#, r#"up{namespace=~"b.*"}"#, r#"up{namespace!="b"}"#] {
        assert!(strict(text).is_ok(), "{text}");
    }
}

#[test]
fn series_selectors() {
    let rules = Policy::of(&["a", "b"]);
    let texts = |matches: &[&str]| {
        let matches: Vec<String> = matches.iter().map(|m| (*m).to_owned()).collect();
        ScopedSelectors::new(&matches, &rules, &all(), ConflictMode::Empty)
            .map(|s| s.texts().iter().map(|t| t.as_str().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(texts(&["up", "DCGM_X"]).unwrap(), [r#"up{namespace=~"a|b"}"#, r#"DCGM_X{exported_namespace=~"a|b"}"#]);
    for text in ["up[5m]", "up offset 5m", "up @ 5", "rate(up[5m])", "1", "(up)", "up smoothed", "node_x", "up{", "{}"] {
        assert_eq!(texts(&["up", text]).expect_err(text).index, 1, "{text}");
    }
    let everything = ScopedSelectors::everything(&rules).unwrap();
    let everything: Vec<&str> = everything.texts().iter().map(EnforcedText::as_str).collect();
    let want = [
        r#"{__name__!~"DCGM_.*|node_.*|ALERTS",namespace=~"a|b"}"#,
        r#"{__name__=~"DCGM_.*",exported_namespace=~"a|b"}"#,
        r#"{__name__=~"ALERTS"}"#,
    ];
    assert_eq!(everything, want);
    assert!(ScopedSelectors::everything(&Cluster).unwrap().texts().is_empty());
}

#[test]
fn selector_infos() {
    let query = scoped_for(r#"DCGM_X{pod="p"} + ALERTS + {__name__=~"u.*"}"#, &["a"]).unwrap();
    let got: Vec<_> =
        query.selectors().iter().map(|s| (s.metric.as_deref(), s.matchers, s.label.as_deref(), s.span.of(query.source()))).collect();
    let want = [
        (Some("DCGM_X"), 1, Some("exported_namespace"), r#"DCGM_X{pod="p"}"#),
        (Some("ALERTS"), 0, None, "ALERTS"),
        (None, 1, Some("namespace"), r#"{__name__=~"u.*"}"#),
    ];
    assert_eq!(got, want);
}
