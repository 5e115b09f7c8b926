//! An HTTP client of the API. It checks every response against the rules for all responses.

use std::{collections::BTreeSet, future::IntoFuture, ops::Index, pin::Pin, time::Duration};

use reqwest::{
    Client, Method, RequestBuilder,
    header::{CONTENT_TYPE, HeaderMap},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{described, headers, wait_until};

/// A client of one server, without a token.
#[derive(Clone)]
pub struct Remote {
    http: Client,
    url: String,
    is_https: bool,
}

impl Remote {
    /// `is_https`: whether the public URL of the server is https.
    pub(super) fn new(url: String, is_https: bool) -> Self {
        let http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_mins(1))
            .build()
            .unwrap();
        Self {
            http,
            url,
            is_https,
        }
    }

    /// The HTTP client, which follows no redirect and stores no cookie.
    pub(super) fn http(&self) -> Client {
        self.http.clone()
    }

    /// The URL of the server, `http://…`, without a path.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether the public URL of the server is https.
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// A request to a path; awaiting it sends it.
    pub fn call(&self, method: &str, path: &str) -> Call {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}{path}", self.url);
        Call(self.http.request(method, url), self.is_https)
    }

    pub fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    /// A `POST` with JSON.
    #[expect(clippy::needless_pass_by_value, reason = "allows json!(…) in calls")]
    pub fn post(&self, path: &str, body: Value) -> Call {
        self.call("POST", path).json(&body)
    }

    /// Sends exactly these bytes, and returns everything until the server closes the connection. The bytes should
    /// contain `Connection: close`.
    pub async fn raw(&self, bytes: &[u8]) -> String {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A refresh with this refresh token.
    pub fn refresh(&self, token: &str) -> Call {
        self.post("/auth/refresh", serde_json::json!({"refresh": token}))
    }

    /// Waits until this server rejects an access token that another instance revoked, and asserts the code.
    pub async fn refuses_soon(&self, token: &str, code: &str) {
        let refusal = wait_until("the refusal of the token", async || {
            let me = self.get("/api/me").bearer(token).await;
            (me.status == 401).then_some(me)
        });
        refusal.await.assert(401, code);
    }

    /// A request to `/auth/verify` with this token.
    pub fn verify(&self, token: &str) -> Call {
        self.post("/auth/verify", serde_json::json!({"token": token}))
    }
}

/// A request; `.await` sends it. The flag is [`Remote::is_https`].
pub struct Call(RequestBuilder, bool);

impl Call {
    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value), self.1)
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn korean(self) -> Self {
        self.header("accept-language", "ko")
    }

    pub fn json(self, body: &Value) -> Self {
        self.raw_body("application/json", body.to_string())
    }

    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.raw_body("application/x-www-form-urlencoded", body)
    }

    /// A body of exactly these bytes.
    pub fn raw_body(self, content_type: &str, body: impl Into<reqwest::Body>) -> Self {
        let request = self.0.header(CONTENT_TYPE, content_type).body(body);
        Self(request, self.1)
    }

    /// A body without a content type.
    pub fn untyped_body(self, body: impl Into<reqwest::Body>) -> Self {
        Self(self.0.body(body), self.1)
    }

    async fn send(self) -> Answer {
        let (client, request) = self.0.build_split();
        let request = request.unwrap();
        let method = request.method().clone();
        let response = client.execute(request).await;
        let response = response.expect("no response from the server");
        let status = response.status().as_u16();
        let (path, headers) = (response.url().path().to_owned(), response.headers().clone());
        headers::check(&path, status, &headers, self.1);
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let answer = Answer {
            status,
            headers,
            text,
            body,
        };
        answer.check(&path);
        described::check(method.as_str(), &path, &answer);
        answer
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// A response. Indexing it gives a field of `data`.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON, or null if it is not JSON.
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("(no code)")
    }

    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or("(no message)")
    }

    pub fn data(&self) -> &Value {
        &self.body["data"]
    }

    /// A string field of `data`.
    pub fn text_of(&self, name: &str) -> String {
        let text = self[name].as_str();
        text.unwrap_or_else(|| panic!("no string {name} in {}", self.text))
            .to_owned()
    }

    /// The first error message of a field.
    pub fn error(&self, field: &str) -> &str {
        self.body["errors"][field][0]
            .as_str()
            .unwrap_or("(no error)")
    }

    /// The names of the fields with errors.
    pub fn wrong_fields(&self) -> BTreeSet<&str> {
        let errors = self.body["errors"].as_object();
        let names = errors.into_iter().flatten().map(|(name, _)| name.as_str());
        names.collect()
    }

    /// Asserts the status and code.
    #[track_caller]
    pub fn assert(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.text);
        self
    }

    /// Asserts the status.
    #[track_caller]
    pub fn assert_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Asserts the status and the whole body.
    #[track_caller]
    pub fn assert_body(self, status: u16, body: &Value) -> Self {
        assert_eq!((self.status, &self.body), (status, body), "{}", self.text);
        self
    }

    /// Checks the rules for every response (`docs/api.md`). The endpoints of OAuth 2.0 answer in the form of their standards,
    /// and so do the documents under `/.well-known`.
    fn check(&self, path: &str) {
        let is_of_lines = self.header("content-type") == Some("application/x-ndjson");
        if (path.starts_with("/.well-known/") || is_of_lines) && self.status < 400 {
            return;
        }
        let shown = || format!("{} {:?}\n{}", self.status, self.headers, self.text);
        assert_ne!(self.status, 500, "unexpected status 500: {}", shown());
        let id = self
            .header("x-request-id")
            .unwrap_or_else(|| panic!("no request id: {}", shown()));
        for (status, header) in [
            (401, "www-authenticate"),
            (405, "allow"),
            (429, "retry-after"),
            (503, "retry-after"),
        ] {
            assert!(
                self.status != status || self.header(header).is_some(),
                "{header} is missing: {}",
                shown()
            );
        }
        // The forms of OAuth 2.0 and of Django REST framework.
        let has_other_form = ["/oauth/", "/api/token", "/api//token", "/sso/jwt"];
        if has_other_form.iter().any(|start| path.starts_with(start))
            && self.body.get("success").is_none()
        {
            return;
        }
        if self.text.is_empty()
            || self.body.get("status").is_some()
            || self.body.get("openapi").is_some()
        {
            // A response to HEAD or OPTIONS, problem details, or one of the health endpoints and the document, which have
            // no envelope.
            return;
        }
        let succeeded = self.status < 400;
        assert_eq!(self.body["success"], succeeded, "{}", shown());
        assert!(self.body["code"].is_string(), "{}", shown());
        assert_eq!(self.body["meta"]["request_id"], id, "{}", shown());
        assert!(self.body["meta"]["timestamp"].is_string(), "{}", shown());
        assert!(
            self.body["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty() && !text.contains("code.")),
            "the message is missing: {}",
            shown()
        );
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{}",
            shown()
        );
        assert!(self.header("content-language").is_some(), "{}", shown());
    }
}

impl Index<&str> for Answer {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        &self.data()[name]
    }
}
