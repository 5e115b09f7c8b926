//! A minimal browser for the admin panel: cookies, login form, pages.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use reqwest::{Client, RequestBuilder, StatusCode, header};

use crate::{
    Result,
    server::{EMAIL, PASSWORD, Server},
};

/// A logged-in browser.
pub struct Browser {
    http: Client,
    url: String,
    cookies: BTreeMap<String, String>,
}

/// A page and its response time.
pub struct Page {
    pub html: String,
    /// From the request to the last byte of the response.
    pub elapsed: Duration,
}

impl Page {
    /// Whether the page shows an active filter.
    pub fn is_filtered(&self) -> bool {
        self.html.contains("class=\"chips\"")
    }
}

impl Browser {
    /// Logs the administrator in.
    pub async fn log_in(server: &Server) -> Result<Self> {
        let mut browser = Self {
            http: Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .timeout(Duration::from_mins(5))
                .build()?,
            url: format!("http://{}", server.address),
            cookies: BTreeMap::new(),
        };
        let form = browser.get("/admin/login").await?;
        let token = form
            .html
            .split_once("name=\"csrf\" value=\"")
            .and_then(|(_, rest)| rest.split('"').next())
            .ok_or("the login page has no form")?;
        let mut body = form_urlencoded::Serializer::new(String::new());
        let fields = [("csrf", token), ("email", EMAIL), ("password", PASSWORD)];
        let body = body.extend_pairs(fields).finish();
        let request = browser
            .http
            .post(format!("{}/admin/login", browser.url))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        let (status, _) = browser.send(request).await?;
        if status != StatusCode::SEE_OTHER {
            return Err(format!("the login returned {status}").into());
        }
        Ok(browser)
    }

    pub async fn get(&mut self, path: &str) -> Result<Page> {
        let start = Instant::now();
        let request = self.http.get(format!("{}{path}", self.url));
        let (status, html) = self.send(request).await?;
        if status != StatusCode::OK {
            return Err(format!("{path} returned {status}").into());
        }
        Ok(Page {
            html,
            elapsed: start.elapsed(),
        })
    }

    async fn send(&mut self, request: RequestBuilder) -> Result<(StatusCode, String)> {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let response = request
            .header(header::ACCEPT_LANGUAGE, "en")
            .header(header::COOKIE, cookies.join("; "))
            .send()
            .await?;
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok((response.status(), response.text().await?))
    }
}
