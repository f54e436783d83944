//! How TLS is done: certificates, keys and who is believed. The only file that names rustls.
//!
//! What libpq means by each mode is in `encryption`; here it becomes a verifier. The system's or a file's authorities decide
//! whom we believe, never a list compiled into the program.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::common_name;
use super::encryption::{Encryption, Mode, Roots, Versions};
use super::settings::is_open_to_others;

/// Makes what puts TLS around a connection. The error says which file is at fault, or what is missing.
pub(super) fn connector(encryption: &Encryption) -> Result<MakeRustlsConnect, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions: &[&rustls::SupportedProtocolVersion] = match encryption.versions {
        Versions::Any => rustls::DEFAULT_VERSIONS,
        Versions::OnlyTls12 => &[&rustls::version::TLS12],
        Versions::OnlyTls13 => &[&rustls::version::TLS13],
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).map_err(|e| e.to_string())?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier(encryption, provider)?);
    let mut config = match own_certificate(encryption)? {
        Some((chain, key)) => {
            builder.with_client_auth_cert(chain, key).map_err(|e| format!("our own certificate and its key cannot be used: {e}"))?
        }
        None => builder.with_no_client_auth(),
    };
    config.enable_sni = encryption.names_server;
    if encryption.direct {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(MakeRustlsConnect::new(config))
}

fn verifier(encryption: &Encryption, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, String> {
    if !encryption.verifies() {
        return Ok(Arc::new(Anybody(provider)));
    }
    let checks_name = encryption.mode == Mode::VerifyFull;
    let (inner, pinned): (Arc<dyn ServerCertVerifier>, Vec<_>) = match &encryption.roots {
        Roots::System if !checks_name => {
            return Err("sslmode=verify-ca needs a file of authorities: name it with sslrootcert, or use sslmode=verify-full".to_owned());
        }
        Roots::System => {
            let system = rustls_platform_verifier::Verifier::new(provider).map_err(|e| format!("the system's authorities: {e}"))?;
            (Arc::new(system), Vec::new())
        }
        Roots::File(path) => {
            let pinned = certificates(path)?;
            (web_pki(encryption, path, &pinned, provider)?, pinned)
        }
    };
    Ok(Arc::new(Known { inner, pinned, checks_name }))
}

fn web_pki(
    encryption: &Encryption,
    path: &Path,
    authorities: &[CertificateDer<'static>],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.clone()).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let mut builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    if let Some(path) = encryption.revoked.as_deref().filter(|path| path.exists()) {
        let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_file_iter(path)
            .and_then(|lists| lists.collect())
            .map_err(|e| format!("{}: {e}", path.display()));
        builder = builder.with_crls(lists?);
    }
    builder.build().map_err(|e| match &encryption.revoked {
        Some(revoked) => format!("{} with {}: {e}", path.display(), revoked.display()),
        None => format!("{}: {e}", path.display()),
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(|certificates| certificates.collect());
    match read {
        Ok(certificates) if certificates.is_empty() => Err(format!("{}: there is no PEM certificate in it", path.display())),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

type ChainAndKey = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Our own certificate, if the file is there; then its key must be too, and nobody else may be able to read it.
fn own_certificate(encryption: &Encryption) -> Result<Option<ChainAndKey>, String> {
    let Some((chain, key)) = encryption.own.as_ref().filter(|(chain, _)| chain.exists()) else { return Ok(None) };
    let about = fs::metadata(key).map_err(|e| format!("{} has no key: {}: {e}", chain.display(), key.display()))?;
    if is_open_to_others(&about) && !belongs_to_root_and_its_group(&about) {
        return Err(format!("{}: its group or the world can read this key: chmod 600", key.display()));
    }
    let pem = fs::read(key).map_err(|e| format!("{}: {e}", key.display()))?;
    if pem.windows(9).any(|word| word == b"ENCRYPTED") {
        return Err(format!("{}: keys with a password are not read here: openssl pkey -in it -out another", key.display()));
    }
    // What the PEM reader says of a broken key is kept back: it may repeat a line of it.
    let read = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| format!("{}: there is no PEM private key in it", key.display()))?;
    Ok(Some((certificates(chain)?, read)))
}

/// libpq's exception: keys that root owns may be read by a group (mode 0640), as certificate tools install them.
#[cfg(unix)]
fn belongs_to_root_and_its_group(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    about.uid() == 0 && about.permissions().mode() & 0o037 == 0
}

#[cfg(not(unix))]
fn belongs_to_root_and_its_group(_: &fs::Metadata) -> bool {
    false
}

/// `require` and `prefer`: encrypted, to whomever. With nobody identified, a signature proves nothing, so certificates that
/// our library cannot even read (version 1, as the PostgreSQL manual's commands make them) are as good as others.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// `verify-ca` and `verify-full`: signed by an authority that is believed, and for the latter in the name of the host.
#[derive(Debug)]
struct Known {
    inner: Arc<dyn ServerCertVerifier>,
    /// What stands in the file of authorities. A self-signed certificate of a server may stand there itself.
    pinned: Vec<CertificateDer<'static>>,
    checks_name: bool,
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext, Other};
        match self.inner.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // Signatures and dates are checked before the name, so a wrong name is all that is wrong.
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) if !self.checks_name => {
                Ok(ServerCertVerified::assertion())
            }
            // `openssl req -x509` makes an authority of a certificate that signs only itself. WebPKI refuses those at a
            // server, after it has checked the dates; OpenSSL, and so libpq, takes one that is in the file.
            Err(rustls::Error::InvalidCertificate(Other(_))) if self.pinned.iter().any(|pinned| pinned == certificate) => {
                if self.checks_name && !common_name::is_for(certificate, &name.to_str()) {
                    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            // Again the name is all that is wrong; it may stand where only old programs look.
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }))
                if common_name::is_for(certificate, &name.to_str()) =>
            {
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::{Settings, Surroundings};

    fn refusal(dsn: &str) -> String {
        let nobody = Surroundings { variable: &|_| None, home: None, user: Some("os".to_owned()) };
        connector(&Settings::resolve(Some(dsn), &nobody).unwrap().encryption).err().unwrap_or_default()
    }

    #[test]
    fn files_are_named_when_they_are_at_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("empty"), "").unwrap();
        fs::write(path("broken"), "-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n").unwrap();
        fs::write(path("certificate"), "").unwrap();
        fs::write(path("open"), "").unwrap();
        assert!(refusal("sslmode=verify-full sslrootcert=/no/file").contains("/no/file"));
        assert!(refusal(&format!("sslmode=verify-full sslrootcert={}", path("empty"))).contains("no PEM certificate"));
        let broken = refusal(&format!("sslmode=verify-ca sslrootcert={}", path("broken")));
        assert!(broken.contains("broken") && !broken.contains("hunter2"), "{broken}");
        assert!(refusal("sslmode=verify-ca").contains("sslrootcert"));
        assert!(refusal(&format!("sslcert={} sslkey=/no/key", path("certificate"))).contains("/no/key"));
        // Nobody asks for what is not there.
        assert_eq!(refusal("sslcert=/no/certificate sslkey=/no/key sslmode=require sslrootcert=/no/file"), "");
        assert_eq!(refusal("sslmode=verify-full"), "");
    }

    #[cfg(unix)]
    #[test]
    fn keys_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("certificate"), "").unwrap();
        fs::write(path("key"), "-----BEGIN ENCRYPTED PRIVATE KEY-----\nhunter2\n").unwrap();
        let dsn = format!("sslcert={} sslkey={}", path("certificate").display(), path("key").display());
        fs::set_permissions(path("key"), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(refusal(&dsn).contains("chmod 600"));
        fs::set_permissions(path("key"), fs::Permissions::from_mode(0o600)).unwrap();
        assert!(refusal(&dsn).contains("keys with a password"));
        fs::write(path("key"), "hunter2").unwrap();
        let broken = refusal(&dsn);
        assert!(broken.contains("no PEM private key") && !broken.contains("hunter2"), "{broken}");
    }
}
