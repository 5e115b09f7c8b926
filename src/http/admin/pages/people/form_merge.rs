//! Merging a form that is out of date with the account as it is now. The form carries each field as it was when the form was
//! opened, so that only fields that both changed are asked about.

use crate::http::admin::pages::people::account::{Person, fields};
use crate::http::admin::web::form::Form;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::PanelAdmin;

/// The field of an account's status.
const STATUS: &str = "is_active";

/// A field that both changed.
pub(super) struct Clash {
    pub(super) name: &'static str,
    pub(super) label: String,
    /// The new value; empty for none.
    pub(super) value: String,
}

/// A hidden field with the value that a field had when the form was opened.
pub(super) type Former = (String, String);

/// The name of the hidden field.
fn former_name(field: &str) -> String {
    format!("was_{field}")
}

/// The names of the fields.
fn names(person: &Person) -> impl Iterator<Item = &'static str> {
    let own = fields(person.principal.user_type).iter();
    own.map(|field| field.name).chain([STATUS])
}

fn current(person: &Person, field: &str) -> String {
    if field == STATUS {
        person.is_active.to_string()
    } else {
        person.value(field)
    }
}

/// The hidden fields of a form that is opened now.
pub(super) fn formers(person: &Person) -> Vec<Former> {
    let former = |field| (former_name(field), current(person, field));
    names(person).map(former).collect()
}

/// The hidden fields as they were sent.
pub(super) fn sent_formers(form: &Form<PanelAdmin>, person: &Person) -> Vec<Former> {
    let former = |field| {
        let name = former_name(field);
        let value = form.is(&name).then(|| form.text(&name).to_owned())?;
        Some((name, value))
    };
    names(person).filter_map(former).collect()
}

/// The hidden fields of the form as it is shown after a clash: fields that both changed keep their former values, so that they
/// still clash when one of the new values is taken.
pub(super) fn formers_after(
    form: &Form<PanelAdmin>,
    person: &Person,
    clashes: &[Clash],
) -> Vec<Former> {
    let clashing: Vec<String> = clashes.iter().map(|one| former_name(one.name)).collect();
    let mut formers = formers(person);
    formers.retain(|(name, _)| !clashing.contains(name));
    let sent = sent_formers(form, person);
    formers.extend(sent.into_iter().filter(|(name, _)| clashing.contains(name)));
    formers
}

/// Takes over what the other one changed in fields that this form left alone, and the fields of the buttons "Take the new
/// value". Returns the fields that both changed.
pub(super) fn merge(form: &mut Form<PanelAdmin>, l: &Layout, person: &Person) -> Vec<Clash> {
    let taken = form.text("take").to_owned();
    let mut clashes = Vec::new();
    for name in names(person) {
        if !form_has(form, name) {
            continue;
        }
        let current = current(person, name);
        if taken == name {
            form.set(name, current);
            continue;
        }
        let (sent, former) = (form.text(name), former_name(name));
        let was = form.is(&former).then(|| form.text(&former));
        if sent == current || was == Some(current.as_str()) {
            continue;
        }
        if was == Some(sent) {
            form.set(name, current);
        } else {
            clashes.push(Clash {
                name,
                label: l.word("field", name),
                value: match (name, person.is_active) {
                    (STATUS, true) => l.t("common.active"),
                    (STATUS, false) => l.t("common.inactive"),
                    _ => person.text(l, name),
                },
            });
        }
    }
    clashes
}

/// The form of one's own account has no role and no status.
fn form_has(form: &Form<PanelAdmin>, name: &str) -> bool {
    form.is(name) || !matches!(name, "role" | STATUS)
}
