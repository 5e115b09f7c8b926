//! Which forms of the panel ask for a proof of who the viewer is, once the last one is older than ten minutes: the table of all
//! forms.

use munjigi::{
    config::{Config, SmtpTls},
    domain::account::Role,
    http::admin::paths,
};
use serde_json::Value;

use super::permissions::{FORMS, OWN, Scene};
use crate::support::{App, authenticator::Authenticator};

pub(super) const ORIGIN: &str = "https://auth.example.org";

/// The forms that ask, each with fields that are complete but for the proof. `KEY` is the id of the viewer's passkey.
const ASKING: &[(&str, &[(&str, &str)])] = &[
    (
        "/admin/users/new",
        &[
            ("email", "new@example.org"),
            ("name", "N"),
            ("role", "admin"),
        ],
    ),
    (
        "/admin/users/actions",
        &[
            ("action", "activate"),
            ("selected", "3"),
            ("confirmed", "1"),
        ],
    ),
    // Any other role.
    (
        "/admin/users/2/edit",
        &[
            ("email", "eva@example.org"),
            ("name", "eva"),
            ("role", "staff"),
        ],
    ),
    ("/admin/users/3/activate", &[]),
    ("/admin/users/3/delete", &[]),
    ("/admin/users/3/link", &[]),
    ("/admin/users/3/second-factor", &[]),
    (
        "/admin/clients/actions",
        &[
            ("action", "deactivate"),
            ("selected", "1"),
            ("confirmed", "1"),
        ],
    ),
    (
        "/admin/clients/1/edit",
        &[
            ("username", "acme"),
            ("name", "acme"),
            ("email", "it@example.org"),
        ],
    ),
    ("/admin/clients/1/delete", &[]),
    ("/admin/clients/1/link", &[]),
    ("/admin/clients/1/second-factor", &[]),
    ("/admin/services/new", &[("name", "shipping")]),
    ("/admin/services/1", &[("scopes", "orders.read")]),
    ("/admin/services/1/secret", &[]),
    ("/admin/services/1/delete", &[]),
    (
        "/admin/webhooks/new",
        &[
            ("name", "other"),
            ("url", "https://hooks.example.org/"),
            ("events", "session.began"),
        ],
    ),
    (
        "/admin/webhooks/1",
        &[
            ("url", "https://hooks.example.org/"),
            ("events", "session.began"),
        ],
    ),
    ("/admin/webhooks/1/secret", &[]),
    ("/admin/webhooks/1/delete", &[]),
    (
        "/admin/sessions/end",
        &[("selected", "SID"), ("confirmed", "1")],
    ),
    ("/admin/keys/new", &[("algorithm", "EdDSA")]),
    ("/admin/keys/KID/promote", &[]),
    ("/admin/keys/KID/retire", &[]),
    ("/admin/keys/KID/revoke", &[]),
    // With a second factor, besides the current password.
    (
        "/admin/account/password",
        &[
            ("current_password", "x"),
            ("password", "a new password, long enough"),
            ("repeated", "a new password, long enough"),
        ],
    ),
    ("/admin/account/email", &[("email", "other@example.org")]),
    ("/admin/account/second-factor/totp", &[]),
    (
        "/admin/account/second-factor/totp/confirm",
        &[("code", "000000")],
    ),
    ("/admin/account/second-factor/totp/remove", &[]),
    ("/admin/account/second-factor/recovery-codes", &[]),
    (
        "/admin/account/passkeys",
        &[("name", "Phone"), ("credential", "{}")],
    ),
    ("/admin/account/passkeys/KEY/remove", &[]),
];

/// The forms that do not ask: they cut accounts, sessions and services off or let them in again, and change nothing that logins
/// depend on.
const NOT_ASKING: &[&str] = &[
    "/admin/users/3/deactivate",
    "/admin/users/3/link/withdraw",
    "/admin/users/3/unlock",
    "/admin/users/3/sessions/end",
    "/admin/users/3/sessions/SID/end",
    "/admin/users/3/browser-sessions/SID/end",
    // Nobody logs in with a new client yet, and clients have no roles.
    "/admin/clients/new",
    "/admin/clients/1/activate",
    "/admin/clients/1/deactivate",
    "/admin/clients/1/link/withdraw",
    "/admin/clients/1/unlock",
    "/admin/clients/1/sessions/end",
    "/admin/clients/1/sessions/SID/end",
    "/admin/services/1/activate",
    "/admin/services/1/deactivate",
    "/admin/webhooks/1/activate",
    "/admin/webhooks/1/deactivate",
    // To an address that was entered with a proof.
    "/admin/webhooks/1/test",
    "/admin/webhooks/1/resend",
    "/admin/webhooks/1/resend-dead",
    "/admin/tokens/JTI/blacklist",
    "/admin/tokens/JTI/end-session",
    "/admin/blacklist/flush",
    "/admin/locks/lift",
    "/admin/jobs/SID/stop",
    "/admin/security/test-mail",
    "/admin/account/profile",
    "/admin/account/preferences",
    // What the browser is asked for; the forms that send it ask.
    "/admin/account/passkeys/options",
    "/admin/account/passkeys/proof",
    // The name of a passkey.
    "/admin/account/passkeys/SID",
    "/admin/account/sessions/end",
    "/admin/account/sessions/SID/end",
    "/admin/account/api-sessions/end",
    "/admin/account/api-sessions/SID/end",
    "/admin/inspector",
    "/admin/audit/verification",
    "/admin/views",
    "/admin/views/delete",
    "/admin/logout",
];

/// Passkeys, and links that are mailed to a server that cannot be reached.
pub(super) fn settings(config: &mut Config) {
    config.server.public_url = Some(ORIGIN.parse().unwrap());
    config.smtp.host = Some("localhost".into());
    config.smtp.port = Some(1);
    config.smtp.tls = SmtpTls::None;
    config.smtp.from = Some("login@example.org".into());
}

/// Adds a passkey and an app to the viewer's account; returns the id of the passkey.
async fn set_up(scene: &Scene) -> String {
    let admin = &scene.admin;
    let asked = admin.post(paths::PASSKEY_OPTIONS, &[]).await.assert(200);
    let asked: Value = serde_json::from_str(&asked.html).unwrap();
    let credential = Authenticator::at(ORIGIN).register(&asked).to_string();
    let fields = [("name", "Laptop"), ("credential", credential.as_str())];
    admin.post(paths::PASSKEYS, &fields).await.assert(200);
    admin.post(paths::TOTP, &[]).await.leads_to(paths::TOTP);
    let list = admin.open(paths::PASSKEYS).await;
    let link = list.attr("#passkeys .card a", "href");
    link.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn every_form_is_in_the_table() {
    let asking = ASKING.iter().map(|(path, _)| *path);
    let mut listed: Vec<String> = asking
        .chain(NOT_ASKING.iter().copied())
        .map(|path| path.replace("KEY", "SID").replace("users/2", "users/3"))
        .collect();
    let mut forms: Vec<String> = [FORMS, OWN]
        .concat()
        .iter()
        .map(|path| (*path).to_owned())
        .collect();
    listed.sort_unstable();
    forms.sort_unstable();
    assert_eq!(listed, forms);
}

#[tokio::test]
async fn the_forms_ask_for_a_proof_that_is_not_older_than_ten_minutes() {
    let scene = Scene::with_reader(App::with(settings), Role::AUDITOR).await;
    let key = set_up(&scene).await;
    scene
        .app
        .execute("UPDATE users SET role = 'admin', is_active = FALSE WHERE name = 'sam'")
        .await;
    scene.app.outdate_proofs();
    let filled = |pattern: &str| scene.path(pattern).replace("KEY", &key);
    for (pattern, fields) in ASKING {
        let values: Vec<(&str, String)> = fields
            .iter()
            .map(|(name, value)| (*name, filled(value)))
            .collect();
        let fields: Vec<(&str, &str)> = values
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let page = scene.admin.post(&filled(pattern), &fields).await;
        let page = page.assert(422);
        assert_eq!(
            page.texts("#current-error"),
            ["This field is required."],
            "{pattern}"
        );
        assert!(page.has("input[name=current]"), "{pattern}");
    }
    for pattern in NOT_ASKING.iter().filter(|path| **path != "/admin/logout") {
        let page = scene.admin.post(&filled(pattern), &[]).await;
        assert!(!page.has("#current-error"), "{pattern}");
    }
}
