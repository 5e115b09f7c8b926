//! Rules for every page: no violations of axe-core in either theme, no horizontal scrolling from 320 to 1,920 pixels and
//! at 200 % zoom, at most 40 KB transferred (60 KB for the API reference), and an empty console.
//!
//! The pages are found by following links, so that new pages are covered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::{
    chromium::Chromium,
    place::PASSWORD,
    setting::{Setting, Stage},
    tools,
};

/// The maximum transfer size of a page with its uncached assets, in bytes.
const WEIGHT: u64 = 40 * 1_024;
/// The same for the API reference, which is one document.
const REFERENCE_WEIGHT: u64 = 60 * 1_024;

/// Windows that no page is wider than: small and usual phones, a desktop at 200 % and at 100 %, a large screen.
const SIZES: [(u32, u32); 5] = [
    (320, 640),
    (390, 844),
    (640, 450),
    (1_280, 900),
    (1_920, 1_080),
];

/// More pages than the panel has: a larger crawl does not end.
const MANY: usize = 60;

/// The links of a page to other pages of the panel.
const LINKS: &str = "return [...document.querySelectorAll('a[href]')]
    .filter(a => a.origin === location.origin && a.pathname.startsWith('/admin') && !a.hasAttribute('download'))
    .map(a => a.pathname);";

/// The transfer sizes of the page and its assets.
const WEIGHED: &str = "return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .map(entry => [new URL(entry.name).pathname, entry.transferSize]);";

/// The elements that make the page wider than the viewport.
const TOO_WIDE: &str = "const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const scrolls = element => element && (/auto|scroll|hidden|clip/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
    return [...document.body.querySelectorAll('*')]
        .filter(element => element.getBoundingClientRect().right > width + 0.5 && !scrolls(element.parentElement))
        .map(element => element.tagName.toLowerCase() + '.' + element.className)
        .concat(['the page is ' + document.documentElement.scrollWidth + ' wide']);";

/// The violations of axe-core, a line per element.
const AXE: &str = "const done = arguments[arguments.length - 1];
    axe.run(document, {resultTypes: ['violations']}).then(
        found => done(found.violations.flatMap(rule => rule.nodes.map(node =>
            rule.id + ': ' + node.target.join(' ') + ': ' + node.failureSummary.replace(/\\s+/g, ' ')))),
        error => done(['axe failed: ' + error]));";

fn texts(value: &Value) -> Vec<String> {
    let values = value.as_array().unwrap();
    values
        .iter()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

/// A path with its ids replaced.
fn kind_of(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        let is_number = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
        let is_id = segment.len() >= 20;
        if is_number || is_id { "*" } else { segment }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// A browser with axe-core.
struct Inspection<'a> {
    browser: &'a Chromium,
    axe: String,
    problems: Vec<String>,
}

impl<'a> Inspection<'a> {
    async fn with(browser: &'a Chromium) -> Self {
        let axe = tools::tool("MUNJIGI_TEST_AXE");
        let cache = json!({"cacheDisabled": true});
        browser.devtools("Network.enable", json!({})).await;
        browser.devtools("Network.setCacheDisabled", cache).await;
        Self {
            browser,
            axe: std::fs::read_to_string(axe).unwrap(),
            problems: Vec::new(),
        }
    }

    /// Opens and checks a page; its links.
    async fn check(&mut self, path: &str) -> Vec<String> {
        self.browser.go(path).await;
        self.weigh(path).await;
        let complaints = self.browser.complaints().await;
        self.note(path, "console", complaints);
        let links = texts(&self.browser.run(LINKS, vec![]).await);
        self.check_current(path).await;
        links
    }

    /// Checks the open page.
    async fn check_current(&mut self, name: &str) {
        self.browser.run(&self.axe, vec![]).await;
        for theme in ["light", "dark"] {
            self.browser.set_system_theme(theme).await;
            let found = self.browser.client.execute_async(AXE, vec![]).await;
            self.note(name, theme, texts(&found.unwrap()));
        }
        for (width, height) in SIZES {
            self.browser.set_size(width, height).await;
            let wide = texts(&self.browser.run(TOO_WIDE, vec![]).await);
            self.note(name, &format!("at {width} pixels"), wide);
        }
        self.browser.set_size(1280, 900).await;
        let complaints = self.browser.complaints().await;
        self.note(name, "console", complaints);
    }

    fn note(&mut self, path: &str, what: &str, found: Vec<String>) {
        let found = found.into_iter();
        self.problems
            .extend(found.map(|found| format!("{path} ({what}): {found}")));
    }

    /// Checks the size of the open page. Chromium lists an asset a moment after it has loaded it.
    async fn weigh(&mut self, path: &str) {
        let mut weighed: Vec<(String, u64)> = Vec::new();
        self.browser
            .until("styles and scripts are measured", async || {
                let entries = self.browser.run(WEIGHED, vec![]).await;
                weighed = serde_json::from_value(entries).unwrap();
                let needed = if path.starts_with("/docs") {
                    &[".css"][..]
                } else {
                    &[".css", ".js"]
                };
                needed.iter().all(|ending| {
                    let mut measured = weighed.iter().filter(|(_, weight)| *weight > 0);
                    measured.any(|(name, _)| name.ends_with(ending))
                })
            })
            .await;
        let whole: u64 = weighed.iter().map(|(_, weight)| weight).sum();
        let most = if path.starts_with("/docs") {
            REFERENCE_WEIGHT
        } else {
            WEIGHT
        };
        if whole > most {
            self.problems
                .push(format!("{path} weighs {whole} bytes: {weighed:?}"));
        }
    }

    /// Fails with all problems.
    fn end(self) {
        let problems: BTreeSet<String> = self.problems.into_iter().collect();
        let problems = Vec::from_iter(problems);
        assert!(
            problems.is_empty(),
            "{} problems:\n{}",
            problems.len(),
            problems.join("\n")
        );
    }
}

/// Accounts with sessions, rotations, a logout and a failed login.
pub fn populate(setting: &Setting) {
    setting.place.user("bob@example.org", "staff");
    setting.place.user("vera@example.org", "auditor");
    setting.place.client("shop-1");
    let mut api = setting.api();
    let first = api.session("bob@example.org");
    assert_eq!(api.refresh(&first.refresh).status, 200);
    let second = api.session("bob@example.org");
    assert_eq!(api.try_log_out(&second).unwrap().status, 200);
    assert_eq!(api.log_in("shop-1", "client").status, 200);
    let wrong =
        json!({"username": "bob@example.org", "password": "wrong password", "user_type": "user"});
    assert_eq!(api.post("/auth/login", &[], &wrong).status, 401);
}

/// Follows links from the dashboard; each kind of page once.
async fn every_page(inspection: &mut Inspection<'_>) -> BTreeMap<String, String> {
    let mut waiting = VecDeque::from(["/admin".to_owned()]);
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    while let Some(path) = waiting.pop_front() {
        let kind = kind_of(&path);
        let is_download = path.contains("/export");
        if is_download || seen.contains_key(&kind) {
            continue;
        }
        seen.insert(kind, path.clone());
        assert!(seen.len() < MANY, "the crawl does not end: {seen:?}");
        waiting.extend(inspection.check(&path).await);
    }
    seen
}

#[tokio::test]
#[ignore = "tests/run"]
async fn every_page_is_accessible_small_and_fits_a_phone() {
    let setting = Setting::signed_in().await;
    populate(&setting);
    let mut inspection = Inspection::with(&setting.browser).await;
    let seen = every_page(&mut inspection).await;
    for needed in [
        "/admin",
        "/admin/users",
        "/admin/users/new",
        "/admin/users/*",
        "/admin/clients",
        "/admin/clients/new",
        "/admin/clients/*",
        "/admin/tokens",
        "/admin/tokens/*",
        "/admin/blacklist",
        "/admin/inspector",
        "/admin/audit",
        "/admin/audit/verification",
        "/admin/security",
        "/admin/account",
    ] {
        if !seen.contains_key(needed) {
            inspection
                .problems
                .push(format!("no link leads to {needed}"));
        }
    }
    // Lists without results, with active filters.
    for (list, filter) in [
        ("users", "search"),
        ("clients", "search"),
        ("tokens", "person"),
        ("blacklist", "person"),
        ("audit", "search"),
    ] {
        inspection
            .check(&format!("/admin/{list}?{filter}=nobody-has-this"))
            .await;
    }
    inspection.end();
    setting.end().await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn pages_without_a_session_are_accessible_small_and_fit_a_phone() {
    let setting = Stage::new().without_administrator().set().await;
    let mut inspection = Inspection::with(&setting.browser).await;
    let greeting = setting.server.startup();
    let secret = greeting.split("/admin/setup/").nth(1).unwrap();
    let secret = secret.split_whitespace().next().unwrap();
    inspection.check("/admin/login").await;
    inspection.check("/docs").await;
    inspection.check("/docs?language=ko").await;
    inspection.check("/docs?part=administration").await;
    inspection.check(&format!("/admin/setup/{secret}")).await;
    for done in ["password/sent", "password/done", "email/done"] {
        inspection.check(&format!("/account/{done}")).await;
    }
    // A refused form, and missing pages: the console has their status.
    setting.browser.go("/admin/login").await;
    setting.browser.fill("email", "nobody@example.org").await;
    setting.browser.fill("password", PASSWORD).await;
    setting.browser.send_form_with("password").await;
    setting.browser.find(".banner").await;
    setting.browser.complaints().await;
    inspection.check_current("a refused sign-in").await;
    for path in [
        "/admin/setup/unknown",
        "/account/password/unknown",
        "/account/email/unknown",
        "/admin/nowhere",
    ] {
        setting.browser.go(path).await;
        let complaints = setting.browser.complaints().await;
        assert!(
            complaints
                .iter()
                .all(|c| c.contains("the server responded with a status of 4")),
            "{complaints:?}"
        );
        inspection.check_current(path).await;
    }
    inspection.end();
    setting.end().await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn korean_pages_fit_a_phone() {
    let setting = Stage::new().speaking("ko").set().await;
    populate(&setting);
    let browser = &setting.browser;
    setting.sign_in().await;
    browser.set_size(360, 740).await;
    let (mut waiting, mut seen) = (VecDeque::from(["/admin".to_owned()]), BTreeSet::new());
    let mut problems = Vec::new();
    while let Some(path) = waiting.pop_front() {
        if path.contains("/export") || !seen.insert(kind_of(&path)) {
            continue;
        }
        browser.go(&path).await;
        assert_eq!(browser.attr("html", "lang").await, "ko", "{path}");
        let wide = texts(&browser.run(TOO_WIDE, vec![]).await);
        problems.extend(wide.into_iter().map(|wide| format!("{path}: {wide}")));
        waiting.extend(texts(&browser.run(LINKS, vec![]).await));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    setting.end().await;
}
