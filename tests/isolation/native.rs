//! Native histograms: only Prometheus' protobuf format carries them.

use prost::Message;

#[derive(Message)]
struct MetricFamily {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    help: String,
    /// 4: histogram.
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
}

#[derive(Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
    #[prost(int64, tag = "6")]
    timestamp_ms: i64,
}

#[derive(Message)]
struct LabelPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

#[derive(Message)]
struct Span {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

#[derive(Message)]
struct Histogram {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(double, tag = "2")]
    sum: f64,
    #[prost(sint32, tag = "5")]
    schema: i32,
    #[prost(double, tag = "6")]
    zero_threshold: f64,
    #[prost(uint64, tag = "7")]
    zero_count: u64,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<Span>,
    #[prost(sint64, repeated, tag = "13")]
    positive_delta: Vec<i64>,
    #[prost(message, optional, tag = "15")]
    start: Option<Timestamp>,
}

pub const CONTENT_TYPE: &str = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// One family of two series with a point at each of these times (milliseconds), as `namespace` has it.
pub fn page(namespace: &str, times_ms: &[i64], seed: u64) -> Vec<u8> {
    let mut metric = Vec::new();
    for (pod, more) in [("web-0", 0), ("web-1", 2)] {
        for (i, time) in times_ms.iter().enumerate() {
            let label = [("namespace", namespace), ("pod", pod), ("job", "shop")];
            let pair = |(name, value): (&str, &str)| LabelPair { name: name.to_owned(), value: value.to_owned() };
            let grown = (i as u64 + 1) * (seed + more);
            let counts = [grown as i64, 2 * grown as i64, 3 * grown as i64, grown as i64];
            let deltas = counts.iter().scan(0, |last, count| Some(count - std::mem::replace(last, *count))).collect();
            let histogram = Histogram {
                count: 7 * grown + 1,
                sum: grown as f64 * 11.5,
                schema: 0,
                zero_threshold: 0.001,
                zero_count: 1,
                positive_span: vec![Span { offset: 0, length: 2 }, Span { offset: 1, length: 2 }],
                positive_delta: deltas,
                start: Some(Timestamp { seconds: times_ms[0] / 1000 - 60 - seed as i64 }),
            };
            metric.push(Metric { label: label.into_iter().map(pair).collect(), histogram: Some(histogram), timestamp_ms: *time });
        }
    }
    let help = format!("Sizes as {namespace} tells them.");
    MetricFamily { name: "live_size_bytes".to_owned(), help, kind: 4, metric }.encode_length_delimited_to_vec()
}
