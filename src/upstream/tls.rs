//! TLS towards an upstream: whom we trust, and who we are.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::set_up::SetUpError;
use crate::config::Upstream;

/// Makes ring the process' TLS implementation, once; later calls and other installers are no error.
pub fn install_crypto() {
    // An error says that one is installed already, which is what we want.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// Reads the certificate files of one upstream.
pub(super) fn config(settings: &Upstream) -> Result<ClientConfig, SetUpError> {
    let unusable = |cause: rustls::Error| SetUpError::Tls { upstream: settings.name.clone(), problem: cause.to_string() };
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let builder = match &settings.auth.ca_file {
        Some(file) => builder.with_root_certificates(authorities(settings, file)?),
        None => builder.with_platform_verifier().map_err(unusable)?,
    };
    let mut config = match &settings.auth.client_certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            const EXPECTED: &str = "PEM: a certificate chain in one file, its private key in the other";
            let bad = |file: &Path, problem: String| bad_file(settings, file, problem, EXPECTED);
            let chain = certificates(certificate).map_err(|problem| bad(certificate, problem))?;
            let key_der = PrivateKeyDer::from_pem_file(key).map_err(|cause| bad(key, cause.to_string()))?;
            builder.with_client_auth_cert(chain, key_der).map_err(|cause| bad(certificate, cause.to_string()))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn authorities(settings: &Upstream, file: &Path) -> Result<RootCertStore, SetUpError> {
    let bad = |problem: String| bad_file(settings, file, problem, "PEM with at least one CERTIFICATE");
    let mut trusted = RootCertStore::empty();
    for certificate in certificates(file).map_err(bad)? {
        trusted.add(certificate).map_err(|cause| bad(cause.to_string()))?;
    }
    Ok(trusted)
}

/// At least one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = std::fs::read(file).map_err(|cause| cause.to_string())?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err("holds no certificate".to_owned()),
        Err(_) => Err("not readable as PEM".to_owned()),
    }
}

fn bad_file(settings: &Upstream, file: &Path, problem: String, expected: &'static str) -> SetUpError {
    SetUpError::BadFile { upstream: settings.name.clone(), file: file.to_owned(), problem, expected }
}
