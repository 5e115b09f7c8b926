//! Whether an account can log in: a list of rows, each with a state and the button that helps.

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::http::admin::pages::locks::LockView;
use crate::http::admin::pages::people::account::Person;
use crate::http::admin::web::events::EventView;
use crate::http::admin::web::layout::Layout;
use crate::services::accounts::login_status::{CodeState, LastCode, LoginStatus};
use crate::services::audit::events::AuditEvent;

/// A row of the box.
pub(crate) struct LoginRow {
    /// The row's id within the page.
    pub(crate) id: &'static str,
    pub(crate) label: String,
    /// The kind of the state's badge.
    pub(crate) kind: &'static str,
    pub(crate) state: String,
    /// Further lines, each with a time.
    pub(crate) lines: Vec<Line>,
    pub(crate) button: Option<Button>,
}

/// A text and a time of a row.
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) at: Option<Timestamp>,
    /// Whether the time is the end of something.
    pub(crate) is_until: bool,
    /// The page of the event; empty for none.
    pub(crate) url: String,
}

/// The button of a row: a form, or a link to a confirmation.
pub(crate) struct Button {
    pub(crate) text: String,
    pub(crate) path: String,
    pub(crate) is_form: bool,
}

impl Line {
    fn new(text: String, at: Option<Timestamp>) -> Self {
        Self {
            text,
            at,
            is_until: false,
            url: String::new(),
        }
    }
}

/// The rows of an account.
pub(crate) fn rows(
    l: &Layout,
    person: &Person,
    status: &LoginStatus,
    link_button: &str,
) -> Vec<LoginRow> {
    let mut rows = vec![
        state(l, person),
        password(l, person, status, link_button),
        locks(l, person, status),
        success(l, status),
        refusals(l, status),
    ];
    rows.extend(status.code.as_ref().map(|last| code(l, last)));
    rows
}

fn row(id: &'static str, l: &Layout, (kind, state): (&'static str, String)) -> LoginRow {
    LoginRow {
        id,
        label: l.t(&format!("login_box.{id}")),
        kind,
        state,
        lines: Vec::new(),
        button: None,
    }
}

fn state(l: &Layout, person: &Person) -> LoginRow {
    if person.is_active {
        return row("status", l, ("ok", l.t("common.active")));
    }
    let button = Button {
        text: l.t("person.activate"),
        path: person.path().activate(),
        is_form: !person.can_write(l),
    };
    LoginRow {
        button: Some(button),
        ..row("status", l, ("danger", l.t("common.inactive")))
    }
}

fn password(l: &Layout, person: &Person, status: &LoginStatus, link_button: &str) -> LoginRow {
    let (kind, text) = if status.has_password {
        ("ok", "login_box.password_set")
    } else {
        ("warn", "login_box.password_none")
    };
    let mut lines = Vec::new();
    if let Some(at) = status.password_set_at.filter(|_| status.has_password) {
        lines.push(Line::new(l.t("login_box.password_since"), Some(at)));
    }
    if let Some(until) = status.link_until {
        lines.push(Line {
            is_until: true,
            ..Line::new(l.t("login_box.link_open"), Some(until))
        });
    }
    LoginRow {
        lines,
        button: person.is_active.then(|| Button {
            text: link_button.to_owned(),
            path: person.path().password_link(),
            is_form: false,
        }),
        ..row("password", l, (kind, l.t(text)))
    }
}

fn locks(l: &Layout, person: &Person, status: &LoginStatus) -> LoginRow {
    if status.locks.is_empty() {
        return row("locks", l, ("ok", l.t("login_box.no_lock")));
    }
    let lines = status.locks.iter().map(|lock| {
        let view = LockView::new(l, lock);
        let device = if view.is_device {
            format!(" · {}", l.t("locks.device"))
        } else {
            String::new()
        };
        let tries = l.tr_count("login_box.tries", lock.hits);
        Line {
            is_until: true,
            ..Line::new(
                format!("{}{device} · {tries}", view.limit),
                Some(lock.locked_until),
            )
        }
    });
    LoginRow {
        lines: lines.collect(),
        button: Some(Button {
            text: l.t("locks.lift"),
            path: person.path().unlock(),
            is_form: true,
        }),
        ..row("locks", l, ("warn", l.t("login_box.locked")))
    }
}

fn success(l: &Layout, status: &LoginStatus) -> LoginRow {
    let Some(event) = &status.last_login else {
        return row("success", l, ("off", l.t("common.never")));
    };
    let method = event.value("method");
    let state = match (event.action, method) {
        (Action::SignedIn, _) => l.t("source.panel"),
        (_, Some(method)) => l.word("login_method", method),
        _ => l.t("source.api"),
    };
    LoginRow {
        lines: vec![event_line(l, event, String::new())],
        ..row("success", l, ("ok", state))
    }
}

fn refusals(l: &Layout, status: &LoginStatus) -> LoginRow {
    let count = status.refusals.len();
    if count == 0 {
        return row("refusals", l, ("ok", l.t("login_box.no_refusal")));
    }
    let last_login = status.last_login.as_ref().map(|event| event.happened_at);
    let newest = status.refusals.first().map(|event| event.happened_at);
    // What was refused before the last login is history.
    let (kind, key) = if newest > last_login {
        ("danger", "login_box.refused_since")
    } else {
        ("off", "login_box.refused_before")
    };
    let lines = status.refusals.iter().map(|event| {
        let cause = event.value("cause");
        let cause = cause.map_or_else(
            || l.word("action", event.action),
            |cause| l.word("cause", cause),
        );
        event_line(l, event, cause)
    });
    LoginRow {
        lines: lines.collect(),
        ..row("refusals", l, (kind, l.t(key)))
    }
}

/// What happened, the address and the program of an event.
fn event_line(l: &Layout, event: &AuditEvent, text: String) -> Line {
    let agent = event.user_agent.as_deref().map(|agent| l.agent(agent));
    let parts = [
        Some(text).filter(|text| !text.is_empty()),
        event.ip_address.clone(),
        agent,
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    Line {
        url: EventView::new(l, event).url,
        ..Line::new(parts.join(" · "), Some(event.happened_at))
    }
}

fn code(l: &Layout, last: &LastCode) -> LoginRow {
    let (kind, key) = match last.state {
        CodeState::Failed => ("danger", "failed"),
        CodeState::Open(_) => ("info", "open"),
        CodeState::Used => ("ok", "used"),
        CodeState::TooManyAttempts => ("danger", "too_many_attempts"),
        CodeState::Expired => ("off", "expired"),
    };
    let delivery = last.delivery.as_ref();
    let channel = delivery.map(|row| l.word("channel", &row.channel));
    let parts = [
        channel,
        delivery.and_then(|row| row.recipient.clone()),
        delivery.and_then(|row| row.reason.clone()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let mut lines = vec![Line::new(parts.join(" · "), Some(last.at))];
    if let CodeState::Open(until) = last.state {
        lines.push(Line {
            is_until: true,
            ..Line::new(l.t("login_box.code_until"), Some(until))
        });
    }
    LoginRow {
        lines,
        ..row("code", l, (kind, l.word("code_state", key)))
    }
}
