//! Mails to the owner of an account about its second factors (ASVS 5.0 6.3.7).

use crate::delivery::{AccountChange, ChangeNotice};
use crate::domain::account::Account;
use crate::domain::audit::Actor;
use crate::services::account_lookup::find_language;
use crate::services::bootstrap::Services;

/// Mails a change that was committed, if mail is configured and the account has an address. A mail that cannot be sent does not
/// undo the change.
pub(crate) async fn send(
    services: &Services,
    actor: &Actor,
    account: &Account,
    change: AccountChange,
) {
    let email = account.email.clone();
    let Some(email) = email.filter(|_| services.delivery.sends_mail()) else {
        return;
    };
    let owner = account.principal;
    let language = services
        .store
        .read(move |connection| find_language(connection, owner))
        .await;
    services.delivery.send_change(ChangeNotice {
        login: account.login().to_owned(),
        email,
        change,
        happened_at: services.clock.now(),
        ip_address: actor.ip_address.map(|address| address.to_string()),
        language: language
            .ok()
            .flatten()
            .unwrap_or(services.config.language.default),
        request_id: actor.request_id.clone().unwrap_or_default(),
    });
}
