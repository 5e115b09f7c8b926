//! The values of the fields in the form of an account.

use crate::config::RolesConfig;
use crate::domain::principal::UserType;
use crate::http::admin::pages::people::account::{Field, Person, fields};
use crate::http::admin::pages::people::form_changes::email_verified;
use crate::http::admin::web::form::Form;
use crate::http::admin::web::panel::PanelAdmin;

/// The values of the fields.
pub(super) struct Values {
    pub(super) texts: Vec<(&'static Field, String)>,
    pub(super) is_active: bool,
    pub(super) email_verified: bool,
    pub(super) sends_link: bool,
}

impl Values {
    fn new(user_type: UserType, value: impl Fn(&Field) -> String) -> Self {
        let texts = fields(user_type).iter().map(|field| (field, value(field)));
        Self {
            texts: texts.collect(),
            is_active: true,
            email_verified: true,
            sends_link: user_type == UserType::User,
        }
    }

    /// The value of a field; empty if there is no such field.
    pub(super) fn of(&self, name: &str) -> &str {
        let mut texts = self.texts.iter();
        texts
            .find(|(field, _)| field.name == name)
            .map_or("", |(_, value)| value)
    }

    /// Those of a new account.
    pub(super) fn initial(user_type: UserType, roles: &RolesConfig) -> Self {
        Self::new(user_type, |field| match field.name {
            "role" => roles.default_role().to_string(),
            _ => String::new(),
        })
    }

    pub(super) fn of_person(person: &Person) -> Self {
        Self {
            is_active: person.is_active,
            email_verified: person.email_verified.unwrap_or(true),
            ..Self::new(person.principal.user_type, |field| person.value(field.name))
        }
    }

    pub(super) fn of_form(form: &Form<PanelAdmin>, user_type: UserType) -> Self {
        Self {
            is_active: form.text("is_active") != "false",
            email_verified: email_verified(form).unwrap_or(true),
            sends_link: form.is("send_link"),
            ..Self::new(user_type, |field| form.text(field.name).to_owned())
        }
    }
}
