//! A single-page app as the server sees it: it keeps an access token, its browser keeps the refresh cookie. It calls without
//! `Origin` unless a test says from where.

use serde_json::{Value, json};

use super::{Answer, App, Call, password_of};

/// What a test looks at in a `Set-Cookie` of the refresh cookie.
pub fn set_cookie(answer: &Answer) -> Option<String> {
    let all = answer.headers.get_all("set-cookie");
    let all = all.iter().map(|header| header.to_str().unwrap());
    let ours: Vec<_> = all.filter(|header| header.contains("_refresh=")).collect();
    assert!(ours.len() < 2, "{ours:?}");
    ours.first().map(ToString::to_string)
}

/// Whether an answer takes the cookie away.
pub fn takes_away(answer: &Answer) -> bool {
    let set = set_cookie(answer);
    set.is_some_and(|header| {
        assert!(header.starts_with("munjigi_refresh=;"), "{header}");
        assert!(header.contains("Max-Age=0"), "{header}");
        assert!(header.contains("; Path=/auth"), "{header}");
        true
    })
}

/// An app in a browser.
#[derive(Clone)]
pub struct Spa {
    /// The access token.
    pub access: String,
    /// The refresh token in the cookie.
    pub cookie: String,
}

impl Spa {
    /// Of an answer that sets the cookie; no token of it is in the body.
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

    /// Who was made by this name logs in, by the cookie.
    pub async fn log_in(app: &App, name: &str) -> Self {
        let answer = log_in(app, name, &json!({"transport": "cookie"})).await;
        Self::of(&answer.assert(200, "LOGGED_IN"))
    }

    /// A call with the access token and the cookie.
    pub fn call(&self, app: &App, method: &str, path: &str) -> Call {
        app.anonymous()
            .call(method, path)
            .bearer(&self.access)
            .header("cookie", &format!("munjigi_refresh={}", self.cookie))
    }

    /// A refresh by the cookie, without a body or anything else.
    pub fn refresh(&self, app: &App) -> Call {
        let cookie = format!("theme=dark; munjigi_refresh={}; x", self.cookie);
        let call = app.anonymous().call("POST", "/auth/refresh");
        call.header("cookie", &cookie)
    }

    /// The same app after a refresh, which must succeed.
    #[must_use]
    pub async fn next(&self, app: &App) -> Self {
        Self::of(&self.refresh(app).await.assert(200, "REFRESHED"))
    }

    /// What the tokens are worth.
    pub async fn assert_tokens(&self, app: &App, access: &str, refresh: &str) {
        let access_is = app.anonymous().verify(&self.access).await;
        let refresh_is = app.anonymous().verify(&self.cookie).await;
        assert_eq!((access_is.code(), refresh_is.code()), (access, refresh));
    }
}

/// A log-in of who was made by this name, with further fields.
pub fn log_in(app: &App, name: &str, more: &Value) -> Call {
    let mut body =
        json!({"username": format!("{name}@example.org"), "password": password_of(name)});
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    app.anonymous().post("/auth/login", body)
}
