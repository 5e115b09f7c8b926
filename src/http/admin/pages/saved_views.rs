//! Saving and deleting the viewer's views of lists.

use crate::domain::saved_view::SavedView;
use crate::http::admin::paths;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::Form;
use crate::http::admin::web::lists::ListQuery;
use crate::http::admin::web::panel::Panel;
use crate::services::saved_views;

/// The list that a form names.
fn list_of(form: &Form<Panel>) -> Result<String, AdminError> {
    let named = form.text("list");
    let known = paths::lists().into_iter().find(|list| list == named);
    known.ok_or(AdminError::Malformed)
}

/// The longest address of a form that restores a view: the notice with it is a cookie.
const MAX_UNDO: usize = 2_000;

/// `POST /admin/views`: the view in the form, or in the address of the form that restores it. **Permissions**: administrators
/// and auditors. 303 back to the list, 400.
pub(crate) async fn save(mut form: Form<Panel>, address: ListQuery) -> PageResult {
    for field in ["list", "query", "name"] {
        if !form.is(field) {
            form.set(field, address.value(field).to_owned());
        }
    }
    let (panel, list) = (&form.panel, list_of(&form)?);
    let query = ListQuery::new(&list, form.text("query"));
    let back = query.address();
    let query = back.split_once('?').map_or("", |(_, query)| query);
    let Ok(name) = SavedView::parse_name(form.text("name")) else {
        return panel.redirect_warn(&back, panel.t("views.invalid"));
    };
    if query.len() > SavedView::MAX_QUERY {
        return panel.redirect_warn(&back, panel.t("views.too_long"));
    }
    let view = SavedView {
        list,
        query: query.to_owned(),
        name,
    };
    let owner = panel.viewer().account.principal.user_seq;
    if saved_views::save(panel.services(), owner, view).await? {
        panel.redirect_ok(&back, panel.t("views.saved"))
    } else {
        panel.redirect_warn(&back, panel.tr_with("views.too_many", SavedView::MAX))
    }
}

/// `POST /admin/views/delete`. It can be undone. **Permissions**: administrators and auditors. 303 back to the list, 400.
pub(crate) async fn delete(form: Form<Panel>) -> PageResult {
    let (panel, list) = (&form.panel, list_of(&form)?);
    let back = ListQuery::new(&list, form.text("query")).address();
    let (owner, name) = (panel.viewer().account.principal.user_seq, form.text("name"));
    let mut views = saved_views::list(panel.services(), owner, &list)
        .await?
        .into_iter();
    let deleted = views.find(|view| view.name == name);
    saved_views::delete(panel.services(), owner, list, name.to_owned()).await?;
    let undo = deleted.map(|view| paths::restore_view(&view));
    match undo.filter(|undo| undo.len() <= MAX_UNDO) {
        Some(undo) => panel.redirect_undoable(&back, panel.t("views.deleted"), undo),
        None => panel.redirect_ok(&back, panel.t("views.deleted")),
    }
}
