//! The server's certificate, read again when its files change: certificates rotate, restarts hurt.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Why a certificate cannot be used; names the file and what is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file is not there or not readable.
    #[error("server.tls: cannot read {path}: {reason}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system or the PEM reader says.
        reason: String,
    },
    /// A PEM file without a certificate.
    #[error("server.tls.cert: {path} holds no PEM certificate")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A key of a kind that cannot sign, or that belongs to another certificate.
    #[error("server.tls: {cert} and {key} do not fit each other: {reason}")]
    Mismatch {
        /// The certificate file.
        cert: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What the cryptography library says.
        reason: String,
    },
}

/// The certificate in use; swapped while connections go on.
#[derive(Debug)]
pub struct Certificates {
    files: config::Tls,
    current: ArcSwap<CertifiedKey>,
}

impl Certificates {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// When they cannot be read or do not fit each other.
    pub fn load(files: &config::Tls) -> Result<Arc<Certificates>, TlsError> {
        let current = ArcSwap::from_pointee(read(files)?);
        Ok(Arc::new(Certificates { files: files.clone(), current }))
    }

    /// Looks at the files for as long as the server runs. Bad new files are logged, and the old certificate stays.
    pub async fn watch(self: Arc<Self>) {
        let mut seen = self.stamp();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.stamp();
            if now == seen {
                continue;
            }
            seen = now;
            match read(&self.files) {
                Ok(fresh) => {
                    self.current.store(Arc::new(fresh));
                    tracing::info!(cert = %self.files.cert.display(), "the TLS certificate was read again");
                }
                Err(error) => tracing::error!(%error, "the changed TLS files cannot be used: the certificate in use stays"),
            }
        }
    }

    fn stamp(&self) -> [Option<SystemTime>; 2] {
        [&self.files.cert, &self.files.key].map(|path| fs::metadata(path).and_then(|m| m.modified()).ok())
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn read(files: &config::Tls) -> Result<CertifiedKey, TlsError> {
    let unreadable = |path: &Path, reason: &dyn std::fmt::Display| TlsError::Read { path: path.to_owned(), reason: reason.to_string() };
    let pem = fs::read(&files.cert).map_err(|e| unreadable(&files.cert, &e))?;
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|e| unreadable(&files.cert, &e))?;
    if chain.is_empty() {
        return Err(TlsError::Empty { path: files.cert.clone() });
    }
    let key = fs::read(&files.key).map_err(|e| unreadable(&files.key, &e))?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|e| unreadable(&files.key, &e))?;
    let mismatch =
        |reason: rustls::Error| TlsError::Mismatch { cert: files.cert.clone(), key: files.key.clone(), reason: reason.to_string() };
    let certified = CertifiedKey::new(chain, any_supported_type(&key).map_err(mismatch)?);
    certified.keys_match().map_err(mismatch)?;
    Ok(certified)
}
