//! Over TLS, with and without a client certificate; with passwords and users.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hecate::cache::probe;
use hecate::config::{Redis, RedisServers, Secret};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::server::{Replica, Server, key};

/// An authority, a server certificate for 127.0.0.1 and a client certificate, as files.
struct Authority(tempfile::TempDir);

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        for name in ["127.0.0.1", "client"] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            // With the same name as its issuer a certificate would pass for self-signed.
            params.distinguished_name.push(DnType::CommonName, name);
            let certificate = params.signed_by(&key, &issuer).unwrap();
            fs::write(folder.path().join(format!("{name}.pem")), certificate.pem()).unwrap();
            fs::write(folder.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        Authority(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A server that speaks TLS only.
    async fn server(&self, asks_clients: &str) -> Server {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let files = [text(&self.file("127.0.0.1.pem")), text(&self.file("127.0.0.1.key")), text(&self.file("ca.pem"))];
        Server::start(&[
            "--port",
            "0",
            "--tls-port",
            "{port}",
            "--tls-cert-file",
            &files[0],
            "--tls-key-file",
            &files[1],
            "--tls-ca-cert-file",
            &files[2],
            "--tls-auth-clients",
            asks_clients,
        ])
        .await
    }
}

#[tokio::test]
async fn own_authorities_and_client_certificates() {
    let authority = Authority::new();
    let server = authority.server("yes").await;
    let anonymous = Redis { tls: true, ca_file: Some(authority.file("ca.pem")), ..server.settings() };
    let known = Redis { client_certificate: Some((authority.file("client.pem"), authority.file("client.key"))), ..anonymous.clone() };
    let patience = Duration::from_secs(5);
    assert!(probe(&known, patience).await.unwrap().starts_with("Redis "));
    let replica = Replica::connected(&known).await;
    replica.put(&key("up"), 0, b"payload").await;
    crate::leases::a_follower_is_woken(&replica, &replica).await;
    assert!(probe(&anonymous, patience).await.is_err(), "the server wants to know who it is");
    let open = authority.server("no").await;
    let settings = |ca_file, servers| Redis { tls: true, ca_file, ..Redis { servers, ..open.settings() } };
    let here = RedisServers::Single(open.host());
    assert!(probe(&settings(Some(authority.file("ca.pem")), here.clone()), patience).await.is_ok());
    let other = Authority::new();
    assert!(probe(&settings(Some(other.file("ca.pem")), here), patience).await.is_err(), "signed by somebody else");
    assert!(probe(&open.settings(), patience).await.is_err(), "not encrypted");
}

#[tokio::test]
async fn passwords_and_users() {
    let server = Server::start(&["--requirepass", "s3cret", "--user", "hecate", "on", ">other", "+@all", "~hecate:*", "&hecate:*"]).await;
    let patience = Duration::from_secs(2);
    let with = |user: Option<&str>, password: &str| Redis {
        user: user.map(str::to_owned),
        password: Some(Secret::new(password)),
        ..server.settings()
    };
    for settings in [with(None, "s3cret"), with(Some("hecate"), "other")] {
        let replica = Replica::connected(&settings).await;
        replica.put(&key("up"), 0, b"payload").await;
        crate::leases::a_follower_is_woken(&replica, &replica).await;
        crate::notices::are_heard(&replica, &replica).await;
        assert!(!format!("{:?}{settings:?}", replica.remote).contains("s3cret"));
    }
    for settings in [with(None, "wr0ng"), with(Some("nobody"), "s3cret"), server.settings()] {
        let error = probe(&settings, patience).await.unwrap_err().to_string();
        assert!(!error.contains("wr0ng") && !error.contains("s3cret"), "{error}");
    }
}
