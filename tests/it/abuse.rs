//! Requests no browser sends: too slow, too long, ambiguous, misleading. The server cuts them off and goes on.

use std::time::{Duration, Instant};

use reqwest::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::server::Server;

/// Far longer than any limit of the server: a connection still open by then is a failure, not slowness.
const CUT_OFF_MAX: Duration = Duration::from_secs(60);
async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.url("").trim_start_matches("http://")).await.unwrap()
}

/// Everything the server says until it closes the connection; `None` when it does not.
async fn said(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    // A reset is a way to close, too: what was said before it counts.
    let _ = tokio::time::timeout(CUT_OFF_MAX, stream.read_to_end(&mut bytes)).await.ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The whole conversation of one connection.
async fn told(server: &Server, request: &str) -> Option<String> {
    let mut stream = connect(server).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    said(&mut stream).await
}

async fn is_served(server: &Server) -> bool {
    let answer = Client::new().get(server.url("/healthz")).timeout(Duration::from_secs(5)).send().await;
    answer.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sends_byte_by_byte_is_cut_off_and_others_are_served() {
    let server = Server::start();
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = connect(&server).await;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ").await.unwrap();
        slow.push(tokio::spawn(async move {
            let began = Instant::now();
            while began.elapsed() < CUT_OFF_MAX {
                tokio::time::sleep(Duration::from_millis(500)).await;
                let mut byte = [0; 64];
                if stream.write_all(b"x").await.is_err() || stream.try_read(&mut byte).is_ok() {
                    return Some(began.elapsed());
                }
            }
            None
        }));
    }
    assert!(is_served(&server).await);
    for stream in slow {
        assert!(stream.await.unwrap().is_some(), "a slow head was never cut off");
    }
    assert!(is_served(&server).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server = Server::start();
    let mut waiting = Vec::new();
    for _ in 0..50 {
        let mut stream = connect(&server).await;
        let head = "POST /theme HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-www-form-urlencoded\r\n\
            content-length: 100\r\n\r\ncsrf=";
        stream.write_all(head.as_bytes()).await.unwrap();
        waiting.push(tokio::spawn(async move { said(&mut stream).await }));
    }
    assert!(is_served(&server).await);
    for stream in waiting {
        let answer = stream.await.unwrap().expect("it is cut off");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    assert!(is_served(&server).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_upload_is_cut_off_wherever_it_goes() {
    let server = Server::start();
    let length = 10_u64 << 30;
    for (method, path) in [("POST", "/theme"), ("POST", "/nowhere"), ("GET", "/"), ("POST", "/"), ("GET", "/healthz")] {
        for chunked in [false, true] {
            let form = "content-type: application/x-www-form-urlencoded\r\n";
            let framing =
                if chunked { "transfer-encoding: chunked".to_owned() } else { format!("content-length: {length}") };
            let mut stream = connect(&server).await;
            let head = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{form}{framing}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let (mut reader, mut writer) = stream.into_split();
            // A client that does not listen, as such clients do.
            tokio::spawn(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await });
            let block = vec![b'x'; 64 * 1024];
            let mut sent = 0;
            let upload = async {
                while sent < length {
                    let size = if chunked { format!("{:x}\r\n", block.len()) } else { String::new() };
                    let end = if chunked { "\r\n" } else { "" };
                    let written = async {
                        writer.write_all(size.as_bytes()).await?;
                        writer.write_all(&block).await?;
                        writer.write_all(end.as_bytes()).await
                    };
                    if written.await.is_err() {
                        return;
                    }
                    sent += block.len() as u64;
                }
            };
            let ended = tokio::time::timeout(CUT_OFF_MAX, upload).await;
            // The server reads on for a moment, keeping nothing, so that an honest client sees the answer; then it closes.
            assert!(ended.is_ok() && sent < length, "{method} {path}, chunked {chunked}: the server took {sent} bytes");
        }
    }
    assert!(is_served(&server).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_never_becomes_two() {
    let server = Server::start();
    let inner = "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
    let ambiguous = [
        format!("content-length: {}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{inner}", 5 + inner.len()),
        format!("transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n{inner}"),
        format!("content-length: 0\r\ncontent-length: {}\r\n\r\n{inner}", inner.len()),
        format!("content-length: {}, 0\r\n\r\n{inner}", inner.len()),
        format!("content-length: +{}\r\n\r\n{inner}", inner.len()),
        format!("content-length: -1\r\n\r\n{inner}"),
        format!("transfer-encoding: xchunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n{inner}"),
        format!("transfer-encoding : chunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("transfer-encoding:\u{b}chunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("x: y\r\n content-length: 5\r\n\r\n{inner}"),
        format!("transfer-encoding: chunked\r\n\r\n-1\r\n{inner}"),
        format!("transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{inner}"),
    ];
    for head in ambiguous {
        let request = format!("POST /theme HTTP/1.1\r\nhost: 127.0.0.1\r\n{head}");
        let answer = told(&server, &request).await.unwrap_or_else(|| panic!("no end: {request:?}"));
        assert!(!answer.contains("\r\n\r\nok"), "a second request was answered: {request:?}\n{answer}");
    }
    assert!(is_served(&server).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_leads_nowhere_else() {
    let server = Server::start();
    std::fs::write(server.data_dir().join("canary.txt"), "canary-5f1e").unwrap();
    let mut tries = 0;
    for prefix in ["/static/0/", "/static/", "/", "/static/0/css/"] {
        for up in [
            "../",
            "..%2f",
            "%2e%2e/",
            "%2e%2e%2f",
            "..\\",
            "..%5c",
            "....//",
            "%252e%252e%252f",
            "..;/",
            "%c0%ae%c0%ae/",
        ] {
            for target in ["Cargo.toml", "canary.txt", "etc/passwd"] {
                let request = format!(
                    "GET {prefix}{}{target} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n",
                    up.repeat(6)
                );
                let answer = told(&server, &request).await.expect("it is answered");
                assert!(!answer.starts_with("HTTP/1.1 200"), "{request}{answer}");
                for secret in ["[package]", "canary-5f1e", "root:x:"] {
                    assert!(!answer.contains(secret), "{request}{answer}");
                }
                tries += 1;
            }
        }
    }
    assert_eq!(tries, 120);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_visitor_sends_cannot_write_a_header_or_a_line_of_the_log() {
    let server = Server::start();
    let token = cellar::auth::csrf::csrf_token(&"1".repeat(64));
    for back in [
        "%0d%0aset-cookie:%20a=b",
        "/%0d%0ax-evil:%201",
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/%09/evil.example",
        "javascript:alert(1)",
        "%00/",
    ] {
        let body = format!("theme=dark&back={back}&csrf={token}");
        let request = format!(
            "POST /theme HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncookie: cellar-visit={}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            "1".repeat(64),
            body.len()
        );
        let answer = told(&server, &request).await.expect("it is answered").to_lowercase();
        assert!(answer.starts_with("http/1.1 303"), "{back}: {answer}");
        assert!(answer.contains("\r\nlocation: /\r\n"), "{back}: {answer}");
        assert!(!answer.contains("x-evil") && !answer.contains("a=b"), "{back}: {answer}");
    }
}
