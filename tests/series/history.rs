//! Two hours of samples with everything odd that a store can hold, as blocks that promtool makes.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use crate::bare_prometheus::tool;

pub(crate) const START_MS: i64 = 1_790_000_000_000;
pub(crate) const END_MS: i64 = START_MS + 2 * 3_600_000;
const SCRAPE_SECONDS: i64 = 15;

/// One family: label pairs as written, and what the sample is at the n-th scrape.
type Row = (String, Box<dyn Fn(i64) -> Option<String>>);

/// Fills a data folder.
pub(crate) fn write(data: &Path) {
    let mut text = String::new();
    for (name, kind, rows) in families() {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let quoted = if plain { name.to_owned() } else { format!("\"{name}\"") };
        writeln!(text, "# TYPE {quoted} {kind}").expect("a string");
        let suffix = if kind == "counter" { "_total" } else { "" };
        for (labels, sample) in rows {
            for n in 0..(END_MS - START_MS) / 1000 / SCRAPE_SECONDS {
                let Some(value) = sample(n) else { continue };
                let selector = if plain { format!("{name}{suffix}{{{labels}}}") } else { format!("{{{quoted},{labels}}}") };
                writeln!(text, "{selector} {value} {}", START_MS / 1000 + n * SCRAPE_SECONDS).expect("a string");
            }
        }
    }
    text.push_str("# EOF\n");
    std::fs::create_dir_all(data).expect("a folder");
    let file = data.with_extension("txt");
    std::fs::write(&file, text).expect("the samples");
    let made = Command::new(tool("promtool"))
        .args(["tsdb", "create-blocks-from", "openmetrics", "--quiet"])
        .arg(&file)
        .arg(data)
        .output()
        .expect("promtool starts");
    assert!(made.status.success(), "promtool: {}", String::from_utf8_lossy(&made.stderr));
}

fn row(labels: &str, sample: impl Fn(i64) -> Option<String> + 'static) -> Row {
    (labels.to_owned(), Box::new(sample))
}

fn families() -> Vec<(&'static str, &'static str, Vec<Row>)> {
    vec![
        ("requests", "counter", (0..6).map(requests).collect()),
        ("odd_values", "gauge", odd_values()),
        ("churn", "gauge", (0..12).map(churn).collect()),
        ("order", "gauge", order()),
        ("my.dotted.metric", "gauge", ["my.label", "\u{fc}ml\u{e4}ut"].map(|l| row(&format!("\"{l}\"=\"v w\",x=\"1\""), count)).into()),
        ("early", "gauge", vec![row("same=\"1\"", |n| (n < 240).then(|| n.to_string()))]),
        ("late", "gauge", vec![row("same=\"1\"", |n| (n >= 240).then(|| n.to_string()))]),
        (
            "took_seconds_bucket",
            "gauge",
            ["0.1", "1", "+Inf"]
                .iter()
                .zip(1..)
                .map(|(le, k)| row(&format!("le=\"{le}\""), move |n| Some((n * k * 7).to_string())))
                .collect(),
        ),
    ]
}

fn count(n: i64) -> Option<String> {
    Some(n.to_string())
}

/// Counters with resets.
fn requests(k: i64) -> Row {
    row(&format!("namespace=\"team-{}\",pod=\"p-{k}\"", k % 3), move |n| Some((n % (150 + 40 * k) * (7 + k) + n % 5).to_string()))
}

fn odd_values() -> Vec<Row> {
    vec![
        row("k=\"nan\"", |n| Some(if n % 7 == 0 { n.to_string() } else { "NaN".to_owned() })),
        row("k=\"inf\"", |n| Some(["+Inf".to_owned(), "-Inf".to_owned(), n.to_string()][n as usize % 3].clone())),
        row("k=\"small\"", |n| Some(format!("{:e}", 1.1e-9 * (n + 1) as f64))),
        row("k=\"big\"", |n| Some(format!("{:e}", 1.7e300 * (n + 1) as f64))),
        row("k=\"negative\"", |n| Some(format!("{}", -n as f64 / 3.0))),
    ]
}

/// Series that come and go.
fn churn(k: i64) -> Row {
    let labels = if k % 2 == 0 { format!("pod=\"p-{k}\"") } else { format!("pod=\"p-{k}\",a=\"x\"") };
    row(&labels, move |n| (k * 35..k * 35 + 60).contains(&n).then(|| (n * k).to_string()))
}

/// Label sets that texts, lengths and bytes would sort in different ways.
fn order() -> Vec<Row> {
    let long = [254, 256, 300].map(|n| format!("b=\"{}\"", "x".repeat(n)));
    let sets = [
        "",
        "b=\"1\"",
        "b=\"10\"",
        "b=\"2\"",
        "a=\"z\"",
        "ab=\"z\"",
        "a_=\"z\"",
        "A=\"z\"",
        "b=\"\u{e9}\"",
        "b=\"\u{1f600}\"",
        "b=\"\u{ffff}\"",
        "b=\"<x>&\"",
        "b=\"q\\\"\\\\\\n\"",
        "b=\"\u{2028}\"",
        "ZZ=\"1\"",
        "a=\"z\",b=\"1\"",
        "a=\"z\",c=\"1\"",
        "a=\"z\",b=\"1\",c=\"0\"",
    ];
    sets.iter().copied().chain(long.iter().map(String::as_str)).map(|labels| row(labels, count)).collect()
}
