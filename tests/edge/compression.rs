//! Compressed answers, for those who accept them.

use std::io::Read;
use std::time::Duration;

use crate::support::stand_in::NOTHING;
use crate::support::{Answered, Hecate, StandIn, Wire};
use crate::{QUERY, hecate, hecate_that_keeps};

fn large() -> String {
    let series: Vec<String> = (0..5000).map(|n| format!(r#"{{"metric":{{"__name__":"up","pod":"p{n}"}},"value":[1,"{n}"]}}"#)).collect();
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#, series.join(","))
}

async fn ask(hecate: &Hecate, accepts: &str) -> Answered {
    let mut wire = Wire::connect(hecate.address()).await;
    let accepts = if accepts.is_empty() { String::new() } else { format!("Accept-Encoding: {accepts}\r\n") };
    wire.send(format!("GET {QUERY} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\n{accepts}\r\n")).await;
    let answer = wire.answer().await.unwrap();
    assert_eq!((answer.status, answer.complete), (200, true));
    answer
}

fn decoded(answer: &Answered) -> String {
    let mut text = String::new();
    match answer.header("content-encoding") {
        None => text = answer.text(),
        Some("gzip") => drop(flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut text).unwrap()),
        Some("zstd") => text = String::from_utf8(zstd::decode_all(&answer.body[..]).unwrap()).unwrap(),
        Some(other) => panic!("{other}"),
    }
    text
}

fn varies_by(answer: &Answered, name: &str) -> bool {
    answer.head.to_ascii_lowercase().lines().any(|line| line.starts_with("vary:") && line.contains(name))
}

#[tokio::test]
async fn large_answers_are_compressed_for_those_who_accept_it() {
    let expected = large();
    let upstream = StandIn::answering(expected.clone(), Duration::ZERO).await;
    let hecate = hecate("", &format!("url: \"{}\"", upstream.url()), "");
    for (accepts, encoding) in [
        ("gzip", Some("gzip")),
        ("zstd", Some("zstd")),
        ("gzip, deflate, br, zstd", Some("zstd")),
        ("gzip;q=1.0, zstd;q=0.1", Some("gzip")),
        ("", None),
        ("identity", None),
        ("br", None),
        ("gzip;q=0", None),
    ] {
        let answer = ask(&hecate, accepts).await;
        assert_eq!(answer.header("content-encoding"), encoding, "{accepts}");
        assert!(decoded(&answer) == expected, "{accepts}: the content differs");
        assert!(varies_by(&answer, "accept-encoding"), "{accepts}: {}", answer.head);
        assert!(varies_by(&answer, "authorization"), "{accepts}: {}", answer.head);
        if encoding.is_some() {
            assert!(answer.body.len() < expected.len() / 3, "{accepts}: {} of {}", answer.body.len(), expected.len());
        }
    }
}

/// What is kept is compressed once for those who take gzip, and on its way for those who take zstd only; its tag says which bytes they are.
#[tokio::test]
async fn kept_answers_are_compressed_for_those_who_accept_it() {
    let expected = large();
    let upstream = StandIn::answering(expected.clone(), Duration::ZERO).await;
    let hecate = hecate_that_keeps("", &format!("url: \"{}\"", upstream.url()), "");
    let mut tags = Vec::new();
    for (round, cached) in [("first", "fwd=miss"), ("again", "hit")] {
        for (accepts, encoding) in [("gzip", "gzip"), ("zstd", "zstd"), ("", "")] {
            let answer = ask(&hecate, accepts).await;
            assert_eq!(answer.header("content-encoding").unwrap_or_default(), encoding, "{round} {accepts}");
            assert!(decoded(&answer) == expected, "{round} {accepts}: the content differs");
            assert!(varies_by(&answer, "accept-encoding"), "{accepts}: {}", answer.head);
            let status = answer.header("cache-status").unwrap_or_default().to_owned();
            assert!(status.contains(cached) || accepts != "gzip", "{round} {accepts}: {status}");
            tags.push((encoding, answer.header("etag").unwrap_or_default().to_owned()));
        }
    }
    for (encoding, tag) in &tags {
        assert!(tag.starts_with("W/") || tags.iter().all(|(other, same)| same != tag || other == encoding), "{tags:?}");
    }
}

#[tokio::test]
async fn small_answers_are_not() {
    let upstream = StandIn::answering("{}", Duration::ZERO).await;
    let front = hecate("", &format!("url: \"{}\"", upstream.url()), "");
    let answer = ask(&front, "gzip, zstd").await;
    assert_eq!((answer.header("content-encoding"), answer.text().as_str()), (None, "{}"));
    let upstream = StandIn::answering(NOTHING, Duration::ZERO).await;
    let front = hecate("compression: false", &format!("url: \"{}\"", upstream.url()), "");
    assert_eq!(ask(&front, "gzip, zstd").await.header("content-encoding"), None, "switched off");
}

/// Compressing must not turn a broken answer into a whole one.
#[tokio::test]
async fn an_answer_that_breaks_off_is_broken_compressed_too() {
    let upstream = StandIn::start(|_, mut stream| async move {
        use tokio::io::AsyncWriteExt;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n").await;
        let _ = stream.write_all(&vec![b'x'; 4 << 20]).await;
    })
    .await;
    let hecate = hecate("", &format!("url: \"{}\"", upstream.url()), "");
    for accepts in ["gzip", "zstd"] {
        let mut wire = Wire::connect(hecate.address()).await;
        let auth = "Host: h\r\nAuthorization: Bearer token-alice";
        wire.send(format!("GET {QUERY} HTTP/1.1\r\n{auth}\r\nAccept-Encoding: {accepts}\r\n\r\n")).await;
        let answer = wire.answer().await.unwrap();
        assert!(!answer.complete, "{accepts}: a broken answer looks whole");
    }
    hecate.comes_to_rest().await;
}
