//! The changes that a form of an account asks for, and fields that are read at creation as well.

use crate::domain::account::{Email, ExternalId, Name, Phone, Role, Username};
use crate::domain::account_claims::AccountClaims;
use crate::domain::password::Password;
use crate::domain::principal::{Principal, UserType};
use crate::domain::problem::Problem;
use crate::http::admin::pages::people::account::Person;
use crate::http::admin::web::form::Form;
use crate::http::admin::web::panel::PanelAdmin;
use crate::services::accounts::client_users::ClientChanges;
use crate::services::accounts::step_up::{self, Requester};
use crate::services::accounts::users::UserChanges;
use crate::services::{Error, Services};

/// The claims of the account's own; an empty field has none.
pub(super) fn claims(form: &mut Form<PanelAdmin>) -> Option<AccountClaims> {
    form.optional("claims", AccountClaims::parse).flatten()
}

/// The changes of a form.
pub(super) enum Changes {
    User(UserChanges),
    Client(ClientChanges),
}

impl Changes {
    /// None where the form has problems.
    pub(super) fn read(form: &mut Form<PanelAdmin>, user_type: UserType) -> Option<Self> {
        let changes = match user_type {
            UserType::User => Self::User(UserChanges {
                email: Some(form.optional("email", Email::parse)),
                email_verified: email_verified(form),
                username: Some(form.optional("username", Username::parse)),
                external_id: Some(form.optional("external_id", ExternalId::parse)),
                name: form.required("name", Name::parse),
                // The form of one's own account has no role and no status.
                role: form.optional("role", Role::parse),
                is_active: form.optional("is_active", parse_flag),
                claims: Some(claims(form)),
                password: password(form),
            }),
            UserType::Client => {
                let username = form.required("username", Username::parse);
                let name = form.optional("name", Name::parse);
                // As at creation, the default name is the username.
                let default = || Name::parse(username.as_ref()?.as_typed()).ok();
                Self::Client(ClientChanges {
                    name: name.or_else(default),
                    username,
                    external_id: Some(form.optional("external_id", ExternalId::parse)),
                    email: Some(form.optional("email", Email::parse)),
                    email_verified: email_verified(form),
                    phone: Some(form.optional("phone", Phone::parse)),
                    is_active: form.optional("is_active", parse_flag),
                    claims: Some(claims(form)),
                    password: password(form).map(Some),
                })
            }
        };
        (!form.has_problems()).then_some(changes)
    }

    /// Leaves the status as it is, if the form deactivates an active account, which has a question of its own. Returns
    /// whether it does.
    pub(super) fn put_off_deactivation(&mut self, person: &Person) -> bool {
        let status = match self {
            Self::User(changes) => &mut changes.is_active,
            Self::Client(changes) => &mut changes.is_active,
        };
        let deactivates = person.is_active && *status == Some(false);
        if deactivates {
            *status = None;
        }
        deactivates
    }

    pub(super) async fn save(
        self,
        services: &Services,
        by: &Requester<'_>,
        account: Principal,
    ) -> Result<(), Error> {
        let seq = account.user_seq;
        match self {
            Self::User(changes) => {
                step_up::update_user(services, by, seq, changes).await?;
            }
            Self::Client(changes) => {
                step_up::update_client(services, by, seq, changes).await?;
            }
        }
        Ok(())
    }
}

/// The checkbox beside the e-mail address, which has a hidden field before it; `None` without both.
pub(super) fn email_verified(form: &Form<PanelAdmin>) -> Option<bool> {
    let sent = form.all("email_verified");
    (!sent.is_empty()).then(|| sent.contains(&"true"))
}

/// `true` or `false`.
pub(super) fn parse_flag(word: &str) -> Result<bool, Problem> {
    word.parse().map_err(|_| Problem::NotBoolean)
}

/// The password of the form; where mail is configured the form has none, and a sent one is ignored.
pub(super) fn password(form: &mut Form<PanelAdmin>) -> Option<Password> {
    if form.panel.services().delivery.sends_mail() {
        return None;
    }
    form.optional("password", Password::parse)
}
