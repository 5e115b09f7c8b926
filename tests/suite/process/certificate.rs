//! Certificates of a server in the tests, and clients that trust their authority.

use std::{net::SocketAddr, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::place::{Place, write};

/// An authority that issues certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: reqwest::Certificate,
}

/// A client that trusts this certificate alone, and that finds these hosts at an address. It follows no redirect.
pub fn client_of(
    root: &reqwest::Certificate,
    hosts: &[&str],
    address: SocketAddr,
) -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([root.clone()])
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .timeout(Duration::from_mins(1));
    let resolve = |builder: reqwest::ClientBuilder, host: &&str| builder.resolve(host, address);
    hosts.iter().fold(builder, resolve).build().unwrap()
}

impl Authority {
    /// A new authority.
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let root = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
        let issuer = Issuer::new(params, key);
        Self { issuer, root }
    }

    /// A certificate for these names, and its key, as PEM.
    pub fn issue(&self, names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// Writes a certificate for these names and its key to where [`with_tls`] looks for them.
    pub fn install(&self, place: &Place, names: &[&str]) {
        let (certificate, key) = self.issue(names);
        write(&place.path("tls/fullchain.pem"), &certificate);
        write(&place.path("tls/privkey.pem"), &key);
    }

    /// A client that trusts it alone, see [`client_of`].
    pub fn client(&self, hosts: &[&str], address: SocketAddr) -> reqwest::Client {
        client_of(&self.root, hosts, address)
    }
}

/// A place whose server has the certificate in `tls/`.
pub fn with_tls(place: Place) -> Place {
    place
        .with("MUNJIGI_SERVER__TLS_CERTIFICATE", "tls/fullchain.pem")
        .with("MUNJIGI_SERVER__TLS_KEY", "tls/privkey.pem")
}
