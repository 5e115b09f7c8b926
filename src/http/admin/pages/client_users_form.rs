//! The form of an external client: to make one, and to change one. Where mail is configured an administrator does not choose
//! the passwords of others: a link is sent, if the client is to have a password at all.

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Path, ServiceConfig},
};
use askama::Template;

use crate::{
    domain::{
        account::{Email, Name, Phone, Username},
        password::Password,
        principal::Principal,
    },
    http::admin::{
        pages::person::{after_creation, parse_flag, saved, seq_of, typed_password},
        web::{
            edit_conflict::{Fields, Meanwhile},
            error::PageResult,
            form::{FieldErrors, Form},
            layout::Layout,
            panel::{Panel, PanelAdmin},
        },
    },
    services::accounts::{
        client_user_changes,
        client_users::{self, Client, ClientChanges, NewClient},
    },
};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/clients/new")
                .route(web::get().to(empty))
                .route(web::head().to(empty))
                .route(web::post().to(create)),
        )
        .service(
            web::resource("/clients/{seq:\\d+}/edit")
                .route(web::get().to(edit))
                .route(web::head().to(edit))
                .route(web::post().to(update)),
        );
}

/// What stands in the fields.
struct Typed {
    username: String,
    name: String,
    email: String,
    phone: String,
    is_active: bool,
    sends_link: bool,
}

impl Typed {
    fn of_client(client: &Client) -> Self {
        Self {
            username: client.username.clone(),
            name: client.name.clone(),
            email: client.email.clone().unwrap_or_default(),
            phone: client.phone.clone().unwrap_or_default(),
            is_active: client.is_active,
            sends_link: false,
        }
    }

    fn of_form(form: &Form<PanelAdmin>) -> Self {
        let text = |name| form.text(name).to_owned();
        Self {
            username: text("username"),
            name: text("name"),
            email: text("email"),
            phone: text("phone"),
            is_active: form.text("is_active") != "false",
            sends_link: form.is("send_link"),
        }
    }
}

#[derive(Template)]
#[template(path = "admin/clients/form.html")]
struct FormPage {
    l: Layout,
    errors: FieldErrors,
    typed: Typed,
    /// The client that is changed; none where one is made.
    client: Option<Client>,
    /// What stood in the fields when the form was opened.
    seen: Fields,
    /// What somebody else changed since then.
    meanwhile: Vec<Meanwhile>,
    sends_mail: bool,
    min_length: usize,
}

impl FormPage {
    fn new(panel: &Panel, typed: Typed, client: Option<Client>) -> Self {
        Self {
            l: panel.layout("clients"),
            errors: FieldErrors::default(),
            typed,
            seen: client.as_ref().map(fields).unwrap_or_default(),
            meanwhile: Vec::new(),
            client,
            sends_mail: panel.services().delivery.sends_mail(),
            min_length: panel.services().config.login.min_password_length,
        }
    }
}

/// What a form holds of a client.
fn fields(client: &Client) -> Fields {
    let typed = Typed::of_client(client);
    Fields::new([
        ("username", typed.username),
        ("name", typed.name),
        ("email", typed.email),
        ("phone", typed.phone),
        ("is_active", typed.is_active.to_string()),
    ])
}

/// The form again, with what was typed, what stood there when it was opened, and what is wrong with it.
fn again(form: &Form<PanelAdmin>, client: Option<Client>) -> PageResult {
    let page = FormPage::new(&form.panel, Typed::of_form(form), client);
    form.panel.refused(&FormPage {
        errors: form.errors(),
        seen: page.seen.seen(form),
        ..page
    })
}

/// The form again where somebody else changed the client since it was opened; none where nobody did.
fn changed_meanwhile(form: &Form<PanelAdmin>, client: &Client) -> Option<FormPage> {
    let mut page = FormPage::new(&form.panel, Typed::of_form(form), Some(client.clone()));
    page.meanwhile = page.seen.changed_meanwhile(form, &page.l);
    (!page.meanwhile.is_empty()).then_some(page)
}

/// What the form says, read; none where something is wrong with it.
struct Read {
    username: Username,
    name: Option<Name>,
    email: Option<Email>,
    phone: Option<Phone>,
    is_active: Option<bool>,
    password: Option<Password>,
}

fn read(form: &mut Form<PanelAdmin>) -> Option<Read> {
    let username = form.required("username", Username::parse);
    let name = form.optional("name", Name::parse);
    let email = form.optional("email", Email::parse);
    let phone = form.optional("phone", Phone::parse);
    let is_active = form.optional("is_active", parse_flag);
    let password = typed_password(form);
    if form.has_problems() {
        return None;
    }
    Some(Read {
        username: username?,
        name,
        email,
        phone,
        is_active,
        password,
    })
}

/// `GET /admin/clients/new`. **Permissions**: administrators. 200.
async fn empty(panel: PanelAdmin) -> PageResult {
    let typed = Typed {
        username: String::new(),
        name: String::new(),
        email: String::new(),
        phone: String::new(),
        is_active: true,
        sends_link: false,
    };
    panel.page(&FormPage::new(&panel, typed, None))
}

/// `POST /admin/clients/new`. **Permissions**: administrators. 303, 422.
async fn create(mut form: Form<PanelAdmin>, request: HttpRequest) -> PageResult {
    let Some(read) = read(&mut form) else {
        return again(&form, None);
    };
    let is_active = read.is_active.unwrap_or(true);
    let wants_link = read.password.is_none() && is_active && form.is("send_link");
    // Without an address the link would have to be shown: that is done from the client's page.
    let wants_link = wants_link && read.email.is_some();
    let new = NewClient {
        username: read.username,
        name: read.name,
        email: read.email,
        phone: read.phone,
        password: read.password,
        is_active,
    };
    let panel = &form.panel;
    match client_user_changes::create(panel.services(), &panel.actor(), new).await {
        Ok(client) => {
            let owner = Principal::client(client.user_seq);
            after_creation(panel, &request, owner, wants_link).await
        }
        Err(error) => {
            form.take(error)?;
            again(&form, None)
        }
    }
}

/// `GET /admin/clients/{seq}/edit`. **Permissions**: administrators. 200, 404.
async fn edit(panel: PanelAdmin, seq: Path<String>) -> PageResult {
    let client = client_users::find(panel.services(), seq_of(&seq)?).await?;
    let typed = Typed::of_client(&client);
    panel.page(&FormPage::new(&panel, typed, Some(client)))
}

/// `POST /admin/clients/{seq}/edit`. **Permissions**: administrators. 303, 404, 409 (somebody else changed the client
/// meanwhile), 422.
async fn update(mut form: Form<PanelAdmin>, seq: Path<String>) -> PageResult {
    let seq = seq_of(&seq)?;
    let client = client_users::find(form.panel.services(), seq).await?;
    let Some(read) = read(&mut form) else {
        return again(&form, Some(client));
    };
    if let Some(page) = changed_meanwhile(&form, &client) {
        return form.panel.page_with(StatusCode::CONFLICT, &page);
    }
    // As when it is made: who has no name is called by the username.
    let name = read
        .name
        .or_else(|| Name::parse(read.username.as_typed()).ok());
    let changes = ClientChanges {
        username: Some(read.username),
        name,
        email: Some(read.email),
        phone: Some(read.phone),
        password: read.password.map(Some),
        is_active: read.is_active,
    };
    let panel = &form.panel;
    match client_user_changes::update(panel.services(), &panel.actor(), seq, changes).await {
        Ok(_) => saved(panel, Principal::client(seq)),
        Err(error) => {
            form.take(error)?;
            again(&form, Some(client))
        }
    }
}
