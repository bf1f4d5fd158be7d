//! TLS: both protocols by ALPN, and certificates that change while connections go on.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::QUERY;
use crate::support::stand_in::NOTHING;
use crate::support::{Hecate, Http2, StandIn, Wire, eventually, usual_users};

/// A certificate for `localhost` that signs itself, with its key, as PEM.
struct Identity {
    certificate: CertificateDer<'static>,
    pem: String,
    key: String,
}

fn identity() -> Identity {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    Identity { certificate: certificate.der().clone(), pem: certificate.pem(), key: key.serialize_pem() }
}

async fn start(identity: &Identity, server: &str) -> (Hecate, StandIn) {
    let upstream = StandIn::answering(NOTHING, Duration::ZERO).await;
    let rest = format!(
        "upstreams: [{{name: prometheus, url: \"{}\"}}]\nauth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\n",
        upstream.url()
    );
    let users = usual_users();
    let files = [("users.yaml", users.as_str()), ("tls.crt", &identity.pem), ("tls.key", &identity.key)];
    (Hecate::start(&format!("tls: {{cert: tls.crt, key: tls.key}}{server}"), &rest, &files), upstream)
}

/// Trusts these and offers these protocols.
async fn connect(hecate: &Hecate, trusted: &[&Identity], alpn: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
    hecate::upstream::install_crypto();
    let mut roots = RootCertStore::empty();
    trusted.iter().for_each(|identity| roots.add(identity.certificate.clone()).unwrap());
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(hecate.address()).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// The protocol that was agreed on.
fn agreed(stream: &TlsStream<TcpStream>) -> Option<&[u8]> {
    stream.get_ref().1.alpn_protocol()
}

async fn ask_http1(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(format!("GET {QUERY} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\n\r\n").as_bytes()).await.unwrap();
    let mut text = Vec::new();
    while !text.ends_with(NOTHING.as_bytes()) {
        let count = tokio::time::timeout(Duration::from_secs(10), stream.read_buf(&mut text)).await.expect("no answer").unwrap();
        assert!(count > 0, "closed: {}", String::from_utf8_lossy(&text));
    }
    String::from_utf8(text).unwrap()
}

/// Both files at once as far as a reader can see.
fn write(folder: &Path, certificate: &str, key: &str) {
    for (name, text) in [("tls.crt", certificate), ("tls.key", key)] {
        fs::write(folder.join("new"), text).unwrap();
        fs::rename(folder.join("new"), folder.join(name)).unwrap();
    }
}

#[tokio::test]
async fn both_protocols_by_alpn() {
    let identity = identity();
    let (hecate, _upstream) = start(&identity, "").await;
    assert!(hecate.url().starts_with("https://"), "{}", hecate.url());
    for offer in [&["h2", "http/1.1"][..], &["h2"]] {
        let stream = connect(&hecate, &[&identity], offer).await.unwrap();
        assert_eq!(agreed(&stream), Some(&b"h2"[..]));
        let http2 = Http2::over(stream).await;
        for _ in 0..5 {
            assert_eq!(http2.get(QUERY, &[]).await.unwrap(), (200, NOTHING.as_bytes().to_vec()));
        }
    }
    for (offer, protocol) in [(&["http/1.1"][..], Some(&b"http/1.1"[..])), (&[], None)] {
        let mut stream = connect(&hecate, &[&identity], offer).await.unwrap();
        assert_eq!(agreed(&stream), protocol);
        for _ in 0..3 {
            assert!(ask_http1(&mut stream).await.starts_with("HTTP/1.1 200 OK"));
        }
    }
    // Who speaks plainly gets nothing and harms nobody.
    let mut plain = Wire::connect(hecate.address()).await;
    plain.get(QUERY).await;
    assert!(plain.answer().await.is_none_or(|answer| answer.status != 200));
    assert!(connect(&hecate, &[], &["h2"]).await.is_err(), "a client that does not trust it");
    hecate.comes_to_rest().await;
}

#[tokio::test]
async fn a_new_certificate_is_used_without_cutting_anybody() {
    let (old, new) = (identity(), identity());
    let (hecate, _upstream) = start(&old, "").await;
    let mut staying = connect(&hecate, &[&old], &["http/1.1"]).await.unwrap();
    ask_http1(&mut staying).await;

    // Files that do not fit each other: said, and nothing changes.
    write(&hecate.folder(), &new.pem, &old.key);
    eventually("bad files are told of", async || hecate.log().contains("the certificate in use stays").then_some(())).await;
    assert!(connect(&hecate, &[&old], &["h2"]).await.is_ok());
    assert!(connect(&hecate, &[&new], &["h2"]).await.is_err());

    write(&hecate.folder(), &new.pem, &new.key);
    eventually("the new certificate is used", async || connect(&hecate, &[&new], &["h2"]).await.ok()).await;
    assert!(connect(&hecate, &[&old], &["h2"]).await.is_err());
    ask_http1(&mut staying).await;
    assert!(!hecate.log().contains("PRIVATE KEY"));
    hecate.comes_to_rest().await;
}

#[tokio::test]
async fn those_who_shake_hands_and_say_nothing_are_cut() {
    let identity = identity();
    let (hecate, _upstream) = start(&identity, ", idle_timeout: 1s, read_timeout: 1s").await;
    for offer in ["h2", "http/1.1"] {
        let mut stream = connect(&hecate, &[&identity], &[offer]).await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{offer}: a silent connection stays open");
    }
    hecate.metric_becomes("hecate_connections", 1.0).await;
}
