//! The cases of the W3C specification.

use http::{HeaderMap, HeaderValue};

use super::*;

const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
}

#[test]
fn reads_and_prints_a_traceparent() {
    let context = TraceContext::parse(GOOD).unwrap();
    assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(context.span_id().to_string(), "00f067aa0ba902b7");
    assert!(context.sampled());
    assert_eq!(context.to_header(), GOOD);
}

#[test]
fn refuses_what_the_specification_forbids() {
    for bad in [
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
        "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b-01",
    ] {
        assert!(TraceContext::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_future_version_is_read_by_its_first_fields_and_sent_on_as_00() {
    for future in
        ["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes"]
    {
        assert_eq!(TraceContext::parse(future).unwrap().to_header(), GOOD, "{future}");
    }
}

#[test]
fn unknown_flags_are_not_passed_on() {
    for (sent, passed_on) in [("ff", 3), ("00", 0), ("02", 2), ("fc", 0)] {
        let header = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{sent}");
        assert_eq!(TraceContext::parse(&header).unwrap().flags(), passed_on, "{sent}");
    }
}

#[test]
fn a_request_with_a_valid_caller_becomes_a_child_and_keeps_its_sampling() {
    let context = TraceContext::from_headers(&headers(&[("traceparent", GOOD), ("tracestate", "a=1"), ("tracestate", "b@c=2")]), || false);
    assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(context.parent().unwrap().to_string(), "00f067aa0ba902b7");
    assert!(context.parent_is_remote() && context.sampled());
    assert_eq!(context.state(), Some("a=1,b@c=2"));

    let below = context.child();
    assert_eq!((below.trace_id(), below.parent(), below.parent_is_remote()), (context.trace_id(), Some(context.span_id()), false));
    assert_ne!(below.span_id(), context.span_id());

    let mut sent = headers(&[("traceparent", "old"), ("tracestate", "old=1")]);
    below.inject(&mut sent);
    assert_eq!(sent["traceparent"], below.to_header().as_str());
    assert_eq!(sent.get_all("tracestate").iter().collect::<Vec<_>>(), ["a=1,b@c=2"]);
}

#[test]
fn no_or_two_or_bad_callers_start_a_new_trace() {
    for pairs in [&[][..], &[("traceparent", "bad")], &[("traceparent", GOOD), ("traceparent", GOOD)]] {
        let mut given = headers(pairs);
        given.insert(TRACESTATE, HeaderValue::from_static("a=1"));
        for sampled in [true, false] {
            let context = TraceContext::from_headers(&given, || sampled);
            assert_ne!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
            assert_eq!((context.parent(), context.state(), context.sampled()), (None, None, sampled));
        }
    }
}

#[test]
fn tracestate_is_dropped_when_it_is_not_valid() {
    let too_long = format!("a={},b={},c=1", "x".repeat(256), "y".repeat(256));
    let too_many = (0..33).map(|number| format!("k{number}=1")).collect::<Vec<_>>().join(",");
    let allowed = (0..32).map(|number| format!("k{number}=1")).collect::<Vec<_>>().join(",");
    let cases = [
        ("a=1", true),
        ("a=1 , ,b=2", true),
        ("0a/b*c-d_e=!~", true),
        (allowed.as_str(), true),
        ("", false),
        (",", false),
        ("A=1", false),
        ("_a=1", false),
        ("a", false),
        ("a=", false),
        ("a=1=2", false),
        ("a=1,a=2", false),
        (too_long.as_str(), false),
        (too_many.as_str(), false),
    ];
    for (state, passed_on) in cases {
        let context = TraceContext::from_headers(&headers(&[("traceparent", GOOD), ("tracestate", state)]), || false);
        assert_eq!(context.state().is_some(), passed_on, "{state}");
    }
}
