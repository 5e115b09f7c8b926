//! The chromedriver process, and sessions of Chromium.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

/// A running chromedriver; dropping it ends it and its browsers.
pub struct Driver {
    process: Child,
    url: String,
    // Kept open: chromedriver writes to it and ends when it is closed.
    _output: BufReader<std::process::ChildStdout>,
}

impl Driver {
    /// Starts it on a free port.
    pub fn start(program: &PathBuf) -> Self {
        let mut process = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let url = loop {
            let mut line = String::new();
            assert!(
                output.read_line(&mut line).unwrap() > 0,
                "chromedriver ended"
            );
            // "ChromeDriver was started successfully on port 41234."
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break format!("http://127.0.0.1:{}", port.trim().trim_end_matches('.'));
            }
        };
        Self {
            process,
            url,
            _output: output,
        }
    }

    /// A Chromium with its own profile.
    pub async fn session(&self, language: &str, scripts: bool) -> Client {
        let mut arguments = vec![
            "--headless=new",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--window-size=1280,900",
            "--no-first-run",
            "--disable-background-networking",
        ];
        // Chromium's sandbox does not work as root, which is the user in containers and CI.
        if rustix::process::getuid().is_root() {
            arguments.push("--no-sandbox");
        }
        let mut preferences = json!({
            "intl.accept_languages": language,
            "credentials_enable_service": false,
            "profile.password_manager_leak_detection": false,
        });
        if !scripts {
            preferences["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        let capabilities = json!({
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": arguments, "prefs": preferences},
            // A page that never loads must fail the test.
            "timeouts": {"script": 60_000, "pageLoad": 30_000, "implicit": 0},
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("an object literal");
        };
        ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&self.url)
            .await
            .expect("Chromium starts")
    }

    /// Sends an extension command of chromedriver.
    pub async fn ask(&self, session: &str, path: &str, body: &Value) -> Value {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = http
            .post(format!("{}/session/{session}/{path}", self.url))
            .json(body)
            .send()
            .await
            .unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert!(answer["value"]["error"].is_null(), "{path}: {answer}");
        answer["value"].clone()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // A shutdown ends its browsers, too; a kill would leave them running.
        let address = self.url.trim_start_matches("http://");
        if let Ok(mut stream) = TcpStream::connect(address) {
            let request = format!("GET /shutdown HTTP/1.1\r\nHost: {address}\r\n\r\n");
            let _ = stream.write_all(request.as_bytes());
            let _ = stream.read(&mut [0; 256]);
        } else {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}
