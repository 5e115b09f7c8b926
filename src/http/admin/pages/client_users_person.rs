//! The page of one external client, and what an administrator does from there: activate, deactivate, delete.

use actix_web::web::{self, Path, ServiceConfig};
use askama::Template;

use crate::{
    domain::principal::{Principal, UserSeq},
    http::admin::{
        pages::person::{PersonDetails, seq_of},
        web::{
            error::PageResult,
            form::Form,
            layout::Layout,
            notice::Notice,
            owners::{initials, page_of},
            panel::{Panel, PanelAdmin},
        },
    },
    services::{
        accounts::{
            client_users::{self, Client},
            lifecycle,
        },
        auth::otp_deliveries::OtpDelivery,
    },
};

/// How many of the latest codes a client's page tells of.
const DELIVERIES_SHOWN: i64 = 10;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/clients/{seq:\\d+}")
                .route(web::get().to(show))
                .route(web::head().to(show)),
        )
        .service(
            web::resource("/clients/{seq:\\d+}/delete")
                .route(web::get().to(ask_to_delete))
                .route(web::head().to(ask_to_delete))
                .route(web::post().to(delete)),
        )
        .service(web::resource("/clients/{seq:\\d+}/activate").route(web::post().to(activate)))
        .service(web::resource("/clients/{seq:\\d+}/deactivate").route(web::post().to(deactivate)));
}

#[derive(Template)]
#[template(path = "admin/clients/show.html")]
struct ShowPage {
    l: Layout,
    client: Client,
    initials: String,
    around: PersonDetails,
    deliveries: Vec<OtpDelivery>,
}

/// `GET /admin/clients/{seq}`. **Permissions**: administrators and auditors. 200, 404.
async fn show(panel: Panel, seq: Path<String>) -> PageResult {
    let (seq, services) = (seq_of(&seq)?, panel.services());
    let client = client_users::find(services, seq).await?;
    let l = panel.layout("clients");
    panel.page(&ShowPage {
        around: PersonDetails::of(&panel, &l, Principal::client(seq)).await?,
        deliveries: services
            .otp_deliveries
            .list(&services.store, &services.audit_log, seq, DELIVERIES_SHOWN)
            .await?,
        initials: initials(&client.name),
        client,
        l,
    })
}

/// `POST /admin/clients/{seq}/activate`. **Permissions**: administrators. 303, 404.
async fn activate(form: Form<PanelAdmin>, seq: Path<String>) -> PageResult {
    set_active(&form.panel, seq_of(&seq)?, true).await
}

/// `POST /admin/clients/{seq}/deactivate`. **Permissions**: administrators. 303, 404.
async fn deactivate(form: Form<PanelAdmin>, seq: Path<String>) -> PageResult {
    set_active(&form.panel, seq_of(&seq)?, false).await
}

async fn set_active(panel: &Panel, seq: UserSeq, is_active: bool) -> PageResult {
    let (actor, owner) = (panel.actor(), Principal::client(seq));
    lifecycle::set_active(panel.services(), &actor, owner, is_active).await?;
    let text = if is_active {
        panel.t("person.activated")
    } else {
        panel.t("person.deactivated")
    };
    panel.redirect_with(&page_of(Principal::client(seq)), &Notice::ok(text))
}

#[derive(Template)]
#[template(path = "admin/clients/delete.html")]
struct DeletePage {
    l: Layout,
    client: Client,
    initials: String,
}

/// `GET /admin/clients/{seq}/delete`. **Permissions**: administrators. 200, 404.
async fn ask_to_delete(panel: PanelAdmin, seq: Path<String>) -> PageResult {
    let client = client_users::find(panel.services(), seq_of(&seq)?).await?;
    panel.page(&DeletePage {
        l: panel.layout("clients"),
        initials: initials(&client.name),
        client,
    })
}

/// `POST /admin/clients/{seq}/delete`. **Permissions**: administrators. 303, 404.
async fn delete(form: Form<PanelAdmin>, seq: Path<String>) -> PageResult {
    let (panel, seq) = (&form.panel, seq_of(&seq)?);
    let client = client_users::find(panel.services(), seq).await?;
    lifecycle::delete(panel.services(), &panel.actor(), Principal::client(seq)).await?;
    let notice = Notice::ok(panel.t1("person.deleted", client.username));
    panel.redirect_with("/admin/clients", &notice)
}
