//! Which table and which columns of a site hold the accounts.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::import::ImportField;
use crate::domain::principal::UserType;
use crate::services::import::error::ImportError;
use crate::services::import::fields::FieldSet;
use crate::store::imports::catalogue::Table;
use crate::store::imports::source::Source;

/// The table of the refresh tokens that SimpleJWT has issued.
pub(super) const OUTSTANDING: &str = "token_blacklist_outstandingtoken";
/// The table of those that are blacklisted.
pub(super) const BLACKLISTED: &str = "token_blacklist_blacklistedtoken";
/// Django's own table of users.
const AUTH_USER: &str = "auth_user";

/// What was said about the tables, columns and roles of a site; also the form of a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MappingRules {
    /// The table of the users; found if it is not given.
    pub users: Option<String>,
    /// The table of the clients; without it no clients are imported.
    pub clients: Option<String>,
    /// The columns of the users; an empty name means none.
    pub user: BTreeMap<ImportField, String>,
    /// The columns of the clients.
    pub client: BTreeMap<ImportField, String>,
    /// The role for each word of the site, `superuser` and `staff` among them.
    pub roles: BTreeMap<String, String>,
}

impl MappingRules {
    /// Reads the text of a TOML file.
    ///
    /// # Errors
    /// A sentence with line and column.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())
    }

    /// Adds one column, `user.email=mail_addr`.
    ///
    /// # Errors
    /// A sentence that says what would be right.
    pub fn add_column(&mut self, text: &str) -> Result<(), String> {
        let form =
            || format!("{text:?} is not of the form user.email=COLUMN or client.email=COLUMN");
        let (place, column) = text.split_once('=').ok_or_else(form)?;
        let (population, field) = place.split_once('.').ok_or_else(form)?;
        let columns = match population.trim() {
            "user" => &mut self.user,
            "client" => &mut self.client,
            _ => return Err(form()),
        };
        let known = ImportField::from_word(field.trim());
        let field = known.ok_or_else(|| {
            let names = ImportField::NAMES.join(", ");
            format!("{text:?}: there is no field {field:?}; the fields are {names}")
        })?;
        columns.insert(field, column.trim().to_owned());
        Ok(())
    }
}

/// A table of accounts.
#[derive(Clone, Debug)]
pub struct Mapped {
    /// The table.
    pub table: Table,
    /// The column of each field that has one.
    pub columns: Vec<(ImportField, String)>,
    /// Its keys are whole numbers.
    pub has_number_keys: bool,
    /// Its keys are UUIDs that are stored as 32 digits.
    pub has_plain_uuids: bool,
}

impl Mapped {
    /// The column of the key.
    pub(super) fn key(&self) -> &str {
        let key = self
            .columns
            .iter()
            .find(|(field, _)| *field == ImportField::Id);
        key.map_or("id", |(_, column)| column.as_str())
    }

    /// The fields that have a column.
    pub(super) fn fields(&self) -> FieldSet {
        let mut fields = FieldSet::default();
        for (field, _) in &self.columns {
            fields.insert(*field);
        }
        let has = |field| self.columns.iter().any(|(of, _)| *of == field);
        if has(ImportField::FirstName) || has(ImportField::LastName) {
            fields.insert(ImportField::Name);
        }
        fields
    }
}

/// Finds the columns of a table.
fn mapped(
    source: &Source,
    table: Table,
    given: &BTreeMap<ImportField, String>,
    user_type: UserType,
) -> Result<Mapped, ImportError> {
    let mut columns = Vec::new();
    for field in ImportField::ALL {
        let found = match given.get(&field) {
            Some(name) if name.is_empty() => None,
            Some(name) => {
                let missing = || {
                    let all: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
                    ImportError::Source(format!(
                        "{user_type}.{field}={name}: the table {} has no column {name}; it has {}",
                        table.name,
                        all.join(", ")
                    ))
                };
                Some(table.column(name).ok_or_else(missing)?)
            }
            None => {
                let key = table.key().filter(|_| field == ImportField::Id);
                let mut usual = field.usual_columns().iter();
                key.or_else(|| usual.find_map(|name| table.column(name)))
            }
        };
        columns.extend(found.map(|column| (field, column.name.clone())));
    }
    let key = columns.iter().find(|(field, _)| *field == ImportField::Id);
    let key = key.and_then(|(_, name)| table.column(name));
    let key = key.ok_or_else(|| {
        ImportError::Source(format!(
            "the table {} has no primary key and no column id: give {user_type}.id=COLUMN",
            table.name
        ))
    })?;
    let declared = key.declared.to_ascii_lowercase();
    Ok(Mapped {
        has_number_keys: key.is_integer(),
        has_plain_uuids: source.is_sqlite() && declared == "char(32)",
        columns,
        table,
    })
}

/// The tables of a site.
#[derive(Clone, Debug)]
pub struct SiteTables {
    /// The users.
    pub users: Option<Mapped>,
    /// The clients.
    pub clients: Option<Mapped>,
    /// Whose refresh tokens the site has booked, if its blacklist app is installed.
    pub tokens: Option<UserType>,
}

/// Finds the tables of a site.
pub(super) fn find(source: &mut Source, rules: &MappingRules) -> Result<SiteTables, ImportError> {
    let names = source.tables().map_err(ImportError::SourceDatabase)?;
    let has = |name: &str| names.iter().any(|table| table == name);
    let owner = if has(OUTSTANDING) && has(BLACKLISTED) {
        let owner = source.referenced_table(OUTSTANDING, "user_id");
        owner.map_err(ImportError::SourceDatabase)?
    } else {
        None
    };
    let clients = rules.clients.as_deref();
    let clients_own_tokens = clients.is_some() && clients == owner.as_deref();
    let users = match &rules.users {
        Some(name) => Some(name.clone()),
        None if clients_own_tokens => None,
        None => owner
            .clone()
            .or_else(|| has(AUTH_USER).then(|| AUTH_USER.to_owned())),
    };
    let tokens = match &owner {
        Some(_) if clients_own_tokens => Some(UserType::Client),
        Some(owner) if users.as_ref() == Some(owner) => Some(UserType::User),
        _ => None,
    };
    if users.is_none() && clients.is_none() {
        return Err(no_users(source, &names)?);
    }
    let mut of = |name: Option<&str>, given, user_type| {
        let Some(name) = name else { return Ok(None) };
        let table = source.table(name).map_err(ImportError::SourceDatabase)?;
        let table = table.ok_or_else(|| {
            ImportError::Source(format!(
                "the source has no table {name} for the {user_type}s"
            ))
        })?;
        mapped(source, table, given, user_type).map(Some)
    };
    Ok(SiteTables {
        users: of(users.as_deref(), &rules.user, UserType::User)?,
        clients: of(clients, &rules.client, UserType::Client)?,
        tokens,
    })
}

/// The refusal of a database without a table of users, which names the tables that may be it.
fn no_users(source: &mut Source, names: &[String]) -> Result<ImportError, ImportError> {
    let mut candidates = Vec::new();
    for name in names {
        let table = source.table(name).map_err(ImportError::SourceDatabase)?;
        let is_likely = |table: &Table| {
            table.column("password").is_some() && table.column("last_login").is_some()
        };
        if table.as_ref().is_some_and(is_likely) {
            candidates.push(name.clone());
        }
    }
    let advice = if candidates.is_empty() {
        "no table has the columns of Django's users; is it the database of the site?".to_owned()
    } else {
        format!("give one of these with --users: {}", candidates.join(", "))
    };
    Ok(ImportError::Source(format!(
        "the table of the users is not found: neither auth_user nor one that the refresh tokens reference; {advice}"
    )))
}
