//! The views of lists that each administrator saves in the panel.

use crate::domain::principal::UserSeq;
use crate::domain::saved_view::SavedView;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::panel_preferences as table;

/// The views of a list, in the order in which they were saved.
///
/// # Errors
/// The store's.
pub async fn list(
    services: &Services,
    owner: UserSeq,
    list: &str,
) -> Result<Vec<SavedView>, Error> {
    let stored = services
        .store
        .read(move |connection| table::find_views(connection, owner))
        .await?;
    let mut views = read(stored.as_deref());
    views.retain(|view| view.list == list);
    Ok(views)
}

/// Saves a view; one of the same list with the same name is replaced. Returns `false`, and changes nothing, if there are
/// [`SavedView::MAX`] others.
///
/// # Errors
/// The store's.
pub async fn save(services: &Services, owner: UserSeq, new: SavedView) -> Result<bool, Error> {
    change(services, owner, move |views| {
        let is_same = |view: &SavedView| view.list == new.list && view.name == new.name;
        match views.iter().position(is_same) {
            Some(at) => views[at] = new.clone(),
            None if views.len() >= SavedView::MAX => return false,
            None => views.push(new.clone()),
        }
        true
    })
    .await
}

/// Deletes a view. Returns whether there was one.
///
/// # Errors
/// The store's.
pub async fn delete(
    services: &Services,
    owner: UserSeq,
    list: String,
    name: String,
) -> Result<bool, Error> {
    change(services, owner, move |views| {
        let before = views.len();
        views.retain(|view| view.list != list || view.name != name);
        views.len() < before
    })
    .await
}

/// Changes the views of an account; `change` returns whether it did.
async fn change(
    services: &Services,
    owner: UserSeq,
    change: impl Fn(&mut Vec<SavedView>) -> bool + Clone + Send + 'static,
) -> Result<bool, Error> {
    services
        .store
        .write(move |connection| {
            let stored = table::lock_views(connection, owner)?;
            let mut views = read(stored.as_deref());
            let is_changed = change(&mut views);
            if is_changed {
                let json = serde_json::to_string(&views);
                let json = json.map_err(|error| Error::Internal(error.to_string()))?;
                table::put_views(connection, owner, &json)?;
            }
            Ok(is_changed)
        })
        .await
}

/// Stored views that another version of this program wrote may be unreadable: they count as none.
fn read(stored: Option<&str>) -> Vec<SavedView> {
    stored
        .and_then(|json| serde_json::from_str(json).ok())
        .unwrap_or_default()
}
