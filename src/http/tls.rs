//! The certificate and the private key of the listeners, from PEM files. They can be replaced while the server runs:
//! connections that are accepted afterwards get the new certificate.

use std::{path::Path, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use tokio_rustls::TlsAcceptor;
use x509_parser::parse_x509_certificate;

use crate::clock::Timestamp;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is not PEM.
    #[error("{key} ({path}): {reason}")]
    File {
        /// The setting.
        key: &'static str,
        /// The path of the file.
        path: String,
        /// The cause.
        reason: String,
    },
    /// Certificate and key do not belong together, or are of a kind that is not supported.
    #[error("server.tls_certificate and server.tls_key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// A certificate and its key. Clones share them.
#[derive(Clone, Debug)]
pub struct Tls(Arc<ArcSwap<Loaded>>);

#[derive(Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    expires_at: Option<Timestamp>,
}

impl Tls {
    /// Reads a certificate and its key.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let loaded = read(certificate, key)?;
        Ok(Self(Arc::new(ArcSwap::new(Arc::new(loaded)))))
    }

    /// Takes over another certificate and its key.
    pub fn replace(&self, with: &Self) {
        self.0.store(with.0.load_full());
    }

    /// Accepts connections with the present certificate.
    pub(in crate::http) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0.load().config))
    }

    /// When the present certificate expires; `None` if it cannot be read from it.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.0.load().expires_at
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Loaded, TlsError> {
    let failed = |key, path: &Path| {
        let path = path.display().to_string();
        move |error: pem::Error| TlsError::File {
            key,
            path,
            reason: reason(&error),
        }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|chain| {
            (!chain.is_empty())
                .then_some(chain)
                .ok_or(pem::Error::NoItemsFound)
        })
        .map_err(failed("server.tls_certificate", certificate))?;
    let expires_at = chain.first().and_then(expires_at);
    let private_key = PrivateKeyDer::from_pem_file(key).map_err(failed("server.tls_key", key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private_key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Loaded {
        config: Arc::new(config),
        expires_at,
    })
}

fn expires_at(certificate: &CertificateDer) -> Option<Timestamp> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    let expiry = certificate.validity().not_after.timestamp();
    Timestamp::from_unix_seconds(expiry)
}

/// The cause in words. Errors of the PEM parser repeat parts of the file.
fn reason(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => format!("cannot be read: {error}"),
        pem::Error::NoItemsFound => "has no PEM block of this kind".to_owned(),
        _ => "is not a PEM file".to_owned(),
    }
}
