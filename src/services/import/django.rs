//! The database of a Django site as a source.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::config::SimplejwtConfig;
use crate::domain::import::{SourceAccount, SourceToken};
use crate::domain::principal::UserType;
use crate::services::import::candidate::{Candidate, GREATEST_NUMBER, RowRules};
use crate::services::import::error::ImportError;
use crate::services::import::input::{Input, Message, Phase};
use crate::services::import::mapping::{self, Mapped, MappingRules, SiteTables};
use crate::services::import::roles::RoleRules;
use crate::services::import::values::{hyphenated, time};
use crate::store::imports::source::Source;
use crate::store::{StoreError, Target};
use crate::tokens::TokenType;

/// The database of a site, in one snapshot.
pub struct Site {
    source: Source,
    tables: SiteTables,
    roles: RoleRules,
    /// The names of the claims, and whether sliding tokens are accepted.
    simplejwt: SimplejwtConfig,
    now: Timestamp,
}

impl Site {
    /// Opens the database and finds its tables.
    ///
    /// # Errors
    /// [`ImportError::Source`] and [`ImportError::SourceDatabase`].
    pub fn open(
        target: &Target,
        given: &MappingRules,
        roles: RoleRules,
        simplejwt: SimplejwtConfig,
        now: Timestamp,
    ) -> Result<Self, ImportError> {
        let source = Source::open(target).map_err(ImportError::SourceDatabase)?;
        let mut source = source.ok_or_else(|| {
            ImportError::Source("there is no such SQLite file; none is created".into())
        })?;
        let tables = mapping::find(&mut source, given)?;
        Ok(Self {
            source,
            tables,
            roles,
            simplejwt,
            now,
        })
    }

    /// The tables and columns that are read.
    #[must_use]
    pub fn tables(&self) -> &SiteTables {
        &self.tables
    }

    fn read_accounts(
        &mut self,
        user_type: UserType,
        mapped: &Mapped,
        send: &mut dyn FnMut(Message) -> bool,
    ) -> Result<bool, StoreError> {
        let table = &mapped.table.name;
        // Not the address: a rehearsal reads a copy.
        let origin: Arc<str> = format!("django:{table}").into();
        let begin = Message::Begin {
            phase: Phase::Accounts(user_type),
            origin: Arc::clone(&origin),
            rows: self.source.count(table)?,
            greatest: if mapped.has_number_keys {
                self.source.greatest(table, mapped.key(), GREATEST_NUMBER)?
            } else {
                0
            },
        };
        if !send(begin) {
            return Ok(false);
        }
        let rules = RowRules {
            user_type,
            origin,
            roles: self.roles.clone(),
            columns: mapped.fields(),
            has_number_keys: mapped.has_number_keys,
            has_plain_uuids: mapped.has_plain_uuids,
        };
        let mut scan = self.source.scan_accounts(&mapped.table, &mapped.columns)?;
        loop {
            let rows: Vec<SourceAccount> = self.source.next(&mut scan)?;
            if rows.is_empty() {
                return Ok(true);
            }
            let parsed = rows.iter().map(|row| Candidate::read(&rules, row, None));
            if !send(Message::Accounts(user_type, parsed.collect())) {
                return Ok(false);
            }
        }
    }

    fn read_tokens(
        &mut self,
        user_type: UserType,
        has_plain_uuids: bool,
        send: &mut dyn FnMut(Message) -> bool,
    ) -> Result<(), StoreError> {
        // The row of a sliding token that Django has refreshed keeps its first expiry.
        let is_sliding = self.simplejwt.sliding;
        let after = (!is_sliding).then_some(self.now);
        let begin = Message::Begin {
            phase: Phase::Tokens,
            origin: Arc::default(),
            rows: self.source.count_tokens(after)?,
            greatest: 0,
        };
        if !send(begin) {
            return Ok(());
        }
        let has_clients = self.tables.clients.is_some();
        let mut scan = self.source.scan_tokens(after, has_clients || is_sliding)?;
        loop {
            let mut tokens: Vec<SourceToken> = self.source.next(&mut scan)?;
            if tokens.is_empty() {
                return Ok(());
            }
            let rows = tokens.len();
            if is_sliding {
                tokens.retain_mut(|token| self.is_live(token));
            }
            let expired = rows - tokens.len();
            let mut of_clients = Vec::new();
            if has_clients {
                let (clients, users) = self.split_by_owner(tokens);
                (of_clients, tokens) = (clients, users);
            }
            if has_plain_uuids {
                for token in &mut tokens {
                    token.owner = token.owner.as_deref().map(hyphenated);
                }
            }
            let batches = [
                (user_type, tokens, expired),
                (UserType::Client, of_clients, 0),
            ];
            for (user_type, tokens, expired) in batches {
                let rows = (tokens.len() + expired) as u64;
                if rows > 0 && !send(Message::Tokens(user_type, tokens, rows)) {
                    return Ok(());
                }
            }
        }
    }
}

impl Site {
    /// The tokens of clients, and all others. The column `user_id` knows one user model only, and contains nothing or a wrong
    /// user for a token of another one: its claim `user_type` says whose it is.
    fn split_by_owner(&self, tokens: Vec<SourceToken>) -> (Vec<SourceToken>, Vec<SourceToken>) {
        let (mut of_clients, mut others) = (Vec::new(), Vec::new());
        for mut token in tokens {
            let claims = claims_of(&token.token).unwrap_or_default();
            if claims.get("user_type").and_then(Value::as_str) != Some(UserType::Client.as_str()) {
                others.push(token);
                continue;
            }
            let id_claim = self.simplejwt.user_id_claim.as_deref();
            let id_claim = id_claim.unwrap_or(SimplejwtConfig::DEFAULT_ID_CLAIM);
            let id = claims.get(id_claim).or_else(|| claims.get("user_seq"));
            token.owner = match id {
                Some(Value::String(id)) => Some(id.clone()),
                Some(Value::Number(id)) => Some(id.to_string()),
                _ => None,
            };
            of_clients.push(token);
        }
        (of_clients, others)
    }

    /// Whether a token has not expired. A sliding token gets the time until which it can be valid if Django has refreshed it.
    fn is_live(&self, token: &mut SourceToken) -> bool {
        let claims = claims_of(&token.token).unwrap_or_default();
        let type_claim = claims.get(&self.simplejwt.token_type_claim);
        if type_claim.and_then(Value::as_str) == Some(TokenType::Sliding.as_str())
            && let Some(at) = last_expiry(&claims, &self.simplejwt.refresh_exp_claim)
        {
            token.expires_at = at.naive_utc().to_string();
        }
        // A time that cannot be read is counted later.
        time(&token.expires_at).is_none_or(|at| at > self.now)
    }
}

/// The last time at which a sliding token can be valid: refreshing it keeps its id and the limit `refresh_exp`, and gives it its
/// lifetime again.
fn last_expiry(claims: &Map<String, Value>, refresh_exp: &str) -> Option<Timestamp> {
    let seconds = |name: &str| claims.get(name).and_then(Value::as_i64);
    let (expiry, limit) = (seconds("exp")?, seconds(refresh_exp)?);
    let lifetime = seconds("iat").map_or(0, |issued| expiry.saturating_sub(issued));
    Timestamp::from_unix_seconds(expiry.max(limit.saturating_add(lifetime)))
}

/// The claims of a token, without a check of its signature: it comes from the database of the site.
fn claims_of(token: &str) -> Option<Map<String, Value>> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

impl Input for Site {
    fn read(&mut self, send: &mut dyn FnMut(Message) -> bool) -> Result<(), ImportError> {
        let tables = self.tables.clone();
        let mut plain_uuids = false;
        for (user_type, mapped) in [
            (UserType::User, &tables.users),
            (UserType::Client, &tables.clients),
        ] {
            let Some(mapped) = mapped else { continue };
            if tables.tokens == Some(user_type) {
                plain_uuids = mapped.has_plain_uuids;
            }
            let goes_on = self.read_accounts(user_type, mapped, send);
            if !goes_on.map_err(ImportError::SourceDatabase)? {
                return Ok(());
            }
        }
        if let Some(owner) = tables.tokens {
            let read = self.read_tokens(owner, plain_uuids, send);
            read.map_err(ImportError::SourceDatabase)?;
        }
        Ok(())
    }
}
