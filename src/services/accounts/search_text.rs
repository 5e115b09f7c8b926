//! Makes accounts searchable that were made before there was a search: the schema leaves their text empty, because only
//! this program knows its form.

use crate::{
    domain::{
        principal::{UserSeq, UserType},
        text::searchable,
    },
    services::{accounts::client_user_changes, bootstrap::Services, error::Error},
    store::{Db, StoreError, account_pages as table},
};

/// How many accounts a transaction takes: others write between them.
const BATCH: i64 = 500;

/// Writes the missing texts of both populations; how many there were.
///
/// # Errors
/// The store's. What was written stays.
pub async fn fill_in(services: &Services) -> Result<u64, Error> {
    let mut written = 0;
    for population in [UserType::User, UserType::Client] {
        loop {
            let batch = services
                .store
                .write(move |connection| fill_in_some(connection, population))
                .await?;
            written += batch;
            if batch == 0 {
                break;
            }
        }
    }
    Ok(written)
}

fn fill_in_some(connection: &mut Db, population: UserType) -> Result<u64, Error> {
    let mut written = 0;
    for (id, text) in missing(connection, population)? {
        table::put_search_text(connection, population, id, &text)?;
        written += 1;
    }
    Ok(written)
}

fn missing(
    connection: &mut Db,
    population: UserType,
) -> Result<Vec<(UserSeq, String)>, StoreError> {
    Ok(match population {
        UserType::User => table::unsearchable_users(connection, BATCH)?
            .into_iter()
            .map(|row| (row.id, searchable(&[&row.email, &row.name])))
            .collect(),
        UserType::Client => table::unsearchable_clients(connection, BATCH)?
            .into_iter()
            .map(|row| {
                let (email, phone) = (row.email.as_deref(), row.phone.as_deref());
                let text = client_user_changes::search_text(&row.username, &row.name, email, phone);
                (row.id, text)
            })
            .collect(),
    })
}
