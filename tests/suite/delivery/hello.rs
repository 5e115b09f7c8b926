//! The name in the SMTP command `EHLO`: mail servers refuse one without a dot.

use munjigi::{
    clock::Clock,
    config::{Config, SmtpConfig, SmtpTls},
    delivery::{Channel, Delivery},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    time::timeout,
};

use super::support::{TIMEOUT, notice};

/// The first command that a mail server gets with these settings.
async fn first_command(change: impl FnOnce(&mut Config)) -> String {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let smtp = SmtpConfig {
        host: Some("127.0.0.1".to_owned()),
        port: Some(server.local_addr().unwrap().port()),
        tls: SmtpTls::None,
        from: Some("Example <login@mail.example.org>".to_owned()),
        ..SmtpConfig::default()
    };
    let mut config = Config {
        smtp,
        ..Config::default()
    };
    change(&mut config);
    config.validate().unwrap();
    let channel = Channel::Smtp(config.mail_server());
    let delivery = Delivery::start(channel, None, None, 8, Clock::System).unwrap();
    delivery.send(notice("hello", "4400000001"));
    let (stream, _) = timeout(TIMEOUT, server.accept()).await.unwrap().unwrap();
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 ready\r\n").await.unwrap();
    let mut line = String::new();
    let read = timeout(TIMEOUT, stream.read_line(&mut line)).await;
    read.unwrap().unwrap();
    line.trim_end().to_owned()
}

fn public(url: &str) -> impl FnOnce(&mut Config) {
    move |config| config.server.public_url = Some(url.parse().unwrap())
}

#[tokio::test]
async fn the_server_greets_with_a_full_name() {
    let own = first_command(|config| {
        config.smtp.hello_name = Some("relay.example.net".to_owned());
        public("https://auth.example.org")(config);
    });
    assert_eq!(own.await, "EHLO relay.example.net");
    let hello = first_command(public("https://auth.example.org:8443/login"));
    assert_eq!(hello.await, "EHLO auth.example.org");
    // Not a full name: that of the sender's domain instead.
    for url in ["http://localhost:8080", "http://192.0.2.1", "http://[::1]"] {
        let hello = first_command(public(url)).await;
        assert_eq!(hello, "EHLO mail.example.org", "{url}");
    }
    let of_sender =
        |from: &'static str| move |config: &mut Config| config.smtp.from = Some(from.to_owned());
    let hello = first_command(of_sender("login@예시.한국")).await;
    assert_eq!(hello, "EHLO xn--vv4b11d.xn--3e0b707e");
    let hello = first_command(of_sender("login@mailhost")).await;
    assert_eq!(hello, "EHLO [127.0.0.1]");
}
