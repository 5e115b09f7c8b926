//! A single-page app: it has an access token, and its browser the refresh cookie. It sends no `Origin` unless a test
//! adds one.

use serde_json::{Value, json};

use super::{Answer, App, Call, password_of};

/// The `Set-Cookie` header of the refresh cookie, if the response has one.
pub fn set_cookie(answer: &Answer) -> Option<String> {
    let all = answer.headers.get_all("set-cookie");
    let all = all.iter().map(|header| header.to_str().unwrap());
    let found: Vec<_> = all.filter(|header| header.contains("_refresh=")).collect();
    assert!(found.len() < 2, "{found:?}");
    found.first().map(ToString::to_string)
}

/// Whether a response deletes the refresh cookie.
pub fn takes_away(answer: &Answer) -> bool {
    let set = set_cookie(answer);
    set.is_some_and(|header| {
        assert!(header.starts_with("munjigi_refresh=;"), "{header}");
        assert!(header.contains("Max-Age=0"), "{header}");
        assert!(header.contains("; Path=/auth"), "{header}");
        true
    })
}

/// A single-page app in a browser.
#[derive(Clone)]
pub struct Spa {
    /// The access token.
    pub access: String,
    /// The refresh token in the cookie.
    pub cookie: String,
}

impl Spa {
    /// The tokens of a response that sets the cookie; asserts that the body does not contain the refresh token.
    pub fn of(answer: &Answer) -> Self {
        let set = set_cookie(answer).unwrap_or_else(|| panic!("no cookie: {answer:?}"));
        let (pair, _) = set.split_once(';').unwrap();
        let (_, cookie) = pair.split_once('=').unwrap();
        assert!(!answer.text.contains(cookie), "{}", answer.text);
        assert!(answer["refresh"].is_null(), "{}", answer.text);
        Self {
            access: answer.text_of("access"),
            cookie: cookie.to_owned(),
        }
    }

    /// Logs in the account that was created with this name, with the refresh token in a cookie.
    pub async fn log_in(app: &App, name: &str) -> Self {
        let answer = log_in(app, name, &json!({"transport": "cookie"})).await;
        Self::of(&answer.assert(200, "LOGGED_IN"))
    }

    /// A request with the access token and the cookie.
    pub fn call(&self, app: &App, method: &str, path: &str) -> Call {
        app.anonymous()
            .call(method, path)
            .bearer(&self.access)
            .header("cookie", &format!("munjigi_refresh={}", self.cookie))
    }

    /// A refresh with the cookie and without a body.
    pub fn refresh(&self, app: &App) -> Call {
        let cookie = format!("theme=dark; munjigi_refresh={}; x", self.cookie);
        let call = app.anonymous().call("POST", "/auth/refresh");
        call.header("cookie", &cookie)
    }

    /// Refreshes, which must succeed; returns the app with the new tokens.
    #[must_use]
    pub async fn next(&self, app: &App) -> Self {
        Self::of(&self.refresh(app).await.assert(200, "REFRESHED"))
    }

    /// Asserts the codes that `/auth/verify` returns for the access token and the refresh token.
    pub async fn assert_tokens(&self, app: &App, access: &str, refresh: &str) {
        let access_answer = app.anonymous().verify(&self.access).await;
        let refresh_answer = app.anonymous().verify(&self.cookie).await;
        assert_eq!(
            (access_answer.code(), refresh_answer.code()),
            (access, refresh)
        );
    }
}

/// A login of the account that was created with this name, with further fields in the body.
pub fn log_in(app: &App, name: &str, more: &Value) -> Call {
    let mut body =
        json!({"username": format!("{name}@example.org"), "password": password_of(name)});
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    app.anonymous().post("/auth/login", body)
}
