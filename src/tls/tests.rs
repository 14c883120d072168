//! Certificates made, kept, renewed and refused.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

const NOW_S: i64 = 1_795_000_000;

fn hosts(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

fn texts(folder: &Path) -> [String; 4] {
    ["ca.pem", "ca-key.pem", "server.pem", "server-key.pem"]
        .map(|name| std::fs::read_to_string(folder.join(name)).unwrap())
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_lab_gets_an_authority_and_a_certificate_that_only_its_user_can_use() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("data/tls");
    let (_, authority) = lab::load(&folder, &hosts(&["lab-pc", "192.0.2.7", "::1"]), NOW_S).unwrap();
    assert!(authority.is_new && authority.certificate == folder.join("ca.pem"));
    assert_eq!(authority.fingerprint.split(':').count(), 32, "{}", authority.fingerprint);
    assert_eq!(mode(&folder), 0o700);
    assert_eq!((mode(&folder.join("ca-key.pem")), mode(&folder.join("server-key.pem"))), (0o600, 0o600));
    let [ca, _, server, _] = texts(&folder);
    let (ca, server) = (files::certificates(&ca).remove(0), files::certificates(&server).remove(0));
    assert_eq!(validity_s(&parse(&ca).unwrap()), (NOW_S - DAY_S, NOW_S + 3_653 * DAY_S));
    assert_eq!(validity_s(&parse(&server).unwrap()), (NOW_S - DAY_S, NOW_S + 398 * DAY_S));
    assert!(parse(&ca).unwrap().is_ca() && !parse(&server).unwrap().is_ca());
}

#[test]
fn a_certificate_that_is_good_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let names = hosts(&["lab-pc", "192.0.2.7", "::1"]);
    let (_, first) = lab::load(folder.path(), &names, NOW_S).unwrap();
    let before = texts(folder.path());
    let (_, second) = lab::load(folder.path(), &names, NOW_S + 367 * DAY_S).unwrap();
    assert_eq!(texts(folder.path()), before);
    assert_eq!(second, Authority { is_new: false, ..first });
}

#[test]
fn a_certificate_is_renewed_when_it_ends_soon_or_the_names_change_and_the_authority_stays() {
    let folder = tempfile::tempdir().unwrap();
    let renewed = |names: &[&str], now_s: i64| {
        let before = std::fs::read_to_string(folder.path().join("server.pem")).unwrap_or_default();
        let authority = std::fs::read_to_string(folder.path().join("ca.pem")).ok();
        lab::load(folder.path(), &hosts(names), now_s).unwrap();
        let [ca, _, after, _] = texts(folder.path());
        assert!(authority.is_none_or(|authority| authority == ca), "the authority changed");
        before != after
    };
    assert!(renewed(&["lab-pc"], NOW_S));
    assert!(renewed(&["lab-pc", "other"], NOW_S), "a name more");
    assert!(renewed(&["other"], NOW_S), "a name less");
    assert!(!renewed(&["other"], NOW_S + 368 * DAY_S));
    assert!(renewed(&["other"], NOW_S + 369 * DAY_S), "29 days remain");
    assert!(renewed(&["other"], NOW_S), "the clock was set back to before it began");
}

#[test]
fn a_lost_or_foreign_server_file_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let load = || lab::load(folder.path(), &hosts(&["lab-pc"]), NOW_S).map(|_| texts(folder.path())[2].clone());
    let first = load().unwrap();
    std::fs::remove_file(folder.path().join("server-key.pem")).unwrap();
    let second = load().unwrap();
    assert_ne!(first, second);
    let foreign = rcgen::generate_simple_self_signed(["lab-pc".to_owned()]).unwrap();
    std::fs::write(folder.path().join("server.pem"), foreign.cert.pem()).unwrap();
    std::fs::write(folder.path().join("server-key.pem"), foreign.signing_key.serialize_pem()).unwrap();
    assert_ne!(load().unwrap(), foreign.cert.pem(), "another authority's certificate was kept");
}

#[test]
fn an_authority_without_its_key_serves_until_a_new_certificate_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let load = |names: &[&str], now_s| lab::load(folder.path(), &hosts(names), now_s).map(|_| ());
    load(&["lab-pc"], NOW_S).unwrap();
    let key = folder.path().join("ca-key.pem");
    let kept = std::fs::read_to_string(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    load(&["lab-pc"], NOW_S).unwrap();
    let error = load(&["other"], NOW_S).unwrap_err().to_string();
    assert!(error.contains("ca-key.pem") && error.contains("put it back"), "{error}");
    std::fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let error = load(&["other"], NOW_S).unwrap_err().to_string();
    assert!(error.contains("ca-key.pem") && error.contains("does not belong to ca.pem"), "{error}");
    std::fs::write(&key, kept).unwrap();
    let error = load(&["lab-pc"], NOW_S + 3_653 * DAY_S).unwrap_err().to_string();
    assert!(error.contains("ca.pem") && error.contains("expired on") && error.contains("trust anew"), "{error}");
    std::fs::remove_file(folder.path().join("ca.pem")).unwrap();
    assert!(load(&["lab-pc"], NOW_S).unwrap_err().to_string().contains("ca.pem: is missing"));
}

/// A certificate, its key and another key, written to a folder.
fn given(from_s: i64, until_s: i64) -> (tempfile::TempDir, [PathBuf; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["lab-pc".to_owned()]).unwrap();
    let at = |at_s| x509_parser::prelude::ASN1Time::from_timestamp(at_s).unwrap().to_datetime();
    (params.not_before, params.not_after) = (at(from_s), at(until_s));
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let texts = [params.self_signed(&key).unwrap().pem(), key.serialize_pem(), other];
    let paths = ["own.pem", "own-key.pem", "other-key.pem"].map(|name| folder.path().join(name));
    for (path, text) in paths.iter().zip(texts) {
        std::fs::write(path, text).unwrap();
    }
    (folder, paths)
}

#[test]
fn own_files_are_taken_as_they_are() {
    let (_folder, [certificate, key, _]) = given(NOW_S - DAY_S, NOW_S + DAY_S);
    given::load(&certificate, &key, NOW_S).unwrap();
}

#[test]
fn what_is_wrong_with_own_files_is_said_with_the_file_and_the_remedy() {
    let (folder, [certificate, key, other]) = given(NOW_S - DAY_S, NOW_S + DAY_S);
    let missing = folder.path().join("no-such.pem");
    let text = folder.path().join("text.pem");
    std::fs::write(&text, [0xff, 0x00]).unwrap();
    let locked = folder.path().join("locked.pem");
    let [begin, end] = ["BEGIN", "END"].map(|word| format!("-----{word} ENCRYPTED PRIVATE KEY-----\n"));
    std::fs::write(&locked, format!("{begin}MAA=\n{end}")).unwrap();
    for (certificate, key, now_s, words) in [
        (&certificate, &other, NOW_S, ["other-key.pem", "does not belong", "own.pem"]),
        (&missing, &key, NOW_S, ["no-such.pem", "cannot be read", "check the name"]),
        (&certificate, &missing, NOW_S, ["no-such.pem", "cannot be read", "check the name"]),
        (&text, &key, NOW_S, ["text.pem", "holds no certificate", "BEGIN CERTIFICATE"]),
        (&key, &key, NOW_S, ["own-key.pem", "holds no certificate", "BEGIN CERTIFICATE"]),
        (&certificate, &locked, NOW_S, ["locked.pem", "password", "openssl pkey"]),
        (&certificate, &key, NOW_S + DAY_S, ["own.pem", "expired on 2026-11-1", "new one"]),
        (&certificate, &key, NOW_S - 2 * DAY_S, ["own.pem", "valid from", "clock"]),
    ] {
        let error = given::load(certificate, key, now_s).unwrap_err();
        assert!(error.is_input());
        let said = error.to_string();
        assert!(words.iter().all(|word| said.contains(word)), "{words:?}: {said}");
    }
}

#[test]
fn the_certificate_names_this_computer_and_what_the_settings_add() {
    let mut config = Config::default();
    config.http.address = "192.0.2.9:8869".parse().unwrap();
    config.mqtt.address = "0.0.0.0:1883".parse().unwrap();
    config.tls.names = vec!["Lab.Example.ORG".to_owned(), "FE80:0::1".to_owned()];
    let names = lab::names(&config);
    for name in ["localhost", "127.0.0.1", "::1", "192.0.2.9", "lab.example.org", "fe80::1"] {
        assert!(names.contains(name), "{name} not in {names:?}");
    }
    assert!(!names.contains("0.0.0.0"));
}

#[test]
fn without_tls_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { data_dir: folder.path().join("data"), ..Config::default() };
    assert!(load(&config, &Clock::System).unwrap().is_none());
    assert!(!config.data_dir.exists());
}
