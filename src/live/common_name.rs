//! The name in a certificate that has none where names belong: the subject's common name.
//!
//! A certificate as `openssl req -x509 -subj /CN=db1` makes it, the PostgreSQL manual's own example, has no subjectAltName.
//! libpq then looks at the common name (`pgtls_verify_peer_name_matches_certificate_guts` in `fe-secure-openssl.c`); rustls
//! never does. Nothing but the name is judged here.

use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::oid::db::rfc4519::CN;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// Whether a certificate in DER without a name or address in a subjectAltName is for that host by its common name.
pub(super) fn is_for(certificate: &[u8], host: &str) -> bool {
    let Ok(certificate) = Certificate::from_der(certificate) else { return false };
    let about = &certificate.tbs_certificate;
    let has_names = match about.get::<SubjectAltName>() {
        Ok(Some((_, names))) => names.0.iter().any(|name| matches!(name, GeneralName::DnsName(_) | GeneralName::IpAddress(_))),
        Ok(None) => false,
        Err(_) => true,
    };
    let attributes = about.subject.0.iter().flat_map(|relative| relative.0.iter());
    let name = attributes.filter(|attribute| attribute.oid == CN).find_map(|attribute| std::str::from_utf8(attribute.value.value()).ok());
    !has_names && name.is_some_and(|name| matches(name, host))
}

/// The same name, or `*.` before everything behind the host's first label; never a wildcard for an address.
fn matches(name: &str, host: &str) -> bool {
    let behind_first_label = host.find('.').filter(|&dot| dot > 0).map(|dot| &host[dot..]);
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    match name.strip_prefix('*').filter(|rest| rest.starts_with('.') && rest.len() > 1) {
        Some(rest) => !is_address && behind_first_label.is_some_and(|behind| behind.eq_ignore_ascii_case(rest)),
        None => name.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_for_libpq() {
        let table = [
            ("db1", "db1", true),
            ("DB1.example.com", "db1.example.com", true),
            ("*.example.com", "db1.example.com", true),
            ("*.example.com", "a.db1.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("*", "db1", false),
            ("*.", "db1.", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("*.0.0.1", "10.0.0.1", false),
            ("db1", "db2", false),
            ("", "db1", false),
        ];
        for (name, host, same) in table {
            assert_eq!(matches(name, host), same, "{name} {host}");
        }
        assert!(!is_for(b"no certificate", "db1"));
    }
}
