//! What both Prometheis remember: one hour, 15 s apart, long ago.

use std::fmt::Write as _;

/// The first sample, in seconds.
pub const START: i64 = 1_700_000_000;
/// Samples of a series that never pauses.
const SAMPLES: i64 = 241;
const STEP: i64 = 15;

/// Namespaces that no grant of `a` or `b` covers, though their names look like it.
const STRANGERS: [&str; 8] = ["aa", "xa", "a-b", "A", "a|b", ".*", "a ", "ab"];

/// OpenMetrics text of `a` alone.
pub fn only_a() -> String {
    let mut text = String::new();
    tenant(&mut text, "a", 1.0);
    text + "# EOF\n"
}

/// OpenMetrics text of `a`, `b`, the platform, and what is nobody's.
pub fn mixed() -> String {
    let mut text = String::new();
    // Before and after `a`, so that neither is always first.
    tenant(&mut text, "b", 7.0);
    tenant(&mut text, "a", 1.0);
    for (i, stranger) in STRANGERS.iter().enumerate() {
        strangers(&mut text, &format!("namespace=\"{stranger}\","), 20.0 + i as f64);
    }
    // Without the label, or with an empty one: nobody's.
    strangers(&mut text, "", 40.0);
    strangers(&mut text, "namespace=\"\",zone=\"none\",", 41.0);
    platform(&mut text);
    text + "# EOF\n"
}

/// One series: `value` of seconds since the start; none where it has no sample.
fn series(out: &mut String, selector: &str, value: impl Fn(i64) -> Option<f64>) {
    for at in (0..SAMPLES).map(|i| i * STEP) {
        let Some(value) = value(at) else { continue };
        let text = match value {
            v if v == f64::INFINITY => "+Inf".to_owned(),
            v if v == f64::NEG_INFINITY => "-Inf".to_owned(),
            v => v.to_string(),
        };
        writeln!(out, "{selector} {text} {}", START + at).unwrap();
    }
}

fn tenant(out: &mut String, t: &str, seed: f64) {
    counters(out, t, seed);
    gauges(out, t, seed);
    histograms(out, t, seed);
    names(out, t, seed);
    other_labels(out, t, seed);
    let only =
        |out: &mut String, name: &str| series(out, &format!("{name}{{namespace=\"{t}\",job=\"shop\"}}"), |at| Some(seed + at as f64));
    only(out, &format!("only_{t}"));
    only(out, &format!("{t}:recorded:sum"));
}

/// Counters: steady, reset at minute 25, and one that is there from minute 20 to 40 only.
fn counters(out: &mut String, t: &str, seed: f64) {
    for (p, pod) in ["web-0", "web-1", "web-2"].into_iter().enumerate() {
        for (c, code) in ["200", "404", "500"].into_iter().enumerate() {
            let rate = seed * (1.0 + p as f64) / (1.0 + 3.0 * c as f64);
            let labels = format!("namespace=\"{t}\",pod=\"{pod}\",job=\"shop\",instance=\"i-{p}:80\",code=\"{code}\"");
            series(out, &format!("requests_total{{{labels}}}"), |at| match p {
                1 if at >= 1500 => Some((at - 1500) as f64 * rate),
                2 if !(1200..2400).contains(&at) => None,
                _ => Some(at as f64 * rate + seed),
            });
        }
    }
    // The same labels but for the namespace, and values that look like namespaces.
    for owner in ["a", "b"] {
        series(out, &format!("tickets_total{{namespace=\"{t}\",owner=\"{owner}\",job=\"shop\"}}"), |at| Some(at as f64 * seed));
    }
}

fn gauges(out: &mut String, t: &str, seed: f64) {
    for (p, pod) in ["web-0", "web-1"].into_iter().enumerate() {
        let labels = format!("namespace=\"{t}\",pod=\"{pod}\",job=\"shop\",instance=\"i-{p}:80\"");
        let wave = |at: i64| (at as f64 / 600.0 + seed + p as f64).sin();
        series(out, &format!("memory_bytes{{{labels}}}"), |at| Some((wave(at) * 1e6).round() + 5e6 * seed));
        series(out, &format!("limit_bytes{{{labels}}}"), |_| Some(1e7 * seed));
        series(out, &format!("temperature_celsius{{{labels},t_zone=\"z{p}\"}}"), |at| Some(wave(at) * 40.0));
        series(out, &format!("share{{{labels}}}"), |at| Some(wave(at)));
        series(out, &format!("deployed_seconds{{{labels}}}"), |at| Some(1.6e9 + seed * 1e7 + p as f64 * 3.3e6 + at as f64));
        series(out, &format!("target_info{{{labels},version=\"{seed}.{p}\",region=\"r-{t}\"}}"), |_| Some(1.0));
        series(out, &format!("build_info{{{labels},revision=\"rev-{t}-{p}\"}}"), |_| Some(1.0));
    }
    for (case, odd) in [("nan", f64::NAN), ("inf", f64::INFINITY), ("neg", f64::NEG_INFINITY), ("zero", -0.0), ("tiny", seed * 1e-300)] {
        series(out, &format!("odd{{namespace=\"{t}\",case=\"{case}\"}}"), |at| Some(if at % 60 == 0 { odd } else { seed * at as f64 }));
        series(out, &format!("still_odd{{namespace=\"{t}\",case=\"{case}\"}}"), |_| Some(odd));
    }
    for run in 1..=4 {
        let labels = format!("namespace=\"{t}\",run=\"{run}\",state=\"{}\"", if run % 2 == 0 { "done" } else { "failed" });
        series(out, &format!("batch_job{{{labels}}}"), |at| (at / 600 == run).then_some(seed * run as f64));
        series(out, &format!("priority{{{labels}}}"), |_| Some((run % 3) as f64 + seed));
    }
}

fn histograms(out: &mut String, t: &str, seed: f64) {
    for pod in ["web-0", "web-1"] {
        let labels = format!("namespace=\"{t}\",pod=\"{pod}\",job=\"shop\"");
        for (le, share) in [("0.1", 0.2), ("0.5", 0.5 + seed / 100.0), ("1", 0.8), ("+Inf", 1.0)] {
            series(out, &format!("latency_seconds_bucket{{{labels},le=\"{le}\"}}"), |at| Some((at as f64 * seed * share).floor()));
        }
        series(out, &format!("latency_seconds_count{{{labels}}}"), |at| Some((at as f64 * seed).floor()));
        series(out, &format!("latency_seconds_sum{{{labels}}}"), |at| Some(at as f64 * seed * 0.4));
    }
}

/// Names that have to be quoted.
fn names(out: &mut String, t: &str, seed: f64) {
    for host in ["n1", "n2"] {
        let labels = format!("namespace=\"{t}\",\"host.name\"=\"{host}\",\"größe\"=\"{t}-ü\"");
        series(out, &format!("{{\"http.requests\",{labels}}}"), |at| Some(seed * at as f64));
        series(out, &format!("{{\"füllstand in %\",{labels}}}"), |at| Some(seed + (at % 300) as f64));
    }
}

/// Metrics whose tenant is in another label: `namespace` is the exporter's own, or a lie.
fn other_labels(out: &mut String, t: &str, seed: f64) {
    let other = if t == "a" { "b" } else { "a" };
    for gpu in 0..2 {
        for (namespace, host) in [("nvidia-gpu-operator", "n1"), (other, "n2")] {
            let labels = format!("namespace=\"{namespace}\",exported_namespace=\"{t}\",gpu=\"{gpu}\",Hostname=\"{host}\"");
            series(out, &format!("DCGM_FI_DEV_GPU_UTIL{{{labels}}}"), |at| Some((at / 60 * (gpu + 1)) as f64 + seed));
            series(out, &format!("DCGM_FI_DEV_FB_USED{{{labels}}}"), |at| Some((at * 3) as f64 + seed));
        }
    }
    series(out, &format!("training_operator_jobs_created_total{{namespace=\"kubeflow\",job_namespace=\"{t}\"}}"), |at| {
        Some(at as f64 * seed)
    });
    let labels = format!("source_workload_namespace=\"{other}\",namespace=\"{other}\",destination_service_namespace=\"{t}\"");
    series(out, &format!("istio_requests_total{{{labels},response_code=\"200\"}}"), |at| Some(at as f64 * seed));
    series(out, &format!("kueue_local_queue_pending{{namespace=\"kueue-system\",exported_namespace=\"{t}\"}}"), |_| Some(seed));
    series(out, &format!("notebook_running{{namespace=\"{other}\",exported_namespace=\"{t}\"}}"), |_| Some(seed));
    series(out, &format!("data_science_pipelines_application_ready{{namespace=\"{other}\",dspa_namespace=\"{t}\"}}"), |_| Some(seed));
    // Carries another row's tenant label, which means nothing here.
    series(out, &format!("lookalike{{namespace=\"{t}\",exported_namespace=\"{other}\"}}"), |at| Some(at as f64 + seed));
}

/// Series like those of the tenants that are in nobody's grants.
fn strangers(out: &mut String, label: &str, seed: f64) {
    let rest = "pod=\"web-0\",job=\"shop\",instance=\"i-0:80\"";
    series(out, &format!("requests_total{{{label}{rest},code=\"200\"}}"), |at| Some(at as f64 * seed));
    series(out, &format!("memory_bytes{{{label}{rest}}}"), |at| Some(at as f64 * seed));
    series(out, &format!("target_info{{{label}{rest},version=\"{seed}\"}}"), |_| Some(1.0));
    series(out, &format!("latency_seconds_bucket{{{label}pod=\"web-0\",job=\"shop\",le=\"+Inf\"}}"), |at| Some(at as f64));
    series(out, &format!("{{\"http.requests\",{label}\"host.name\"=\"n1\"}}"), |at| Some(at as f64 * seed));
}

/// Nodes, quotas, idle accelerators.
fn platform(out: &mut String) {
    for node in ["n1", "n2"] {
        series(out, &format!("node_load1{{instance=\"{node}\",job=\"node\"}}"), |at| Some((at % 700) as f64));
        // A label that says otherwise does not make it a tenant's.
        series(out, &format!("node_uname_info{{instance=\"{node}\",namespace=\"a\"}}"), |_| Some(1.0));
        series(out, &format!("DCGM_FI_DEV_GPU_UTIL{{namespace=\"a\",gpu=\"9\",Hostname=\"{node}\"}}"), |_| Some(0.0));
    }
    series(out, "kueue_pending_workloads{cluster_queue=\"q\",namespace=\"a\"}", |_| Some(3.0));
    series(out, "cluster:memory_bytes:sum{namespace=\"a\"}", |_| Some(9.0));
}
