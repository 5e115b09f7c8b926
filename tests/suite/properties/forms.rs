//! The panel's forms of people: what is refused is marked, and stands there again as it was typed.

use std::collections::BTreeSet;

use munjigi::domain::account::Role;

use super::{
    hold,
    promises::{Fate, of_text},
    runtime,
    values::texts,
};
use crate::support::{App, Page};

/// A form with the texts that it has room for, and those of them that must be filled in.
struct Form {
    noun: &'static str,
    texts: &'static [&'static str],
    needed: &'static [&'static str],
}

const FORMS: [Form; 2] = [
    Form {
        noun: "users",
        texts: &["email", "name"],
        needed: &["email", "name"],
    },
    Form {
        noun: "clients",
        texts: &["username", "name", "email", "phone"],
        needed: &["username"],
    },
];

/// A typed text as a page can hold it: HTML has no NUL, and one kind of line end.
fn in_html(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace('\0', "\u{fffd}")
}

impl Form {
    fn fate(&self, name: &str, text: &str) -> Fate {
        if text.trim().is_empty() && !self.needed.contains(&name) {
            return Fate::NotSent;
        }
        of_text(name, text)
    }

    fn check_refusal(&self, page: &Page, sent: &[(&'static str, String)]) {
        let typed = |name: &str| {
            let sent = sent.iter().find(|(other, _)| *other == name);
            sent.map_or("", |(_, text)| text.as_str())
        };
        let marked: BTreeSet<String> = page
            .attrs("[aria-invalid=true]", "name")
            .into_iter()
            .collect();
        for name in self.texts {
            let text = typed(name);
            let is_marked = marked.contains(*name);
            let fate = self.fate(name, text);
            assert!(!is_marked || fate.may_be_refused(), "{name}: {text:?}");
            assert!(is_marked || fate != Fate::Refused, "{name}: {text:?}");
            assert_eq!(
                page.attr(&format!("#{name}"), "value"),
                in_html(text),
                "{name}"
            );
            assert_eq!(page.has(&format!("#{name}-error p")), is_marked, "{name}");
        }
        assert!(!marked.is_empty(), "{}", page.html);
    }
}

#[test]
fn a_refused_form_marks_its_fields_and_keeps_what_was_typed_but_for_the_password() {
    const PASSWORD: &str = "a password that no page shows";
    let runtime = runtime();
    let app = App::start();
    let (browser, token) = runtime.block_on(async {
        let browser = app.signed_in("root", Role::Admin).await;
        let token = browser.token().await;
        (browser, token)
    });
    for form in FORMS {
        let path = format!("/admin/{}/new", form.noun);
        let table = if form.noun == "users" {
            "users"
        } else {
            "client_users"
        };
        let count = format!("SELECT COUNT(*) AS number FROM {table}");
        hold(&runtime, 120, texts(form.texts.to_vec()), async |sent| {
            // The harness takes these on a page for a text that is missing.
            let odd = |(_, text): &(&str, String)| text.contains("admin.") || text.contains("%{");
            if sent.iter().any(odd) {
                return;
            }
            let before = app.number(&count).await;
            let mut fields = vec![
                ("csrf", token.as_str()),
                ("password", PASSWORD),
                ("role", "staff"),
            ];
            fields.extend(sent.iter().map(|(name, text)| (*name, text.as_str())));
            let page = browser.post_as_is(&path, &fields).await;
            assert!(!page.html.contains(PASSWORD));
            if page.status == 303 {
                let refused =
                    |(name, text): &(&str, String)| form.fate(name, text) == Fate::Refused;
                assert!(!sent.iter().any(refused));
                let gone = format!(
                    "DELETE FROM {table} WHERE email IS NULL OR email <> 'root@example.org'"
                );
                assert_eq!(app.execute(&gone).await, 1);
            } else {
                form.check_refusal(&page.assert(422), &sent);
                assert_eq!(app.number(&count).await, before);
            }
        });
    }
}
