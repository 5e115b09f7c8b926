//! Reuse detection: a refresh token that is presented again after it was used. It is either the retry of a client that
//! has several tabs or lost the response, or theft (RFC 9700 section 4.14.2).
//!
//! Within the grace period every retry gets the successor of the first use, so that a session has a single rotation
//! chain. A retry from another address and another program is refused and recorded; the session continues. After the grace
//! period two parties hold the token, and the server cannot know which one is legitimate: the session ends for both.

use std::time::Duration;

use crate::delivery::{DeliveryOutcome, ReuseNotice, TokenUse};
use crate::domain::account::Account;
use crate::domain::audit::{Action, Subject};
use crate::domain::language::Language;
use crate::domain::principal::Principal;
use crate::domain::session::{RevocationReason, new_v7};
use crate::services::audit::log::{AuditContext, Event};
use crate::services::auth::logout::end_one;
use crate::services::auth::refresh_request::RefreshRequest;
use crate::services::auth::token_pair::{TokenIds, TokenPair};
use crate::services::bootstrap::Services;
use crate::services::deliveries::row;
use crate::services::error::Error;
use crate::services::status_lists::indexes::{next_index, settle};
use crate::store::blacklisted_tokens::{self, Blacklisting, Successor};
use crate::store::sessions::{self, SessionActivity, SessionRow, Touched};
use crate::store::{Transaction, deliveries};
use crate::tokens::Claims;

enum Reuse {
    /// A retry of the first use: the response is the successor that the first use created. With the session.
    GraceRetry(Box<Account>, Successor, Touched),
    /// A retry from another address and program than the session's last use.
    RefusedRetry,
    Theft(Box<Theft>),
}

struct Theft {
    owner: Principal,
    /// The mail to the owner, whose row is stored.
    mail: Option<ReuseNotice>,
}

#[derive(Clone)]
struct ReuseDetector {
    claims: Claims,
    audit_context: AuditContext,
    activity: SessionActivity,
    grace: Duration,
    recover_lost_answer: bool,
    /// The language of the mail to the owner; none if mail is not configured.
    mails_in: Option<Language>,
}

/// Issues the pair of the first use to a retry, or ends the session of a stolen token.
pub(super) async fn resolve(
    services: &Services,
    claims: Claims,
    request: RefreshRequest,
    ids: TokenIds,
) -> Result<TokenPair, Error> {
    let settings = services.tokens.settings();
    let (now, user_type) = (ids.now, claims.principal.user_type);
    let spare_index = next_index(services).await?;
    let detector = ReuseDetector {
        claims,
        activity: request.activity(services, user_type, now, spare_index),
        audit_context: services.audit_log.audit_context(&request.actor, now),
        grace: settings.reuse_grace.get(),
        recover_lost_answer: settings.recover_lost_answer,
        mails_in: services.delivery.sends_mail().then_some(request.language),
    };
    let reuse = services
        .store
        .write(move |connection| detector.detect(connection))
        .await?;
    if !matches!(reuse, Reuse::GraceRetry(..)) {
        services.status_lists.add_free(spare_index);
    }
    match reuse {
        Reuse::RefusedRetry => {
            services.metrics.refresh_retried(user_type, "refused");
            Err(Error::TokenBlacklisted)
        }
        Reuse::GraceRetry(account, successor, touched) => {
            let Touched {
                status_index: index,
                authentication,
            } = touched;
            services.metrics.refresh_retried(user_type, "accepted");
            let account = settle(services, *account, spare_index, index).await?;
            let refresh = services.tokens.issue_refresh(
                &account,
                &ids.session,
                &successor.jti,
                successor.created_at,
                successor.expires_at,
            )?;
            let ids = ids
                .at(index)
                .authenticated(authentication)
                .with_refresh(successor.jti);
            ids.issue(services, account, refresh)
        }
        Reuse::Theft(theft) => {
            report(services, *theft);
            Err(Error::TokenReused)
        }
    }
}

impl ReuseDetector {
    /// Decides by the first use of the token, in one transaction with the consequences.
    fn detect(&self, connection: &mut Transaction<'_>) -> Result<Reuse, Error> {
        let claims = &self.claims;
        let found =
            sessions::find_account_and_session(connection, claims.principal, &claims.session)?;
        let (account, state) = found.ok_or(Error::TokenUserNotFound)?;
        if !account.is_active {
            return Err(Error::UserInactive);
        }
        // Only a token that was rotated in a session that is still live can be reused.
        let is_over = state
            .is_none_or(|state| state.ended || state.absolute_expires_at <= self.audit_context.now);
        let first_use = blacklisted_tokens::find(connection, &claims.jti)?
            .filter(|row| !is_over && row.reason == RevocationReason::Rotated)
            .ok_or(Error::TokenBlacklisted)?;
        let session =
            sessions::find_by_id(connection, &claims.session)?.ok_or(Error::SessionRevoked)?;
        let Some(successor) = self.retried_successor(&first_use, &session) else {
            return self.end_session(connection, account, session);
        };
        let previous = last_use(session.clone());
        if self.is_elsewhere(&previous) {
            let event = self.event(Action::RefreshRetryRefused, &account, &previous);
            self.audit_context.record(connection, &event.refused())?;
            return Ok(Reuse::RefusedRetry);
        }
        let activity = SessionActivity {
            expires_at: session.expires_at,
            ..self.activity.clone()
        };
        // On Postgres the session may have ended since it was read.
        let touched = sessions::touch(connection, &claims.session, &activity)?;
        let touched = touched.ok_or(Error::SessionRevoked)?;
        Ok(Reuse::GraceRetry(Box::new(account), successor, touched))
    }

    /// The successor that the first use created, if this may be a retry by the same client.
    fn retried_successor(
        &self,
        first_use: &Blacklisting,
        session: &SessionRow,
    ) -> Option<Successor> {
        let successor = first_use.successor.clone()?;
        let is_in_grace =
            !self.grace.is_zero() && self.audit_context.now <= first_use.at + self.grace;
        let is_answer_lost = self.recover_lost_answer && is_unused(&successor, session);
        (is_in_grace || is_answer_lost).then_some(successor)
    }

    /// Whether this request has another address and another program than the session's last use.
    fn is_elsewhere(&self, previous: &TokenUse) -> bool {
        let (address, program) = (&self.activity.ip_address, &self.activity.user_agent);
        previous.ip_address.is_some()
            && *address != previous.ip_address
            && *program != previous.user_agent
    }

    fn end_session(
        &self,
        connection: &mut Transaction<'_>,
        account: Account,
        session: SessionRow,
    ) -> Result<Reuse, Error> {
        let claims = &self.claims;
        let (owner, reason) = (claims.principal, RevocationReason::Reused);
        if !end_one(
            connection,
            owner,
            &claims.session,
            self.audit_context.now,
            reason,
        )? {
            return Err(Error::TokenBlacklisted);
        }
        sessions::record_reuse(connection, &claims.session, &claims.jti)?;
        let previous_use = last_use(session);
        let event = self.event(Action::RefreshTokenReused, &account, &previous_use);
        self.audit_context.record(connection, &event)?;
        let mail = self.mail(account, previous_use);
        if let Some(mail) = &mail {
            let row = row(&DeliveryOutcome::of_reuse(mail), self.audit_context.now);
            deliveries::insert(connection, &row)?;
        }
        Ok(Reuse::Theft(Box::new(Theft { owner, mail })))
    }

    /// The mail to the owner, if mail is configured and the account has an address.
    fn mail(&self, account: Account, previous_use: TokenUse) -> Option<ReuseNotice> {
        let (actor, now) = (&self.audit_context.actor, self.audit_context.now);
        let (language, login) = (self.mails_in?, account.login().to_owned());
        Some(ReuseNotice {
            id: new_v7(now),
            owner: account.principal,
            login,
            email: account.email?,
            happened_at: now,
            first_use: previous_use,
            second_use: TokenUse {
                ip_address: actor.ip_address.map(|address| address.to_string()),
                user_agent: actor.user_agent.clone(),
            },
            language,
            request_id: actor.request_id.clone().unwrap_or_default(),
        })
    }

    /// An event about the token, with the address and the program of the session's last use.
    fn event(&self, action: Action, account: &Account, previous: &TokenUse) -> Event {
        let mut event = Event::new(action)
            .to(Subject::of(account))
            .of_session(&self.claims.session)
            .with_detail("token", &self.claims.jti);
        if let Some(address) = &previous.ip_address {
            event = event.with_detail("other_address", address);
        }
        if let Some(agent) = &previous.user_agent {
            event = event.with_detail("other_program", agent);
        }
        event
    }
}

/// Whether neither a successor nor its access token was used.
pub(crate) fn is_unused(successor: &Successor, session: &SessionRow) -> bool {
    // Token ids have a resolution of milliseconds: an access token of the same one may be the successor's.
    let is_access_unused = session
        .access_used_at
        .is_none_or(|at| at.unix_micros() / 1_000 < successor.created_at.unix_micros() / 1_000);
    !successor.refused && is_access_unused
}

/// The address and the program that used a session last. A session that was never refreshed was last used by its login.
fn last_use(session: SessionRow) -> TokenUse {
    let is_refreshed = session.last_ip_address.is_some() || session.last_user_agent.is_some();
    let (ip_address, user_agent) = if is_refreshed {
        (session.last_ip_address, session.last_user_agent)
    } else {
        (session.ip_address, session.user_agent)
    };
    TokenUse {
        ip_address,
        user_agent,
    }
}

/// Reports a theft: in the log, in the metrics, and by mail to the account's owner.
fn report(services: &Services, theft: Theft) {
    let Theft { owner, mail } = theft;
    services.metrics.refresh_token_reused(owner.user_type);
    tracing::warn!(principal = %owner, "a refresh token was reused; its session was ended");
    if let Some(mail) = mail {
        services.delivery.send_reuse(mail);
    }
}
