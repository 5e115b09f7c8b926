//! Every list has a CSV file: the table of all lists.

use munjigi::{
    domain::account::Role,
    http::admin::{paths, webhook_paths},
};
use serde_json::{Value, json};

use super::{
    jobs::running_flush,
    permissions::{FILES, READ, Scene},
    proofs::{ORIGIN, settings},
};
use crate::support::{App, authenticator::Authenticator};

/// A list, the name of its file, the rows on its page, and the first columns of the file.
const LISTS: &[(&str, &str, &str, &str)] = &[
    (
        "/admin/users",
        "users",
        "#results tbody tr",
        "user_seq,email,username,name,role,",
    ),
    (
        "/admin/clients",
        "clients",
        "#results tbody tr",
        "user_seq,username,name,email,phone,",
    ),
    (
        paths::SERVICES,
        "services",
        "main tbody tr",
        "client_id,description,scopes,is_active,",
    ),
    (
        webhook_paths::WEBHOOKS,
        "webhooks",
        "main tbody tr",
        "name,address,events,is_active,waiting,dead,created_at,created_at_local,updated_at,updated_at_local",
    ),
    (paths::SESSIONS, "sessions", "#results tbody tr", "session,"),
    (paths::TOKENS, "tokens", "#results tbody tr", "jti,"),
    (paths::BLACKLIST, "blacklist", "#results tbody tr", "jti,"),
    (
        paths::LOCKS,
        "locks",
        "#results tbody tr",
        "subject,user_type,user_seq,limit,",
    ),
    (
        paths::AUDIT,
        "audit",
        "#results tbody tr",
        "id,happened_at,happened_at_local,source,",
    ),
    (paths::JOBS, "jobs", "main tbody tr", "job,kind,state,"),
    (
        paths::KEYS,
        "keys",
        "main tbody tr",
        "kid,algorithm,state,sessions,accounts,published_at,published_at_local,",
    ),
    (
        paths::PASSKEYS,
        "passkeys",
        "#passkeys .card",
        "name,is_synced,created_at,created_at_local,last_used_at,last_used_at_local",
    ),
];

/// With a row in each list.
async fn scene_with_rows() -> Scene {
    let scene = Scene::with_reader(App::with(settings), Role::AUDITOR).await;
    let (app, admin) = (&scene.app, &scene.admin);
    let url = "https://hooks.example.org/munjigi?key=hush-hush";
    app.webhook_to("with-key", url, &[]).await;
    let wrong = json!({"username": "acme", "password": "wrong", "user_type": "client"});
    for _ in 0..5 {
        app.anonymous().post("/auth/login", wrong.clone()).await;
    }
    running_flush(app).await;
    let blacklist = scene.path("/admin/tokens/JTI/blacklist");
    admin.post(&blacklist, &[]).await.assert(303);
    let asked = admin.post(paths::PASSKEY_OPTIONS, &[]).await.assert(200);
    let asked: Value = serde_json::from_str(&asked.html).unwrap();
    let credential = Authenticator::at(ORIGIN).register(&asked).to_string();
    let fields = [("name", "=1+1, 내 노트북"), ("credential", &credential)];
    admin.post(paths::PASSKEYS, &fields).await.assert(200);
    scene
}

#[tokio::test]
async fn every_list_has_a_file_with_a_line_for_each_row() {
    let scene = scene_with_rows().await;
    let admin = &scene.admin;
    for (list, name, rows, header) in LISTS {
        let link = admin.open(list).await.attr(".actions a#export", "href");
        assert_eq!(link, format!("{list}/export.csv"));
        let file = admin.open(&link).await;
        assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8"));
        let disposition = format!("attachment; filename=\"{name}-2026-02-14.csv\"");
        assert_eq!(file.header("content-disposition"), Some(&*disposition));
        let text = file.html.strip_prefix('\u{feff}').unwrap_or(&file.html);
        assert!(text.starts_with(header), "{list}: {text}");
        let mut lines = csv::Reader::from_reader(text.as_bytes());
        let columns = lines.headers().unwrap().len();
        let lines: Vec<csv::StringRecord> = lines.records().map(Result::unwrap).collect();
        assert!(lines.iter().all(|line| line.len() == columns), "{list}");
        // The export itself is an event.
        let shown = admin.open(list).await.count(rows);
        assert!(shown > 0 && lines.len() == shown, "{list}: {shown} {text}");
        for secret in ["hush-hush", "whsec_", "$2"] {
            assert!(!text.contains(secret), "{list}: {text}");
        }
    }
    let exported = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'exported'";
    assert_eq!(
        scene.app.number(exported).await,
        i64::try_from(LISTS.len()).unwrap()
    );
}

#[tokio::test]
async fn a_name_that_begins_as_a_formula_has_an_apostrophe() {
    let scene = scene_with_rows().await;
    let file = scene.admin.open(paths::PASSKEYS_EXPORT).await;
    let line = file.html.lines().nth(1).unwrap();
    assert!(
        line.starts_with("\"'=1+1, 내 노트북\",false,2026-02-14T"),
        "{line}"
    );
    // Each viewer gets the own passkeys.
    let other = scene.app.signed_in("bob", Role::AUDITOR).await;
    let file = other.open(paths::PASSKEYS_EXPORT).await;
    assert_eq!(file.html.lines().count(), 1);
}

#[tokio::test]
async fn every_page_with_a_list_is_in_the_table() {
    let scene = scene_with_rows().await;
    for pattern in READ {
        let page = scene.admin.open(&scene.path(pattern)).await;
        let is_listed = LISTS.iter().any(|(list, ..)| list == pattern);
        // The results of a search are the beginnings of other lists.
        let has_list = page.has("table[data-rows]") && !pattern.starts_with(paths::SEARCH);
        assert_eq!(page.has("#export"), is_listed, "{pattern}");
        assert!(is_listed || !has_list, "{pattern}");
    }
    let files = LISTS.iter().map(|(list, ..)| format!("{list}/export.csv"));
    let mut files: Vec<String> = files.collect();
    let mut known = FILES.to_vec();
    known.retain(|path| path.contains("/export"));
    files.sort_unstable();
    known.sort_unstable();
    assert_eq!(files, known);
}
