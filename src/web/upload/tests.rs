//! Files that arrive in pieces.

use actix_web::test::TestRequest;
use actix_web::web::Bytes;
use futures_util::stream;

use super::*;

const SECRET: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const NOW_US: i64 = 4_000_000_000_000_000;

fn form(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, content) in parts {
        body.extend(format!("--x7\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n").into_bytes());
    }
    body.extend(b"--x7--\r\n");
    body
}

/// Sends a body in pieces of so many bytes.
async fn sent(body: &[u8], piece: usize, proof: &FormProof, folder: &Path) -> Result<Sent, WebError> {
    let pieces: Vec<Result<Bytes, actix_web::error::PayloadError>> =
        body.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let stream: std::pin::Pin<Box<dyn futures_util::Stream<Item = _>>> = Box::pin(stream::iter(pieces));
    let request = TestRequest::default().to_http_request();
    let mut payload = dev::Payload::from(stream);
    let payload = Payload::from_request(&request, &mut payload).await.unwrap();
    receive("multipart/form-data; boundary=x7", payload, proof, folder, NOW_US).await
}

#[actix_web::test]
async fn a_file_arrives_whole_however_it_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let token = csrf::csrf_token(SECRET);
    let content = "a,b\r\n--x\r\n--x8\r\n1,2\r\n\r\n";
    let body = form(&[
        ("name=\"csrf\"", &token),
        ("name=\"format\"", "auto"),
        ("name=\"file\"; filename=\"C:\\data\\\u{202e}run.csv\"", content),
    ]);
    for piece in [1, 2, 3, 7, 64, 10_000] {
        let sent = sent(&body, piece, &FormProof::wanted(SECRET), folder.path()).await.unwrap();
        let file = sent.file.as_ref().unwrap();
        assert_eq!((file.name.as_str(), file.bytes), ("run.csv", content.len() as u64), "pieces of {piece}");
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), content);
        assert_eq!((sent.text("format"), sent.text("csrf")), ("auto", ""));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "what nobody keeps is gone");
}

#[actix_web::test]
async fn nothing_is_written_before_the_proof() {
    let folder = tempfile::tempdir().unwrap();
    let token = csrf::csrf_token(SECRET);
    let file = ("name=\"file\"; filename=\"a.csv\"", "1");
    for parts in [
        vec![file],
        vec![file, ("name=\"csrf\"", token.as_str())],
        vec![("name=\"csrf\"", "0"), file],
        vec![("name=\"format\"", "auto"), ("name=\"csrf\"", token.as_str()), file],
        vec![],
    ] {
        let refused = sent(&form(&parts), 64, &FormProof::wanted(SECRET), folder.path()).await.unwrap_err();
        assert!(matches!(refused, WebError::Forgery), "{parts:?}: {refused}");
    }
    assert!(sent(&form(&[file]), 64, &FormProof::given(), folder.path()).await.unwrap().file.is_some());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[actix_web::test]
async fn what_is_cut_off_or_too_much_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let body = form(&[("name=\"file\"; filename=\"a.csv\"", "123456789")]);
    for body in [&body[..body.len() - 12], &b"--x7\r\nno head"[..], b"", b"--x7\r\n\r\n\r\n--x7--"] {
        assert!(sent(body, 5, &FormProof::given(), folder.path()).await.is_err());
    }
    let long = "x".repeat(FIELD_BYTES_MAX + 1);
    let refused = sent(&form(&[("name=\"name\"", &long)]), 1_000, &FormProof::given(), folder.path()).await;
    assert!(matches!(refused, Err(WebError::TooLarge { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    for mark in 0..WAITING_MAX {
        std::fs::write(folder.path().join(format!("{mark:032x}")), "1").unwrap();
    }
    // The files were written just now, which is long before the clock of this test: they are swept.
    assert!(sent(&body, 5, &FormProof::given(), folder.path()).await.is_ok());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(waiting(folder.path(), "../../etc/passwd").is_none());
}
