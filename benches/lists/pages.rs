//! The pages that are asked for.

use std::time::Duration;

use crate::{Result, browser::Browser, filling::Size, server::Server};

/// A page's name, and how long it took; a text where it could not be taken.
pub type Figure = (&'static str, std::result::Result<Duration, String>);

/// A page that is asked for: its name, and its address in an installation of a size.
type Asked = (&'static str, fn(Size) -> String);

/// Filters have to show on the page: a parameter that no page knows would be passed over, and quickly.
const PAGES: [Asked; 4] = [
    ("users", |_| "/admin/users".into()),
    ("clients", |_| "/admin/clients".into()),
    ("tokens", |_| "/admin/tokens".into()),
    ("blacklist", |_| "/admin/blacklist".into()),
];

/// Asks for each page so many times; the median of each.
pub async fn measure(server: &Server, size: Size, rounds: u32) -> Result<Vec<Figure>> {
    let mut browser = Browser::signed_in(server).await?;
    let mut figures = Vec::new();
    for (name, path) in PAGES {
        let path = path(size);
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
