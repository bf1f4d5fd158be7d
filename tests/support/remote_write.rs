//! Samples of any time and kind, written to a Prometheus that was started with `--web.enable-remote-write-receiver`.

use prost::Message;

use super::client;

/// The value by which Prometheus knows that a series has ended.
pub const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

#[derive(Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<Series>,
}

/// One series and its points.
#[derive(Clone, Message)]
pub struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    /// Its floats.
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<Sample>,
    /// Its exemplars.
    #[prost(message, repeated, tag = "3")]
    pub exemplars: Vec<Exemplar>,
    /// Its native histograms.
    #[prost(message, repeated, tag = "4")]
    pub histograms: Vec<Histogram>,
}

#[derive(Clone, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// One float.
#[derive(Clone, Copy, Message)]
pub struct Sample {
    /// The value.
    #[prost(double, tag = "1")]
    pub value: f64,
    /// Milliseconds.
    #[prost(int64, tag = "2")]
    pub time_ms: i64,
}

/// One exemplar.
#[derive(Clone, Message)]
pub struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    time_ms: i64,
}

/// One native histogram: of integers (`count`, `deltas`), or of floats (`float_count`, `float_counts`).
#[derive(Clone, Message)]
pub struct Histogram {
    /// Observations.
    #[prost(uint64, optional, tag = "1")]
    pub count: Option<u64>,
    /// Observations of a histogram of floats.
    #[prost(double, optional, tag = "2")]
    pub float_count: Option<f64>,
    /// Their sum.
    #[prost(double, tag = "3")]
    pub sum: f64,
    /// The resolution; -53 for buckets with bounds of their own.
    #[prost(sint32, tag = "4")]
    pub schema: i32,
    /// What counts as zero.
    #[prost(double, tag = "5")]
    pub zero_threshold: f64,
    /// Zeros.
    #[prost(uint64, optional, tag = "6")]
    pub zero_count: Option<u64>,
    /// Zeros of a histogram of floats.
    #[prost(double, optional, tag = "7")]
    pub float_zero_count: Option<f64>,
    /// Which buckets there are.
    #[prost(message, repeated, tag = "11")]
    pub spans: Vec<Span>,
    /// What they hold, each told from the one before.
    #[prost(sint64, repeated, tag = "12")]
    pub deltas: Vec<i64>,
    /// What the buckets of a histogram of floats hold.
    #[prost(double, repeated, tag = "13")]
    pub float_counts: Vec<f64>,
    /// Milliseconds.
    #[prost(int64, tag = "15")]
    pub time_ms: i64,
    /// Upper bounds, with schema -53.
    #[prost(double, repeated, tag = "16")]
    pub bounds: Vec<f64>,
}

/// Buckets that follow each other.
#[derive(Clone, Copy, Message)]
pub struct Span {
    /// Buckets left out before these.
    #[prost(sint32, tag = "1")]
    pub offset: i32,
    /// How many there are.
    #[prost(uint32, tag = "2")]
    pub length: u32,
}

impl Series {
    /// Without any points.
    pub fn new(name: &str, labels: &[(&str, &str)]) -> Series {
        let mut labels = own(labels);
        labels.push(Label { name: "__name__".to_owned(), value: name.to_owned() });
        labels.sort_by(|a, b| a.name.cmp(&b.name));
        Series { labels, ..Series::default() }
    }

    /// One more float.
    pub fn push(&mut self, time_ms: i64, value: f64) {
        self.samples.push(Sample { value, time_ms });
    }

    /// One more exemplar.
    pub fn exemplar(&mut self, time_ms: i64, value: f64, labels: &[(&str, &str)]) {
        self.exemplars.push(Exemplar { labels: own(labels), value, time_ms });
    }
}

fn own(labels: &[(&str, &str)]) -> Vec<Label> {
    labels.iter().map(|(name, value)| Label { name: (*name).to_owned(), value: (*value).to_owned() }).collect()
}

/// Writes them all, in as many requests as it takes.
pub async fn write(prometheus: &str, all: Vec<Series>) {
    let http = client();
    for some in all.chunks(100) {
        let message = WriteRequest { timeseries: some.to_vec() }.encode_to_vec();
        let request = http
            .post(format!("{prometheus}/api/v1/write"))
            .header("content-type", "application/x-protobuf")
            .header("content-encoding", "snappy")
            .header("x-prometheus-remote-write-version", "0.1.0")
            .body(snappy(&message));
        let answer = request.send().await.unwrap();
        let status = answer.status();
        assert!(status.is_success(), "remote write: {status} {}", answer.text().await.unwrap());
    }
}

/// Snappy's block format with nothing compressed.
fn snappy(plain: &[u8]) -> Vec<u8> {
    const LITERAL_WITH_TWO_BYTES_OF_LENGTH: u8 = 61 << 2;
    let mut out = Vec::with_capacity(plain.len() + plain.len() / 10_000 + 16);
    prost::encoding::encode_varint(plain.len() as u64, &mut out);
    for piece in plain.chunks(1 << 16) {
        out.push(LITERAL_WITH_TWO_BYTES_OF_LENGTH);
        out.extend_from_slice(&((piece.len() - 1) as u16).to_le_bytes());
        out.extend_from_slice(piece);
    }
    out
}
