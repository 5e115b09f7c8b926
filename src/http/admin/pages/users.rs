//! Internal users: the list, and the same as a CSV file.

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
    services::accounts::{lists, users::User},
};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/users")
                .route(web::get().to(list))
                .route(web::head().to(list)),
        )
        // Before what stands for any number.
        .service(web::resource("/users/export.csv").route(web::get().to(export)));
}

/// `GET /admin/users`. **Permissions**: administrators and auditors. 200.
async fn list(panel: Panel, mut query: ListQuery) -> PageResult {
    let filter = people_list::filter(UserType::User, &mut query, panel.zone());
    let order = people_list::order(&mut query);
    let (seek, size) = (query.seek(), query.size());
    let services = panel.services();
    let slice = lists::users(services, filter.clone(), order, seek, size).await?;
    people_list::page(&panel, &filter, query, &slice, view)
}

fn view(l: &Layout, user: &User) -> PersonView {
    PersonView {
        seq: user.user_seq.get(),
        name: user.name.clone(),
        login: user.email.clone(),
        initials: initials(&user.name),
        detail: l.word("role", user.role),
        is_active: user.is_active,
        last_login_at: user.last_login_at,
        created_at: user.created_at,
    }
}

const HEADER: &[&str] = &[
    "user_seq",
    "email",
    "name",
    "role",
    "is_active",
    "last_login_at",
    "created_at",
    "updated_at",
];

/// `GET /admin/users/export.csv`. **Permissions**: administrators and auditors. 200.
async fn export(panel: Panel, mut query: ListQuery, request: HttpRequest) -> PageResult {
    let filter = people_list::filter(UserType::User, &mut query, panel.zone());
    let order = people_list::order(&mut query);
    people_list::record_export(&panel, "users", &query).await?;
    let services = services_of(&request)?;
    Ok(csv::answer(&panel, "users", HEADER, move |after| {
        let (services, filter) = (services.clone(), filter.clone());
        async move {
            let rows = lists::users_batch(&services, filter, order, after, csv::BATCH).await?;
            Ok(Batch::of(
                &rows,
                |row| row.place.clone(),
                |row| line(&row.account),
            ))
        }
    }))
}

fn line(user: &User) -> Vec<String> {
    vec![
        user.user_seq.to_string(),
        user.email.clone(),
        user.name.clone(),
        user.role.to_string(),
        user.is_active.to_string(),
        user.last_login_at
            .as_ref()
            .map_or_else(String::new, Timestamp::to_string),
        user.created_at.to_string(),
        user.updated_at.to_string(),
    ]
}
