//! The context of a page's template: language, theme, viewer, translations. It is the field `l` of each page.

use std::{fmt::Display, sync::Arc};

use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::config::RolesConfig;
use crate::domain::language::Language;
use crate::domain::preferences::Theme;
use crate::http::admin::web::display_time::DisplayTime;
use crate::http::admin::web::notice::Notice;
use crate::http::admin::web::texts::{grouped, tr, tr_count, tr_with};
use crate::http::admin::web::{assets, user_agent};

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
            viewer_name: String::new(),
            viewer_email: String::new(),
            viewer_role: String::new(),
            roles: Arc::default(),
            notices: Vec::new(),
            version: env!("CARGO_PKG_VERSION"),
            path: String::new(),
            zone_cookie: (String::new(), String::new()),
            zone,
            now,
            locale: language,
        }
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
