//! Every path of the panel for anonymous visitors, auditors and administrators, and every form with an invalid CSRF token.
//! Staff get no session: see `access.rs`. The paths are literals: they pin the URLs of the panel.

use munjigi::domain::account::Role;
use serde_json::json;

use crate::support::{App, Browser, claims_of};

/// Pages for administrators and auditors.
pub(super) const READ: &[&str] = &[
    "/admin",
    "/admin/users",
    "/admin/users/3",
    "/admin/clients",
    "/admin/clients/1",
    "/admin/services",
    "/admin/services/1",
    "/admin/webhooks",
    "/admin/webhooks/1",
    "/admin/search",
    "/admin/search?q=sam",
    "/admin/sessions",
    "/admin/sessions/SID",
    "/admin/jobs",
    "/admin/tokens",
    "/admin/tokens/JTI",
    "/admin/blacklist",
    "/admin/locks",
    "/admin/inspector",
    "/admin/audit",
    "/admin/audit/1",
    "/admin/audit/verification",
    "/admin/security",
    "/admin/keys",
    "/admin/account",
    "/admin/account/second-factor",
    "/admin/account/passkeys",
];

/// CSV files, and JSON.
pub(super) const FILES: &[&str] = &[
    "/admin/users/export.csv",
    "/admin/clients/export.csv",
    "/admin/audit/export.csv",
    "/admin/sessions/export.csv",
    "/admin/tokens/export.csv",
    "/admin/blacklist/export.csv",
    "/admin/locks/export.csv",
    "/admin/services/export.csv",
    "/admin/jobs/export.csv",
    "/admin/webhooks/export.csv",
    "/admin/keys/export.csv",
    "/admin/account/passkeys/export.csv",
    "/admin/search/accounts?q=sam",
];

/// Forms and confirmations of changes.
const CHANGING: &[&str] = &[
    "/admin/users/new",
    "/admin/users/3/edit",
    "/admin/users/3/delete",
    "/admin/users/3/second-factor",
    "/admin/users/3/deactivate",
    "/admin/users/3/sessions/end",
    "/admin/clients/new",
    "/admin/clients/1/edit",
    "/admin/clients/1/delete",
    "/admin/clients/1/second-factor",
    "/admin/clients/1/deactivate",
    "/admin/clients/1/sessions/end",
    "/admin/services/new",
    "/admin/services/1/secret",
    "/admin/services/1/deactivate",
    "/admin/services/1/delete",
    "/admin/webhooks/new",
    "/admin/webhooks/1/secret",
    "/admin/webhooks/1/deactivate",
    "/admin/webhooks/1/delete",
    "/admin/tokens/JTI/blacklist",
    "/admin/tokens/JTI/end-session",
    "/admin/keys/new",
    "/admin/keys/KID/promote",
    "/admin/keys/KID/retire",
    "/admin/keys/KID/revoke",
];

/// Changes of other accounts.
pub(super) const FORMS: &[&str] = &[
    "/admin/users/new",
    "/admin/users/actions",
    "/admin/users/3/edit",
    "/admin/users/3/delete",
    "/admin/users/3/activate",
    "/admin/users/3/deactivate",
    "/admin/users/3/link",
    "/admin/users/3/link/withdraw",
    "/admin/users/3/second-factor",
    "/admin/users/3/unlock",
    "/admin/users/3/sessions/end",
    "/admin/users/3/sessions/SID/end",
    "/admin/users/3/browser-sessions/SID/end",
    "/admin/clients/new",
    "/admin/clients/actions",
    "/admin/clients/1/edit",
    "/admin/clients/1/delete",
    "/admin/clients/1/activate",
    "/admin/clients/1/deactivate",
    "/admin/clients/1/link",
    "/admin/clients/1/link/withdraw",
    "/admin/clients/1/second-factor",
    "/admin/clients/1/unlock",
    "/admin/clients/1/sessions/end",
    "/admin/clients/1/sessions/SID/end",
    "/admin/services/new",
    "/admin/services/1",
    "/admin/services/1/secret",
    "/admin/services/1/activate",
    "/admin/services/1/deactivate",
    "/admin/services/1/delete",
    "/admin/webhooks/new",
    "/admin/webhooks/1",
    "/admin/webhooks/1/secret",
    "/admin/webhooks/1/activate",
    "/admin/webhooks/1/deactivate",
    "/admin/webhooks/1/delete",
    "/admin/webhooks/1/test",
    "/admin/webhooks/1/resend",
    "/admin/webhooks/1/resend-dead",
    "/admin/tokens/JTI/blacklist",
    "/admin/tokens/JTI/end-session",
    "/admin/sessions/end",
    "/admin/blacklist/flush",
    "/admin/locks/lift",
    "/admin/jobs/SID/stop",
    "/admin/security/test-mail",
    "/admin/keys/new",
    "/admin/keys/KID/promote",
    "/admin/keys/KID/retire",
    "/admin/keys/KID/revoke",
];

/// Changes of the own account, and forms that change nothing.
pub(super) const OWN: &[&str] = &[
    "/admin/account/profile",
    "/admin/account/preferences",
    "/admin/account/password",
    "/admin/account/email",
    "/admin/account/second-factor/totp",
    "/admin/account/second-factor/totp/confirm",
    "/admin/account/second-factor/totp/remove",
    "/admin/account/second-factor/recovery-codes",
    "/admin/account/passkeys",
    "/admin/account/passkeys/options",
    "/admin/account/passkeys/proof",
    "/admin/account/passkeys/SID",
    "/admin/account/passkeys/SID/remove",
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

pub(super) struct Scene {
    pub(super) app: App,
    pub(super) admin: Browser,
    auditor: Browser,
    jti: String,
    sid: String,
}

impl Scene {
    async fn set() -> Self {
        Self::with_reader(App::start(), Role::AUDITOR).await
    }

    /// With an account of another role in place of the auditor.
    pub(super) async fn with_reader(app: App, reader: Role) -> Self {
        let admin = app.signed_in("ann", Role::ADMIN).await;
        let auditor = app.signed_in("eva", reader).await;
        let sam = app.user("sam").await;
        assert_eq!(sam.seq, 3);
        app.client("acme").await;
        app.service("billing", "").await;
        app.webhook("hook").await;
        let claims = claims_of(&sam.refresh);
        let text = |name: &str| claims[name].as_str().unwrap().to_owned();
        Self {
            jti: text("jti"),
            sid: text("sid"),
            app,
            admin,
            auditor,
        }
    }

    pub(super) fn path(&self, pattern: &str) -> String {
        let kid = self.app.services().tokens.key_id();
        let path = pattern.replace("JTI", &self.jti).replace("SID", &self.sid);
        path.replace("KID", &kid)
    }

    /// Counts that a change would alter.
    async fn state(&self) -> Vec<i64> {
        let mut state = Vec::new();
        for table in [
            "users WHERE is_active = true",
            "client_users WHERE is_active = true",
            "services WHERE is_active = true AND name = 'billing'",
            "webhook_endpoints WHERE is_active = true",
            "webhook_deliveries",
            "users WHERE name IN ('ann', 'eva', 'sam')",
            "blacklisted_tokens",
            "sessions WHERE ended_at IS NOT NULL",
            "browser_sessions WHERE ended_at IS NOT NULL",
            "set_up_links",
            "jobs",
            "panel_preferences",
            "signing_keys",
            "totp_factors",
        ] {
            let query = format!("SELECT COUNT(*) AS number FROM {table}");
            state.push(self.app.number(&query).await);
        }
        state
    }
}

#[tokio::test]
async fn anonymous_visitors_are_redirected_to_the_sign_in_page() {
    let scene = Scene::set().await;
    let anonymous = scene.app.browser();
    let before = scene.state().await;
    for pattern in [READ, FILES, CHANGING].concat() {
        let page = anonymous.get(&scene.path(pattern)).await.assert(303);
        assert!(page.location().starts_with("/admin/login"), "{pattern}");
    }
    for pattern in [FORMS, OWN].concat() {
        let page = anonymous.post(&scene.path(pattern), &[]).await.assert(303);
        assert!(page.location().starts_with("/admin/login"), "{pattern}");
    }
    assert_eq!(scene.state().await, before);
}

#[tokio::test]
async fn an_auditor_sees_every_page_and_is_refused_every_change() {
    reads_only(Scene::set().await).await;
}

/// What the role may change at `/api` counts for nothing in the panel.
#[tokio::test]
async fn a_role_that_changes_accounts_at_the_api_alone_reads_only() {
    let app = App::with(|config| {
        let roles = json!({
            "admin": {"panel": "write", "api": "write"},
            "sync": {"panel": "read", "api": "write"},
            "staff": {},
        });
        config.roles = serde_json::from_value(roles).unwrap();
    });
    reads_only(Scene::with_reader(app, Role::parse("sync").unwrap()).await).await;
}

async fn reads_only(scene: Scene) {
    let before = scene.state().await;
    for pattern in READ {
        let page = scene.auditor.open(&scene.path(pattern)).await;
        let forms = page.attrs("main form[method=post]", "action");
        let changes_nothing = ["/admin/inspector", "/admin/audit/verification"];
        let own = |action: &String| {
            action.starts_with("/admin/account") || changes_nothing.contains(&action.as_str())
        };
        assert!(forms.iter().all(own), "{pattern}: {forms:?}");
        let links = page.attrs("main a", "href");
        let changes = |link: &&String| link.ends_with("/new") || link.ends_with("/edit");
        assert_eq!(links.iter().find(changes), None, "{pattern}");
    }
    for pattern in FILES {
        scene.auditor.open(&scene.path(pattern)).await;
    }
    for pattern in CHANGING {
        let page = scene.auditor.get(&scene.path(pattern)).await.assert(403);
        assert!(page.text("h1").contains("Read-only"), "{pattern}");
    }
    for pattern in FORMS {
        let page = scene.auditor.post(&scene.path(pattern), &[]).await;
        let page = page.assert(403);
        assert!(page.text("h1").contains("Read-only"), "{pattern}");
    }
    assert_eq!(scene.state().await, before);
}

#[tokio::test]
async fn an_administrator_opens_every_page() {
    let scene = Scene::set().await;
    for pattern in [READ, FILES, CHANGING].concat() {
        scene.admin.open(&scene.path(pattern)).await;
    }
}

#[tokio::test]
async fn no_form_is_accepted_without_a_valid_csrf_token() {
    let scene = Scene::set().await;
    let foreign = scene.auditor.token().await;
    let old = scene.admin.token().await;
    scene.admin.post("/admin/logout", &[]).await.assert(303);
    scene.admin.sign_in("ann").await;
    let before = scene.state().await;
    for pattern in [FORMS, OWN].concat() {
        for token in [None, Some(foreign.as_str()), Some(old.as_str())] {
            let token = token.map(|token| ("csrf", token));
            let fields: Vec<(&str, &str)> = token.into_iter().collect();
            let page = scene.admin.post_as_is(&scene.path(pattern), &fields).await;
            let page = page.assert(403);
            assert!(page.text("h1").contains("no longer valid"), "{pattern}");
        }
    }
    assert_eq!(scene.state().await, before);
    scene.admin.open("/admin").await;
}
