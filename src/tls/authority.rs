//! Making certificates: the laboratory's authority, and the server's certificate that it signs.

use std::collections::BTreeSet;
use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{ASN1Time, GeneralName};

use super::{DAY_S, RENEW_BEFORE_DAYS, TlsError, date, parse, validity_s};

/// The authority outlives the devices that trust it.
const AUTHORITY_DAYS: i64 = 3_653;
/// Browsers take no server certificate that is valid for longer.
const SERVER_DAYS: i64 = 398;
/// Certificates begin so much earlier: the clocks of devices are not exact.
const BACKDATE_DAYS: i64 = 1;
/// Of the host's name in the authority's, which may have 64 characters in all.
const HOST_CHARS_MAX: usize = 32;

/// A certificate and its key, PEM.
pub(super) struct Pair {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// A new authority; `host` is for people who see several of them in a list.
pub(super) fn new_authority(host: &str, now_s: i64) -> Result<Pair, TlsError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    // With the date, because browsers confuse two authorities of the same name.
    let host: String = host.chars().take(HOST_CHARS_MAX).collect();
    params.distinguished_name.push(DnType::CommonName, format!("Cellar authority of {host}, {}", date(now_s)));
    params.distinguished_name.push(DnType::OrganizationalUnitName, format!("{:08x}", fastrand::u32(..)));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    span(&mut params, now_s - BACKDATE_DAYS * DAY_S, now_s + AUTHORITY_DAYS * DAY_S)?;
    Ok(Pair { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
}

/// A new certificate for these hosts, signed by the authority; it ends with the authority at the latest.
pub(super) fn new_server(
    authority: &CertificateDer<'_>,
    authority_key: &str,
    hosts: &BTreeSet<String>,
    now_s: i64,
) -> Result<Pair, TlsError> {
    let issuer = Issuer::from_ca_cert_der(authority, KeyPair::from_pem(authority_key)?)?;
    let authority_until_s = parse(authority).map_or(i64::MAX, |authority| validity_s(&authority).1);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(hosts.iter().cloned().collect::<Vec<_>>())?;
    params.distinguished_name.push(DnType::CommonName, "Cellar");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    let until_s = (now_s + SERVER_DAYS * DAY_S).min(authority_until_s);
    span(&mut params, now_s - BACKDATE_DAYS * DAY_S, until_s)?;
    Ok(Pair { certificate: params.signed_by(&key, &issuer)?.pem(), key: key.serialize_pem() })
}

/// Whether the authority signed the certificate.
pub(super) fn has_signed(authority: &CertificateDer<'_>, server: &CertificateDer<'_>) -> bool {
    let (Some(authority), Some(server)) = (parse(authority), parse(server)) else { return false };
    server.verify_signature(Some(authority.public_key())).is_ok()
}

/// Whether the certificate names exactly these hosts and is good for some time yet.
pub(super) fn is_good_for(server: &CertificateDer<'_>, hosts: &BTreeSet<String>, now_s: i64) -> bool {
    let Some(server) = parse(server) else { return false };
    let (from_s, until_s) = validity_s(&server);
    let names = server.subject_alternative_name().ok().flatten();
    let named: BTreeSet<String> = names
        .iter()
        .flat_map(|names| &names.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect();
    named == *hosts && from_s <= now_s && until_s - now_s >= RENEW_BEFORE_DAYS * DAY_S
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let v6 = <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    v4.or(v6).ok().map(|address| address.to_string())
}

fn span(params: &mut CertificateParams, from_s: i64, until_s: i64) -> Result<(), TlsError> {
    let at = |at_s| ASN1Time::from_timestamp(at_s).map_err(|_| rcgen::Error::Time);
    params.not_before = at(from_s)?.to_datetime();
    params.not_after = at(until_s)?.to_datetime();
    Ok(())
}
