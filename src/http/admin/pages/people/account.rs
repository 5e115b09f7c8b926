//! An account of either population as its pages show it, the table of its fields, and the services of its population.

use crate::clock::Timestamp;
use crate::domain::account::Role;
use crate::domain::account_claims::AccountClaims;
use crate::domain::principal::{Principal, UserType};
use crate::http::admin::paths;
use crate::http::admin::person_paths::PersonPath;
use crate::http::admin::web::error::AdminError;
use crate::http::admin::web::form::Form;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::owners::initials;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::http::device_token::PresentedDevice;
use crate::services::Error;
use crate::services::accounts::client_users::{self, Client};
use crate::services::accounts::own_account::KeptSession;
use crate::services::accounts::reauthentication::Reproof;
use crate::services::accounts::step_up::{self, Requester};
use crate::services::accounts::users::{self, User};
use crate::services::auth::browser_sessions::StepUp;

/// An account.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) principal: Principal,
    /// What the account logs in by; for an internal user the e-mail address if there is one.
    pub(crate) login: String,
    pub(crate) name: String,
    /// Internal users only.
    pub(crate) role: Option<Role>,
    pub(crate) email: Option<String>,
    /// None without an e-mail address.
    pub(crate) email_verified: Option<bool>,
    username: Option<String>,
    external_id: Option<String>,
    /// Clients only.
    pub(crate) phone: Option<String>,
    /// JSON text; empty for none.
    claims: String,
    pub(crate) is_active: bool,
    pub(crate) last_login_at: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// A field of an account in forms, on its page and in CSV files.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// The type of its input; `role` is a select, `area` a text area.
    pub(crate) kind: &'static str,
    pub(crate) is_required: bool,
    /// The key of its hint; empty for none.
    hint: &'static str,
}

impl Field {
    pub(crate) fn label(&self, l: &Layout) -> String {
        l.word("field", self.name)
    }

    pub(crate) fn hint(&self, l: &Layout) -> String {
        match self.hint {
            "" => String::new(),
            key => l.t(key),
        }
    }
}

const fn field(
    name: &'static str,
    kind: &'static str,
    is_required: bool,
    hint: &'static str,
) -> Field {
    Field {
        name,
        kind,
        is_required,
        hint,
    }
}

const USER_FIELDS: &[Field] = &[
    field("email", "email", false, "person.email_hint_user"),
    field("username", "text", false, "person.username_hint_user"),
    field("name", "text", true, ""),
    field("role", "role", true, "person.role_hint"),
    field("external_id", "text", false, "person.external_id_hint"),
    field("claims", "area", false, "person.claims_hint"),
];

const CLIENT_FIELDS: &[Field] = &[
    field("username", "text", true, "person.username_hint"),
    field("name", "text", false, "person.name_hint"),
    field("email", "email", false, "person.contact_hint"),
    field("phone", "tel", false, "person.phone_hint"),
    field("external_id", "text", false, "person.external_id_hint"),
    field("claims", "area", false, "person.claims_hint"),
];

/// The fields of a population, in the order in which they are shown.
pub(crate) fn fields(user_type: UserType) -> &'static [Field] {
    match user_type {
        UserType::User => USER_FIELDS,
        UserType::Client => CLIENT_FIELDS,
    }
}

/// The section of the panel, and the key of its name in `nav.…`.
pub(crate) fn section(user_type: UserType) -> &'static str {
    match user_type {
        UserType::User => "users",
        UserType::Client => "clients",
    }
}

impl Person {
    pub(crate) fn path(&self) -> PersonPath {
        paths::person(self.principal)
    }

    /// Whether its role may change accounts, so that activating it needs a recent proof.
    pub(crate) fn can_write(&self, l: &Layout) -> bool {
        let role = self.role.as_ref();
        role.is_some_and(|role| l.roles.rights(role).can_write())
    }

    pub(crate) fn initials(&self) -> String {
        initials(&self.name)
    }

    /// The role of an internal user, the contact details of a client.
    pub(crate) fn detail(&self, l: &Layout) -> String {
        let contacts = self.email.iter().chain(&self.phone);
        let contacts: Vec<&str> = contacts.map(String::as_str).collect();
        match &self.role {
            Some(role) => l.role(role.as_str()),
            None => contacts.join(" · "),
        }
    }

    /// The stored value of a field of [`fields`]; empty for none.
    pub(crate) fn value(&self, field: &str) -> String {
        match field {
            "name" => self.name.clone(),
            "role" => self.role.as_ref().map(Role::to_string).unwrap_or_default(),
            "email" => self.email.clone().unwrap_or_default(),
            "phone" => self.phone.clone().unwrap_or_default(),
            "claims" => self.claims.clone(),
            "external_id" => self.external_id.clone().unwrap_or_default(),
            _ => self.username.clone().unwrap_or_default(),
        }
    }

    /// The value of a field in the viewer's language.
    pub(crate) fn text(&self, l: &Layout, field: &str) -> String {
        match (field, &self.role) {
            ("role", Some(role)) => l.role(role.as_str()),
            ("email", _) if self.email_verified == Some(false) => {
                l.tr_with("person.unverified", self.value(field))
            }
            _ => self.value(field),
        }
    }
}

impl From<User> for Person {
    fn from(user: User) -> Self {
        Self {
            principal: Principal::user(user.user_seq),
            login: user
                .email
                .as_ref()
                .or(user.username.as_ref())
                .cloned()
                .unwrap_or_default(),
            name: user.name,
            role: Some(user.role),
            email: user.email,
            email_verified: user.email_verified,
            username: user.username,
            external_id: user.external_id,
            phone: None,
            claims: claims_text(user.claims.as_ref()),
            is_active: user.is_active,
            last_login_at: user.last_login_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

impl From<Client> for Person {
    fn from(client: Client) -> Self {
        Self {
            principal: Principal::client(client.user_seq),
            login: client.username.clone(),
            name: client.name,
            role: None,
            email: client.email,
            email_verified: client.email_verified,
            username: Some(client.username),
            external_id: client.external_id,
            phone: client.phone,
            claims: claims_text(client.claims.as_ref()),
            is_active: client.is_active,
            last_login_at: client.last_login_at,
            created_at: client.created_at,
            updated_at: client.updated_at,
        }
    }
}

fn claims_text(claims: Option<&AccountClaims>) -> String {
    claims.map_or_else(String::new, |claims| claims.as_str().to_owned())
}

/// The account of this number.
pub(crate) async fn find(panel: &Panel, account: Principal) -> Result<Person, Error> {
    let (services, seq) = (panel.services(), account.user_seq);
    Ok(match account.user_type {
        UserType::User => users::find(services, seq).await?.into(),
        UserType::Client => client_users::find(services, seq).await?.into(),
    })
}

/// The viewer as the administrator who requests a change that may need a recent proof.
pub(in crate::http) fn requester(
    panel: &Panel,
    device: PresentedDevice,
    proof: Option<Reproof>,
) -> Requester<'_> {
    let viewer = panel.viewer();
    Requester {
        account: &viewer.account,
        login_context: device.login_context(panel.actor()),
        proof,
        session: KeptSession::Browser(viewer.session.clone()),
        is_recent: viewer.step_up == StepUp::Recent,
    }
}

/// Why a change is refused that would lock the viewer or the last administrator out, as a sentence; other errors are
/// returned.
pub(crate) fn refusal(panel: &Panel, error: Error) -> Result<String, AdminError> {
    match error {
        Error::LastAdministrator => Ok(panel.t("error.last_administrator_text")),
        Error::OwnAccount => Ok(panel.t("error.own_account_text")),
        error => Err(error.into()),
    }
}

/// Checks the proof of the viewer; false if it is missing or wrong.
pub(in crate::http) async fn proved(
    form: &mut Form<PanelAdmin>,
    device: PresentedDevice,
) -> Result<bool, AdminError> {
    let proof = form.proof(form.panel.viewer().step_up);
    let by = requester(&form.panel, device, proof);
    let confirmed = step_up::confirm(form.panel.services(), &by).await;
    Ok(form.checked(confirmed)?.is_some())
}
