//! Notifications: an alarm reaches a webhook and a mail server, once they take it.

use std::time::Duration;

use cellar::domain::audit::Actor;
use cellar::domain::safety::Severity;
use cellar::domain::user::Role;
use cellar::store::Store;
use cellar::store::alarm_list::AlarmFilter;
use cellar::store::alarms::{NewAlarm, Source};
use futures_util::StreamExt;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::support::people::Browser;
use crate::support::server::Server;

const PATIENCE: Duration = Duration::from_secs(30);

async fn raise(server: &Server, message: &str) {
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let mut group = store.begin_group().await.unwrap();
    let alarm = NewAlarm {
        source: Source::default(),
        severity: Severity::Alarm,
        code: "storage_down".into(),
        message: message.into(),
        value: Some(1.0),
        limit: None,
        at_us: cellar::clock::Clock::System.now_us(),
        is_late: false,
    };
    group.raise_alarm(&alarm).await.unwrap();
    group.audit(&Actor::server("test"), &cellar::domain::audit::Change::new("raise", "alarm"), 1).await.unwrap();
    group.commit().await.unwrap();
}

/// One HTTP request: its head and its body, answered with a status.
async fn request(listener: &TcpListener, status: &str) -> (String, Vec<u8>) {
    let (stream, _) = tokio::time::timeout(PATIENCE, listener.accept()).await.expect("a request").unwrap();
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).await.unwrap() > 0);
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
    (head, body)
}

#[tokio::test]
async fn a_webhook_is_called_again_until_it_takes_the_alarm() {
    let sink = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", sink.local_addr().unwrap());
    let environment =
        [("CELLAR__NOTIFY__WEBHOOK_URL", url.as_str()), ("CELLAR__NOTIFY__WEBHOOK_SECRET", "key-of-hook")];
    let server = Server::start_in(&[], &environment);
    raise(&server, "Nothing can be stored").await;
    let (_, refused) = request(&sink, "503 Busy").await;
    let (head, body) = request(&sink, "204 No Content").await;
    assert_eq!(refused, body);
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    let told: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((told["severity"].as_str(), told["message"].as_str()), (Some("alarm"), Some("Nothing can be stored")));
    let signature = head.lines().find_map(|line| line.strip_prefix("x-cellar-signature: sha256=")).unwrap();
    assert_eq!(signature.len(), 64);
    // Taken, it is not sent again.
    assert!(tokio::time::timeout(Duration::from_secs(3), sink.accept()).await.is_err());
    assert!(!server.said().contains("key-of-hook"));
}

#[tokio::test]
async fn an_alarm_is_told_again_until_somebody_answers_it() {
    let sink = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", sink.local_addr().unwrap());
    let environment = [
        ("CELLAR__NOTIFY__WEBHOOK_URL", url.as_str()),
        ("CELLAR__NOTIFY__WEBHOOK_SECRET", "key-of-hook"),
        ("CELLAR__NOTIFY__REPEAT_AFTER_S", "1"),
    ];
    let server = Server::start_in(&[], &environment);
    raise(&server, "Nothing can be stored").await;
    for is_repeat in [false, true, true] {
        let (_, body) = request(&sink, "204 No Content").await;
        let told: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((told["message"].as_str(), &told["is_repeat"]), (Some("Nothing can be stored"), &is_repeat.into()));
    }
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let alarm = store.alarms(&AlarmFilter::default(), 1).await.unwrap()[0].id;
    let now_us = cellar::clock::Clock::System.now_us();
    store.acknowledge_alarm(&Actor::server("test"), alarm, "seen", now_us).await.unwrap();
    // One may be on its way.
    let rest = async {
        for _ in 0..2 {
            request(&sink, "204 No Content").await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(12), rest).await.is_err());
}

#[tokio::test]
async fn the_bell_of_a_page_rings_by_an_event() {
    let server = Server::start();
    let browser = Browser::signed_in(&server, Role::Viewer).await;
    let request = reqwest::Client::new().get(server.url("/live/alarms")).header("cookie", browser.cookie_line());
    let mut events = request.send().await.unwrap().error_for_status().unwrap().bytes_stream();
    let mut said = String::new();
    let mut is_raised = false;
    let rings = async {
        while !said.contains("\"newest\":\"Nothing can be stored\"") {
            said += std::str::from_utf8(&events.next().await.unwrap().unwrap()).unwrap();
            // What it shows comes at once.
            if !is_raised && said.contains("\"alarms\":0") {
                is_raised = true;
                raise(&server, "Nothing can be stored").await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, rings).await.expect("the page is told");
    assert!(said.contains("event: rings\ndata: {\"alarms\":1,"), "{said}");
}

/// A mail server that takes one message without encryption; its text.
async fn mail(listener: TcpListener) -> String {
    let (stream, _) = tokio::time::timeout(PATIENCE, listener.accept()).await.expect("a connection").unwrap();
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink\r\n").await.unwrap();
    let (mut message, mut is_text) = (String::new(), false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap() == 0 {
            return message;
        }
        if is_text {
            if line == ".\r\n" {
                is_text = false;
                stream.write_all(b"250 taken\r\n").await.unwrap();
            } else {
                message.push_str(&line);
            }
            continue;
        }
        let answer: &[u8] = match line.split_whitespace().next().unwrap_or_default() {
            "EHLO" => b"250-sink\r\n250 SMTPUTF8\r\n",
            "DATA" => {
                is_text = true;
                b"354 go on\r\n"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await.unwrap();
                return message;
            }
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer).await.unwrap();
        if line.starts_with("DATA") {
            continue;
        }
        if message.contains("Alarm") && !is_text {
            return message;
        }
    }
}

#[tokio::test]
async fn an_alarm_goes_out_as_e_mail() {
    let sink = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", sink.local_addr().unwrap());
    let environment = [
        ("CELLAR__NOTIFY__SMTP_URL", url.as_str()),
        ("CELLAR__NOTIFY__MAIL_FROM", "Cellar <cellar@lab.example>"),
        ("CELLAR__NOTIFY__MAIL_TO", "m.okafor@lab.example, j.lindqvist@lab.example"),
    ];
    let taken = tokio::spawn(mail(sink));
    let server = Server::start_in(&[], &environment);
    raise(&server, "Temperature 71.0 C is above 60.0 C").await;
    let message = tokio::time::timeout(PATIENCE, taken).await.expect("an e-mail in time").unwrap();
    assert!(message.contains("Temperature 71.0 C is above 60.0 C"), "{message}");
    assert!(message.contains("To: m.okafor@lab.example, j.lindqvist@lab.example"), "{message}");
    drop(server);
}
