//! The pages that are measured.

use std::time::Duration;

use munjigi::{
    clock::{Clock, Timestamp},
    domain::{
        paging::Cursor,
        session::{Jti, TokenState},
    },
};

use crate::{
    Result,
    browser::Browser,
    rows::{Size, email, username},
    server::Server,
};

/// The name of a page and its response time, or an error message.
pub type Figure = (&'static str, std::result::Result<Duration, String>);

/// The name and path of a page.
type PageUrl = (&'static str, String);

/// The query parameter for the entries after a row.
fn after(value: &str, id: &str) -> String {
    let (value, id) = (value.to_owned(), id.to_owned());
    format!("after={}", Cursor { value, id }.encoded())
}

/// All pages.
fn pages(size: Size) -> Vec<PageUrl> {
    let now = Clock::System.now();
    let days = |days: u64| now.unix_micros() - 86_400_000_000 * i64::try_from(days).unwrap_or(0);
    let day = |ago: u64| {
        let at = Timestamp::from_unix_micros(days(ago));
        at.to_string().chars().take(10).collect::<String>()
    };
    let mut pages = people("users", "users", size.users, &day);
    pages.extend([
        (
            "users: administrators (few)",
            "/admin/users?role=admin".into(),
        ),
        ("users: staff (most)", "/admin/users?role=staff".into()),
    ]);
    pages.extend(people("clients", "clients", size.clients, &day));
    let half_way = Timestamp::from_unix_micros(days(17));
    let token = Jti::lower_bound(half_way);
    let micros = half_way.unix_micros().to_string();
    for list in ["tokens", "blacklist"] {
        let mut add = |name: &str, query: String| {
            // Leaked: used until the end of the process.
            let name: &'static str = format!("{list}: {name}").leak();
            pages.push((name, format!("/admin/{list}{query}")));
        };
        add("first page", String::new());
        add("last page", "?last=1".into());
        add(
            "from the middle",
            format!("?{}", after(&micros, token.as_str())),
        );
        add("clients", "?user_type=client".into());
        add(
            "one user by e-mail",
            format!("?person={}", email(size.users / 2)),
        );
        add("unknown user", "?person=unknown@example.org".into());
        add("one day", format!("?from={0}&to={0}", day(10)));
        add("before all entries", format!("?to={}", day(400)));
        add(
            "clients, one day, from the middle",
            format!(
                "?user_type=client&from={}&{}",
                day(25),
                after(&micros, token.as_str())
            ),
        );
    }
    for state in TokenState::NAMES {
        let name: &'static str = format!("tokens: {state}").leak();
        pages.push((name, format!("/admin/tokens?state={state}")));
        let name: &'static str = format!("tokens: {state} clients, last page").leak();
        pages.push((
            name,
            format!("/admin/tokens?state={state}&user_type=client&last=1"),
        ));
    }
    pages.push((
        "blacklist: every reason",
        "/admin/blacklist?reason=all".into(),
    ));
    for reason in ["rotated", "logout", "administrator", "deleted"] {
        let name: &'static str = format!("blacklist: {reason}").leak();
        pages.push((name, format!("/admin/blacklist?reason={reason}")));
        let name: &'static str = format!("blacklist: {reason} of clients").leak();
        pages.push((
            name,
            format!("/admin/blacklist?reason={reason}&user_type=client"),
        ));
    }
    pages.extend(audit(size, &day));
    pages.extend(search(size));
    pages.extend(sessions(size));
    pages.push(("dashboard", "/admin".into()));
    pages
}

/// The search over everything.
fn search(size: Size) -> Vec<PageUrl> {
    let one = email(size.users / 2);
    let queries = [
        ("an e-mail address", one.clone()),
        (
            "the beginning of an e-mail address",
            one[..one.len() / 2].to_owned(),
        ),
        ("a username", username(size.clients / 2)),
        ("a text that most accounts have", "example".into()),
        ("a text that 1 of 15 accounts has", "minjun".into()),
        ("a text that no account has", "qqqqqq".into()),
        ("two letters", "qq".into()),
        ("an address", "127.0.0.1".into()),
        ("an unknown id", "0".repeat(32)),
        ("the beginning of an id", "0123456789".into()),
    ];
    let named = queries.into_iter().map(|(name, text)| {
        let name: &'static str = format!("search: {name}").leak();
        (name, format!("/admin/search?q={text}"))
    });
    let suggestions = (
        "suggestions for two letters",
        "/admin/search/accounts?q=mi".into(),
    );
    named.chain([suggestions]).collect()
}

/// The list of sessions.
fn sessions(size: Size) -> Vec<PageUrl> {
    let queries = [
        ("first page", String::new()),
        ("last page", "?last=1".into()),
        ("one user", format!("?person={}", email(size.users / 2))),
        ("clients", "?user_type=client".into()),
        ("an address that none has", "?address=192.0.2.1".into()),
        ("a program that none has", "?program=qqqq".into()),
        ("ended", "?state=ended".into()),
    ];
    let named = queries.into_iter().map(|(name, query)| {
        let name: &'static str = format!("sessions: {name}").leak();
        (name, format!("/admin/sessions{query}"))
    });
    named.collect()
}

/// Audit log pages: frequent and rare filters, alone and combined.
fn audit(size: Size, day: &dyn Fn(u64) -> String) -> Vec<PageUrl> {
    let queries = [
        ("first page", String::new()),
        ("last page", "?last=1".into()),
        ("frequent action", "?action=account_updated".into()),
        ("rare action, last page", "?action=exported&last=1".into()),
        ("rare source", "?source=command_line".into()),
        (
            "frequent action, rare source",
            "?action=account_updated&source=command_line".into(),
        ),
        ("frequent text", "?search=example".into()),
        ("frequent text, last page", "?search=example&last=1".into()),
        (
            "frequent text, rare action",
            "?search=example&action=exported".into(),
        ),
        (
            "frequent text, rare source",
            "?search=example&source=command_line".into(),
        ),
        ("text in 1 of 15", "?search=minjun".into()),
        (
            "text in 1 of 15, rare action",
            "?search=minjun&action=exported".into(),
        ),
        ("rare text", format!("?search={}@corp", size.events / 2)),
        ("two letters without match", "?search=zz".into()),
        ("one account", format!("?person={}", email(size.users / 2))),
        ("account with many events", format!("?person={}", email(7))),
        (
            "text in 1 of 15, one day",
            format!("?search=minjun&from={0}&to={0}", day(500)),
        ),
    ];
    let named = queries.into_iter().map(|(name, query)| {
        let name: &'static str = format!("audit: {name}").leak();
        (name, format!("/admin/audit{query}"))
    });
    named.collect()
}

/// Pages that exist for users and clients.
fn people(list: &'static str, path: &str, rows: i64, day: &dyn Fn(u64) -> String) -> Vec<PageUrl> {
    let one = if list == "users" {
        email(rows / 2)
    } else {
        username(rows / 2)
    };
    let (begin, rest) = one.split_at(one.len() / 3);
    let queries = [
        ("first page", String::new()),
        ("last page", "?last=1".into()),
        ("by name, first page", "?sort=name".into()),
        ("by name, last page", "?sort=name&last=1".into()),
        (
            "by name, from the middle",
            format!("?sort=name&{}", after("liam", "1")),
        ),
        ("by creation, last page", "?sort=created&last=1".into()),
        ("by last login, first page", "?sort=-last_login".into()),
        ("search with one match", format!("?search={one}")),
        ("search without match", "?search=qqqqqq".into()),
        (
            "search with some hundred matches",
            format!("?search={}", rest.chars().take(6).collect::<String>()),
        ),
        ("search matching most", "?search=example".into()),
        (
            "search matching most, last page",
            "?search=example&last=1".into(),
        ),
        ("search matching 1 of 15", "?search=minjun".into()),
        (
            "search matching 1 of 15, by name, last page",
            "?search=minjun&sort=name&last=1".into(),
        ),
        (
            "search matching 1 of 15, inactive",
            "?search=minjun&active=no".into(),
        ),
        ("search for two letters without match", "?search=qq".into()),
        (
            "search for two letters",
            format!("?search={}", begin.chars().take(2).collect::<String>()),
        ),
        (
            "search for two words",
            format!(
                "?search={}%20kim",
                begin.chars().take(4).collect::<String>()
            ),
        ),
        ("inactive", "?active=no".into()),
        ("active", "?active=yes".into()),
        ("active, last page", "?active=yes&last=1".into()),
        (
            "created on one day",
            format!("?created_from={0}&created_to={0}", day(500)),
        ),
        ("inactive, by name", "?active=no&sort=name".into()),
        (
            "created in one month, by name",
            format!(
                "?created_from={}&created_to={}&sort=name",
                day(530),
                day(500)
            ),
        ),
        (
            "never logged in, by name, last page",
            "?login=never&sort=name&last=1".into(),
        ),
    ];
    queries
        .into_iter()
        .map(|(name, query)| {
            let name: &'static str = format!("{list}: {name}").leak();
            (name, format!("/admin/{path}{query}"))
        })
        .collect()
}

/// Requests each page `rounds` times and returns the medians.
pub async fn measure(server: &Server, size: Size, rounds: u32) -> Result<Vec<Figure>> {
    let mut browser = Browser::log_in(server).await?;
    let mut figures = Vec::new();
    for (name, path) in pages(size) {
        figures.push((
            name,
            median(&mut browser, &path, rounds)
                .await
                .map_err(|failure| failure.to_string()),
        ));
    }
    Ok(figures)
}

async fn median(browser: &mut Browser, path: &str, rounds: u32) -> Result<Duration> {
    let first = browser.get(path).await?;
    let is_filter = path.split(['?', '&']).skip(1).any(|part| {
        !["sort=", "size=", "last=", "after=", "before=", "q="]
            .iter()
            .any(|name| part.starts_with(name))
    });
    // An unknown parameter would be ignored, and the page would be fast for that reason.
    if is_filter && !first.is_filtered() {
        return Err(format!("{path} is not filtered").into());
    }
    let mut times = Vec::new();
    for _ in 0..rounds {
        times.push(browser.get(path).await?.elapsed);
    }
    times.sort();
    times
        .get(times.len() / 2)
        .copied()
        .ok_or_else(|| "no rounds".into())
}
