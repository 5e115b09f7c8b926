//! The form of an internal user: to make one, and to change one. Where mail is configured an administrator does not choose
//! the passwords of others: a link is sent.

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Path, ServiceConfig},
};
use askama::Template;

use crate::{
    domain::{
        account::{Email, Name, Role},
        principal::Principal,
    },
    http::admin::{
        pages::person::{after_creation, parse_flag, refusal, saved, seq_of, typed_password},
        web::{
            edit_conflict::{Fields, Meanwhile},
            error::PageResult,
            form::{FieldErrors, Form},
            layout::Layout,
            panel::{Panel, PanelAdmin},
        },
    },
    services::{
        Error,
        accounts::{
            user_changes,
            users::{self, NewUser, User, UserChanges},
        },
    },
};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/users/new")
                .route(web::get().to(empty))
                .route(web::head().to(empty))
                .route(web::post().to(create)),
        )
        .service(
            web::resource("/users/{seq:\\d+}/edit")
                .route(web::get().to(edit))
                .route(web::head().to(edit))
                .route(web::post().to(update)),
        );
}

/// What stands in the fields.
struct Typed {
    email: String,
    name: String,
    role: String,
    is_active: bool,
    sends_link: bool,
}

impl Typed {
    fn of_user(user: &User) -> Self {
        Self {
            email: user.email.clone(),
            name: user.name.clone(),
            role: user.role.to_string(),
            is_active: user.is_active,
            sends_link: false,
        }
    }

    fn of_form(form: &Form<PanelAdmin>) -> Self {
        Self {
            email: form.text("email").to_owned(),
            name: form.text("name").to_owned(),
            role: form.text("role").to_owned(),
            is_active: form.text("is_active") != "false",
            sends_link: form.is("send_link"),
        }
    }
}

#[derive(Template)]
#[template(path = "admin/users/form.html")]
struct FormPage {
    l: Layout,
    errors: FieldErrors,
    typed: Typed,
    roles: &'static [&'static str],
    /// The user who is changed; none where one is made.
    user: Option<User>,
    /// Whether it is the viewer himself: role and state are not his to change.
    is_self: bool,
    /// What stood in the fields when the form was opened.
    seen: Fields,
    /// What somebody else changed since then.
    meanwhile: Vec<Meanwhile>,
    sends_mail: bool,
    min_length: usize,
    /// Why the change was refused; empty where it was not.
    refusal: String,
}

impl FormPage {
    fn new(panel: &Panel, typed: Typed, user: Option<User>) -> Self {
        let own = panel.viewer().account.principal;
        let seq = user.as_ref().map(|user| user.user_seq);
        let is_self = seq.is_some_and(|seq| own == Principal::user(seq));
        let seen = user.as_ref().map(|user| fields(user, is_self));
        Self {
            l: panel.layout("users"),
            errors: FieldErrors::default(),
            typed,
            roles: Role::NAMES,
            is_self,
            seen: seen.unwrap_or_default(),
            meanwhile: Vec::new(),
            user,
            sends_mail: panel.services().delivery.sends_mail(),
            min_length: panel.services().config.login.min_password_length,
            refusal: String::new(),
        }
    }
}

/// What a form holds of a user.
fn fields(user: &User, is_self: bool) -> Fields {
    let typed = Typed::of_user(user);
    let own = [("email", typed.email), ("name", typed.name)];
    let others = [
        ("role", typed.role),
        ("is_active", typed.is_active.to_string()),
    ];
    Fields::new(
        own.into_iter()
            .chain(others.into_iter().filter(|_| !is_self)),
    )
}

/// The form again, with what was typed and what stood there when it was opened.
fn page(form: &Form<PanelAdmin>, user: Option<User>) -> FormPage {
    let page = FormPage::new(&form.panel, Typed::of_form(form), user);
    FormPage {
        seen: page.seen.seen(form),
        ..page
    }
}

/// The same, with what is wrong with it.
fn again(form: &Form<PanelAdmin>, user: Option<User>) -> PageResult {
    let page = FormPage {
        errors: form.errors(),
        ..page(form, user)
    };
    form.panel.refused(&page)
}

/// The form again where somebody else changed the user since it was opened; none where nobody did.
fn changed_meanwhile(form: &Form<PanelAdmin>, user: &User) -> Option<FormPage> {
    let mut page = FormPage::new(&form.panel, Typed::of_form(form), Some(user.clone()));
    page.meanwhile = page.seen.changed_meanwhile(form, &page.l);
    (!page.meanwhile.is_empty()).then_some(page)
}

/// `GET /admin/users/new`. **Permissions**: administrators. 200.
async fn empty(panel: PanelAdmin) -> PageResult {
    let typed = Typed {
        email: String::new(),
        name: String::new(),
        role: Role::Staff.to_string(),
        is_active: true,
        sends_link: true,
    };
    panel.page(&FormPage::new(&panel, typed, None))
}

/// `POST /admin/users/new`. **Permissions**: administrators. 303, 422.
async fn create(mut form: Form<PanelAdmin>, request: HttpRequest) -> PageResult {
    let email = form.required("email", Email::parse);
    let name = form.required("name", Name::parse);
    let role = form.required("role", Role::parse);
    let is_active = form.optional("is_active", parse_flag).unwrap_or(true);
    let password = typed_password(&mut form);
    let (Some(email), Some(name), Some(role), false) = (email, name, role, form.has_problems())
    else {
        return again(&form, None);
    };
    let has_password = password.is_some();
    let new = NewUser {
        email,
        name,
        role,
        password,
        is_active,
    };
    let panel = &form.panel;
    match user_changes::create(panel.services(), &panel.actor(), new).await {
        Ok(user) => {
            let wants_link = !has_password && is_active && form.is("send_link");
            after_creation(panel, &request, Principal::user(user.user_seq), wants_link).await
        }
        Err(error) => {
            form.take(error)?;
            again(&form, None)
        }
    }
}

/// `GET /admin/users/{seq}/edit`. **Permissions**: administrators. 200, 404.
async fn edit(panel: PanelAdmin, seq: Path<String>) -> PageResult {
    let user = users::find(panel.services(), seq_of(&seq)?).await?;
    panel.page(&FormPage::new(&panel, Typed::of_user(&user), Some(user)))
}

/// `POST /admin/users/{seq}/edit`. **Permissions**: administrators. 303, 404, 409 (oneself, the last administrator, or
/// somebody else changed the user meanwhile), 422.
async fn update(mut form: Form<PanelAdmin>, seq: Path<String>) -> PageResult {
    let seq = seq_of(&seq)?;
    let user = users::find(form.panel.services(), seq).await?;
    let changes = UserChanges {
        email: form.required("email", Email::parse),
        name: form.required("name", Name::parse),
        // Role and state are not on one's own form.
        role: form.optional("role", Role::parse),
        is_active: form.optional("is_active", parse_flag),
        password: typed_password(&mut form),
    };
    if form.has_problems() {
        return again(&form, Some(user));
    }
    let panel = &form.panel;
    if let Some(page) = changed_meanwhile(&form, &user) {
        return panel.page_with(StatusCode::CONFLICT, &page);
    }
    match user_changes::update(panel.services(), &panel.actor(), seq, changes).await {
        Ok(_) => saved(panel, Principal::user(seq)),
        Err(error @ (Error::LastAdministrator | Error::OwnAccount)) => {
            let page = FormPage {
                refusal: refusal(panel, error)?,
                ..page(&form, Some(user))
            };
            panel.page_with(StatusCode::CONFLICT, &page)
        }
        Err(error) => {
            form.take(error)?;
            again(&form, Some(user))
        }
    }
}
