//! What cuts somebody off, or cannot be undone, asks first: the table of all forms of the panel.

use munjigi::{
    domain::account::Role,
    http::admin::{paths, webhook_paths},
};
use serde_json::{Value, json};

use super::{
    permissions::{FORMS, OWN, Scene},
    proofs::{ORIGIN, settings},
    second_factors,
};
use crate::support::{App, Page, authenticator::Authenticator, password_of, totp::Totp};

const KIM: &str = "/admin/users/4";
const SHOP: &str = "/admin/clients/2";
const SERVICE: &str = "/admin/services/1";
const WEBHOOK: &str = "/admin/webhooks/1";
const TOKEN: &str = "/admin/tokens/JTI";

/// The page that offers a change, the address of its question and form, and what the question says. `SID`, `JTI`, `KID`
/// and `KEY` are any id. In this order nothing takes away what a later line needs.
const ASKING: &[(&str, &str, &str)] = &[
    (
        paths::ACCOUNT,
        "/admin/account/sessions/SID/end",
        "Ends 1 session.",
    ),
    (
        paths::ACCOUNT,
        paths::END_OWN_SESSIONS,
        "Ends 2 sessions on 1 device.",
    ),
    (
        paths::ACCOUNT,
        "/admin/account/api-sessions/SID/end",
        "Ends 1 session.",
    ),
    (
        paths::ACCOUNT,
        paths::END_OWN_API_SESSIONS,
        "Ends 2 sessions on 1 device.",
    ),
    (
        paths::SECOND_FACTOR,
        paths::RECOVERY_CODES,
        "10 unused recovery codes stop working.",
    ),
    (
        paths::SECOND_FACTOR,
        paths::REMOVE_TOTP,
        "Your passkeys and recovery codes stay valid.",
    ),
    (
        "/admin/account/passkeys/KEY",
        "/admin/account/passkeys/KEY/remove",
        "10 unused recovery codes stop working.",
    ),
    (
        KIM,
        "/admin/users/4/sessions/SID/end",
        "The device is logged out",
    ),
    (
        "/admin/users/2",
        "/admin/users/2/browser-sessions/SID/end",
        "The browser is logged out",
    ),
    (KIM, "/admin/users/4/link", "becomes invalid"),
    (
        KIM,
        "/admin/users/4/link/withdraw",
        "Link to set a new password, by e-mail to k***@example.org, valid until",
    ),
    (
        KIM,
        "/admin/users/4/second-factor",
        "only the password is required",
    ),
    (KIM, "/admin/users/4/sessions/end", "Ends 1 session."),
    (
        KIM,
        "/admin/users/4/deactivate",
        "There are no active sessions.",
    ),
    (
        KIM,
        "/admin/users/4/delete",
        "There are no active sessions.",
    ),
    (
        SHOP,
        "/admin/clients/2/sessions/SID/end",
        "The device is logged out",
    ),
    (SHOP, "/admin/clients/2/link", "becomes invalid"),
    (SHOP, "/admin/clients/2/link/withdraw", "valid until"),
    (
        SHOP,
        "/admin/clients/2/second-factor",
        "only the password is required",
    ),
    (SHOP, "/admin/clients/2/sessions/end", "Ends 1 session."),
    (
        SHOP,
        "/admin/clients/2/deactivate",
        "There are no active sessions.",
    ),
    (
        SHOP,
        "/admin/clients/2/delete",
        "There are no active sessions.",
    ),
    (
        SERVICE,
        "/admin/services/1/secret",
        "It has never been used.",
    ),
    (
        SERVICE,
        "/admin/services/1/deactivate",
        "It has never been used.",
    ),
    (
        SERVICE,
        "/admin/services/1/delete",
        "It has never been used.",
    ),
    (WEBHOOK, "/admin/webhooks/1/secret", "For 24 hours"),
    (
        WEBHOOK,
        "/admin/webhooks/1/deactivate",
        "Nothing more is sent.",
    ),
    (
        WEBHOOK,
        "/admin/webhooks/1/delete",
        "This cannot be undone.",
    ),
    (
        TOKEN,
        "/admin/tokens/JTI/blacklist",
        "1 session can no longer be refreshed.",
    ),
    (TOKEN, "/admin/tokens/JTI/end-session", "Ends 1 session."),
    (paths::KEYS, "/admin/keys/KID/retire", "will not sign"),
    (paths::KEYS, "/admin/keys/KID/promote", "signs from now"),
    (paths::KEYS, "/admin/keys/KID/revoke", "sessions"),
];

/// The fields of a form.
type Fields = &'static [(&'static str, &'static str)];

/// The forms of lists: their first submission is answered with the question.
const ASKING_IN_LISTS: &[(&str, Fields, &str)] = &[
    (
        paths::END_SESSIONS,
        &[("selected", "SID")],
        "End 1 session of 1 account?",
    ),
    (
        "/admin/users/actions",
        &[("action", "end_sessions"), ("selected", "3")],
        "There are no active sessions.",
    ),
    (
        "/admin/clients/actions",
        &[("action", "deactivate"), ("selected", "1")],
        "Ends 1 session.",
    ),
];

/// Why the other forms act at once.
const NOT_ASKING: &[(&str, &[&str])] = &[
    (
        "creates something that nobody uses yet",
        &[
            "/admin/users/new",
            "/admin/clients/new",
            webhook_paths::NEW_WEBHOOK,
            paths::NEW_SERVICE,
            paths::NEW_KEY,
        ],
    ),
    (
        "lets somebody in",
        &[
            "/admin/users/3/activate",
            "/admin/users/3/unlock",
            "/admin/clients/1/activate",
            "/admin/clients/1/unlock",
            "/admin/services/1/activate",
            "/admin/webhooks/1/activate",
            paths::LIFT_LOCK,
        ],
    ),
    (
        "can be changed back; a deactivation leads to its question, and beside the password is what it ends",
        &[
            "/admin/users/3/edit",
            "/admin/clients/1/edit",
            "/admin/services/1",
            "/admin/webhooks/1",
            paths::PROFILE,
            paths::PREFERENCES,
            "/admin/account/passkeys/SID",
        ],
    ),
    (
        "says beside its button what ends, and needs the current password",
        &[paths::PASSWORD],
    ),
    (
        "adds a factor, or is a step of it; the address changes with a link that asks",
        &[
            paths::TOTP,
            paths::CONFIRM_TOTP,
            paths::PASSKEYS,
            paths::PASSKEY_OPTIONS,
            paths::PASSKEY_PROOF,
            paths::OWN_EMAIL,
        ],
    ),
    (
        "sends a message again, or a test",
        &[
            "/admin/webhooks/1/test",
            "/admin/webhooks/1/resend",
            "/admin/webhooks/1/resend-dead",
            paths::TEST_MAIL,
        ],
    ),
    (
        "deletes rows without effect, as the server does by itself, or stops a job, which can be started again",
        &[paths::FLUSH, "/admin/jobs/SID/stop"],
    ),
    (
        "changes nothing, or has Undo",
        &[
            paths::INSPECTOR,
            paths::AUDIT_CHAIN,
            paths::VIEWS,
            paths::DELETE_VIEW,
        ],
    ),
    (
        "ends the session of this browser, which logs in again",
        &[paths::LOGOUT],
    ),
];

/// A path of this file as in the lists of all forms.
fn listed(path: &str) -> String {
    path.replace("KEY", "SID")
        .replace("/users/4", "/users/3")
        .replace("/users/2", "/users/3")
        .replace("/clients/2", "/clients/1")
}

#[test]
fn every_form_asks_or_has_a_reason() {
    let asking = ASKING.iter().map(|(_, path, _)| *path);
    let in_lists = ASKING_IN_LISTS.iter().map(|(path, ..)| *path);
    let others = NOT_ASKING
        .iter()
        .flat_map(|(_, paths)| paths.iter().copied());
    let mut found: Vec<String> = asking.chain(in_lists).chain(others).map(listed).collect();
    let mut forms: Vec<String> = FORMS
        .iter()
        .chain(OWN)
        .map(|path| (*path).to_owned())
        .collect();
    found.sort_unstable();
    forms.sort_unstable();
    assert_eq!(found, forms);
}

/// Whether a path is one of a pattern.
fn fits(path: &str, pattern: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let is_id = |part: &str| ["SID", "JTI", "KID", "KEY"].contains(&part);
    path.split('/').count() == pattern.split('/').count()
        && path
            .split('/')
            .zip(pattern.split('/'))
            .all(|(part, wanted)| part == wanted || is_id(wanted))
}

/// The number of audit events: every change of this file is recorded.
async fn events(app: &App) -> i64 {
    app.number("SELECT COUNT(*) AS number FROM audit_events")
        .await
}

/// Two accounts with sessions, second factors and open links; sessions, a second factor and a passkey of the viewer;
/// keys.
async fn scene_with_sessions() -> Scene {
    let scene = Scene::with_reader(App::with(settings), Role::AUDITOR).await;
    let (app, admin) = (&scene.app, &scene.admin);
    let (kim, shop) = (app.user("kim").await, app.client("shop").await);
    for person in [kim.again().await, shop.again().await] {
        Totp::of(app, &person).await;
    }
    for person in [KIM, SHOP] {
        admin.post(&format!("{person}/link"), &[]).await.assert(303);
    }
    let own = json!({"username": "ann@example.org", "password": password_of("ann")});
    for _ in 0..3 {
        app.browser().sign_in("ann").await;
        let answer = app.anonymous().post("/auth/login", own.clone()).await;
        answer.assert(200, "LOGGED_IN");
    }
    second_factors::set_up(app, admin).await;
    let asked = admin.post(paths::PASSKEY_OPTIONS, &[]).await.assert(200);
    let asked: Value = serde_json::from_str(&asked.html).unwrap();
    let credential = Authenticator::at(ORIGIN).register(&asked).to_string();
    let fields = [("name", "Laptop"), ("credential", credential.as_str())];
    admin.post(paths::PASSKEYS, &fields).await.assert(303);
    for _ in 0..2 {
        let fields = [("algorithm", "EdDSA")];
        admin.post(paths::NEW_KEY, &fields).await.assert(303);
    }
    scene
}

/// The address of the page that offers a change.
async fn place(scene: &Scene, page: &str) -> String {
    if !page.ends_with("KEY") {
        return scene.path(page);
    }
    let list = scene.admin.open(paths::PASSKEYS).await;
    list.attr("#passkeys .card a", "href")
}

fn says(page: &Page, text: &str) -> bool {
    page.text("main").contains(text)
}

#[tokio::test]
async fn a_question_changes_nothing_and_its_form_acts() {
    let scene = Box::pin(scene_with_sessions()).await;
    let (app, admin) = (&scene.app, &scene.admin);
    for (offered_on, pattern, text) in ASKING {
        let page = admin.open(&place(&scene, offered_on).await).await;
        let acting = page.attrs("form[method=post]", "action");
        assert!(!acting.iter().any(|path| fits(path, pattern)), "{pattern}");
        let links = page.attrs("main a", "href");
        let link = links.iter().find(|path| fits(path, pattern));
        let link = link.unwrap_or_else(|| panic!("no {pattern} on {offered_on}: {links:?}"));
        let before = events(app).await;
        let question = admin.open(link).await;
        assert!(
            says(&question, text),
            "{pattern}: {}",
            question.text("main")
        );
        assert!(question.has(".form-actions a.button"), "{pattern}");
        let action = question.attr("main form", "action");
        assert!(fits(&action, pattern), "{action}");
        assert_eq!(events(app).await, before, "{pattern}");
        let done = admin.post(&action, &[("at_once", "1")]).await;
        assert!(
            [200, 303].contains(&done.status),
            "{pattern}: {}",
            done.html
        );
        assert!(events(app).await > before, "{pattern}");
        if pattern.ends_with("/deactivate") {
            let undone = admin.open(done.location()).await;
            let undo = undone.attr(".notice form", "action");
            admin.post(&undo, &[]).await.assert(303);
        }
    }
}

#[tokio::test]
async fn a_form_of_a_list_is_answered_with_a_question() {
    let scene = Scene::with_reader(App::start(), Role::AUDITOR).await;
    let (app, admin) = (&scene.app, &scene.admin);
    for (path, fields, text) in ASKING_IN_LISTS {
        let filled: Vec<(&str, String)> = fields
            .iter()
            .map(|(name, value)| (*name, scene.path(value)))
            .collect();
        let mut fields: Vec<(&str, &str)> = filled
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let before = events(app).await;
        let question = admin.post(path, &fields).await.assert(200);
        assert!(says(&question, text), "{path}: {}", question.text("main"));
        assert_eq!(events(app).await, before, "{path}");
        fields.push(("confirmed", "1"));
        admin.post(path, &fields).await.assert(303);
        assert!(events(app).await > before, "{path}");
    }
}
