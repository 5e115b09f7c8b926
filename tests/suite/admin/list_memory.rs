//! What lists remember and mean: periods, the number of rows, the way back from an entry, CSV files of every list.

use std::time::Duration;

use munjigi::{domain::account::Role, http::admin::paths};

use crate::support::App;

#[tokio::test]
async fn a_preset_is_a_period_of_the_viewers_days_and_overrules_dates() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    app.execute("UPDATE users SET created_at = '2026-02-14 01:00:00' WHERE email LIKE 'ann%'")
        .await;
    for (name, at) in [
        ("old", "2026-01-31 23:00:00"),
        ("week", "2026-02-08 12:00:00"),
        ("yesterday", "2026-02-13 12:00:00"),
    ] {
        app.make_user(name, Role::STAFF).await;
        app.execute(&format!(
            "UPDATE users SET created_at = '{at}' WHERE email LIKE '{name}%'"
        ))
        .await;
    }
    let found = async |query: &str| {
        let page = admin
            .open(&format!("{}?sort=created&{query}", paths::USERS))
            .await;
        let logins = page.texts("td[data-label='E-mail or username']");
        let name = |login: &String| login.split('@').next().unwrap().to_owned();
        logins.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(found("created=today").await, ["ann"]);
    assert_eq!(found("created=yesterday").await, ["yesterday"]);
    assert_eq!(
        found("created=last_7_days").await,
        ["week", "yesterday", "ann"]
    );
    assert_eq!(found("created=last_month").await, ["old"]);
    assert_eq!(
        found("created=today&created_from=2020-01-01").await,
        ["ann"]
    );
    assert_eq!(found("created=someday").await.len(), 4);
    let page = admin
        .open("/admin/users?created=last_month&created_from=2020-01-01&role=staff")
        .await;
    assert_eq!(page.texts(".chip b"), ["Staff", "Last month"]);
    assert_eq!(page.text("#filter-count"), "2");
    assert_eq!(page.attr("a.clear", "href"), "/admin/users");
    // A file and a bulk action mean the same days tomorrow.
    let file = page.attr("#export", "href");
    assert!(!file.contains("last_month"), "{file}");
    assert!(
        file.contains("created_from=2026-01-01&created_to=2026-01-31"),
        "{file}"
    );
    admin.set_cookie("munjigi_zone", "Asia%2FSeoul");
    assert_eq!(found("created=last_month").await.len(), 0);
}

#[tokio::test]
async fn the_number_of_rows_is_kept_for_the_next_list_and_the_filter_for_the_way_back() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    for number in 0..30 {
        app.make_user(&format!("user{number}"), Role::STAFF).await;
    }
    assert_eq!(
        admin.open("/admin/users").await.count("#results tbody tr"),
        31
    );
    let page = admin
        .open("/admin/users?size=25&search=user&sort=name")
        .await;
    assert_eq!(page.count("#results tbody tr"), 25);
    assert_eq!(page.text(".sizes [aria-current]"), "25");
    let audit = admin.open(paths::AUDIT).await;
    assert_eq!(audit.count("#results tbody tr"), 25);
    // The last list was another one.
    let person = admin.open("/admin/users/3").await;
    assert_eq!(person.attr(".crumbs a", "href"), "/admin/users");
    admin.open("/admin/users?search=user&sort=name").await;
    let person = admin.open("/admin/users/3").await;
    assert_eq!(
        person.attr(".crumbs a", "href"),
        "/admin/users?search=user&sort=name"
    );
    for odd in [
        "//evil.example",
        "/admin/users/../x",
        "https://evil.example",
        "/admin/usersx?a=b",
    ] {
        admin.set_cookie("munjigi_list", odd);
        let person = admin.open("/admin/users/3").await;
        assert_eq!(person.attr(".crumbs a", "href"), "/admin/users", "{odd}");
    }
    admin.set_cookie("munjigi_rows", "1000000");
    assert_eq!(
        admin.open("/admin/users").await.count("#results tbody tr"),
        31
    );
}

#[tokio::test]
async fn every_list_has_a_csv_file_that_is_recorded() {
    let app = App::start();
    let auditor = app.signed_in("carol", Role::AUDITOR).await;
    let ann = app.user("ann").await;
    ann.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
    app.service("billing", "").await;
    app.execute("UPDATE users SET name = '=cmd()' WHERE email LIKE 'ann%'")
        .await;
    app.execute(
        "INSERT INTO rate_limits (bucket, kind, user_type, subject, hits, expires_at, locked_at, locked_until) \
         VALUES ('b', 'login', 'user', '=cmd()@example.org', 5, '2027-01-01 00:00:00', \
         '2026-02-14 12:00:00', '2027-01-01 00:00:00')",
    )
    .await;
    auditor.set_cookie("munjigi_zone", "Asia%2FSeoul");
    for (list, header, part) in [
        (
            paths::TOKENS,
            "jti,session,user_type,",
            ",'=cmd(),blacklisted,logout,",
        ),
        (
            paths::BLACKLIST,
            "jti,user_type,user_seq,",
            ",'=cmd(),logout,ann@example.org,api,",
        ),
        (
            paths::LOCKS,
            "subject,user_type,",
            "'=cmd()@example.org,user,,login,",
        ),
        (paths::SERVICES, "client_id,description,", "billing,"),
        (
            "/admin/sessions?state=ended",
            "session,user_type,",
            ",'=cmd(),password,",
        ),
    ] {
        let path = auditor.open(list).await.attr("#export", "href");
        let file = auditor.get(&path).await.assert(200);
        let kind = file.header("content-type");
        assert_eq!(kind, Some("text/csv; charset=utf-8"), "{list}");
        let lines: Vec<&str> = file.html.lines().collect();
        assert_eq!(lines.len(), 2, "{list}: {}", file.html);
        let first = lines[0].trim_start_matches('\u{feff}');
        assert!(first.starts_with(header), "{first}");
        assert!(lines[1].contains(part), "{}", lines[1]);
        if list != paths::LOCKS {
            let times = "2026-02-14T12:30:45+00:00,2026-02-14 21:30:45";
            assert!(lines[1].contains(times), "{}", lines[1]);
        }
    }
    let page = auditor.open("/admin/audit?action=exported").await;
    assert_eq!(page.count("#results tbody tr"), 5);
}

#[tokio::test]
async fn the_audit_log_is_filtered_by_outcome_and_several_actions() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let kim = app.client("kim").await;
    let mut wrong = kim.credentials();
    wrong["password"] = "a wrong password".into();
    app.anonymous()
        .post("/auth/login", wrong)
        .await
        .assert(401, "INVALID_CREDENTIALS");
    app.advance(Duration::from_secs(1));
    let count = async |query: &str| {
        let page = admin.open(&format!("{}?{query}", paths::AUDIT)).await;
        page.count("#results tbody tr")
    };
    assert_eq!(count("outcome=refused").await, 1);
    assert_eq!(count("outcome=refused&action=logged_in").await, 0);
    assert_eq!(count("action=logged_in&action=log_in_refused").await, 2);
    assert_eq!(
        count("action=logged_in&action=log_in_refused&outcome=done").await,
        1
    );
    let page = admin
        .open("/admin/audit?action=logged_in&action=log_in_refused")
        .await;
    assert_eq!(page.texts(".chip b"), ["Logged in", "Login failed"]);
    assert_eq!(page.count("input[name=action][checked]"), 2);
    let groups = page.texts(".filter-groups legend");
    assert_eq!(groups[0], "Logins and locks");
    let first = page.texts(".filter-groups fieldset:first-child label");
    let mut sorted = first.clone();
    sorted.sort();
    assert_eq!(first, sorted);
}
