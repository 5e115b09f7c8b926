//! An account as it is to be imported: the row of the source, each value parsed as everywhere else.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::domain::account::{Email, ExternalId, Name, Phone, Username};
use crate::domain::account_claims::AccountClaims;
use crate::domain::import::{ImportField, SourceAccount};
use crate::domain::language::Language;
use crate::domain::principal::{UserSeq, UserType};
use crate::domain::problem::Problem;
use crate::services::import::fields::{FieldSet, Fields};
use crate::services::import::report::{Consequence, Line};
use crate::services::import::roles::{Given, RoleRules};
use crate::services::import::values::{digest_of, flag, hyphenated, time, truth};
use crate::services::passwords::django::check_stored;

/// The greatest number of an account: JavaScript reads no greater one exactly.
pub(super) const GREATEST_NUMBER: u64 = 1 << 53;

/// How an account is found again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// By its number, which is that of the source.
    Number(UserSeq),
    /// By its external id, which is the key of the source.
    External(String),
    /// By its name to log in by.
    Login,
}

/// The account.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub(super) user_type: UserType,
    /// What it is called in the report, and in the source.
    pub(super) key: String,
    /// The source, as `imported_accounts` stores it.
    pub(super) origin: Arc<str>,
    pub(super) identity: Identity,
    pub(super) external_id: Option<ExternalId>,
    pub(super) email: Option<Email>,
    pub(super) email_verified: Option<bool>,
    pub(super) username: Option<Username>,
    pub(super) name: Option<Name>,
    pub(super) phone: Option<Phone>,
    pub(super) role: Option<Given>,
    pub(super) is_active: bool,
    pub(super) password_hash: Option<String>,
    pub(super) last_login_at: Option<Timestamp>,
    pub(super) created_at: Option<Timestamp>,
    pub(super) claims: Option<AccountClaims>,
    /// Fields that the source does not have, or whose value is left out: they are not changed in an account.
    pub(super) skipped: FieldSet,
    /// Its problems.
    pub(super) lines: Vec<Line>,
}

/// How rows are read.
#[derive(Clone, Debug)]
pub(super) struct RowRules {
    pub(super) user_type: UserType,
    pub(super) origin: Arc<str>,
    pub(super) roles: RoleRules,
    /// The fields that every row has.
    pub(super) columns: FieldSet,
    /// Keys that are numbers are kept as the numbers of the accounts.
    pub(super) has_number_keys: bool,
    /// UUIDs are stored without hyphens.
    pub(super) has_plain_uuids: bool,
}

impl Candidate {
    /// The names that it logs in by, normalised.
    pub(super) fn logins(&self) -> impl Iterator<Item = (ImportField, &str)> {
        let email = self
            .email
            .as_ref()
            .filter(|_| self.user_type == UserType::User);
        let email = email.map(|email| (ImportField::Email, email.normalised()));
        let username = self.username.as_ref();
        let username = username.map(|name| (ImportField::Username, name.normalised()));
        email.into_iter().chain(username)
    }

    /// Leaves out a value that another account has. Returns `false` if the account cannot be found again without it.
    pub(super) fn leave_out(&mut self, field: ImportField, problem: &str) -> bool {
        match field {
            ImportField::Email => {
                (self.email, self.email_verified) = (None, None);
                self.skipped.insert(ImportField::EmailVerified);
            }
            ImportField::Username => self.username = None,
            _ => self.external_id = None,
        }
        self.skipped.insert(field);
        let stays =
            field != ImportField::ExternalId || !matches!(self.identity, Identity::External(_));
        self.report(field, problem.to_owned(), stays);
        stays
    }

    /// Reports that it is not imported.
    pub(super) fn refuse(&mut self, field: ImportField, problem: String) {
        self.report(field, problem, false);
    }

    /// Reports that it is not imported because it has no name to log in by.
    pub(super) fn refuse_without_login(&mut self) {
        for line in &mut self.lines {
            line.consequence = Consequence::NotImported;
        }
    }

    pub(super) fn report(&mut self, field: ImportField, problem: String, stays: bool) {
        self.lines.push(Line {
            user_type: self.user_type,
            id: self.key.clone(),
            field,
            problem,
            consequence: Consequence::of(stays),
        });
    }

    /// Its fields, to compare them with those of the last import.
    pub(super) fn fields(&self) -> Fields {
        Fields {
            external_id: self.external_id.as_ref().map(|id| id.as_str().to_owned()),
            email: self.email.as_ref().map(|email| email.as_typed().to_owned()),
            email_verified: self.email_verified.map(|is| is.to_string()),
            username: self
                .username
                .as_ref()
                .map(|name| name.as_typed().to_owned()),
            name: self.name.as_ref().map(|name| name.as_str().to_owned()),
            phone: self.phone.as_ref().map(|phone| phone.as_str().to_owned()),
            role: self.role.as_ref().map(|given| given.role.to_string()),
            is_active: Some(self.is_active.to_string()),
            password: self.password_hash.as_deref().map(digest_of),
            claims: self
                .claims
                .as_ref()
                .map(|claims| claims.as_str().to_owned()),
        }
    }

    /// Reads a row. `label` names it in the report if it has no key of its own.
    ///
    /// # Errors
    /// The problems of a row that cannot be imported.
    pub(super) fn read(
        rules: &RowRules,
        row: &SourceAccount,
        label: Option<String>,
    ) -> Result<Self, Vec<Line>> {
        let mut reading = Reading {
            rules,
            row,
            key: row
                .get(ImportField::Id)
                .unwrap_or_default()
                .trim()
                .to_owned(),
            lines: Vec::new(),
            skipped: FieldSet::default(),
        };
        if rules.has_plain_uuids {
            reading.key = hyphenated(&reading.key);
        }
        let (identity, key_as_external) = reading.identity(label.is_some())?;
        if let Some(label) = label {
            reading.key = label;
        }
        let external_id = match key_as_external {
            Some(id) => Some(id),
            None => reading.parsed(ImportField::ExternalId, ExternalId::parse),
        };
        let email = reading.parsed(ImportField::Email, Email::parse);
        let email_verified = reading.parsed(ImportField::EmailVerified, flag);
        let mut username = reading.parsed(ImportField::Username, Username::parse);
        if rules.user_type == UserType::Client && username.is_none() {
            let as_username = |email: &Email| Username::parse(email.as_typed()).ok();
            username = email.as_ref().and_then(as_username);
        }
        let has_login = match rules.user_type {
            UserType::User => email.is_some() || username.is_some(),
            UserType::Client => username.is_some(),
        };
        if !has_login {
            reading.without_login();
        }
        let name = reading.name(email.as_ref(), username.as_ref());
        let phone = match rules.user_type {
            UserType::User => None,
            UserType::Client => reading.parsed(ImportField::Phone, Phone::parse),
        };
        let role =
            (rules.user_type == UserType::User).then(|| rules.roles.role_of(row, rules.columns));
        if role.as_ref().is_some_and(|given| !given.is_decided) {
            reading.skipped.insert(ImportField::Role);
        }
        let claims = reading
            .parsed(ImportField::Claims, AccountClaims::parse)
            .flatten();
        Ok(Self {
            user_type: rules.user_type,
            origin: Arc::clone(&rules.origin),
            identity,
            external_id,
            email_verified: email.as_ref().map(|_| email_verified.unwrap_or(true)),
            email,
            username,
            name,
            phone,
            role,
            is_active: reading.is_active(),
            password_hash: reading.password_hash(),
            last_login_at: reading.time(ImportField::LastLogin),
            created_at: reading.time(ImportField::CreatedAt),
            claims,
            key: reading.key,
            skipped: reading.skipped,
            lines: reading.lines,
        })
    }
}

/// A row that is being read.
struct Reading<'a> {
    rules: &'a RowRules,
    row: &'a SourceAccount,
    key: String,
    lines: Vec<Line>,
    skipped: FieldSet,
}

impl Reading<'_> {
    fn report(&mut self, field: ImportField, problem: String, consequence: Consequence) {
        self.lines.push(Line {
            user_type: self.rules.user_type,
            id: self.key.clone(),
            field,
            problem,
            consequence,
        });
    }

    fn leave_out(&mut self, field: ImportField, problem: &Problem) {
        self.skipped.insert(field);
        let problem = problem.message(Language::En).into_owned();
        self.report(field, problem, Consequence::LeftOut);
    }

    /// How the account is found again, and the external id that its key is. A row of a file needs no key.
    fn identity(&mut self, is_file: bool) -> Result<(Identity, Option<ExternalId>), Vec<Line>> {
        if self.key.is_empty() && is_file {
            let external = self.row.get(ImportField::ExternalId);
            let id = external.and_then(|id| ExternalId::parse(id).ok());
            return Ok(match id {
                Some(id) => (Identity::External(id.as_str().to_owned()), Some(id)),
                None => (Identity::Login, None),
            });
        }
        if self.rules.has_number_keys {
            let number = UserSeq::from_digits(&self.key);
            if let Some(number) = number.filter(|n| n.get().unsigned_abs() <= GREATEST_NUMBER) {
                return Ok((Identity::Number(number), None));
            }
            let problem = match number {
                Some(_) => format!("greater than {GREATEST_NUMBER}, the greatest number"),
                None => "not a whole number greater than 0".to_owned(),
            };
            self.report(ImportField::Id, problem, Consequence::NotImported);
            return Err(std::mem::take(&mut self.lines));
        }
        match ExternalId::parse(&self.key) {
            Ok(id) => Ok((Identity::External(id.as_str().to_owned()), Some(id))),
            Err(problem) => {
                let problem = problem.message(Language::En).into_owned();
                self.report(ImportField::Id, problem, Consequence::NotImported);
                Err(std::mem::take(&mut self.lines))
            }
        }
    }

    /// The value of a field; one with a problem is left out.
    fn parsed<T>(
        &mut self,
        field: ImportField,
        parse: fn(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        if !self.rules.columns.contains(field) {
            self.skipped.insert(field);
        }
        match parse(self.row.get(field)?) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.leave_out(field, &problem);
                None
            }
        }
    }

    /// The name, or first and last name; Korean ones in the Korean order. Without one, what the account logs in by.
    fn name(&mut self, email: Option<&Email>, username: Option<&Username>) -> Option<Name> {
        if !self.rules.columns.contains(ImportField::Name) {
            self.skipped.insert(ImportField::Name);
        }
        let typed = if let Some(name) = self.row.get(ImportField::Name) {
            name.to_owned()
        } else {
            let part = |field| self.row.get(field).unwrap_or_default().trim();
            let (first, last) = (part(ImportField::FirstName), part(ImportField::LastName));
            let is_hangul = |text: &str| text.chars().any(|c| ('가'..='힣').contains(&c));
            if is_hangul(first) && is_hangul(last) {
                format!("{last}{first}")
            } else {
                format!("{first} {last}")
            }
        };
        if !typed.trim().is_empty() {
            match Name::parse(&typed) {
                Ok(name) => return Some(name),
                Err(problem) => self.leave_out(ImportField::Name, &problem),
            }
        }
        let username = username.map(Username::as_typed);
        let local = email.and_then(|email| email.as_typed().split('@').next());
        let name = username.or(local).and_then(|name| Name::parse(name).ok());
        if name.is_none() {
            self.skipped.insert(ImportField::Name);
        }
        name
    }

    fn is_active(&mut self) -> bool {
        let field = ImportField::IsActive;
        match self.row.get(field).map(truth) {
            None if !self.rules.columns.contains(field) => {
                self.skipped.insert(field);
                true
            }
            Some(Some(is_active)) => is_active,
            found => {
                let problem = match found {
                    None => "empty: the account is inactive",
                    Some(_) => "not a truth value: the account is inactive",
                };
                self.report(field, problem.to_owned(), Consequence::LeftOut);
                false
            }
        }
    }

    /// The hash as it is; none if the password is unusable.
    fn password_hash(&mut self) -> Option<String> {
        let field = ImportField::Password;
        if !self.rules.columns.contains(field) {
            self.skipped.insert(field);
        }
        let hash = self.row.get(field)?;
        if hash.starts_with('!') {
            return None;
        }
        if let Err(error) = check_stored(hash) {
            self.skipped.insert(field);
            self.report(field, error.to_string(), Consequence::LeftOut);
            return None;
        }
        Some(hash.to_owned())
    }

    fn time(&mut self, field: ImportField) -> Option<Timestamp> {
        let text = self.row.get(field)?;
        let found = time(text);
        if found.is_none() {
            self.report(field, "not a time".into(), Consequence::LeftOut);
        }
        found
    }

    /// A row without a name to log in by: an account that was imported keeps those it has, a new one is refused later.
    fn without_login(&mut self) {
        self.skipped.insert(ImportField::Username);
        if self.rules.user_type == UserType::User {
            self.skipped.insert(ImportField::Email);
        }
        let is_login =
            |line: &Line| matches!(line.field, ImportField::Email | ImportField::Username);
        if !self.lines.iter().any(is_login) {
            let (field, problem) = match self.rules.user_type {
                UserType::User => (ImportField::Email, "neither e-mail address nor username"),
                UserType::Client => (ImportField::Username, "neither username nor e-mail address"),
            };
            self.report(field, problem.into(), Consequence::LeftOut);
        }
    }
}
