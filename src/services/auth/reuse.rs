//! A refresh token that comes again after it was used: the honest repeat of a client that has three tabs or lost the
//! answer, or theft (RFC 9700 section 4.14.2).
//!
//! Within the grace window every repeat is given the successor that the first use was given: the same token, so that a
//! session's tokens are always one line. After it the token is in two hands, and nobody can tell whose are the honest
//! ones: the session ends for both.

use crate::{
    clock::Timestamp,
    delivery::{ReuseNotice, TokenUse},
    domain::{
        account::Account,
        audit::{Action, Subject},
        session::RevocationReason,
    },
    services::{
        audit::log::{AuditContext, Event},
        auth::{
            logout::end_one,
            refresh::{RefreshRequest, usage},
            sessions::{TokenPair, access_id, pair, subject},
        },
        bootstrap::Services,
        error::Error,
    },
    store::{
        Db,
        blacklisted_tokens::{self, Blacklisting, Successor},
        sessions::{self, SessionActivity, SessionRow},
    },
    tokens::Claims,
};

/// What a repeat turns out to be.
enum Repeat {
    /// Honest: it is given what the first use was given.
    GraceRetry(Account, Successor),
    /// The token is in two hands.
    Theft(Box<Theft>),
}

struct Theft {
    account: Account,
    subject: Subject,
    /// Who had the session before.
    other: TokenUse,
}

/// What is needed to tell one from the other.
#[derive(Clone)]
struct ReuseDetector {
    claims: Claims,
    audit_context: AuditContext,
    usage: SessionActivity,
    grace: std::time::Duration,
    recovers: bool,
    now: Timestamp,
}

/// Gives an honest repeat the pair that it missed, and ends the session of a stolen token.
pub(crate) async fn resolve(
    services: &Services,
    claims: &Claims,
    request: RefreshRequest,
    now: Timestamp,
) -> Result<TokenPair, Error> {
    let access = access_id(services, claims.principal, now);
    let settings = services.tokens.settings();
    let judge = ReuseDetector {
        claims: claims.clone(),
        usage: usage(services, &request.actor, now),
        audit_context: services.audit_log.audit_context(&request.actor, now),
        grace: settings.reuse_grace.get(),
        recovers: settings.recover_lost_answer,
        now,
    };
    let repeat = services
        .store
        .write(move |connection| judge.judge(connection))
        .await?;
    match repeat {
        Repeat::GraceRetry(account, successor) => {
            let refresh = services.tokens.issue_refresh(
                &account,
                &claims.session,
                &successor.jti,
                successor.created_at,
                successor.expires_at,
            )?;
            pair(services, account, &claims.session, refresh, &access, now)
        }
        Repeat::Theft(theft) => {
            warn(services, *theft, request, now);
            Err(Error::TokenReused)
        }
    }
}

impl ReuseDetector {
    /// Looks at how the token was used before, in one transaction with what follows from it.
    fn judge(&self, connection: &mut Db) -> Result<Repeat, Error> {
        let claims = &self.claims;
        let found =
            sessions::find_account_and_session(connection, claims.principal, &claims.session)?;
        let (account, state) = found.ok_or(Error::TokenUserNotFound)?;
        if !account.is_active {
            return Err(Error::UserInactive);
        }
        // A token that was revoked with its session, or used in one that is over, tells nothing new.
        let over = state.is_none_or(|state| state.ended || state.absolute_expires_at <= self.now);
        let before = blacklisted_tokens::find(connection, &claims.jti)?
            .filter(|before| !over && before.reason == RevocationReason::Rotated)
            .ok_or(Error::TokenBlacklisted)?;
        let session =
            sessions::find_by_id(connection, &claims.session)?.ok_or(Error::SessionRevoked)?;
        if let Some(successor) = self.missed(&before, &session) {
            let usage = SessionActivity {
                expires_at: session.expires_at,
                ..self.usage.clone()
            };
            // It may have ended since it was looked at.
            if !sessions::touch(connection, &claims.session, &usage)? {
                return Err(Error::SessionRevoked);
            }
            return Ok(Repeat::GraceRetry(account, successor));
        }
        self.end(connection, account, session)
    }

    /// The successor that the first use was given, where this may be the same client's repeat of it.
    fn missed(&self, before: &Blacklisting, session: &SessionRow) -> Option<Successor> {
        let successor = before.successor.clone()?;
        let in_grace = !self.grace.is_zero() && self.now <= before.at + self.grace;
        // Token ids know milliseconds: an access token of the same one may be the successor's.
        let access_unused = session
            .access_used_at
            .is_none_or(|at| at.unix_micros() / 1_000 < successor.created_at.unix_micros() / 1_000);
        let answer_lost = self.recovers && !successor.refused && access_unused;
        (in_grace || answer_lost).then_some(successor)
    }

    fn end(
        &self,
        connection: &mut Db,
        account: Account,
        session: SessionRow,
    ) -> Result<Repeat, Error> {
        let claims = &self.claims;
        let (owner, reason) = (claims.principal, RevocationReason::Reused);
        if !end_one(connection, owner, &claims.session, self.now, reason)? {
            return Err(Error::TokenBlacklisted);
        }
        sessions::record_reuse(connection, &claims.session, &claims.jti)?;
        // Never refreshed: then whoever began it had it.
        let has_last = session.last_ip_address.is_some() || session.last_user_agent.is_some();
        let other = TokenUse {
            ip_address: if has_last {
                session.last_ip_address
            } else {
                session.ip_address
            },
            user_agent: if has_last {
                session.last_user_agent
            } else {
                session.user_agent
            },
        };
        let subject = subject(connection, owner)?;
        let mut event = Event::new(Action::RefreshTokenReused)
            .to(subject.clone())
            .of_session(&claims.session)
            .noting("token", &claims.jti);
        if let Some(address) = &other.ip_address {
            event = event.noting("other_address", address);
        }
        if let Some(agent) = &other.user_agent {
            event = event.noting("other_program", agent);
        }
        self.audit_context.record(connection, &event)?;
        Ok(Repeat::Theft(Box::new(Theft {
            account,
            subject,
            other,
        })))
    }
}

/// Tells the operator's log, the metrics, and the owner where there is mail.
fn warn(services: &Services, theft: Theft, request: RefreshRequest, now: Timestamp) {
    let principal = theft.account.principal;
    services.metrics.refresh_token_reused(principal.user_type);
    tracing::warn!(
        %principal,
        "a refresh token came again after it was used; its session was ended"
    );
    let Some(email) = theft
        .account
        .email
        .filter(|_| services.delivery.sends_mail())
    else {
        return;
    };
    services.delivery.send_reuse(ReuseNotice {
        owner: principal,
        login: theft.subject.name.unwrap_or_default(),
        email,
        happened_at: now,
        places: [
            theft.other,
            TokenUse {
                ip_address: request.actor.ip_address.map(|address| address.to_string()),
                user_agent: request.actor.user_agent,
            },
        ],
        language: request.language,
        request_id: request.actor.request_id.unwrap_or_default(),
    });
}
