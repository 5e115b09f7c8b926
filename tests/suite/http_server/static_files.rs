//! The panel's static files: from the program, or from a directory of the operator.

use std::fs;

use crate::support::App;

/// The addresses of the style and the script of the login page.
async fn addresses(app: &App) -> [String; 2] {
    let page = app.browser().open("/admin/login").await;
    [
        page.attr("link[rel=stylesheet]", "href"),
        page.attr("script[src]", "src"),
    ]
}

/// The head of an answer in lower case, and its body.
async fn fetched(app: &App, method: &str, path: &str) -> (String, String) {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answer = app.anonymous().raw(request.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn files_of_the_operator_take_the_place_of_built_in_ones() {
    let directory = tempfile::tempdir().unwrap();
    let style = directory.path().join("app.css");
    fs::write(&style, "body { color: red }").unwrap();
    fs::write(directory.path().join(".secret"), "hidden").unwrap();
    // The page is opened on a server without the directory: the addresses are the same.
    let [css, js] = addresses(&App::start()).await;
    let app = App::with(|config| config.server.static_dir = Some(directory.path().to_owned()));
    let (head, body) = fetched(&app, "GET", &css).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(body, "body { color: red }");
    for header in [
        "cache-control: no-cache",
        "content-type: text/css; charset=utf-8",
        "x-content-type-options: nosniff",
    ] {
        assert!(
            head.contains(&format!("\r\n{header}\r\n")) || head.ends_with(header),
            "{head}"
        );
    }
    // A file that is not there comes from the program, and a changed one is served at once.
    let (head, body) = fetched(&app, "GET", &js).await;
    assert!(
        head.starts_with("http/1.1 200") && body.len() > 1_000,
        "{head}"
    );
    fs::write(&style, "body { color: blue }").unwrap();
    assert_eq!(fetched(&app, "GET", &css).await.1, "body { color: blue }");
    for other in [
        ".secret",
        "..%2fCargo.toml",
        "../../Cargo.toml",
        "nothing",
        "",
    ] {
        let path = css.replace("app.css", other);
        let (head, body) = fetched(&app, "GET", &path).await;
        let is_refused = head.starts_with("http/1.1 404") || head.starts_with("http/1.1 400");
        assert!(is_refused && !body.contains("hidden"), "{path}: {head}");
    }
    let (head, _) = fetched(&app, "DELETE", &css).await;
    assert!(head.starts_with("http/1.1 405"), "{head}");
}

#[tokio::test]
async fn built_in_files_are_cached_forever() {
    let app = App::start();
    for address in addresses(&app).await {
        let (head, _) = fetched(&app, "GET", &address).await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let forever = "cache-control: public, max-age=31536000, immutable";
        assert!(head.contains(forever), "{head}");
    }
}
