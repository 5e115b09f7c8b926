//! The accounts that are here already and may be those of a source.

use std::collections::{BTreeSet, HashMap};

use crate::clock::Timestamp;
use crate::domain::account::ExternalId;
use crate::domain::import::ImportField;
use crate::domain::principal::{UserSeq, UserType};
use crate::services::import::candidate::{Candidate, Identity};
use crate::services::import::fields::Fields;
use crate::store::client_users::ClientRow;
use crate::store::imports::accounts as table;
use crate::store::users::UserRow;
use crate::store::{Db, StoreError, client_users, users};

/// An account.
pub(super) struct Here {
    pub(super) fields: Fields,
    /// The normalised names that it logs in by.
    pub(super) logins: Logins,
    pub(super) last_login_at: Option<Timestamp>,
    /// Its source and what the last import wrote; `None` if it was not imported.
    pub(super) imported: Option<(String, Fields)>,
}

/// The normalised names to log in by, with their fields.
pub(super) type Logins = Vec<(ImportField, String)>;

/// Accounts, by everything that identifies them.
#[derive(Default)]
pub(super) struct Existing {
    pub(super) accounts: HashMap<UserSeq, Here>,
    by_external_id: HashMap<String, UserSeq>,
    by_login: HashMap<String, UserSeq>,
    /// Accounts that were imported and deleted here since, with their sources.
    deleted: HashMap<UserSeq, String>,
}

/// The greatest number of accounts of a new database; see [`Destination`](crate::store::imports::transaction::Destination).
const FEW: i64 = 1_000;

impl Existing {
    /// The accounts that these candidates may be, or that have one of their names.
    pub(super) fn of(
        connection: &mut Db,
        user_type: UserType,
        candidates: &[Candidate],
    ) -> Result<Self, StoreError> {
        let mut ids = Vec::new();
        let mut external_ids: Vec<String> = Vec::new();
        let mut logins = Vec::new();
        for candidate in candidates {
            if let Identity::Number(number) = candidate.identity {
                ids.push(number);
            }
            let external = candidate.external_id.as_ref().map(ExternalId::as_str);
            external_ids.extend(external.map(str::to_owned));
            logins.extend(candidate.logins().map(|(_, login)| login.to_owned()));
        }
        let mut found = Self::default();
        match user_type {
            UserType::User => {
                for row in table::find_users(connection, &ids, &external_ids, &logins)? {
                    found.add_user(&row);
                }
            }
            UserType::Client => {
                for row in table::find_clients(connection, &ids, &external_ids, &logins)? {
                    found.add_client(&row);
                }
            }
        }
        ids.extend(found.accounts.keys());
        if !ids.is_empty() {
            found.add_imported(table::find_imported(connection, user_type, &ids)?);
        }
        Ok(found)
    }

    /// Locks the accounts that these candidates may be, or that have one of their names, until the transaction ends.
    pub(super) fn lock(
        connection: &mut Db,
        user_type: UserType,
        candidates: &[Candidate],
    ) -> Result<(), StoreError> {
        let existing = Self::of(connection, user_type, candidates)?;
        // In one order, to prevent deadlocks.
        let ids: BTreeSet<UserSeq> = existing.accounts.into_keys().collect();
        for id in ids {
            match user_type {
                UserType::User => _ = users::lock(connection, id)?,
                UserType::Client => _ = client_users::lock(connection, id)?,
            }
        }
        Ok(())
    }

    /// All accounts of a new database, which are few.
    pub(super) fn all(connection: &mut Db, user_type: UserType) -> Result<Self, StoreError> {
        let mut found = Self::default();
        match user_type {
            UserType::User => {
                for row in table::users_after(connection, 0, FEW)? {
                    found.add_user(&row);
                }
            }
            UserType::Client => {
                for row in table::clients_after(connection, 0, FEW)? {
                    found.add_client(&row);
                }
            }
        }
        found.add_imported(table::all_imported(connection, user_type)?);
        Ok(found)
    }

    fn add_user(&mut self, row: &UserRow) {
        let logins = [
            (ImportField::Email, row.email_normalized.clone()),
            (ImportField::Username, row.username_normalized.clone()),
        ];
        let logins = logins.into_iter();
        let logins = logins.filter_map(|(field, login)| Some((field, login?)));
        let fields = Fields::from(row);
        self.add(row.id, fields, row.last_login_at, logins.collect());
    }

    fn add_client(&mut self, row: &ClientRow) {
        let logins = vec![(ImportField::Username, row.username_normalized.clone())];
        self.add(row.id, Fields::from(row), row.last_login_at, logins);
    }

    fn add(
        &mut self,
        id: UserSeq,
        fields: Fields,
        last_login_at: Option<Timestamp>,
        logins: Logins,
    ) {
        self.by_login
            .extend(logins.iter().map(|(_, login)| (login.clone(), id)));
        if let Some(external_id) = &fields.external_id {
            self.by_external_id.insert(external_id.clone(), id);
        }
        let here = Here {
            fields,
            logins,
            last_login_at,
            imported: None,
        };
        self.accounts.insert(id, here);
    }

    fn add_imported(&mut self, imported: Vec<table::Imported>) {
        for row in imported {
            match self.accounts.get_mut(&row.user_seq) {
                Some(here) => here.imported = Some((row.source, Fields::from_stored(&row.fields))),
                None => _ = self.deleted.insert(row.user_seq, row.source),
            }
        }
    }

    /// Forgets that accounts log in by these names.
    pub(super) fn forget(&mut self, logins: &[&str]) {
        for login in logins {
            self.by_login.remove(*login);
        }
    }

    /// The account that a candidate is.
    pub(super) fn find(&self, candidate: &Candidate) -> Option<UserSeq> {
        match &candidate.identity {
            Identity::Number(number) => self.accounts.contains_key(number).then_some(*number),
            Identity::External(id) => self.by_external_id.get(id).copied(),
            Identity::Login => candidate
                .logins()
                .find_map(|(_, login)| self.owner_of(login)),
        }
    }

    /// The source of the account of a candidate, if it was imported and deleted here since.
    pub(super) fn source_of_deleted(&self, candidate: &Candidate) -> Option<&str> {
        let Identity::Number(number) = candidate.identity else {
            return None;
        };
        self.deleted.get(&number).map(String::as_str)
    }

    /// The account that logs in by this name.
    pub(super) fn owner_of(&self, login: &str) -> Option<UserSeq> {
        self.by_login.get(login).copied()
    }

    /// The account with this external id.
    pub(super) fn owner_of_external_id(&self, id: &str) -> Option<UserSeq> {
        self.by_external_id.get(id).copied()
    }
}
