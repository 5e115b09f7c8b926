//! Lists beyond the scan budget of one page: every row is shown once, and a stopped search continues.

use std::collections::BTreeSet;

use munjigi::{domain::account::Role, http::admin::paths};

use crate::support::{App, Browser, Page};

/// The numbers from one on.
fn numbers(to: i64) -> String {
    format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {to})"
    )
}

/// The texts of elements on all pages, and the number of pages on which the search stopped.
async fn walk(browser: &Browser, from: &str, relation: &str, of: &str) -> (Vec<String>, usize) {
    let pages = browser.walk(from, relation).await;
    let has_stopped = |page: &&Page| page.has("[data-further]");
    let stopped = pages.iter().filter(has_stopped).count();
    let texts = pages.iter().flat_map(|page| page.texts(of)).collect();
    (texts, stopped)
}

/// Twelve thousand accounts: the first, the middle and the last one are named Zz, three in four are staff.
async fn many_people() -> App {
    let app = App::start();
    app.execute(&format!(
        "{} INSERT INTO users (email, email_normalized, name, name_normalized, role, is_active, created_at, \
         updated_at, search_text) \
         SELECT email, email, name, name, role, n % 3 <> 0, '2026-01-01 00:00:00', '2026-01-01 00:00:00', \
         email || ' ' || name FROM (SELECT n, 'p' || (100000 + n) || '@example.org' AS email, \
         CASE WHEN n IN (1, 6000, 12000) THEN 'zz' ELSE 'p' || (n % 4) END AS name, \
         CASE WHEN n % 4 = 0 THEN 'auditor' ELSE 'staff' END AS role FROM numbers) created",
        numbers(12_000)
    ))
    .await;
    app
}

const LOGIN: &str = "td[data-label='E-mail or username']";
const SUBJECT: &str = "td[data-label='Target']";
const TOKEN: &str = "tbody a.mono";

#[tokio::test]
async fn a_stopped_search_says_so_and_continues_until_all_rows_are_found() {
    let app = many_people().await;
    let browser = app.signed_in("ann", Role::AUDITOR).await;
    let [first, middle, last] = [1, 6_000, 12_000].map(|n| format!("p{}@example.org", 100_000 + n));
    let all = vec![first.clone(), middle.clone(), last.clone()];
    for (sort, expected) in [
        ("login", all.clone()),
        ("-login", vec![last.clone(), middle.clone(), first.clone()]),
        ("created", all.clone()),
        ("last_login", all.clone()),
        ("name", all),
    ] {
        let path = format!("{}?search=zz&sort={sort}", paths::USERS);
        let (found, stopped) = walk(&browser, &path, "next", LOGIN).await;
        assert_eq!(found, expected, "{sort}");
        assert_eq!(stopped, 1, "{sort}");
        let (mut found, stopped) = walk(&browser, &format!("{path}&last=1"), "prev", LOGIN).await;
        // Pages are in reverse order, the rows of each in order.
        found.sort();
        assert_eq!(found.len(), 3, "{sort}");
        assert_eq!(stopped, 1, "{sort}");
    }
    let page = browser.open("/admin/users?search=zz&sort=name").await;
    assert!(!page.has("tbody tr"));
    assert!(
        !page.text("#results").contains("No matching"),
        "{}",
        page.html
    );
    assert_eq!(
        page.attr("[data-further] a", "href"),
        page.attr("a[rel=next]", "href")
    );
    let next = browser.open(&page.attr("[data-further] a", "href")).await;
    assert_eq!(next.texts(LOGIN).len(), 3);
    assert!(!next.has("[data-further]"));
    // And back again.
    let back = browser.open(&next.attr("a[rel=prev]", "href")).await;
    assert!(!back.has("tbody tr") && back.has("[data-further]"));
    assert!(back.attr("a[rel=next]", "href").contains("after="));
}

#[tokio::test]
async fn filters_with_many_matches_are_paged_without_gaps() {
    let app = many_people().await;
    let browser = app.signed_in("ann", Role::AUDITOR).await;
    for (query, sort, expected) in [
        ("role=auditor&active=no", "login", 1_000),
        ("role=staff&active=no&search=p10", "-name", 2_500),
        ("role=staff&active=no&search=p10", "created", 2_500),
        ("active=no&login=never", "last_login", 4_000),
    ] {
        let path = format!("{}?{query}&sort={sort}&size=200", paths::USERS);
        let (forward, _) = walk(&browser, &path, "next", LOGIN).await;
        assert_eq!(forward.len(), expected, "{query} by {sort}");
        let once: BTreeSet<&String> = forward.iter().collect();
        assert_eq!(once.len(), expected, "{query} by {sort}");
        let pages = browser.walk(&format!("{path}&last=1"), "prev").await;
        let backward = pages.iter().rev().flat_map(|page| page.texts(LOGIN));
        assert_eq!(backward.collect::<Vec<_>>(), forward, "{query} by {sort}");
    }
}

#[tokio::test]
async fn old_events_with_a_rare_text_are_found() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::AUDITOR).await;
    app.execute(&format!(
        "{} INSERT INTO audit_events (happened_at, source, action, outcome, subject_name, changes, search_text) \
         SELECT '2026-01-01 00:00:00', CASE WHEN n = 9000 THEN 'server' ELSE 'api' END, 'account_updated', 'done', \
         'p' || n, '[]', CASE WHEN n IN (1, 9000) THEN 'zz' ELSE 'somebody' END FROM numbers",
        numbers(12_000)
    ))
    .await;
    let (found, stopped) = walk(&browser, "/admin/audit?search=zz", "next", SUBJECT).await;
    assert_eq!(found, ["p9000", "p1"]);
    assert_eq!(stopped, 1);
    for (query, rows) in [
        ("search=zz&source=server", vec!["p9000"]),
        ("search=somebody&source=server", vec![]),
        ("action=account_updated&source=server", vec!["p9000"]),
        ("action=account_updated&source=api&search=zz", vec!["p1"]),
    ] {
        let path = format!("{}?{query}", paths::AUDIT);
        let (found, _) = walk(&browser, &path, "next", SUBJECT).await;
        assert_eq!(found, rows, "{query}");
    }
    let page = browser
        .open("/admin/audit?search=somebody&source=api&size=200&last=1")
        .await;
    assert_eq!(page.count("tbody tr"), 200);
    assert_eq!(page.texts(SUBJECT)[199], "p2");
}

#[tokio::test]
async fn tokens_of_a_rare_state_are_found() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::AUDITOR).await;
    // One in a hundred is unused, one in a thousand was logged out, and half of them have expired.
    app.execute(&format!(
        "{} INSERT INTO outstanding_tokens (jti, session_id, user_type, user_seq, created_at, expires_at) \
         SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaa' || (10000 + n), 'bbbbbbbbbbbbbbbbbbbbbbbbbbb' || (10000 + n), CASE WHEN n % 3 = 0 THEN 'client' ELSE 'user' END, \
         n, '2026-02-01 00:00:00', '2027-02-02 00:00:00' FROM numbers",
        numbers(24_000)
    ))
    .await;
    app.execute(
        "UPDATE outstanding_tokens SET expires_at = '2026-02-02 00:00:00' WHERE user_seq % 2 = 0",
    )
    .await;
    app.execute(
        "INSERT INTO sessions (id, user_type, user_seq, method, created_at, last_used_at, expires_at, absolute_expires_at) \
         SELECT session_id, user_type, user_seq, 'password', created_at, created_at, expires_at, expires_at FROM outstanding_tokens",
    )
    .await;
    app.execute(
        "INSERT INTO blacklisted_tokens (jti, session_id, user_type, user_seq, reason, blacklisted_at, expires_at) \
         SELECT jti, session_id, user_type, user_seq, CASE WHEN user_seq % 1000 = 1 THEN 'logout' ELSE 'rotated' END, \
         created_at, expires_at FROM outstanding_tokens WHERE user_seq % 100 <> 0 AND user_seq % 100 <> 51",
    )
    .await;
    for (query, expected) in [
        ("state=live", 240),
        ("state=expired", 240),
        ("state=blacklisted", 24),
        ("state=blacklisted&user_type=client", 8),
        ("state=live&user_type=client", 80),
    ] {
        for (end, relation) in [("", "next"), ("&last=1", "prev")] {
            let path = format!("{}?{query}&size=200{end}", paths::TOKENS);
            let pages = browser.walk(&path, relation).await;
            let tokens: Vec<String> = pages
                .iter()
                .flat_map(|page| page.attrs(TOKEN, "href"))
                .collect();
            let once: BTreeSet<&String> = tokens.iter().collect();
            assert_eq!(
                (tokens.len(), once.len()),
                (expected, expected),
                "{query}{end}"
            );
        }
    }
    for end in ["", "&last=1"] {
        let page = browser
            .open(&format!(
                "{}?state=used&user_type=client&size=50{end}",
                paths::TOKENS
            ))
            .await;
        assert_eq!(page.count("tbody tr"), 50);
    }
    for (query, rows) in [
        ("reason=logout", 24),
        ("reason=logout&user_type=client", 8),
        ("reason=logout_all&user_type=client", 0),
        ("reason=rotated&user_type=client", 50),
        ("", 24),
        ("user_type=client", 8),
        ("reason=logout&reason=logout_all", 24),
        ("reason=logout&reason=rotated", 50),
    ] {
        let page = browser.open(&format!("{}?{query}", paths::BLACKLIST)).await;
        assert_eq!(page.count("tbody tr"), rows, "{query}");
    }
    let page = browser.open("/admin/tokens?state=blacklisted").await;
    assert_eq!(page.text("[data-count]"), "1–24 of 24");
}
