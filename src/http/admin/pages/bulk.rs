//! What is done to many accounts at once, chosen in a list: first a page that says exactly what and whom it will touch,
//! then the job that does it.

use actix_web::web::{self, ServiceConfig};
use askama::Template;

use crate::{
    domain::{
        job::BulkAction,
        principal::{UserSeq, UserType},
    },
    http::admin::{
        pages::{flush::done_soon, jobs::url, people_list},
        web::{
            error::{AdminError, PageResult},
            filters::Chip,
            form::Form,
            layout::Layout,
            lists::ListQuery,
            notice::Notice,
            owners::initials,
            panel::{Panel, PanelAdmin},
        },
    },
    services::{
        accounts::{
            bulk::{self, NamedAccount, Preview},
            bulk_request::{Accounts, BulkRequest},
        },
        maintenance::job_report::Report,
    },
};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/users/actions").route(web::post().to(of_users)))
        .service(web::resource("/clients/actions").route(web::post().to(of_clients)));
}

/// `POST /admin/users/actions`. **Permissions**: administrators. 200: the page that asks; 303: with `confirmed` to the job,
/// or back to the list where it is done already or there is nothing to do.
async fn of_users(form: Form<PanelAdmin>) -> PageResult {
    of(&form, UserType::User).await
}

/// `POST /admin/clients/actions`. **Permissions**: administrators. As of internal users.
async fn of_clients(form: Form<PanelAdmin>) -> PageResult {
    of(&form, UserType::Client).await
}

fn path(user_type: UserType) -> (&'static str, &'static str) {
    match user_type {
        UserType::User => ("users", "/admin/users"),
        UserType::Client => ("clients", "/admin/clients"),
    }
}

/// A form of the list, or of the page that asks, as far as it could be read.
struct Asked {
    wish: BulkRequest,
    /// The list's address.
    query: ListQuery,
    /// What the filter says, where there is one.
    chips: Vec<Chip>,
}

async fn of(form: &Form<PanelAdmin>, user_type: UserType) -> PageResult {
    let panel = &form.panel;
    let query = ListQuery::new(path(user_type).1, form.text("query"));
    let back = query.url_without_all(&[]);
    let action = BulkAction::from_word(form.text("action")).ok_or(AdminError::Malformed)?;
    let asked = if form.text("scope") == "all" {
        fitting(form, user_type, action, query).await?
    } else {
        selected(form, user_type, action, query)?
    };
    let asked = match asked {
        Ok(asked) => asked,
        Err(reason) => return panel.redirect_with(&back, &Notice::warn(panel.t(reason))),
    };
    let preview = bulk::preview(panel.services(), &panel.actor(), &asked.wish).await?;
    if preview.touched == 0 {
        let notice = Notice::warn(nobody(panel, action, &preview));
        return panel.redirect_with(&back, &notice);
    }
    if form.text("confirmed") == "1" {
        return start(panel, asked.wish, &back).await;
    }
    ask(panel, asked, preview, back)
}

/// Those who are ticked; the key of a sentence where nobody is.
fn selected(
    form: &Form<PanelAdmin>,
    user_type: UserType,
    action: BulkAction,
    query: ListQuery,
) -> Result<Result<Asked, &'static str>, AdminError> {
    let mut ids = Vec::new();
    for digits in form.all("selected") {
        ids.push(UserSeq::from_digits(digits).ok_or(AdminError::Malformed)?);
    }
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Err("bulk.nobody_selected"));
    }
    Ok(Ok(Asked {
        wish: BulkRequest {
            user_type,
            action,
            accounts: Accounts::Selected(ids),
        },
        query,
        chips: Vec::new(),
    }))
}

/// All who fit the list's filter; the key of a sentence where it cannot be read, for then more would fit than are meant.
async fn fitting(
    form: &Form<PanelAdmin>,
    user_type: UserType,
    action: BulkAction,
    mut query: ListQuery,
) -> Result<Result<Asked, &'static str>, AdminError> {
    let panel = &form.panel;
    let filter = people_list::filter(user_type, &mut query, panel.zone());
    if !query.problems(panel.language()).are_none() {
        return Ok(Err("bulk.unreadable_filter"));
    }
    let up_to = match form.text("up_to") {
        "" => bulk::greatest(panel.services(), user_type).await?,
        digits => UserSeq::from_digits(digits)
            .ok_or(AdminError::Malformed)?
            .get(),
    };
    let chips = people_list::chips(&panel.layout(path(user_type).0), &query, &filter);
    Ok(Ok(Asked {
        wish: BulkRequest {
            user_type,
            action,
            accounts: Accounts::Filtered {
                filter: Box::new(filter),
                query: query.query_string(),
                up_to,
            },
        },
        query,
        chips,
    }))
}

/// Why nothing would be done.
fn nobody(panel: &Panel, action: BulkAction, preview: &Preview) -> String {
    if preview.is_last_administrator {
        panel.t("bulk.only_last_administrator")
    } else if preview.leaves_self_out {
        panel.t("bulk.only_self")
    } else if preview.already > 0 {
        panel.t(&format!("bulk_already.all_{action}"))
    } else {
        panel.t("bulk.nobody_there")
    }
}

#[derive(Template)]
#[template(path = "admin/people/bulk.html")]
struct BulkPage {
    l: Layout,
    path: &'static str,
    section: String,
    back: String,
    title: String,
    text: String,
    button: String,
    is_destructive: bool,
    action: BulkAction,
    /// The ticked ones; nothing where all who fit are meant.
    selected: Vec<i64>,
    query: String,
    up_to: Option<i64>,
    chips: Vec<Chip>,
    /// Sentences on who is left out.
    left_out: Vec<String>,
    first: Vec<NamedAccount>,
    /// How many more there are than those who are named.
    more: u64,
    touched: u64,
}

impl BulkPage {
    #[expect(
        clippy::unused_self,
        reason = "templates ask their page for everything"
    )]
    fn initials(&self, name: &str) -> String {
        initials(name)
    }
}

/// The page that asks.
fn ask(panel: &Panel, asked: Asked, preview: Preview, back: String) -> PageResult {
    let BulkRequest {
        user_type,
        action,
        accounts,
    } = asked.wish;
    let (section, path) = path(user_type);
    let l = panel.layout(section);
    let (selected, query, up_to) = match accounts {
        // The filter is of no use to them but for the way back.
        Accounts::Selected(ids) => {
            let ids = ids.iter().map(|id| id.get()).collect();
            (ids, asked.query.query_string(), None)
        }
        Accounts::Filtered { query, up_to, .. } => (Vec::new(), query, Some(up_to)),
    };
    panel.page(&BulkPage {
        path,
        section: l.t(&format!("nav.{section}")),
        back,
        title: l.tn(&format!("bulk_ask.{action}_{user_type}"), preview.touched),
        text: l.t(&format!("bulk_text.{action}_{user_type}")),
        button: l.tn(&format!("bulk_go.{action}"), preview.touched),
        is_destructive: matches!(action, BulkAction::Delete | BulkAction::Deactivate),
        action,
        selected,
        query,
        up_to,
        chips: asked.chips,
        left_out: left_out(&l, action, &preview),
        more: preview.touched - preview.first.len() as u64,
        first: preview.first,
        touched: preview.touched,
        l,
    })
}

fn left_out(l: &Layout, action: BulkAction, preview: &Preview) -> Vec<String> {
    let mut sentences = Vec::new();
    if preview.is_last_administrator {
        sentences.push(l.t("bulk.last_administrator"));
    } else if preview.leaves_self_out && action == BulkAction::EndSessions {
        sentences.push(l.t("bulk.own_sessions"));
    } else if preview.leaves_self_out {
        sentences.push(l.t("bulk.own_account"));
    }
    if preview.already > 0 {
        sentences.push(l.tn(&format!("bulk_already.{action}"), preview.already));
    }
    if preview.gone > 0 {
        sentences.push(l.tn("bulk.gone", preview.gone));
    }
    sentences
}

async fn start(panel: &Panel, wish: BulkRequest, back: &str) -> PageResult {
    let action = wish.action;
    let started = bulk::start(panel.services(), &panel.actor(), wish).await?;
    let job = url(&started.job);
    let Some(done) = done_soon(panel, started).await? else {
        return panel.redirect(&job);
    };
    match done.report {
        // With more to say than a number, its page says it.
        Some(Report::Bulk(report))
            if report.gone == 0 && report.skipped_last_administrator.is_none() =>
        {
            let text = panel.tn(&format!("bulk_done.{action}"), report.changed);
            panel.redirect_with(back, &Notice::ok(text))
        }
        _ => panel.redirect(&job),
    }
}
