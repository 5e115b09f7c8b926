//! The table `panel_preferences`: language, theme, time zone and saved views of each administrator.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};

use crate::domain::language::Language;
use crate::domain::preferences::{Preferences, Theme};
use crate::domain::principal::UserSeq;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::panel_preferences;

/// Inserts or replaces the preferences of a user.
pub fn put(
    connection: &mut Db,
    user_seq: UserSeq,
    preferences: &Preferences,
) -> Result<(), StoreError> {
    // Raw SQL: diesel has no ON CONFLICT for `MultiConnection`.
    let statement = "INSERT INTO panel_preferences (user_seq, language, theme, time_zone) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (user_seq) DO UPDATE SET language = excluded.language, theme = excluded.theme, \
        time_zone = excluded.time_zone";
    diesel::sql_query(statement)
        .bind::<BigInt, _>(user_seq)
        .bind::<Nullable<Text>, _>(preferences.language.map(Language::tag))
        .bind::<Text, _>(preferences.theme)
        .bind::<Nullable<Text>, _>(preferences.time_zone.map(chrono_tz::Tz::name))
        .execute(connection)?;
    Ok(())
}

/// The preferences of a user.
pub fn find(connection: &mut Db, user_seq: UserSeq) -> Result<Preferences, StoreError> {
    let row = panel_preferences::table
        .find(user_seq)
        .select((
            panel_preferences::language,
            panel_preferences::theme,
            panel_preferences::time_zone,
        ))
        .get_result(connection)
        .optional()?;
    Ok(read(row))
}

/// The saved views of a user as JSON, with the row locked until the transaction ends.
pub fn lock_views(connection: &mut Db, user_seq: UserSeq) -> Result<Option<String>, StoreError> {
    let row = panel_preferences::table
        .find(user_seq)
        .select(panel_preferences::views);
    let found = match connection {
        Db::Postgres(postgres) => row.for_update().get_result(postgres).optional()?,
        // SQLite's writer holds the only write lock already.
        Db::Sqlite(sqlite) => row.get_result(sqlite).optional()?,
    };
    Ok(found.flatten())
}

/// The saved views of a user as JSON.
pub fn find_views(connection: &mut Db, user_seq: UserSeq) -> Result<Option<String>, StoreError> {
    let found = panel_preferences::table
        .find(user_seq)
        .select(panel_preferences::views)
        .get_result::<Option<String>>(connection)
        .optional()?;
    Ok(found.flatten())
}

/// Replaces the saved views of a user.
pub fn put_views(connection: &mut Db, user_seq: UserSeq, views: &str) -> Result<(), StoreError> {
    // Raw SQL: diesel has no ON CONFLICT for `MultiConnection`.
    let statement = "INSERT INTO panel_preferences (user_seq, theme, views) VALUES ($1, $2, $3) \
        ON CONFLICT (user_seq) DO UPDATE SET views = excluded.views";
    diesel::sql_query(statement)
        .bind::<BigInt, _>(user_seq)
        .bind::<Text, _>(Theme::default())
        .bind::<Text, _>(views)
        .execute(connection)?;
    Ok(())
}

/// Deletes the preferences of a user.
pub fn delete(connection: &mut Db, user_seq: UserSeq) -> Result<(), StoreError> {
    diesel::delete(panel_preferences::table.find(user_seq)).execute(connection)?;
    Ok(())
}

/// Converts a row. A value that this version does not know counts as not chosen.
#[must_use]
pub fn read(row: Option<(Option<String>, String, Option<String>)>) -> Preferences {
    let Some((language, theme, time_zone)) = row else {
        return Preferences::default();
    };
    Preferences {
        language: language.as_deref().and_then(Language::from_tag),
        theme: Theme::from_word(&theme).unwrap_or_default(),
        time_zone: time_zone.and_then(|name| name.parse().ok()),
    }
}
