//! Lists with content of every kind: no page is wider than its window, and the first screen shows many rows.

use super::setting::{ROOT, Setting};

/// Names, and e-mail addresses, of one and of very many characters.
fn ugly(setting: &Setting) {
    let long_name = "Wolfeschlegelsteinhausenbergerdorff".repeat(6)[..200].to_owned();
    let domain = [
        "a".repeat(60),
        "b".repeat(60),
        "c".repeat(60),
        "example.org".into(),
    ]
    .join(".");
    let local = "l".repeat(254 - domain.len() - 1);
    for (at, name, email) in [
        (1, "X".to_owned(), "x@y.kr".to_owned()),
        (2, long_name, format!("{local}@{domain}")),
        (
            3,
            "남궁민수 독고영재 선우용여 제갈공명".to_owned(),
            "minsu@hanbit.example".into(),
        ),
        (
            4,
            "👩‍👩‍👧‍👦 Family 🏳️‍🌈 <b>&amp;".to_owned(),
            "family@example.org".into(),
        ),
    ] {
        setting.place.database.execute(&format!(
            "INSERT INTO users (id, email, email_normalized, name, name_normalized, role, is_active, created_at, updated_at, \
             search_text) VALUES ({}, '{email}', '{email}', '{name}', '{name}', 'staff', true, '2025-01-01 00:00:00', \
             '2025-01-01 00:00:00', '{email}')",
            1_000 + at
        ));
    }
    for number in 0..30 {
        setting.place.database.execute(&format!(
            "INSERT INTO users (id, email, email_normalized, name, name_normalized, role, is_active, created_at, updated_at, \
             search_text) VALUES ({0}, 'p{0}@example.org', 'p{0}@example.org', 'Person {0}', 'person {0}', 'staff', true, \
             '2025-01-01 00:00:00', '2025-01-01 00:00:00', 'p{0}')",
            2_000 + number
        ));
    }
}

/// The elements that make the page wider than the window, and cells that hang out of their column.
const TOO_WIDE: &str = "const width = document.documentElement.clientWidth;
    const wide = document.documentElement.scrollWidth > width ? ['the page is ' + document.documentElement.scrollWidth + ' wide'] : [];
    const table = document.querySelector('.table-wrap');
    if (innerWidth >= 1280 && table && table.scrollWidth > table.clientWidth) wide.push('the table is ' + table.scrollWidth + ' wide');
    return wide;";

/// The number of rows whose lower edge is on the first screen.
const ROWS: &str = "return [...document.querySelectorAll('#results tbody tr')]
    .filter(row => row.getBoundingClientRect().bottom <= innerHeight).length;";

/// From the list that is open, by a click beside the link.
async fn a_row_leads_to_its_account_and_back(setting: &Setting) {
    let browser = &setting.browser;
    // The link covers the cell, so the click is one at a point of the cell and not one on the cell.
    let click = "const cell = document.querySelector('#results tbody tr:nth-child(3) td:nth-child(5)').getBoundingClientRect();
        document.elementFromPoint(cell.x + cell.width / 2, cell.y + cell.height / 2).click();";
    browser.run(click, vec![]).await;
    browser
        .until("the account", async || {
            let path = browser.path().await;
            path.starts_with("/admin/users/")
        })
        .await;
    browser.click(".crumbs a").await;
    browser
        .until("the list as it was", async || {
            browser.path().await.ends_with("/admin/users?sort=name")
        })
        .await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn no_content_breaks_a_list_and_the_first_screen_is_full_of_rows() {
    let setting = Setting::signed_in().await;
    let browser = &setting.browser;
    ugly(&setting);
    let mut api = setting.api();
    api.session(ROOT);
    for page in [
        "users?sort=name",
        "sessions",
        "tokens",
        "audit",
        "search?q=example",
        "users/1002",
    ] {
        for width in [320, 390, 1280, 1920, 2560] {
            browser.set_size(width, 800).await;
            browser.go(&format!("/admin/{page}")).await;
            let wide = browser.run(TOO_WIDE, vec![]).await;
            assert_eq!(wide, serde_json::json!([]), "{page} at {width}");
        }
    }
    for (width, height, least) in [(1280, 800, 12), (390, 844, 4)] {
        browser.set_size(width, height).await;
        for list in [
            "users",
            "users?role=staff&created=last_month&login=never&active=yes",
        ] {
            browser.go(&format!("/admin/{list}")).await;
            let rows = browser.run(ROWS, vec![]).await.as_u64().unwrap();
            assert!(
                list.contains('?') || rows >= least,
                "{rows} rows at {width}"
            );
        }
    }
    // A name keeps its width beside an address of 254 letters, and the whole row leads to the account.
    browser.set_size(1280, 800).await;
    browser.go("/admin/users?sort=name").await;
    let widths = "const cells = [...document.querySelectorAll('#results tbody tr:nth-child(2) td')].map(cell => cell.offsetWidth);
        return cells[1] >= Math.max(...cells);";
    assert_eq!(
        browser.run(widths, vec![]).await,
        true,
        "the name is widest"
    );
    let heights = "return Math.max(...[...document.querySelectorAll('#results tbody tr')].map(row => row.offsetHeight)) <= 44;";
    assert_eq!(browser.run(heights, vec![]).await, true, "rows are low");
    a_row_leads_to_its_account_and_back(&setting).await;
    setting.end().await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_field_for_an_account_suggests_accounts() {
    let setting = Setting::signed_in().await;
    let browser = &setting.browser;
    setting.place.user("bella@example.org", "staff");
    browser.go("/admin/tokens").await;
    browser.type_into("[name=person]", "bel").await;
    browser
        .find("#person-accounts option[value='bella@example.org']")
        .await;
    setting.end().await;
}
