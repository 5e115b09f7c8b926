//! The pages that are asked for.

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
    filling::{Size, email, username},
    server::Server,
};

/// A page's name, and how long it took; a text where it could not be taken.
pub type Figure = (&'static str, std::result::Result<Duration, String>);

/// A page that is asked for: its name, and its address.
type Asked = (&'static str, String);

/// Where the middle of a list is, by the time at which it is.
fn after(value: &str, id: &str) -> String {
    let (value, id) = (value.to_owned(), id.to_owned());
    format!("after={}", Cursor { value, id }.encoded())
}

/// The pages. A parameter that no page knows would be passed over, and quickly: so filters have to show on the page.
fn pages(size: Size) -> Vec<Asked> {
    let now = Clock::System.now();
    let days = |days: u64| now.unix_micros() - 86_400_000_000 * i64::try_from(days).unwrap_or(0);
    let day = |ago: u64| {
        let at = Timestamp::from_unix_micros(days(ago));
        at.to_string().chars().take(10).collect::<String>()
    };
    let mut pages = people("users", "users", size.users, &day);
    pages.extend([
        (
            "users: few administrators",
            "/admin/users?role=admin".into(),
        ),
        ("users: most are staff", "/admin/users?role=staff".into()),
    ]);
    pages.extend(people("clients", "clients", size.clients, &day));
    let half_way = Timestamp::from_unix_micros(days(17));
    let token = Jti::lower_bound(half_way);
    let micros = half_way.unix_micros().to_string();
    for list in ["tokens", "blacklist"] {
        let mut add = |name: &str, query: String| {
            // They live as long as the bench does.
            let name: &'static str = format!("{list}: {name}").leak();
            pages.push((name, format!("/admin/{list}{query}")));
        };
        add("first page", String::new());
        add("last page", "?last=1".into());
        add(
            "from the middle on",
            format!("?{}", after(&micros, token.as_str())),
        );
        add("of clients", "?user_type=client".into());
        add(
            "of one user by e-mail",
            format!("?person={}", email(size.users / 2)),
        );
        add("of nobody", "?person=nobody@example.org".into());
        add("of one day", format!("?from={0}&to={0}", day(10)));
        add("of long ago", format!("?to={}", day(400)));
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
    pages.push(("dashboard", "/admin".into()));
    pages
}

/// What the audit log is asked: frequent and rare things, alone and together.
fn audit(size: Size, day: &dyn Fn(u64) -> String) -> Vec<Asked> {
    let queries = [
        ("first page", String::new()),
        ("last page", "?last=1".into()),
        ("frequent action", "?action=account_updated".into()),
        ("rare action, last page", "?action=exported&last=1".into()),
        ("rare door", "?door=command_line".into()),
        (
            "frequent action, rare door",
            "?action=account_updated&door=command_line".into(),
        ),
        ("frequent text", "?search=example".into()),
        ("frequent text, last page", "?search=example&last=1".into()),
        (
            "frequent text, rare action",
            "?search=example&action=exported".into(),
        ),
        (
            "frequent text, rare door",
            "?search=example&door=command_line".into(),
        ),
        ("text of one in fifteen", "?search=minjun".into()),
        (
            "text of one in fifteen, rare action",
            "?search=minjun&action=exported".into(),
        ),
        ("rare text", format!("?search={}@corp", size.events / 2)),
        ("two letters that no event has", "?search=zz".into()),
        (
            "of one person",
            format!("?person={}", email(size.users / 2)),
        ),
        ("of a busy person", format!("?person={}", email(7))),
        (
            "text of one in fifteen, on one day",
            format!("?search=minjun&from={0}&to={0}", day(500)),
        ),
    ];
    let named = queries.into_iter().map(|(name, query)| {
        let name: &'static str = format!("audit: {name}").leak();
        (name, format!("/admin/audit{query}"))
    });
    named.collect()
}

/// What both populations are asked.
fn people(list: &'static str, path: &str, rows: i64, day: &dyn Fn(u64) -> String) -> Vec<Asked> {
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
            "by name, from the middle on",
            format!("?sort=name&{}", after("liam", "1")),
        ),
        ("by creation, last page", "?sort=created&last=1".into()),
        ("by last log-in, first page", "?sort=-last_login".into()),
        ("search that fits one", format!("?search={one}")),
        ("search that fits nobody", "?search=qqqqqq".into()),
        (
            "search that fits a few hundred",
            format!("?search={}", rest.chars().take(6).collect::<String>()),
        ),
        ("search that fits most", "?search=example".into()),
        (
            "search that fits most, last page",
            "?search=example&last=1".into(),
        ),
        ("search that fits one in fifteen", "?search=minjun".into()),
        (
            "search that fits one in fifteen, by name, last page",
            "?search=minjun&sort=name&last=1".into(),
        ),
        (
            "search that fits one in fifteen, inactive",
            "?search=minjun&active=no".into(),
        ),
        ("search by two letters that nobody has", "?search=qq".into()),
        (
            "search by two letters",
            format!("?search={}", begin.chars().take(2).collect::<String>()),
        ),
        (
            "search by two words",
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

/// Asks for each page so many times; the median of each.
pub async fn measure(server: &Server, size: Size, rounds: u32) -> Result<Vec<Figure>> {
    let mut browser = Browser::signed_in(server).await?;
    let mut figures = Vec::new();
    for (name, path) in pages(size) {
        figures.push((
            name,
            take(&mut browser, &path, rounds)
                .await
                .map_err(|failure| failure.to_string()),
        ));
    }
    Ok(figures)
}

async fn take(browser: &mut Browser, path: &str, rounds: u32) -> Result<Duration> {
    let first = browser.get(path).await?;
    let is_filter = path.split(['?', '&']).skip(1).any(|part| {
        !["sort=", "size=", "last=", "after=", "before="]
            .iter()
            .any(|name| part.starts_with(name))
    });
    if is_filter && !first.is_filtered() {
        return Err(format!("{path} does not say that it is filtered").into());
    }
    let mut times = Vec::new();
    for _ in 0..rounds {
        times.push(browser.get(path).await?.took);
    }
    times.sort();
    times
        .get(times.len() / 2)
        .copied()
        .ok_or_else(|| "no rounds".into())
}
