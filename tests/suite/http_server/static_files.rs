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

#[tokio::test]
async fn files_of_the_operator_take_the_place_of_built_in_ones() {
    let directory = tempfile::tempdir().unwrap();
    let style = directory.path().join("app.css");
    fs::write(&style, "body { color: red }").unwrap();
    fs::write(directory.path().join(".secret"), "hidden").unwrap();
    let app = App::with(|config| config.server.static_dir = Some(directory.path().to_owned()));
    let [css, js] = addresses(&app).await;
    let answer = app.anonymous().get(&css).await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (200, "body { color: red }")
    );
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    assert_eq!(
        answer.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    // A file that is not there comes from the program, and a changed one is served at once.
    let script = app.anonymous().get(&js).await;
    assert!(
        script.status == 200 && script.text.len() > 1_000,
        "{}",
        script.text
    );
    fs::write(&style, "body { color: blue }").unwrap();
    assert_eq!(app.anonymous().get(&css).await.text, "body { color: blue }");
    for other in [".secret", "..%2fCargo.toml", "../../Cargo.toml", ""] {
        let path = css.replace("app.css", other);
        assert_eq!(app.anonymous().get(&path).await.status, 404, "{path}");
    }
    assert_eq!(
        app.anonymous()
            .post(&css, serde_json::json!({}))
            .await
            .status,
        405
    );
}

#[tokio::test]
async fn built_in_files_are_cached_forever() {
    let app = App::start();
    for address in addresses(&app).await {
        let answer = app.anonymous().get(&address).await;
        assert_eq!(answer.status, 200);
        let forever = "public, max-age=31536000, immutable";
        assert_eq!(answer.header("cache-control"), Some(forever));
    }
}
