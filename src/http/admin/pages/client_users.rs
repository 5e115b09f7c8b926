//! External clients: the list, and the same as a CSV file.

use actix_web::{
    HttpRequest,
    web::{self, ServiceConfig},
};

use crate::{
    clock::Timestamp,
    domain::principal::UserType,
    http::admin::{
        pages::people_list::{self, PersonView},
        web::{
            csv::{self, Batch},
            error::PageResult,
            layout::Layout,
            lists::ListQuery,
            owners::initials,
            panel::{Panel, services_of},
        },
    },
    services::accounts::{client_users::Client, lists},
};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/clients")
                .route(web::get().to(list))
                .route(web::head().to(list)),
        )
        // Before what stands for any number.
        .service(web::resource("/clients/export.csv").route(web::get().to(export)));
}

/// `GET /admin/clients`. **Permissions**: administrators and auditors. 200.
async fn list(panel: Panel, mut query: ListQuery) -> PageResult {
    let filter = people_list::filter(UserType::Client, &mut query, panel.zone());
    let order = people_list::order(&mut query);
    let (seek, size) = (query.seek(), query.size());
    let services = panel.services();
    let slice = lists::clients(services, filter.clone(), order, seek, size).await?;
    people_list::page(&panel, &filter, query, &slice, view)
}

fn view(_: &Layout, client: &Client) -> PersonView {
    let reached = client.email.iter().chain(&client.phone);
    let reached: Vec<&str> = reached.map(String::as_str).collect();
    PersonView {
        seq: client.user_seq.get(),
        name: client.name.clone(),
        login: client.username.clone(),
        initials: initials(&client.name),
        detail: reached.join(" · "),
        is_active: client.is_active,
        last_login_at: client.last_login_at,
        created_at: client.created_at,
    }
}

const HEADER: &[&str] = &[
    "user_seq",
    "username",
    "name",
    "email",
    "phone",
    "is_active",
    "last_login_at",
    "created_at",
    "updated_at",
];

/// `GET /admin/clients/export.csv`. **Permissions**: administrators and auditors. 200.
async fn export(panel: Panel, mut query: ListQuery, request: HttpRequest) -> PageResult {
    let filter = people_list::filter(UserType::Client, &mut query, panel.zone());
    let order = people_list::order(&mut query);
    people_list::record_export(&panel, "clients", &query).await?;
    let services = services_of(&request)?;
    Ok(csv::answer(&panel, "clients", HEADER, move |after| {
        let (services, filter) = (services.clone(), filter.clone());
        async move {
            let rows = lists::clients_batch(&services, filter, order, after, csv::BATCH).await?;
            Ok(Batch::of(
                &rows,
                |row| row.place.clone(),
                |row| line(&row.account),
            ))
        }
    }))
}

fn line(client: &Client) -> Vec<String> {
    vec![
        client.user_seq.to_string(),
        client.username.clone(),
        client.name.clone(),
        client.email.clone().unwrap_or_default(),
        client.phone.clone().unwrap_or_default(),
        client.is_active.to_string(),
        client
            .last_login_at
            .as_ref()
            .map_or_else(String::new, Timestamp::to_string),
        client.created_at.to_string(),
        client.updated_at.to_string(),
    ]
}
