//! A browser without rendering or scripts: it stores cookies, submits forms with a CSRF token, and queries pages by CSS
//! selector. It checks every response against the rules for all pages.

use std::{collections::BTreeMap, sync::Mutex};

use munjigi::http::admin::paths;
use reqwest::{Client, Method, header::HeaderMap};
use scraper::{ElementRef, Html, Selector};

use super::{Remote, headers, password_of};

/// A browser that uses one server.
pub struct Browser {
    http: Client,
    url: String,
    is_https: bool,
    cookies: Mutex<BTreeMap<String, String>>,
    /// The value of `Accept-Language`.
    pub language: &'static str,
}

impl Browser {
    pub(super) fn new(remote: &Remote) -> Self {
        Self {
            http: remote.http(),
            url: remote.url().to_owned(),
            is_https: remote.is_https(),
            cookies: Mutex::default(),
            language: "en",
        }
    }

    /// The same browser with another `Accept-Language`.
    pub fn speaking(mut self, language: &'static str) -> Self {
        self.language = language;
        self
    }

    /// A stored cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    /// Sets a cookie.
    pub fn set_cookie(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.lock().unwrap();
        cookies.insert(name.to_owned(), value.to_owned());
    }

    /// Opens a page.
    pub async fn get(&self, path: &str) -> Page {
        self.ask("GET", path, None, &[]).await
    }

    /// Opens a page; asserts status 200.
    pub async fn open(&self, path: &str) -> Page {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.html);
        page
    }

    /// Opens a page of a list, and follows its links with this `rel` (`next` or `prev`) to the end. Returns all pages.
    pub async fn walk(&self, from: &str, relation: &str) -> Vec<Page> {
        let selector = format!(".pager a[rel={relation}]");
        let (mut pages, mut path) = (Vec::new(), Some(from.to_owned()));
        while let Some(next) = path {
            assert!(pages.len() < 50, "the pages do not end");
            let page = self.open(&next).await;
            path = page.attrs(&selector, "href").pop();
            pages.push(page);
        }
        pages
    }

    /// Submits a form with a valid CSRF token.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.token().await;
        let mut all = vec![("csrf", token.as_str())];
        all.extend(fields);
        self.post_as_is(path, &all).await
    }

    /// Submits exactly these fields, without a CSRF token.
    pub async fn post_as_is(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.ask("POST", path, Some(fields), &[]).await
    }

    /// A CSRF token for this browser.
    pub async fn token(&self) -> String {
        for path in [
            paths::ACCOUNT,
            &paths::USERS,
            paths::TOKENS,
            paths::AUDIT,
            paths::LOGIN,
            paths::FORGOT,
        ] {
            let page = self.get(path).await;
            if page.status == 200 {
                return page.attr("input[name=csrf]", "value");
            }
        }
        panic!("no page with a form");
    }

    /// Signs in with an account that [`super::App::make_user`] created.
    pub async fn sign_in(&self, name: &str) {
        let email = format!("{name}@example.org");
        let fields = [("email", email.as_str()), ("password", &password_of(name))];
        let answer = self.post(paths::LOGIN, &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.html);
    }

    /// Sends any request. `fields` is submitted as a form.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        fields: Option<&[(&str, &str)]>,
        headers: &[(&str, &str)],
    ) -> Page {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        let cookies: Vec<String> = {
            let cookies = self.cookies.lock().unwrap();
            cookies.iter().map(|(n, v)| format!("{n}={v}")).collect()
        };
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        request = request.header("accept-language", self.language);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(fields) = fields {
            let mut body = form_urlencoded::Serializer::new(String::new());
            let body = body.extend_pairs(fields).finish();
            request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body);
        }
        let response = request.send().await.expect("no response from the server");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        self.store_cookies(&headers);
        // Where a line may break is no space between two words.
        let html = response.text().await.unwrap().replace("<wbr>", "");
        let page = Page {
            status,
            headers,
            html,
        };
        headers::check(path, page.status, &page.headers, self.is_https);
        page.check(path);
        page
    }

    fn store_cookies(&self, headers: &HeaderMap) {
        let mut cookies = self.cookies.lock().unwrap();
        for header in headers.get_all("set-cookie") {
            let header = header.to_str().unwrap();
            let (pair, attributes) = header.split_once(';').unwrap_or((header, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// A response.
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub html: String,
}

impl Page {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The target of a redirect.
    pub fn location(&self) -> &str {
        self.header("location").unwrap_or("(nowhere)")
    }

    #[track_caller]
    pub fn assert(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} {}", self.location(), self.html);
        self
    }

    /// Asserts a redirect to this path.
    #[track_caller]
    pub fn leads_to(self, path: &str) -> Self {
        assert_eq!((self.status, self.location()), (303, path), "{}", self.html);
        self
    }

    /// The number of matching elements.
    pub fn count(&self, selector: &str) -> usize {
        let selector = Selector::parse(selector).unwrap();
        Html::parse_document(&self.html).select(&selector).count()
    }

    pub fn has(&self, selector: &str) -> bool {
        self.count(selector) > 0
    }

    /// The texts of matching elements, with collapsed spaces.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        self.each(selector, |element| {
            let text: Vec<&str> = element.text().flat_map(str::split_whitespace).collect();
            Some(text.join(" "))
        })
    }

    /// The text of the first matching element.
    #[track_caller]
    pub fn text(&self, selector: &str) -> String {
        let texts = self.texts(selector);
        let first = texts.first();
        first
            .unwrap_or_else(|| panic!("no {selector} in {}", self.html))
            .clone()
    }

    /// An attribute of all matching elements that have it.
    pub fn attrs(&self, selector: &str, name: &str) -> Vec<String> {
        self.each(selector, |element| element.attr(name).map(str::to_owned))
    }

    /// An attribute of the first matching element.
    #[track_caller]
    pub fn attr(&self, selector: &str, name: &str) -> String {
        let attrs = self.attrs(selector, name);
        let first = attrs.first();
        first
            .unwrap_or_else(|| panic!("no {selector} with {name} in {}", self.html))
            .clone()
    }

    fn each(&self, selector: &str, of: impl Fn(ElementRef) -> Option<String>) -> Vec<String> {
        let selector = Selector::parse(selector).unwrap();
        let document = Html::parse_document(&self.html);
        document.select(&selector).filter_map(of).collect()
    }

    /// Checks the rules for every response of the admin panel.
    fn check(&self, path: &str) {
        let shown = || format!("{path} {} {:?}\n{}", self.status, self.headers, self.html);
        assert_ne!(self.status, 500, "unexpected status 500: {}", shown());
        let scopes = [paths::DASHBOARD, paths::OWNERS];
        if !scopes.iter().any(|scope| path.starts_with(scope)) {
            return;
        }
        let framed = self.header("x-frame-options");
        assert_eq!(framed, Some("DENY"), "{}", shown());
        let is_html = self.header("content-type") == Some("text/html; charset=utf-8");
        if !is_html || self.html.is_empty() {
            // A download, or a response to HEAD.
            return;
        }
        let document = Html::parse_document(&self.html);
        let has = |selector| {
            document
                .select(&Selector::parse(selector).unwrap())
                .next()
                .is_some()
        };
        assert!(has("html[lang]") && has("title"), "{}", shown());
        let inline = "[style], style, script:not([src]), [onclick], [onload], [onchange], [onsubmit], [oninput]";
        assert!(!has(inline), "{}", shown());
        assert!(
            !self.html.contains("admin.") && !self.html.contains("%{"),
            "a translation is missing: {}",
            shown()
        );
    }
}
