//! The change of the master key: the signing keys and the secrets of authenticator apps and webhooks are encrypted
//! under the one in use, and the audit log gets its MACs.

use crate::domain::audit::Actor;
use crate::domain::principal::Principal;
use crate::services::audit_chain::restart::restart_with_present_key;
use crate::services::audit_chain::verify::verify;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::second_factors::totp::Secret;
use crate::services::signing_keys::refusal::KeyRefusal;
use crate::services::signing_keys::sealing;
use crate::services::webhooks::secrets::resealed as resealed_secrets;
use crate::store::Transaction;
use crate::store::signing_keys::{self as table, SigningKeyRow};
use crate::store::totp_factors::{self, TotpFactorRow};
use crate::store::webhook_endpoints::{self, EndpointRow, Secrets};
use crate::tokens::MasterKey;

/// Encrypts all signing keys, second factors and secrets of webhooks under the master key in use, and starts the audit
/// chain again with its MACs. The other master keys must be known. Returns the number of signing keys that were
/// encrypted under another master key.
///
/// # Errors
/// [`KeyRefusal`], and errors of the store. Nothing was changed unless the store fails in between; then it is run
/// again.
pub async fn rewrap(services: &Services, actor: &Actor) -> Result<usize, Error> {
    let master_keys = &services.master_keys;
    if master_keys.others.is_empty() {
        return Err(KeyRefusal::NoOtherMasterKey.into());
    }
    let (store, chain) = (&services.store, &services.audit_chain);
    if !verify(store, chain, None, |_| ()).await?.is_intact() {
        return Err(KeyRefusal::AuditLog.into());
    }
    let changes = resealed(services).await?;
    let factors = resealed_factors(services).await?;
    let endpoints = resealed_endpoints(services).await?;
    let count = changes.len();
    store
        .write(move |transaction| {
            replace(transaction, &changes)?;
            for (old, sealed) in &factors {
                // A secret that was removed or replaced meanwhile is encrypted under the key in use, if it is there at
                // all.
                totp_factors::reseal(transaction, old, sealed)?;
            }
            for (old, secrets) in &endpoints {
                webhook_endpoints::replace_secrets(transaction, old.id, &old.secret, secrets)?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    let old: Vec<&str> = master_keys.others.iter().map(MasterKey::id).collect();
    let audit_context = services.audit_context(actor);
    restart_with_present_key(store, chain, audit_context, old.join(", ")).await?;
    Ok(count)
}

/// The rows that are encrypted under another master key, each with its new row.
async fn resealed(services: &Services) -> Result<Vec<(SigningKeyRow, SigningKeyRow)>, Error> {
    let master_keys = &services.master_keys;
    let not_opened = |error: sealing::KeysError| KeyRefusal::NotOpened(error.to_string());
    let mut changes = Vec::new();
    for old in services.store.read(table::list).await? {
        // The private part of a revoked key is erased.
        if old.master_key_id == master_keys.present.id() || old.private_key.is_empty() {
            continue;
        }
        let key = sealing::open(&old, master_keys).map_err(not_opened)?;
        let new = sealing::row(&key, master_keys, old.state, old.created_at).map_err(not_opened)?;
        changes.push((old, new));
    }
    Ok(changes)
}

/// The secrets of authenticator apps that are encrypted under another master key, each with its new encryption. One
/// that no key opens cannot be used before either, and stays as it is.
async fn resealed_factors(services: &Services) -> Result<Vec<(TotpFactorRow, String)>, Error> {
    let keys = &services.master_keys;
    let mut changes = Vec::new();
    for old in services.store.read_list(totp_factors::list).await? {
        let owner = Principal::new(old.user_type, old.user_seq);
        if Secret::is_present(keys, owner, &old.sealed_secret) {
            continue;
        }
        if let Some(secret) = Secret::open(keys, owner, &old.sealed_secret) {
            let sealed = secret.seal(keys, owner)?;
            changes.push((old, sealed));
        }
    }
    Ok(changes)
}

/// The endpoints of webhooks whose secrets are encrypted under another master key, each with their new encryption.
async fn resealed_endpoints(services: &Services) -> Result<Vec<(EndpointRow, Secrets)>, Error> {
    let mut changes = Vec::new();
    for old in services.store.read_list(webhook_endpoints::list).await? {
        if let Some(secrets) = resealed_secrets(&services.master_keys, &old)? {
            changes.push((old, secrets));
        }
    }
    Ok(changes)
}

fn replace(
    transaction: &mut Transaction<'_>,
    changes: &[(SigningKeyRow, SigningKeyRow)],
) -> Result<(), Error> {
    for (old, new) in changes {
        if !table::reseal(transaction, old, &new.private_key, &new.master_key_id)? {
            return Err(KeyRefusal::Changed.into());
        }
    }
    Ok(())
}
