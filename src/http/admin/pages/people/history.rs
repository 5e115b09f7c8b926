//! The history of an account: its changes, or its logins, newest first.

use crate::domain::audit::Action;
use crate::domain::principal::{Principal, UserType};
use crate::http::admin::paths;
use crate::http::admin::person_paths::PersonPath;
use crate::http::admin::web::error::AdminError;
use crate::http::admin::web::events::EventView;
use crate::http::admin::web::filters::Choice;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::lists::ListQuery;
use crate::http::admin::web::panel::Panel;
use crate::services::audit::events;
use crate::store::audit_history::Newest;

/// The number of audit events on the page.
const MAX_EVENTS: i64 = 50;
/// The fields of an account by which changes can be filtered.
const USER_FIELDS: &[&str] = &[
    "email",
    "username",
    "name",
    "role",
    "is_active",
    "external_id",
    "claims",
];
const CLIENT_FIELDS: &[&str] = &[
    "username",
    "name",
    "email",
    "phone",
    "is_active",
    "external_id",
    "claims",
];

/// The history of an account.
pub(crate) struct History {
    pub(crate) path: PersonPath,
    /// The list of all events of the account.
    pub(crate) all: String,
    /// Whether the logins are shown.
    pub(crate) is_logins: bool,
    /// The fields by which the changes can be filtered.
    pub(crate) fields: Vec<Choice>,
    pub(crate) events: Vec<EventView>,
}

impl History {
    /// Reads the events that the query `history=logins` or `field=…` asks for.
    pub(crate) async fn read(
        panel: &Panel,
        l: &Layout,
        account: Principal,
        query: &ListQuery,
    ) -> Result<Self, AdminError> {
        let is_logins = query.value("history") == "logins";
        let names = match account.user_type {
            UserType::User => USER_FIELDS,
            UserType::Client => CLIENT_FIELDS,
        };
        let chosen = query.value("field");
        let field = names.iter().copied().find(|name| *name == chosen);
        let wanted = Newest {
            subject: Some(account),
            actions: if is_logins {
                Action::OF_LOGINS.to_vec()
            } else {
                Action::of_changes()
            },
            field: field.filter(|_| !is_logins),
            ..Newest::default()
        };
        let events = events::newest(panel.services(), wanted, MAX_EVENTS).await?;
        let mut events = EventView::all(l, &events);
        // The subject of all of them is the account of the page.
        for event in &mut events {
            event.subject.clear();
        }
        let choice = |name: &&str| {
            let label = l.word("field", name);
            ((*name).to_owned(), label, field == Some(*name))
        };
        Ok(Self {
            path: paths::person(account),
            all: paths::audit_of(account),
            is_logins,
            fields: names.iter().map(choice).collect(),
            events,
        })
    }
}
