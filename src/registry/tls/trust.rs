//! Which server certificates are accepted.
//!
//! Invariant: the signatures of the handshake are always checked, also with `verify = false`.

use std::sync::{Arc, LazyLock};

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use super::presented::PresentedCertificates;

/// The authorities of the operating system.
static SYSTEM: LazyLock<Vec<CertificateDer<'static>>> =
    LazyLock::new(|| rustls_native_certs::load_native_certs().certs);

/// Read when the first certificate is verified: a registry without TLS does not need them.
type Authorities = LazyLock<
    Option<Arc<WebPkiServerVerifier>>,
    Box<dyn FnOnce() -> Option<Arc<WebPkiServerVerifier>> + Send + Sync>,
>;

/// Accepts certificates of the system's authorities and of `extra` ones. A system without authorities is no error:
/// `extra` may suffice, and otherwise the handshake fails.
pub(super) fn verified(
    provider: Arc<CryptoProvider>,
    extra: Vec<CertificateDer<'static>>,
    presented: Arc<PresentedCertificates>,
) -> Arc<dyn ServerCertVerifier> {
    let algorithms = provider.signature_verification_algorithms;
    let pinned = extra.clone();
    let read = move || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(SYSTEM.iter().cloned());
        roots.add_parsable_certificates(extra);
        // Without a revocation list it fails only if there is no authority.
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .ok()
    };
    Arc::new(Verifier {
        trust: Trust::Verified {
            authorities: LazyLock::new(Box::new(read)),
            pinned,
        },
        algorithms,
        presented,
    })
}

/// Accepts every certificate.
pub(super) fn unverified(
    provider: Arc<CryptoProvider>,
    presented: Arc<PresentedCertificates>,
) -> Arc<dyn ServerCertVerifier> {
    Arc::new(Verifier {
        trust: Trust::Anyone,
        algorithms: provider.signature_verification_algorithms,
        presented,
    })
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
    presented: Arc<PresentedCertificates>,
}

#[derive(Debug)]
enum Trust {
    Anyone,
    /// Certificates of an authority, or of the operator's files.
    Verified {
        /// `None` if there is no authority.
        authorities: Authorities,
        pinned: Vec<CertificateDer<'static>>,
    },
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.presented.record(name, certificate, intermediates);
        let Trust::Verified {
            authorities,
            pinned,
        } = &self.trust
        else {
            return Ok(ServerCertVerified::assertion());
        };
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let Some(authorities) = &**authorities else {
            return Err(unknown);
        };
        match authorities.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // Self-signed certificates of private registries often are marked as an authority, which webpki refuses for a
            // server. Other tools accept them if they are trusted by file. webpki checks dates before this error, but
            // not the name.
            Err(Error::InvalidCertificate(CertificateError::Other(other)))
                if is_ca_used_as_server(&other) =>
            {
                if !pinned.iter().any(|pinned| pinned == certificate) {
                    return Err(unknown);
                }
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// webpki's error is not public, so match its text.
fn is_ca_used_as_server(other: &rustls::OtherError) -> bool {
    other.0.to_string().contains("CaUsedAsEndEntity")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    use super::*;

    /// A certificate like that of `openssl req -x509` for `r.example`, valid from 1975 to 4096.
    fn self_signed() -> CertificateDer<'static> {
        let mut made = CertificateParams::new(["r.example".to_owned()]).unwrap();
        made.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        made.self_signed(&key).unwrap().der().clone()
    }

    fn verify(
        trusted: &[CertificateDer<'static>],
        shown: &CertificateDer<'_>,
        name: &str,
        year: u64,
    ) -> Result<(), Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let now = UnixTime::since_unix_epoch(Duration::from_secs((year - 1970) * 31_556_952));
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let presented = Arc::new(PresentedCertificates::of("r.example"));
        verified(provider, trusted.to_vec(), presented)
            .verify_server_cert(shown, &[], &name, &[], now)
            .map(|_| ())
    }

    #[test]
    fn a_self_signed_certificate_is_accepted_once_it_is_trusted_by_file() {
        let certificate = self_signed();
        let trusted = [certificate.clone()];
        assert_eq!(verify(&trusted, &certificate, "r.example", 2030), Ok(()));
        assert!(verify(&trusted, &self_signed(), "r.example", 2030).is_err());
        assert!(verify(&[], &certificate, "r.example", 2030).is_err());
    }

    #[test]
    fn a_trusted_self_signed_certificate_still_has_a_name_and_dates() {
        let certificate = self_signed();
        let trusted = [certificate.clone()];
        assert!(verify(&trusted, &certificate, "other.example", 2030).is_err());
        assert!(verify(&trusted, &certificate, "r.example", 5000).is_err());
    }
}
