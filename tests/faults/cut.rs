//! Answers that end in the middle, or are none: never passed on as a whole.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Http2, StandIn};
use crate::{QUERY, ask, before, error, unavailable};

/// Sends this much after this head and closes.
async fn sending(head: &'static str, body: usize) -> StandIn {
    StandIn::start(move |_, mut stream| async move {
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(&vec![b'x'; body]).await;
        let _ = stream.shutdown().await;
    })
    .await
}

const KNOWN_LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n";
/// One chunk of 8 MiB that is announced and not sent to its end.
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n800000\r\n";

#[tokio::test]
async fn a_cut_that_is_seen_in_time_is_an_error() {
    for head in [KNOWN_LENGTH, CHUNKED] {
        let upstream = sending(head, 1000).await;
        let hecate = before(&upstream);
        unavailable(ask(&hecate).await, "unavailable", "broke off in the middle");
        hecate.comes_to_rest().await;
    }
}

#[tokio::test]
async fn a_late_cut_breaks_the_transfer() {
    for head in [KNOWN_LENGTH, CHUNKED] {
        let upstream = sending(head, 4 << 20).await;
        let hecate = before(&upstream);
        let answer = ask(&hecate).await.unwrap();
        assert_eq!((answer.status, answer.complete), (200, false), "{head}: {} bytes look whole", answer.body.len());
        let http2 = Http2::over(TcpStream::connect(hecate.address()).await.unwrap()).await;
        let answer = http2.get(QUERY, &[]).await;
        assert!(answer.is_err(), "{head}: over HTTP/2 it looks whole: {:?}", answer.map(|(status, body)| (status, body.len())));
        assert_eq!(http2.get("/live", &[]).await.unwrap().0, 200, "only the stream ends");
        hecate.comes_to_rest().await;
    }
}

/// HTTP/1.0 has no chunks: a client that reads to the end of the connection would take a part for the whole.
#[tokio::test]
async fn a_late_cut_is_told_to_old_clients_too() {
    use crate::support::Wire;
    let upstream = sending(CHUNKED, 4 << 20).await;
    let hecate = before(&upstream);
    let mut wire = Wire::connect(hecate.address()).await;
    wire.send(format!("GET {QUERY} HTTP/1.0\r\nAuthorization: Bearer token-alice\r\n\r\n")).await;
    let text = error(&wire.answer().await.unwrap(), 503, "unavailable");
    assert!(text.contains("broke off"), "{text}");
    hecate.comes_to_rest().await;
}

#[tokio::test]
async fn what_is_no_answer_of_prometheus_is_an_error() {
    for (bytes, part) in [
        ("\0\x01\x02garbage\r\n\r\n", ""),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", ""),
        ("HTTP/1.1 two hundred\r\n\r\n", ""),
        ("SSH-2.0-OpenSSH_9.9\r\n", ""),
        ("", "closed the connection"),
    ] {
        let upstream = sending(bytes, 0).await;
        let hecate = before(&upstream);
        unavailable(ask(&hecate).await, "unavailable", part);
        assert!(upstream.queries().len() <= 4, "{bytes:?} was asked {} times", upstream.queries().len());
        hecate.comes_to_rest().await;
    }
}

/// A page of some gate in between is no data.
#[tokio::test]
async fn a_page_for_people_is_not_passed_on() {
    for status in ["200 OK", "500 Internal Server Error", "404 Not Found", "418 Teapot"] {
        let upstream = StandIn::start(move |_, mut stream| async move {
            crate::support::stand_in::say(&mut stream, status, "text/html", "<html>SECRET gate of 10.1.2.3</html>").await;
        })
        .await;
        let hecate = before(&upstream);
        let answer = ask(&hecate).await.unwrap();
        assert!(!answer.text().contains("SECRET"), "{status}: {}", answer.text());
        assert!(answer.status >= 400, "{status} became {}", answer.status);
        assert!(answer.text().starts_with(r#"{"status":"error""#), "{status}: {}", answer.text());
        hecate.comes_to_rest().await;
    }
}

/// Rules are read whole and filtered: half of them is not less, it is an error.
#[tokio::test]
async fn half_an_answer_for_a_filter_is_an_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Some(_) = crate::support::read_request(&mut stream).await else { return };
                let body = r#"{"status":"success","data":{"groups":["#;
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n";
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            });
        }
    });
    let hecate = crate::hecate(&format!("url: \"{url}\", timeout: 2s"), "");
    for path in ["/api/v1/rules", "/api/v1/alerts", "/api/v1/metadata"] {
        let mut wire = crate::support::Wire::connect(hecate.address()).await;
        wire.get(path).await;
        error(&wire.answer().await.unwrap(), 503, "unavailable");
    }
    hecate.comes_to_rest().await;
}
