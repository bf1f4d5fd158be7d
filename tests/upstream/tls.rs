//! TLS towards upstreams: own authorities, client certificates, and what does not fit.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hecate::config::Upstream;
use hecate::upstream::{SetUpError, Upstreams, install_crypto};
use prometheus::Registry;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use tokio::io::AsyncWriteExt as _;

use crate::stand_in::{OK, backend, query, settings, whole};

const LIMIT: Duration = Duration::from_secs(2);

/// An authority with the files of what it signed.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Authority { issuer, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn sign(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        (certificate, key)
    }

    fn client_files(&self) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.sign("hecate");
        let files = (self.folder.path().join("client.pem"), self.folder.path().join("client.key"));
        // Without a last line end: the files must not grow together.
        std::fs::write(&files.0, certificate.pem().trim_end()).unwrap();
        std::fs::write(&files.1, key.serialize_pem()).unwrap();
        files
    }
}

/// Serves 200 to every request; ends with the process.
fn serve(authority: &Authority, name: &str, clients: Option<&Authority>) -> String {
    install_crypto();
    let (certificate, key) = authority.sign(name);
    let builder = rustls::ServerConfig::builder();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.issuer.der().clone()).unwrap();
            builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
        }
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                let session = rustls::ServerConnection::new(config).unwrap();
                let mut stream = BufReader::new(rustls::StreamOwned::new(session, stream));
                let mut line = String::new();
                while stream.read_line(&mut line).is_ok_and(|count| count > 0) {
                    if line == "\r\n" && stream.get_mut().write_all(OK.as_bytes()).is_err() {
                        return;
                    }
                    line.clear();
                }
            });
        }
    });
    url
}

fn trusting(url: &str, ca_file: &Path) -> Upstream {
    let mut settings = settings(url);
    settings.auth.ca_file = Some(ca_file.to_owned());
    settings
}

async fn outcome(settings: Upstream) -> String {
    match whole(&backend(settings).0, query("up"), LIMIT).await {
        Ok((status, _)) => status.to_string(),
        Err(error) => {
            assert!(!error.to_string().contains("localhost"), "{error}");
            error.kind().to_owned()
        }
    }
}

#[tokio::test]
async fn own_authority() {
    let (ours, others) = (Authority::new(), Authority::new());
    let url = serve(&ours, "localhost", None);
    assert_eq!(outcome(trusting(&url, &ours.file())).await, "200");
    assert_eq!(outcome(trusting(&url, &others.file())).await, "tls");
    assert_eq!(outcome(settings(&url)).await, "tls", "the system does not know this authority");
    let misnamed = serve(&ours, "another.example", None);
    assert_eq!(outcome(trusting(&misnamed, &ours.file())).await, "tls");
}

#[tokio::test]
async fn client_certificate() {
    let (ours, others) = (Authority::new(), Authority::new());
    let url = serve(&ours, "localhost", Some(&ours));
    assert_eq!(outcome(trusting(&url, &ours.file())).await, "tls", "none sent");
    for (signer, expected) in [(&ours, "200"), (&others, "tls")] {
        let mut settings = trusting(&url, &ours.file());
        settings.auth.client_certificate = Some(signer.client_files());
        assert_eq!(outcome(settings).await, expected);
    }
}

#[tokio::test]
async fn plain_http_where_tls_is_expected() {
    let bad_request = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    let address = crate::stand_in::serve(move |_, mut stream| async move {
        stream.write_all(bad_request.as_bytes()).await.ok();
        std::future::pending::<()>().await;
    })
    .await;
    let ours = Authority::new();
    assert_eq!(outcome(trusting(&format!("https://localhost:{}", address.port()), &ours.file())).await, "tls");
}

#[test]
fn bad_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no PEM in here").unwrap();
    let missing = folder.path().join("missing.pem");
    for file in [&empty, &missing] {
        let mut with_certificate = settings("https://localhost:1");
        with_certificate.auth.client_certificate = Some((file.clone(), file.clone()));
        for settings in [trusting("https://localhost:1", file), with_certificate] {
            let error = Upstreams::new(&[settings], &Registry::new()).err().unwrap();
            assert!(matches!(&error, SetUpError::BadFile { file: named, .. } if named == file), "{error}");
            assert!(error.to_string().contains("expected PEM"), "{error}");
        }
    }
}
