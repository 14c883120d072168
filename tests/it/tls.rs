//! TLS as those who connect meet it: browsers, devices, and whoever comes without it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::server::{Server, cellar};
use crate::support::test_server::TestServer;

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// Connections that say nothing.
const SILENT: usize = 50;

/// Host and port of the pages.
fn pages(server: &Server) -> String {
    server.url("").trim_start_matches("http://").to_owned()
}

fn authority(server: &Server) -> std::path::PathBuf {
    server.data_dir().join("tls/ca.pem")
}

/// A client that trusts this authority only.
async fn dial(
    address: &str,
    authority: &Path,
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let tcp = TcpStream::connect(address).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, tcp);
    tokio::time::timeout(PATIENCE, handshake).await.expect("a handshake in time")
}

/// The whole answer to a GET.
async fn get(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A peer that is not understood may cut the connection instead of closing it.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an answer in time");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A certificate for 127.0.0.1 that signed itself, and its key, as files in a folder.
fn own_files(folder: &Path, name: &str) -> [String; 2] {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let texts = [("cert", made.cert.pem()), ("key", made.signing_key.serialize_pem())];
    texts.map(|(what, text)| {
        let path = folder.join(format!("{name}-{what}.pem"));
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    })
}

#[tokio::test]
async fn pages_come_over_tls_1_2_and_1_3_to_those_who_trust_the_authority() {
    let server = Server::start_with(&["--tls"]);
    let authority = authority(&server);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let answer = get(dial(&pages(&server), &authority, &[version]).await.unwrap(), "/login").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("<title>"), "{version:?}: {answer}");
        assert!(answer.to_lowercase().contains("strict-transport-security: max-age=31536000"), "{answer}");
        let cookie = answer.lines().find(|line| line.starts_with("set-cookie: __Host-cellar-visit=")).unwrap();
        assert!(cookie.contains("; Secure"), "{cookie}");
    }
    let folder = TempDir::new().unwrap();
    let [stranger, _] = own_files(folder.path(), "stranger");
    let refused = dial(&pages(&server), Path::new(&stranger), rustls::ALL_VERSIONS).await.unwrap_err();
    assert!(refused.to_string().contains("certificate"), "{refused}");
}

#[tokio::test]
async fn whoever_comes_without_tls_is_told_nothing() {
    let server = Server::start_with(&["--tls"]);
    let plain = || TcpStream::connect(pages(&server));
    let answer = get(plain().await.unwrap(), "/healthz").await;
    assert!(!answer.contains("HTTP/"), "{answer}");
    let mut device = TcpStream::connect(server.mqtt()).await.unwrap();
    device.write_all(&[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 0]).await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, device.read_to_end(&mut answer)).await.expect("an end in time");
    assert_ne!(answer.first(), Some(&0x20), "that is a CONNACK");
}

#[tokio::test]
async fn a_server_without_tls_promises_none() {
    let server = Server::start();
    let answer = get(TcpStream::connect(pages(&server)).await.unwrap(), "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(!answer.to_lowercase().contains("strict-transport-security"), "{answer}");
    assert!(!server.data_dir().join("tls").exists());
}

#[tokio::test]
async fn a_device_publishes_over_tls_with_the_tools_people_have() {
    if !TestServer::is_installed("mosquitto_pub") {
        return;
    }
    let server = Server::start_with(&["--tls"]);
    let added = server.cellar(&["device", "add", "cu-01", "--kind", "unit", "--json"]);
    let added: serde_json::Value = serde_json::from_slice(&added.stdout).unwrap();
    let publish = |trust: &[&str]| {
        let port = server.mqtt_port().to_string();
        let topic = ["-t", "cellar/v1/cu-01/up/hello", "-m", r#"{"boot":1,"kind":"unit"}"#];
        Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &port, "-u", "cu-01", "-P", added["secret"].as_str().unwrap(), "-q", "1"])
            .args(topic)
            .args(trust)
            .output()
            .unwrap()
    };
    let authority = authority(&server);
    let done = publish(&["--cafile", authority.to_str().unwrap()]);
    assert!(done.status.success(), "{done:?}");
    assert!(!publish(&[]).status.success(), "it was let in without TLS");
}

/// The rows of a load as fast as it is acknowledged: encryption holds bytes back, and none may stay there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_a_busy_device_sends_over_tls_is_acknowledged_and_stored() {
    let server = Server::start_with(&["--tls"]);
    let journal = server.data_dir().join("journal");
    let journal = journal.to_str().unwrap();
    let url = format!("mqtts://{}", server.mqtt());
    let load = ["--scenario", "load", "--devices", "3", "--rate", "0", "--duration", "2", "--journal", journal];
    let done = server.cellar(&[&["simulate", "--url", &url][..], &load].concat());
    assert!(done.status.success(), "{done:?}");
    let check = server.cellar(&["simulate", "check", "--json", "--journal", journal]);
    let verdict: serde_json::Value = serde_json::from_slice(&check.stdout).unwrap();
    assert!(check.status.success() && verdict["created"].as_u64() > Some(1_000), "{verdict}");
}

#[tokio::test]
async fn connections_that_say_nothing_hold_nobody_up() {
    let mut server = Server::start_with(&["--tls"]);
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(TcpStream::connect(server.mqtt()).await.unwrap());
        silent.push(TcpStream::connect(pages(&server)).await.unwrap());
    }
    for address in [server.mqtt(), &pages(&server)] {
        dial(address, &authority(&server), rustls::ALL_VERSIONS).await.unwrap();
    }
    assert!(server.stop(), "nor the end of the server");
}

#[test]
fn nothing_older_than_tls_1_2_is_spoken() {
    if !TestServer::is_installed("openssl") {
        return;
    }
    let server = Server::start_with(&["--tls"]);
    let shakes_hands = |address: &str, version: &str| {
        let done = Command::new("openssl")
            .args(["s_client", "-connect", address, version, "-cipher", "DEFAULT:@SECLEVEL=0"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        done.status.success()
    };
    for address in [server.mqtt(), &pages(&server)] {
        assert!(shakes_hands(address, "-tls1_2"), "the check itself works");
        assert!(!shakes_hands(address, "-tls1_1") && !shakes_hands(address, "-tls1"), "{address}");
    }
}

#[tokio::test]
async fn a_second_start_keeps_what_everybody_trusts() {
    let mut server = Server::start_with(&["--tls"]);
    let folder = server.data_dir().join("tls");
    let files = || ["ca.pem", "ca-key.pem", "server.pem"].map(|name| std::fs::read(folder.join(name)).unwrap());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let before = files();
    assert_eq!(mode(&folder), 0o700);
    assert_eq!((mode(&folder.join("ca-key.pem")), mode(&folder.join("server-key.pem"))), (0o600, 0o600));
    assert!(server.stop());
    server.restart();
    assert_eq!(files(), before);
    dial(&pages(&server), &authority(&server), rustls::ALL_VERSIONS).await.unwrap();
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_shown_instead_of_the_labs() {
    let folder = TempDir::new().unwrap();
    let [certificate, key] = own_files(folder.path(), "own");
    let server = Server::start_with(&["--tls-certificate", &certificate, "--tls-key", &key]);
    let stream = dial(&pages(&server), Path::new(&certificate), rustls::ALL_VERSIONS).await.unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    assert_eq!(shown, CertificateDer::from_pem_file(&certificate).unwrap());
    assert!(get(stream, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(!server.data_dir().join("tls").exists(), "nobody asked for an authority");
}

fn assert_refused(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(words.iter().all(|word| said.contains(word)), "{words:?} not in: {said}");
    assert!(output.stdout.is_empty(), "standard output is for results");
}

#[test]
fn files_that_do_not_fit_are_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let [certificate, key] = own_files(folder.path(), "own");
    let [_, other_key] = own_files(folder.path(), "other");
    let serve = |options: &[&str]| {
        let addresses = ["serve", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"];
        cellar(folder.path(), &[&addresses[..], options].concat())
    };
    let refused = serve(&["--tls-certificate", &certificate, "--tls-key", &other_key]);
    assert_refused(&refused, &["other-key.pem", "does not belong", "own-cert.pem"]);
    let refused = serve(&["--tls-certificate", "no-such.pem", "--tls-key", &key]);
    assert_refused(&refused, &["no-such.pem", "cannot be read"]);
    assert_refused(&serve(&["--tls-certificate", &certificate]), &["tls.key", "--tls-key"]);
}

#[test]
fn an_address_that_others_reach_needs_tls_for_devices_too() {
    let folder = TempDir::new().unwrap();
    for (http, mqtt, key) in
        [("0.0.0.0:0", "127.0.0.1:0", "http.address"), ("127.0.0.1:0", "0.0.0.0:0", "mqtt.address")]
    {
        let refused = cellar(folder.path(), &["serve", "--http", http, "--mqtt", mqtt]);
        assert_refused(&refused, &[key, "0.0.0.0", "--tls", "--insecure-lan"]);
    }
}
