//! The context of a page's template: language, theme, viewer, translations. It is the field `l` of each page.

use std::{fmt::Display, sync::Arc};

use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::config::RolesConfig;
use crate::domain::language::Language;
use crate::domain::preferences::Theme;
use crate::domain::saved_view::SavedView;
use crate::http::admin::paths;
use crate::http::admin::redirect_targets::panel_path;
use crate::http::admin::web::display_time::DisplayTime;
use crate::http::admin::web::notice::Notice;
use crate::http::admin::web::texts::{grouped, tr, tr_count, tr_with};
use crate::http::admin::web::{assets, user_agent};
use crate::services::auth::browser_sessions::StepUp;

/// The context of a template.
pub(crate) struct Layout {
    /// The language's tag.
    pub language: &'static str,
    /// `system`, `light` or `dark`.
    pub theme: &'static str,
    /// The CSRF token of the page's forms; empty on pages without forms.
    pub csrf: String,
    /// The section of the panel, by its name in the navigation.
    pub section: &'static str,
    /// Whether the viewer has write permission.
    pub can_write: bool,
    /// What a change that needs a recent proof asks the viewer for.
    pub step_up: StepUp,
    /// The viewer's name; empty without a session, as the next two.
    pub viewer_name: String,
    pub viewer_email: String,
    /// The viewer's role, translated.
    pub viewer_role: String,
    /// The roles of internal users; none on pages without them.
    pub roles: Arc<RolesConfig>,
    /// The notices of the last action.
    pub notices: Vec<Notice>,
    /// The program's version.
    pub version: &'static str,
    /// The page's path and query.
    pub path: String,
    /// The viewer's views of this list; none on other pages.
    pub views: Vec<SavedView>,
    /// The text in the search field of the header.
    pub search: String,
    /// The name of the cookie in which `app.js` sends the time zone, and what follows its value; empty on error pages.
    pub zone_cookie: (String, String),
    /// The time zone of shown times.
    pub zone: Tz,
    pub(crate) now: Timestamp,
    pub(crate) locale: Language,
}

impl Layout {
    /// The context without a viewer.
    pub(crate) fn plain(language: Language, theme: Theme, zone: Tz, now: Timestamp) -> Self {
        Self {
            language: language.tag(),
            theme: theme.as_str(),
            csrf: String::new(),
            section: "",
            can_write: false,
            step_up: StepUp::Recent,
            viewer_name: String::new(),
            viewer_email: String::new(),
            viewer_role: String::new(),
            roles: Arc::default(),
            notices: Vec::new(),
            version: env!("CARGO_PKG_VERSION"),
            path: String::new(),
            views: Vec::new(),
            search: String::new(),
            zone_cookie: (String::new(), String::new()),
            zone,
            now,
            locale: language,
        }
    }

    /// Whether a change that needs a recent proof asks for the password.
    pub(crate) fn asks_password(&self) -> bool {
        self.step_up == StepUp::Password
    }

    /// Whether it asks for the second factor.
    pub(crate) fn asks_factor(&self) -> bool {
        matches!(self.step_up, StepUp::Factor { .. })
    }

    /// Whether the second factor can be a passkey.
    pub(crate) fn asks_passkey(&self) -> bool {
        self.step_up == StepUp::Factor { passkey: true }
    }

    /// A text of `locales/admin`, by its key without the leading `admin.`.
    pub(crate) fn t(&self, key: &str) -> String {
        tr(self.locale, key)
    }

    /// The text `<family>.<word>` of a word of the domain, such as an action or a reason.
    pub(crate) fn word(&self, family: &str, word: impl Display) -> String {
        tr(self.locale, &format!("{family}.{word}"))
    }

    /// The label of a role; that of one that is not configured says so.
    pub(crate) fn role(&self, role: &str) -> String {
        let label = self.roles.label(role, self.locale);
        label.map_or_else(|| self.tr_with("common.unknown_role", role), str::to_owned)
    }

    /// As [`t`](Self::t), with a value for `%{value}`.
    pub(crate) fn tr_with(&self, key: &str, value: impl Display) -> String {
        tr_with(self.locale, key, value)
    }

    /// As [`t`](Self::t), with a number for `%{n}`; for 1 the key with `_one`, if there is one.
    pub(crate) fn tr_count(&self, key: &str, n: impl Display) -> String {
        tr_count(self.locale, key, n)
    }

    /// Where the switch of the language is sent to: the panel need not be on the listener of the other pages.
    pub(crate) fn language_path(&self) -> &'static str {
        match panel_path(&self.path) {
            Some(_) => paths::LANGUAGE,
            None => paths::OWNERS_LANGUAGE,
        }
    }

    /// The address of a static file.
    #[expect(clippy::unused_self, reason = "templates call methods of the layout")]
    pub(crate) fn asset(&self, name: &str) -> String {
        assets::url(name)
    }

    /// A timestamp for display.
    pub(crate) fn time(&self, at: &Timestamp) -> DisplayTime {
        DisplayTime::new(*at, self.now, self.zone, self.locale)
    }

    /// The name of the time zone of shown times.
    pub(crate) fn zone_name(&self) -> &'static str {
        self.zone.name()
    }

    /// The short name of a browser or program.
    #[expect(clippy::unused_self, reason = "templates call methods of the layout")]
    pub(crate) fn agent(&self, user_agent: &str) -> String {
        user_agent::short_name(user_agent)
    }

    /// A number with thousands separators.
    #[expect(clippy::unused_self, reason = "templates call methods of the layout")]
    pub(crate) fn number(&self, n: impl Display) -> String {
        grouped(&n.to_string())
    }
}
