//! Upstreams that misbehave: each ends in its own error, in time.

use std::time::Duration;

use hecate::upstream::UpstreamError;
use http_body::Body as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::stand_in::{at, backend, metric, query, read_request, serve, whole};

/// Serves `write` after each request and says which error the call ends in.
async fn check<F, Done>(write: F, expected_kind: &str, limit: Duration)
where
    F: Fn(TcpStream) -> Done + Send + Sync + Copy + 'static,
    Done: Future<Output = ()> + Send + 'static,
{
    let address = serve(move |_, mut stream| async move {
        if read_request(&mut stream).await.is_some() {
            write(stream).await;
        }
    })
    .await;
    let mut settings = at(address);
    settings.retries = 0;
    let (backend, registry) = backend(settings);
    let error = whole(&backend, query("up"), limit).await.unwrap_err();
    assert_eq!(error.kind(), expected_kind, "{error:?}");
    let public = error.to_string();
    assert!(public.contains("main"), "names the upstream: {public}");
    assert!(!public.contains("127.0.0.1") && !public.contains("SECRET"), "shows too much: {public}");
    assert_eq!(metric(&registry, &format!("hecate_upstream_errors_total{{kind=\"{expected_kind}\",upstream=\"main\"}}")), Some(1.0));
    assert_eq!(metric(&registry, "hecate_upstream_inflight{upstream=\"main\"}"), Some(0.0), "the place is free again");
}

async fn send(mut stream: TcpStream, text: &str) -> TcpStream {
    stream.write_all(text.as_bytes()).await.ok();
    stream
}

const SOON: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn never_answers() {
    check(
        |stream| async move {
            std::future::pending::<()>().await;
            drop(stream)
        },
        "timeout",
        Duration::from_millis(3000),
    )
    .await;
}

#[tokio::test]
async fn answers_byte_by_byte_for_too_long() {
    let trickle = |stream| async move {
        let mut stream = send(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    check(trickle, "timeout", Duration::from_millis(3000)).await;
}

#[tokio::test]
async fn head_byte_by_byte_for_too_long() {
    let trickle = |stream| async move {
        let mut stream = send(stream, "HTTP/1.1 200 OK\r\nX: ").await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    check(trickle, "timeout", Duration::from_millis(3000)).await;
}

#[tokio::test]
async fn falls_silent_in_the_middle() {
    let silent = |stream| async move {
        let stream = send(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf").await;
        std::future::pending::<()>().await;
        drop(stream);
    };
    check(silent, "read_timeout", SOON).await;
}

#[tokio::test]
async fn closes_half_way_with_a_length() {
    check(|stream| async move { drop(send(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf").await) }, "truncated", SOON).await;
}

#[tokio::test]
async fn closes_half_way_in_chunks() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(move |stream| async move { drop(send(stream, &format!("{head}4\r\nhalf\r\n")).await) }, "truncated", SOON).await;
    check(move |stream| async move { drop(send(stream, &format!("{head}ff\r\nhalf")).await) }, "truncated", SOON).await;
}

#[tokio::test]
async fn garbage() {
    check(|stream| async move { drop(send(stream, "SECRET garbage\r\n\r\nmore of it").await) }, "protocol", SOON).await;
    let bad_chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nSECRET\r\n";
    check(move |stream| async move { drop(send(stream, bad_chunk).await) }, "protocol", SOON).await;
}

#[tokio::test]
async fn huge_head() {
    let huge = |stream| async move {
        let mut stream = send(stream, "HTTP/1.1 200 OK\r\nX: ").await;
        let filler = "SECRET".repeat(2000);
        // Far more than any head may have; ends when the other side has had enough.
        for _ in 0..10_000 {
            if stream.write_all(filler.as_bytes()).await.is_err() {
                return;
            }
        }
    };
    check(huge, "protocol", SOON).await;
    let many = |stream| async move {
        let headers: String = (0..1000).map(|number| format!("X-{number}: a\r\n")).collect();
        drop(send(stream, &format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 0\r\n\r\n")).await);
    };
    check(many, "protocol", SOON).await;
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let redirect = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/SECRET\r\nContent-Length: 0\r\n\r\n";
    check(move |stream| async move { drop(send(stream, redirect).await) }, "redirected", SOON).await;
}

#[tokio::test]
async fn refused_credentials_are_ours_and_not_the_callers() {
    let refused = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=SECRET\r\nContent-Length: 6\r\n\r\nSECRET";
    check(move |stream| async move { drop(send(stream, refused).await) }, "denied", SOON).await;
}

#[tokio::test]
async fn compressed_although_identity_was_asked_for() {
    let compressed = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}";
    check(move |stream| async move { drop(send(stream, compressed).await) }, "protocol", SOON).await;
}

#[tokio::test]
async fn a_gibibyte_stops_at_the_limit() {
    const LIMIT: u64 = 1 << 20;
    for head in ["Transfer-Encoding: chunked", "X: until the connection closes"] {
        let (report, mut reported) = tokio::sync::mpsc::channel(1);
        let chunked = head.ends_with("chunked");
        let address = serve(move |_, mut stream| {
            let report = report.clone();
            async move {
                read_request(&mut stream).await;
                stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n").as_bytes()).await.unwrap();
                let mut piece = vec![b'x'; 64 * 1024];
                if chunked {
                    piece.splice(0..0, *b"10000\r\n");
                    piece.extend(*b"\r\n");
                }
                let mut written = 0_u64;
                while written < 1 << 30 && stream.write_all(&piece).await.is_ok() {
                    written += 64 * 1024;
                }
                report.send(written).await.ok();
            }
        })
        .await;
        let (backend, _) = backend(at(address));
        let mut call = query("up");
        call.limit_bytes = LIMIT;
        let mut body = backend.send(call).await.unwrap().body;
        assert_eq!(body.read_up_to(1000).await.unwrap(), None, "longer than the prefix");
        let mut passed_on = 0;
        let error = loop {
            let frame = std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await.unwrap();
            match frame {
                Ok(frame) => passed_on += frame.into_data().unwrap().len() as u64,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, UpstreamError::TooLarge { limit: LIMIT, .. }), "{error:?}");
        assert!((LIMIT / 2..=LIMIT).contains(&passed_on), "{passed_on} bytes were passed on");
        assert!(body.is_end_stream(), "an error is the last item");
        // The body still lives, and yet the transfer has ended.
        let written = tokio::time::timeout(Duration::from_secs(5), reported.recv()).await.unwrap().unwrap();
        assert!(written < 64 << 20, "{written} bytes were taken from the upstream");
    }
}

#[tokio::test]
async fn an_announced_length_over_the_limit_is_refused_unread() {
    check(
        |stream| async move {
            let stream = send(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n").await;
            std::future::pending::<()>().await;
            drop(stream);
        },
        "too_large",
        SOON,
    )
    .await;
}
