//! The lists of internal users and clients: search, filters, order, pages, CSV export.

use std::collections::BTreeSet;

use munjigi::{
    domain::{
        account::{Email, Name, Role},
        audit::Actor,
        paging::Cursor,
    },
    http::admin::paths,
    services::accounts::{user_changes, users::NewUser},
};

use crate::support::{App, Browser};

const LOGIN: &str = "td[data-label='E-mail or username']";

/// Creates a user without a password, which is faster.
async fn create(app: &App, email: &str, name: &str, role: Role) -> i64 {
    let new = NewUser {
        email: Some(Email::parse(email).unwrap()),
        username: None,
        external_id: None,
        name: Name::parse(name).unwrap(),
        role,
        password: None,
        is_active: true,
        claims: None,
        email_verified: true,
    };
    let user = user_changes::create(app.services(), &Actor::operator(), new).await;
    user.unwrap().user_seq.get()
}

async fn found(browser: &Browser, pairs: &[(&str, &str)]) -> Vec<String> {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    let page = browser.open(&format!("{}?{query}", paths::USERS)).await;
    page.texts(LOGIN)
}

#[tokio::test]
async fn a_search_finds_parts_of_names_and_addresses_and_has_no_wildcards() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::AUDITOR).await;
    create(&app, "kim@seoul.kr", "김민지", Role::STAFF).await;
    create(&app, "per_cent@example.com", "100% Bob", Role::STAFF).await;
    create(&app, "percent@example.com", "1000 \"Rob\"", Role::STAFF).await;
    for (search, expected) in [
        ("민지", vec!["kim@seoul.kr"]),
        ("김", vec!["kim@seoul.kr"]),
        ("김민", vec!["kim@seoul.kr"]),
        ("SEOUL", vec!["kim@seoul.kr"]),
        ("im@se", vec!["kim@seoul.kr"]),
        ("ki", vec!["kim@seoul.kr"]),
        ("%", vec!["per_cent@example.com"]),
        ("00% b", vec!["per_cent@example.com"]),
        ("r_c", vec!["per_cent@example.com"]),
        ("_", vec!["per_cent@example.com"]),
        ("\"", vec!["percent@example.com"]),
        ("\"rob\"", vec!["percent@example.com"]),
        ("rob OR bob", vec![]),
        ("rob*", vec![]),
        ("'; --", vec![]),
        ("\\", vec![]),
        (
            "example.com",
            vec!["percent@example.com", "per_cent@example.com"],
        ),
    ] {
        let query = [("search", search), ("sort", "-login")];
        assert_eq!(found(&browser, &query).await, expected, "{search}");
    }
}

#[tokio::test]
async fn each_filter_applies_and_has_a_chip_that_removes_it() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    let old = create(&app, "old@example.org", "Old", Role::STAFF).await;
    let idle = create(&app, "idle@example.org", "Idle", Role::AUDITOR).await;
    app.execute(&format!(
        "UPDATE users SET created_at = '2020-05-05 12:00:00', last_login_at = '2021-06-06 12:00:00' WHERE id = {old}"
    ))
    .await;
    app.execute(&format!(
        "UPDATE users SET is_active = false WHERE id = {idle}"
    ))
    .await;
    let (ann, idle, old) = ("ann@example.org", "idle@example.org", "old@example.org");
    for (pairs, expected) in [
        (vec![("role", "auditor")], vec![idle]),
        (vec![("role", "staff")], vec![old]),
        (vec![("active", "no")], vec![idle]),
        (vec![("active", "yes")], vec![ann, old]),
        (vec![("created_to", "2020-05-05")], vec![old]),
        (vec![("created_to", "2020-05-04")], vec![]),
        (vec![("created_from", "2020-05-05")], vec![ann, idle, old]),
        (vec![("created_from", "2020-05-06")], vec![ann, idle]),
        (
            vec![("login_from", "2021-06-06"), ("login_to", "2021-06-06")],
            vec![old],
        ),
        (vec![("login_to", "2021-06-05")], vec![]),
        (vec![("login", "never")], vec![ann, idle]),
        (vec![("login", "ever")], vec![old]),
        (vec![("role", "staff"), ("active", "no")], vec![]),
    ] {
        app.execute("UPDATE users SET last_login_at = NULL WHERE email = 'ann@example.org'")
            .await;
        let mut query = pairs.clone();
        query.push(("sort", "login"));
        assert_eq!(found(&browser, &query).await, expected, "{pairs:?}");
    }
    let page = browser.open("/admin/users?role=staff&active=yes").await;
    assert_eq!(page.texts(".chip b"), ["Staff", "Active"]);
    let without = page.attr(".chip a", "href");
    assert_eq!(without, "/admin/users?active=yes");
}

#[tokio::test]
async fn invalid_filters_are_reported_and_ignored() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    for query in [
        "role=the+king",
        "active=maybe",
        "created_from=yesterday",
        "login_to=2026-02-31",
        "search=a%00b",
    ] {
        let page = browser.open(&format!("{}?{query}", paths::USERS)).await;
        assert_eq!(page.texts(LOGIN), ["ann@example.org"], "{query}");
        assert!(page.has(".banner"), "{query}");
    }
    let far = [i64::MIN, i64::MAX].map(|micros| {
        let (value, id) = (micros.to_string(), "1".to_owned());
        format!("after={}", Cursor { value, id }.encoded())
    });
    for query in [
        "after=xx",
        "after=MQphYWE",
        // Times beyond the range of the databases.
        &far[0],
        &far[1],
        "size=7",
        "sort=-nothing",
        "foo=1",
    ] {
        let page = browser.open(&format!("{}?{query}", paths::USERS)).await;
        assert_eq!(page.texts(LOGIN), ["ann@example.org"], "{query}");
    }
}

#[tokio::test]
async fn each_order_shows_every_row_once_forwards_and_backwards() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    for n in 0..60 {
        // Many rows have equal sort keys.
        let name = format!("Person {}", n % 4);
        create(&app, &format!("p{n:02}@example.org"), &name, Role::STAFF).await;
    }
    app.execute("UPDATE users SET last_login_at = '2026-01-01 00:00:00.500' WHERE id % 3 = 0")
        .await;
    for sort in ["created", "login", "name", "last_login", "role", "status"] {
        let forward = walk(
            &browser,
            &format!("{}?size=25&sort={sort}", paths::USERS),
            "next",
        )
        .await;
        assert_eq!(forward.len(), 61, "{sort}");
        let once: BTreeSet<&String> = forward.iter().collect();
        assert_eq!(once.len(), 61, "{sort}");
        let down = format!("{}?size=25&sort=-{sort}", paths::USERS);
        let mut downward = walk(&browser, &down, "next").await;
        downward.reverse();
        assert_eq!(downward, forward, "{sort}");
        let last = format!("{}?size=25&sort={sort}&last=1", paths::USERS);
        let backward = walk(&browser, &last, "prev").await;
        assert_eq!(backward.len(), 61, "{sort}");
        assert_eq!(backward[..25], forward[36..], "{sort}");
        assert_eq!(backward.iter().collect::<BTreeSet<_>>(), once, "{sort}");
    }
    let page = browser.open("/admin/users?size=25").await;
    assert_eq!(page.text("[data-count]"), "1–25 of 61");
}

async fn walk(browser: &Browser, from: &str, relation: &str) -> Vec<String> {
    let pages = browser.walk(from, relation).await;
    pages.iter().flat_map(|page| page.texts(LOGIN)).collect()
}

#[tokio::test]
async fn an_auditor_reads_and_exports_without_buttons() {
    let app = App::start();
    app.make_client("acme").await;
    let auditor = app.signed_in("aud", Role::AUDITOR).await;
    let admin = app.signed_in("ann", Role::ADMIN).await;
    for path in ["/admin/users", "/admin/clients"] {
        let page = auditor.open(path).await;
        assert!(!page.has("main form[method=post]"), "{path}");
        assert!(!page.has("input[name=selected]"), "{path}");
        assert!(!page.has(&format!("a[href='{path}/new']")), "{path}");
        auditor.get(&page.attr("#export", "href")).await.assert(200);
        let page = admin.open(path).await;
        assert!(page.has(&format!(
            "form[action='{path}/actions'] input[name=selected]"
        )));
        assert!(page.has(&format!("a[href='{path}/new']")), "{path}");
    }
    app.browser().get(&paths::USERS.export()).await.assert(303);
}

#[tokio::test]
async fn an_export_has_the_rows_of_the_list_in_its_order_and_is_logged() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::AUDITOR).await;
    for n in 0..501 {
        let email = format!("p{n:03}@example.org");
        app.execute(&format!(
            "INSERT INTO users (email, email_normalized, name, name_normalized, role, is_active, created_at, updated_at, search_text) \
             VALUES ('{email}', '{email}', 'P', 'p', 'staff', true, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '{email}')"
        ))
        .await;
    }
    create(
        &app,
        "evil@example.com",
        "=HYPERLINK(\"x\"), 한글",
        Role::AUDITOR,
    )
    .await;
    let path = "/admin/users/export.csv?sort=login&role=auditor";
    let file = browser.get(path).await.assert(200);
    assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8"));
    let disposition = file.header("content-disposition").unwrap();
    assert_eq!(disposition, "attachment; filename=\"users-2026-02-14.csv\"");
    let lines: Vec<&str> = file.html.split("\r\n").collect();
    // The HTTP client may or may not remove the byte order mark.
    let header = lines[0].trim_start_matches('\u{feff}');
    assert_eq!(
        header,
        "user_seq,email,username,name,role,external_id,claims,is_active,last_login_at,last_login_at_local,created_at,\
         created_at_local,updated_at,updated_at_local"
    );
    assert!(lines[1].contains("ann@example.org"), "{}", lines[1]);
    assert!(
        lines[2].contains(
            "evil@example.com,,\"'=HYPERLINK(\"\"x\"\"), 한글\",auditor,,,true,,,2026-02-14T"
        ),
        "{}",
        lines[2]
    );
    assert_eq!(lines.len(), 4);
    let all = browser.get("/admin/users/export.csv?sort=name").await;
    let seen: BTreeSet<&str> = all.html.lines().collect();
    assert_eq!((all.html.lines().count(), seen.len()), (504, 504));
    let record = browser.open("/admin/audit?action=exported").await;
    assert_eq!(record.count("tbody tr"), 2);
    assert!(record.html.contains("role=auditor"), "{}", record.html);
}

#[tokio::test]
async fn a_client_of_the_same_number_is_another_account_and_is_found_by_phone() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    let client = app.make_client("acme").await;
    assert_eq!(client, 1);
    let page = browser.open(&paths::CLIENTS).await;
    assert_eq!(page.texts("td[data-label='Username']"), ["acme"]);
    assert_eq!(page.attr("tbody a.who", "href"), "/admin/clients/1");
    assert_eq!(
        browser.open(&paths::USERS).await.texts(LOGIN),
        ["ann@example.org"]
    );
    for (search, rows) in [
        ("1012345678", 1),
        ("acm", 1),
        ("client@", 1),
        ("ann", 0),
        ("cm", 1),
    ] {
        let page = browser
            .open(&format!("{}?search={search}", paths::CLIENTS))
            .await;
        assert_eq!(page.count("tbody tr"), rows, "{search}");
    }
    let file = browser.get(&paths::CLIENTS.export()).await.assert(200);
    assert!(file.html.contains(",acme,"), "{}", file.html);
    assert!(file.html.contains(",'+82"), "{}", file.html);
    assert!(!file.html.contains("ann@"), "{}", file.html);
}
