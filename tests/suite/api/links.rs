//! The addresses of other pages in the answer of a list.

use crate::support::App;

#[tokio::test]
async fn lists_link_to_their_other_pages() {
    let app = App::start();
    let root = app.admin("root").await;
    for name in ["ann", "bob", "cat", "dan"] {
        app.client(name).await;
    }
    let links_of = |query: &'static str| {
        let root = &root;
        async move {
            let answer = root.get(&format!("/api/clients{query}")).await;
            answer.assert(200, "CLIENT_LIST").body["meta"]["links"].clone()
        }
    };
    let links = links_of("?page_size=2&page=1&ordering=name&search=%EA%B9%80%26x").await;
    assert_eq!(
        links["first"],
        "/api/clients?page_size=2&ordering=name&search=%EA%B9%80%26x&page=1"
    );
    for (query, expected) in [
        ("", [Some(1), None, None, Some(1)]),
        ("?page_size=2", [Some(1), None, Some(2), Some(2)]),
        ("?page_size=2&page=2", [Some(1), Some(1), None, Some(2)]),
        (
            "?page_size=3&page=1&page=2",
            [Some(1), Some(1), None, Some(2)],
        ),
        ("?page_size=2&page=9", [Some(1), Some(2), None, Some(2)]),
    ] {
        let links = links_of(query).await;
        let page_of = |name: &str| -> Option<u32> {
            let link = links[name].as_str()?;
            link.rsplit_once("page=")?.1.parse().ok()
        };
        let found = ["first", "prev", "next", "last"].map(page_of);
        assert_eq!(found, expected, "{query}: {links}");
        // A link leads to the page that it names.
        let answer = root.get(links["last"].as_str().unwrap()).await;
        let answer = answer.assert(200, "CLIENT_LIST");
        let pagination = &answer.body["meta"]["pagination"];
        assert_eq!(pagination["page"], pagination["total_pages"]);
    }
}

#[tokio::test]
async fn links_begin_with_the_public_address() {
    let app = App::with(|config| {
        config.server.public_url = Some("https://login.example.org/auth-server/".parse().unwrap());
    });
    let root = app.admin("root").await;
    let answer = root.get("/api/users?is_active=true").await;
    let answer = answer.assert(200, "USER_LIST");
    assert_eq!(
        answer.body["meta"]["links"]["first"],
        "https://login.example.org/auth-server/api/users?is_active=true&page=1"
    );
}
