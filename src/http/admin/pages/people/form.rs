//! The form of an account: create and update. Where mail is configured administrators choose no passwords for others: a link
//! is sent instead.

use std::sync::Arc;

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use crate::domain::account::{Email, ExternalId, Name, Phone, Username};
use crate::domain::principal::{Principal, UserType};
use crate::domain::problem::Problem;
use crate::http::admin::pages::password_links::password_url;
use crate::http::admin::pages::people::account::{self, Person, refusal, requester, section};
use crate::http::admin::pages::people::cut_off;
use crate::http::admin::pages::people::form_changes::{
    Changes, claims, email_verified, parse_flag, password,
};
use crate::http::admin::pages::people::form_merge::{self, Clash, Former};
use crate::http::admin::pages::people::form_values::Values;
use crate::http::admin::pages::people::gone;
use crate::http::admin::pages::people::list::role_choices;
use crate::http::admin::paths;
use crate::http::admin::person_paths::PersonPath;
use crate::http::admin::web::account_path::{AccountPath, Population};
use crate::http::admin::web::edit_conflict;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::filters::Choice;
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::http::device_token::PresentedDevice;
use crate::services::Error;
use crate::services::accounts::client_users::NewClient;
use crate::services::accounts::password_links::{self, Handover, Issued};
use crate::services::accounts::users::NewUser;
use crate::services::accounts::{client_user_changes, step_up, taken};

#[derive(Template)]
#[template(path = "admin/people/form.html")]
struct FormPage {
    l: Layout,
    title: String,
    action: String,
    /// The page before: the account's, or the list.
    back: String,
    back_text: String,
    errors: FieldErrors,
    roles: Vec<Choice>,
    values: Values,
    is_new: bool,
    /// Whether this is the viewer's own account: role and status have no fields then.
    is_self: bool,
    /// The stamp of [`edit_conflict`]; empty for a new account.
    updated_at: String,
    /// The fields as they were when the form was opened.
    formers: Vec<Former>,
    /// That the form is out of date; empty where it is not.
    conflict: String,
    /// The fields that both changed.
    clashes: Vec<Clash>,
    /// Why the change is refused; empty where it is not.
    refusal: String,
    sends_mail: bool,
    hints: Hints,
    /// What the viewer's own password is needed for; empty where it never is.
    current_hint: String,
}

/// What is said below two fields.
struct Hints {
    /// Where the rights of a role are set, and what ends with another role.
    role: String,
    /// What a password needs, and what ends with another one.
    password: String,
}

impl FormPage {
    fn new(
        panel: &Panel,
        user_type: UserType,
        person: Option<&Person>,
        mut values: Values,
    ) -> Self {
        let l = panel.layout(section(user_type));
        let list = paths::people(user_type);
        let path = person.map(|person| paths::person(person.principal));
        let is_self =
            person.is_some_and(|person| panel.viewer().account.principal == person.principal);
        let sends_mail = panel.services().delivery.sends_mail();
        let min_length = panel.services().config.login.min_password_length;
        values
            .texts
            .retain(|(field, _)| !is_self || field.name != "role");
        Self {
            title: match (person, user_type) {
                (Some(person), _) => l.tr_with("person.edit_title", &person.name),
                (None, UserType::User) => l.t("person.new_user"),
                (None, UserType::Client) => l.t("person.new_client"),
            },
            action: path.as_ref().map_or(list.new_form(), PersonPath::edit),
            back: path.map_or(list.to_string(), |path| path.to_string()),
            back_text: person.map_or_else(
                || l.t(&format!("nav.{}", section(user_type))),
                |person| person.name.clone(),
            ),
            errors: FieldErrors::default(),
            roles: role_choices(&l, values.of("role")),
            values,
            is_new: person.is_none(),
            is_self,
            updated_at: person.map_or_else(String::new, |one| edit_conflict::stamp(one.updated_at)),
            formers: person.map(form_merge::formers).unwrap_or_default(),
            conflict: String::new(),
            clashes: Vec::new(),
            refusal: String::new(),
            sends_mail,
            current_hint: match user_type {
                UserType::User => l.t("person.current_hint_user"),
                // What a new client gets needs none.
                UserType::Client if person.is_some() => l.t("person.current_hint_client"),
                UserType::Client => String::new(),
            },
            hints: Hints {
                role: l.t("person.role_hint"),
                password: l.tr_count("person.password_hint_new", min_length),
            },
            l,
        }
    }

    /// The form as it was sent.
    fn sent(form: &Form<PanelAdmin>, user_type: UserType, person: Option<&Person>) -> Self {
        let values = Values::of_form(form, user_type);
        Self {
            errors: form.errors(),
            updated_at: edit_conflict::sent_stamp(form).to_owned(),
            formers: person.map_or_else(Vec::new, |person| form_merge::sent_formers(form, person)),
            ..Self::new(&form.panel, user_type, person, values)
        }
    }
}

/// `GET /admin/{users,clients}/new`. **Permissions**: administrators. 200.
pub(crate) async fn new_form(panel: PanelAdmin, population: Population) -> PageResult {
    let values = Values::initial(population.0, &panel.services().roles);
    panel.page(&FormPage::new(&panel, population.0, None, values))
}

/// `POST /admin/{users,clients}/new`. **Permissions**: administrators. 303, 422.
pub(in crate::http) async fn create(
    mut form: Form<PanelAdmin>,
    population: Population,
    request: HttpRequest,
    device: PresentedDevice,
) -> PageResult {
    let created = match population.0 {
        UserType::User => create_user(&mut form, device).await?,
        UserType::Client => create_client(&mut form).await?,
    };
    let Some((account, wants_link)) = created else {
        add_taken(&mut form, population.0).await?;
        return form
            .panel
            .invalid(&FormPage::sent(&form, population.0, None));
    };
    let panel = &form.panel;
    let mut text = panel.t("person.created");
    if wants_link && panel.services().delivery.sends_mail() {
        let (actor, url_of) = (panel.actor(), password_url(&request, panel.services()));
        let handover = Handover::Mail;
        let issued =
            password_links::issue(panel.services(), &actor, account, handover, url_of).await?;
        if let Issued::Queued(email) = issued {
            text = panel.tr_with("person.created_and_queued", email);
        }
    }
    panel.redirect_ok(&paths::person(account), text)
}

/// Adds that login names are taken, which the services check last.
async fn add_taken(form: &mut Form<PanelAdmin>, user_type: UserType) -> Result<(), AdminError> {
    let fields: &[&'static str] = match user_type {
        UserType::User => &["email", "username"],
        // The e-mail address of a client is not its login name.
        UserType::Client => &["username"],
    };
    let errors = form.errors();
    let typed = fields.iter().filter(|field| errors.of(field).is_empty());
    let typed = typed.map(|field| (*field, form.text(field).to_owned()));
    let names = typed.collect();
    for field in taken::fields(form.panel.services(), user_type, names).await? {
        form.problem(field, Problem::Taken);
    }
    Ok(())
}

/// The new user, and whether a link is to be sent; none where the form has problems.
async fn create_user(
    form: &mut Form<PanelAdmin>,
    device: PresentedDevice,
) -> Result<Option<(Principal, bool)>, AdminError> {
    let email = form.optional("email", Email::parse);
    let username = form.optional("username", Username::parse);
    if email.is_none() && username.is_none() && !form.has_problems() {
        form.problem("email", Problem::NoLogin);
    }
    let external_id = form.optional("external_id", ExternalId::parse);
    let name = form.required("name", Name::parse);
    let roles = Arc::clone(&form.panel.services().roles);
    let role = form.required("role", |typed| roles.parse(typed));
    let is_active = form.optional("is_active", parse_flag).unwrap_or(true);
    let claims = claims(form);
    let password = password(form);
    let current = form.proof(form.panel.viewer().step_up);
    let (Some(name), Some(role), false) = (name, role, form.has_problems()) else {
        form.check_policy(password.as_ref(), &[]);
        return Ok(None);
    };
    // Without an e-mail address the link would have to be shown: the user's page does that.
    let wants_link = password.is_none() && is_active && form.is("send_link") && email.is_some();
    let new = NewUser {
        email,
        email_verified: email_verified(form).unwrap_or(true),
        username,
        external_id,
        name,
        role,
        password,
        is_active,
        claims,
    };
    let by = requester(&form.panel, device, current);
    let created = step_up::create_user(form.panel.services(), &by, new).await;
    let created = form.checked(created)?;
    Ok(created.map(|user| (Principal::user(user.user_seq), wants_link)))
}

/// The new client, as [`create_user`].
async fn create_client(
    form: &mut Form<PanelAdmin>,
) -> Result<Option<(Principal, bool)>, AdminError> {
    let username = form.required("username", Username::parse);
    let external_id = form.optional("external_id", ExternalId::parse);
    let name = form.optional("name", Name::parse);
    let email = form.optional("email", Email::parse);
    let phone = form.optional("phone", Phone::parse);
    let is_active = form.optional("is_active", parse_flag).unwrap_or(true);
    let claims = claims(form);
    let password = password(form);
    let (Some(username), false) = (username, form.has_problems()) else {
        form.check_policy(password.as_ref(), &[]);
        return Ok(None);
    };
    // Without an e-mail address the link would have to be shown: the client's page does that.
    let wants_link = password.is_none() && is_active && form.is("send_link") && email.is_some();
    let new = NewClient {
        username,
        external_id,
        name,
        email,
        email_verified: email_verified(form).unwrap_or(true),
        phone,
        password,
        is_active,
        claims,
    };
    let (services, actor) = (form.panel.services(), form.panel.actor());
    let created = client_user_changes::create(services, &actor, new).await;
    let created = form.checked(created)?;
    Ok(created.map(|client| (Principal::client(client.user_seq), wants_link)))
}

/// `GET /admin/{users,clients}/{seq}/edit`. **Permissions**: administrators. 200, 404.
pub(crate) async fn edit_form(panel: PanelAdmin, path: AccountPath) -> PageResult {
    let person = account::find(&panel, path.0).await?;
    let values = Values::of_person(&person);
    panel.page(&FormPage {
        hints: hints(&panel, &person).await?,
        ..FormPage::new(&panel, path.0.user_type, Some(&person), values)
    })
}

/// `POST /admin/{users,clients}/{seq}/edit`. **Permissions**: administrators. 303 (before a deactivation to its question), 404,
/// 409 (the viewer's own account, the last administrator, or the form is out of date), 422.
pub(in crate::http) async fn update(
    mut form: Form<PanelAdmin>,
    path: AccountPath,
    device: PresentedDevice,
) -> PageResult {
    let AccountPath(account) = path;
    let person = match account::find(&form.panel, account).await {
        Ok(person) => person,
        Err(error) => return gone::after_form(&form, account, error.into()).await,
    };
    let l = form.panel.layout(section(account.user_type));
    // Fields that this form left alone keep what was changed meanwhile.
    let is_outdated = edit_conflict::is_outdated(&form, person.updated_at);
    let clashes = if is_outdated || form.is("take") {
        form_merge::merge(&mut form, &l, &person)
    } else {
        Vec::new()
    };
    let current = form.proof(form.panel.viewer().step_up);
    let Some(mut changes) = Changes::read(&mut form, account.user_type) else {
        return invalid(&form, &person).await;
    };
    if !clashes.is_empty() || form.is("take") {
        return conflict(&form, &person, clashes).await;
    }
    let by = requester(&form.panel, device, current);
    let is_self = by.account.principal == account;
    let asks = !is_self && changes.put_off_deactivation(&person);
    match Box::pin(changes.save(form.panel.services(), &by, account)).await {
        Ok(()) if asks => {
            let text = form.panel.t("person.saved_others");
            form.panel.redirect_ok(&person.path().deactivate(), text)
        }
        Ok(()) => {
            let text = form.panel.t("person.saved");
            form.panel.redirect_ok(&person.path(), text)
        }
        Err(error @ (Error::LastAdministrator | Error::OwnAccount)) => {
            refused(&form, &person, error).await
        }
        Err(error) => {
            form.take(error)?;
            invalid(&form, &person).await
        }
    }
}

/// The hints in the form of an account that exists, with the sessions that end.
async fn hints(panel: &Panel, person: &Person) -> Result<Hints, AdminError> {
    let l = panel.layout(section(person.principal.user_type));
    let ends = cut_off::ends(panel, &l, person.principal).await?;
    let min_length = panel.services().config.login.min_password_length;
    let password = l.tr_count("person.password_hint", min_length);
    let mut role = l.t("person.role_hint");
    let in_panel = cut_off::panel_devices(panel, person.principal).await?;
    if !in_panel.is_empty() {
        role = format!("{role} {}", l.tr_count("person.role_ends", in_panel.len()));
    }
    Ok(Hints {
        role,
        password: format!("{password} {ends}"),
    })
}

/// The form as it was sent, with its problems.
async fn invalid(form: &Form<PanelAdmin>, person: &Person) -> PageResult {
    form.panel.invalid(&FormPage {
        hints: hints(&form.panel, person).await?,
        ..FormPage::sent(form, person.principal.user_type, Some(person))
    })
}

/// The form as it was sent, with the reason of a refusal.
async fn refused(form: &Form<PanelAdmin>, person: &Person, error: Error) -> PageResult {
    let page = FormPage {
        refusal: refusal(&form.panel, error)?,
        hints: hints(&form.panel, person).await?,
        ..FormPage::sent(form, person.principal.user_type, Some(person))
    };
    form.panel.page_with(StatusCode::CONFLICT, &page)
}

/// The form as it was sent and merged, with the current stamp: sent again, it overwrites the change.
async fn conflict(form: &Form<PanelAdmin>, person: &Person, clashes: Vec<Clash>) -> PageResult {
    let (panel, account) = (&form.panel, person.principal);
    let values = Values::of_form(form, account.user_type);
    let mut page = FormPage::new(panel, account.user_type, Some(person), values);
    page.conflict = edit_conflict::message(panel, &page.l, account, person.updated_at).await?;
    page.formers = form_merge::formers_after(form, person, &clashes);
    page.clashes = clashes;
    page.hints = hints(panel, person).await?;
    panel.page_with(StatusCode::CONFLICT, &page)
}
