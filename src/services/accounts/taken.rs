//! Which login names of a new account other accounts have already, so that a form can say so together with its other problems.

use crate::domain::account::normalised_login;
use crate::domain::principal::UserType;
use crate::services::account_lookup::find_by_login;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::StoreError;

/// The fields whose names are taken. `names` are fields with their texts as typed.
///
/// # Errors
/// The store's.
pub async fn fields(
    services: &Services,
    user_type: UserType,
    names: Vec<(&'static str, String)>,
) -> Result<Vec<&'static str>, Error> {
    let taken = services
        .store
        .read(move |connection| {
            let mut taken = Vec::new();
            for (field, typed) in &names {
                let name = normalised_login(typed);
                let is_usable = !name.is_empty() && !name.contains(char::is_control);
                if is_usable && find_by_login(connection, user_type, &name)?.is_some() {
                    taken.push(*field);
                }
            }
            Ok::<_, StoreError>(taken)
        })
        .await?;
    Ok(taken)
}
