//! Spans reach a collector, and a collector in trouble reaches nobody.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::mpsc::{Receiver, sync_channel},
    time::{Duration, Instant},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue as SentAttribute, any_value},
    trace::v1::{Span as SentSpan, span, status},
};
use prost::Message;
use url::Url;

use super::*;
use crate::{
    config,
    telemetry::{Metrics, export},
};

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What a collector saw: the request line, its headers in lower case, the decoded body.
type Seen = (String, String, ExportTraceServiceRequest);

/// A collector that answers every request with `status` and hands on what it got.
fn collector(status: &'static str) -> (Url, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/base/", listener.local_addr().unwrap()).parse().unwrap();
    let (sender, seen) = sync_channel(16);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut lines = Vec::new();
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap() <= 2 {
                    break;
                }
                lines.push(line.trim_end().to_owned());
            }
            let headers = lines[1..].join("\n").to_lowercase();
            let length = headers.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
            sender.send((lines[0].clone(), headers, ExportTraceServiceRequest::decode(body.as_slice()).unwrap())).unwrap();
        }
    });
    (url, seen)
}

fn settings(endpoint: Option<Url>) -> config::Telemetry {
    config::Telemetry { otlp_endpoint: endpoint, ..config::Telemetry::default() }
}

fn count(metrics: &Metrics, series: &str) -> u64 {
    let text = String::from_utf8(metrics.render().unwrap().to_vec()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(series)).expect(series);
    line.trim().parse().unwrap()
}

fn caller() -> TraceContext {
    TraceContext::parse(CALLER).unwrap().child()
}

fn attribute(name: &str, value: any_value::Value) -> SentAttribute {
    SentAttribute {
        key: name.into(),
        value: Some(opentelemetry_proto::tonic::common::v1::AnyValue { value: Some(value) }),
        ..Default::default()
    }
}

#[test]
fn a_span_arrives_with_our_ids_and_attributes() {
    let (url, seen) = collector("200 OK");
    let metrics = Metrics::new().unwrap();
    let (tracer, worker) = export::start(&settings(Some(url)), &metrics).unwrap();

    let context = caller();
    let below = context.child();
    let server = tracer.span("GET /api/v1/query", &context, SpanKind::Server).attr("http.response.status_code", 200u16);
    let mut client = tracer.span("upstream", &below, SpanKind::Client).attr("user", "ann");
    assert!(server.is_recording());
    client.fail("refused");
    client.end();
    server.end();
    assert!(worker.unwrap().finish(Duration::from_secs(10)));

    let (line, headers, request) = seen.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(line, "POST /base/v1/traces HTTP/1.1");
    assert!(headers.contains("content-type: application/x-protobuf"), "{headers}");
    let resource = request.resource_spans[0].resource.as_ref().unwrap();
    assert!(resource.attributes.contains(&attribute("service.name", any_value::Value::StringValue("hecate".into()))), "{resource:?}");

    let sent: Vec<SentSpan> = request.resource_spans.into_iter().flat_map(|of| of.scope_spans).flat_map(|of| of.spans).collect();
    let [client, server]: [SentSpan; 2] = sent.try_into().unwrap();
    assert_eq!(server.trace_id, context.trace_id().to_bytes());
    assert_eq!(server.span_id, context.span_id().to_bytes());
    assert_eq!(server.parent_span_id, context.parent().unwrap().to_bytes());
    assert_eq!((server.name.as_str(), server.kind()), ("GET /api/v1/query", span::SpanKind::Server));
    assert_eq!(server.attributes, [attribute("http.response.status_code", any_value::Value::IntValue(200))]);
    assert!(server.end_time_unix_nano >= server.start_time_unix_nano);

    assert_eq!((&client.span_id, &client.parent_span_id), (&below.span_id().to_bytes().to_vec(), &server.span_id));
    assert_eq!(client.kind(), span::SpanKind::Client);
    assert_eq!(client.attributes, [attribute("user", any_value::Value::StringValue("ann".into()))]);
    let failed = client.status.as_ref().unwrap();
    assert_eq!((failed.message.as_str(), failed.code()), ("refused", status::StatusCode::Error));

    assert_eq!(count(&metrics, "hecate_trace_spans_exported_total"), 2);
}

#[test]
fn a_collector_that_hangs_costs_spans_and_nothing_else() {
    // It accepts (the kernel does) and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
    let metrics = Metrics::new().unwrap();
    let (tracer, worker) = export::start(&settings(Some(url)), &metrics).unwrap();

    let context = caller();
    let begun = Instant::now();
    for _ in 0..10_000 {
        tracer.span("work", &context, SpanKind::Internal).end();
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(1), "10 000 spans took {took:?}");
    assert!(count(&metrics, "hecate_trace_spans_dropped_total{reason=\"queue\"}") >= 10_000 - 4096 - 512);

    let begun = Instant::now();
    assert!(!worker.unwrap().finish(Duration::from_millis(100)));
    assert!(begun.elapsed() < Duration::from_secs(2), "shutdown waited {:?}", begun.elapsed());
}

#[test]
fn a_collector_that_is_away_or_refuses_is_counted() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (refusing, _seen) = collector("400 Bad Request");
    let away = ["http", "https"].map(|scheme| format!("{scheme}://{nobody}").parse().unwrap());
    for url in away.into_iter().chain([refusing]) {
        let metrics = Metrics::new().unwrap();
        let (tracer, worker) = export::start(&settings(Some(url)), &metrics).unwrap();
        tracer.span("work", &caller(), SpanKind::Internal).end();
        assert!(worker.unwrap().finish(Duration::from_secs(10)));
        assert_eq!(count(&metrics, "hecate_trace_spans_dropped_total{reason=\"export\"}"), 1);
        assert_eq!(count(&metrics, "hecate_trace_spans_exported_total"), 0);
    }
}

#[test]
fn attributes_have_bounds() {
    let (queue, mut spans) = mpsc::channel(8);
    let tracer = Tracer::new(queue, IntCounter::new("dropped", "dropped").unwrap(), 1.0);
    let mut span = tracer.span("work", &caller(), SpanKind::Internal).attr("long", "x".repeat(100_000).as_str());
    for number in 0..100usize {
        span.set("number", number);
    }
    span.end();
    let data = spans.try_recv().unwrap();
    assert_eq!((data.attributes.len(), data.dropped_attributes_count), (32, 69));
    assert!(data.attributes[0].value.as_str().len() <= MAX_TEXT + '…'.len_utf8());
}

#[test]
fn nothing_happens_without_a_collector_or_for_a_trace_nobody_wants() {
    let (disabled, worker) = export::start(&settings(None), &Metrics::new().unwrap()).unwrap();
    assert!(worker.is_none() && !disabled.is_enabled() && !disabled.sample_root());
    assert!(!disabled.span("work", &caller(), SpanKind::Internal).is_recording());

    let (queue, mut spans) = mpsc::channel(8);
    let enabled = Tracer::new(queue, IntCounter::new("dropped", "dropped").unwrap(), 1.0);
    let unwanted = TraceContext::new_root(false);
    assert!(!enabled.span("work", &unwanted, SpanKind::Internal).is_recording());
    assert!(spans.try_recv().is_err());

    let context = caller();
    let rounds = 1_000_000;
    let begun = Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(disabled.span("work", std::hint::black_box(&context), SpanKind::Internal).attr("key", 1u64)).end();
    }
    let each = begun.elapsed() / rounds;
    assert!(each < Duration::from_micros(1), "{each:?}");
}

#[test]
fn roots_are_drawn_by_the_ratio() {
    for (ratio, low, high) in [(0.0, 0, 0), (0.5, 4_000, 6_000), (1.0, 10_000, 10_000)] {
        let (queue, _spans) = mpsc::channel(1);
        let tracer = Tracer::new(queue, IntCounter::new("dropped", "dropped").unwrap(), ratio);
        let drawn = (0..10_000).filter(|_| tracer.sample_root()).count();
        assert!((low..=high).contains(&drawn), "{ratio}: {drawn}");
    }
}

#[test]
fn bad_settings_are_refused_by_name() {
    let url = |text: &str| Some(text.parse::<Url>().unwrap());
    for (endpoint, otlp_sample, named) in [
        (url("grpc://collector:4317"), 1.0, "grpc://collector:4317"),
        (url("http://collector:4318/?a=b"), 1.0, "telemetry.otlp_endpoint"),
        (url("http://me:hunter2@collector:4318"), 1.0, "OTEL_EXPORTER_OTLP_HEADERS"),
        (None, 1.5, "telemetry.otlp_sample: 1.5"),
        (None, f64::NAN, "telemetry.otlp_sample: NaN"),
    ] {
        let settings = config::Telemetry { otlp_sample, ..settings(endpoint) };
        let error = export::start(&settings, &Metrics::new().unwrap()).err().expect(named).to_string();
        assert!(error.contains(named) && !error.contains("hunter2"), "{error}");
    }
}
