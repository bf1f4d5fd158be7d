//! `Expect: 100-continue`: a client that waits for it must get it.

use crate::simple;
use crate::support::Wire;

const HEAD: &str = "POST /api/v1/query HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\n\
                    Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n";

#[tokio::test]
async fn a_client_that_waits_is_told_to_go_on() {
    let (hecate, _upstream) = simple("").await;
    let mut wire = Wire::connect(hecate.address()).await;
    for _ in 0..2 {
        assert!(wire.send(format!("{HEAD}Content-Length: 8\r\n\r\n")).await);
        assert_eq!(wire.answer().await.unwrap().status, 100);
        assert!(wire.send("query=up").await);
        assert_eq!(wire.answer().await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_not_asked_for() {
    let (hecate, _upstream) = simple("").await;
    let mut wire = Wire::connect(hecate.address()).await;
    assert!(wire.send(format!("{HEAD}Content-Length: 99999999\r\n\r\n")).await);
    assert_eq!(wire.answer().await.unwrap().status, 413);
}
