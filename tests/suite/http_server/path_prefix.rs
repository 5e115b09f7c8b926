//! A server behind a proxy that removes a path from each request (the path of `server.public_url`): no link, form, redirect
//! or cookie leaves the path.

use std::collections::BTreeSet;

use munjigi::{domain::account::Role, http::admin::paths, services::accounts::first_admin_link};

use crate::support::{App, Browser, Page, password_of};

const PREFIX: &str = "/login";
const PASSWORD: &str = "a gate that only opens from inside";

/// What the proxy sends on. It answers everything outside of the prefix itself.
fn inside(path: &str) -> &str {
    let rest = path
        .strip_prefix(PREFIX)
        .unwrap_or_else(|| panic!("{path} is outside of the prefix"));
    assert!(rest.is_empty() || rest.starts_with('/'), "{path}");
    if rest.is_empty() { "/" } else { rest }
}

/// The server as browsers with https see it.
const ORIGIN: &str = "https://example.org";

/// A browser behind the proxy.
struct Proxied(Browser);

impl Proxied {
    async fn get(&self, path: &str) -> Page {
        let page = self.0.get(inside(path)).await;
        assert_stays_inside(path, &page);
        page
    }

    async fn open(&self, path: &str) -> Page {
        self.get(path).await.assert(200)
    }

    /// Submits the form that matches the selector.
    async fn submit(&self, page: &Page, form: &str, fields: &[(&str, &str)]) -> Page {
        let action = page.attr(form, "action");
        let hidden = format!("{form} input[type=hidden]");
        let names = page.attrs(&hidden, "name");
        let values = page.attrs(&hidden, "value");
        let hidden = names.iter().zip(&values);
        let mut all: Vec<(&str, &str)> = hidden.map(|(n, v)| (n.as_str(), v.as_str())).collect();
        all.extend(fields);
        let answer = self.0.post_as_is(inside(&action), &all).await;
        assert_stays_inside(&action, &answer);
        answer
    }
}

/// The paths that a page refers to.
fn references(page: &Page) -> Vec<String> {
    ["href", "action", "src", "data-job"]
        .into_iter()
        .flat_map(|name| page.attrs(&format!("[{name}]"), name))
        .filter(|reference| !reference.starts_with('#'))
        .map(|reference| match reference.strip_prefix(ORIGIN) {
            Some(path) => path.to_owned(),
            None => reference,
        })
        .collect()
}

fn assert_stays_inside(path: &str, page: &Page) {
    for reference in references(page) {
        assert!(
            reference.starts_with("/login/"),
            "{path} refers to {reference}"
        );
    }
    if let Some(location) = page.header("location") {
        assert!(
            location.starts_with("/login/"),
            "{path} leads to {location}"
        );
    }
    for cookie in page.headers.get_all("set-cookie") {
        let cookie = cookie.to_str().unwrap();
        assert!(
            cookie.split("; ").any(|part| part == "Path=/login"),
            "{path}: {cookie}"
        );
    }
}

fn app(public_url: &str) -> App {
    App::with(|config| config.server.public_url = Some(public_url.parse().unwrap()))
}

/// Creates the first administrator through the printed link.
async fn set_up(app: &App, browser: &Proxied) {
    let secret = first_admin_link::issue_first(app.services()).await.unwrap();
    let link = format!("{PREFIX}{}", paths::setup(secret.unwrap()));
    let page = browser.open(&link).await;
    let fields = [
        ("name", "Ann Lee"),
        ("email", "ann@example.org"),
        ("password", PASSWORD),
        ("repeat", PASSWORD),
    ];
    let done = browser.submit(&page, "form.form", &fields).await;
    done.leads_to("/login/admin");
}

#[tokio::test]
async fn every_page_that_a_page_leads_to_stays_behind_the_path_prefix() {
    let app = app("https://example.org/login/");
    let browser = Proxied(app.browser());
    set_up(&app, &browser).await;
    app.user("bob").await;
    app.client("acme").await;
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut next = vec!["/login/".to_owned(), "/login".to_owned()];
    let (mut pages, mut files) = (0, 0);
    while let Some(path) = next.pop() {
        let page = browser.get(&path).await;
        assert!(matches!(page.status, 200 | 303), "{path} {}", page.status);
        pages += usize::from(page.html.starts_with("<!DOCTYPE html>"));
        files += usize::from(path.starts_with("/login/static/"));
        let forms = page.attrs("form[method=post]", "action");
        let found = references(&page)
            .into_iter()
            .chain(page.header("location").map(str::to_owned));
        for found in found.filter(|found| !forms.contains(found)) {
            let without_query = found.split(['?', '#']).next().unwrap().to_owned();
            if known.insert(without_query) {
                next.push(found);
            }
        }
        assert!(known.len() < 300, "{known:?}");
    }
    assert!(
        pages > 20 && files >= 4,
        "{pages} pages, {files} files: {known:?}"
    );
}

#[tokio::test]
async fn forms_and_links_work_behind_the_path_prefix() {
    let app = app("http://example.org/login");
    let admin = Proxied(app.browser());
    set_up(&app, &admin).await;
    let bob = app.user("bob").await;
    let person = format!("{PREFIX}{}", paths::USERS.person(bob.seq));

    let page = admin.open(&person).await;
    let korean = [("language", "ko")];
    let done = admin.submit(&page, "form.languages", &korean).await;
    done.leads_to(&person);

    let form = format!("form[action='{person}/link']");
    assert!(page.has(&format!("a[href='{person}/link']")));
    let page = admin.open(&format!("{person}/link")).await;
    let confirmed = [("current", PASSWORD)];
    let issued = admin.submit(&page, &form, &confirmed).await;
    let page = admin.open(issued.location()).await;
    let url = page.text("#url");
    let link = url.strip_prefix("http://example.org").unwrap();
    let visitor = Proxied(app.browser());
    let page = visitor.open(link).await;
    let fields = [("password", PASSWORD), ("repeat", PASSWORD)];
    let done = visitor.submit(&page, "form.form", &fields).await;
    done.leads_to("/login/account/password/done");
    visitor.open("/login/account/password/done").await;

    admin.get("/login/admin/nothing").await.assert(404);
    let page = admin.open("/login/admin/blacklist").await;
    let job = admin.submit(&page, "#flush form", &[]).await;
    admin.open(job.location()).await;

    let page = admin.open("/login/admin").await;
    let done = admin.submit(&page, "form[action$='/logout']", &[]).await;
    done.leads_to("/login/admin/login");
    let refused = admin.get("/login/admin/users?sort=-id").await;
    refused.leads_to("/login/admin/login?next=%2Fadmin%2Fusers%3Fsort%3D-id");
    let page = admin
        .open("/login/admin/login?next=%2Fadmin%2Fusers%3Fsort%3D-id")
        .await;
    let fields = [("email", "ann@example.org"), ("password", PASSWORD)];
    let done = admin.submit(&page, "form.form", &fields).await;
    done.leads_to("/login/admin/users?sort=-id");
}

#[tokio::test]
async fn a_form_without_a_session_leads_back_to_its_page_behind_the_path_prefix() {
    let app = app("https://example.org/login");
    let headers = [("referer", "https://example.org/login/admin/users/7")];
    let browser = app.browser();
    let page = browser
        .ask("POST", paths::LOGOUT, Some(&[]), &headers)
        .await;
    page.leads_to("/login/admin/login?next=%2Fadmin%2Fusers%2F7&ended=1");
    let headers = [("referer", "https://example.org/other/admin/users/7")];
    let page = browser
        .ask("POST", paths::LOGOUT, Some(&[]), &headers)
        .await;
    page.leads_to("/login/admin/login");
}

#[tokio::test]
async fn cookies_belong_to_the_path_prefix_and_have_a_secure_name() {
    let app = app("https://example.org/login");
    app.make_user("ann", Role::ADMIN).await;
    let browser = app.browser();
    let token = browser.token().await;
    let fields = [
        ("csrf", token.as_str()),
        ("email", "ann@example.org"),
        ("password", &password_of("ann")),
    ];
    let page = browser.post_as_is(paths::LOGIN, &fields).await;
    let set: Vec<&str> = page
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|cookie| cookie.to_str().unwrap())
        .collect();
    for name in ["session", "device"] {
        let start = format!("__Secure-munjigi_{name}=");
        let cookie = set.iter().find(|cookie| cookie.starts_with(&start));
        let cookie = cookie.unwrap_or_else(|| panic!("no {name}: {set:?}"));
        assert!(cookie.contains("; Secure; Path=/login"), "{cookie}");
    }
    browser.open(paths::DASHBOARD).await;
}
