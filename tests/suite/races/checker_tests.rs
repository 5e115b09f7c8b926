//! Tests of the checker with constructed logs: it reports each violation, and nothing else.

use std::time::Duration;

use super::{
    checker::{Report, Rules, check},
    log::{Entry, Outcome, Pair, Request, Token},
};

fn token(jti: &str) -> Token {
    Token {
        jti: jti.to_owned(),
        session: "s".to_owned(),
        account: "user:1".to_owned(),
        role: Some("staff".to_owned()),
    }
}

fn pair(access: &str, refresh: &str) -> Outcome {
    Outcome::Accepted(Some(Pair {
        access: token(access),
        refresh: token(refresh),
    }))
}

fn refused(code: &str) -> Outcome {
    Outcome::Refused(code.to_owned())
}

/// A request that is sent at this millisecond and answered one millisecond later.
fn entry(instance: usize, at: u64, request: Request, outcome: Outcome) -> Entry {
    Entry {
        instance,
        began: Duration::from_millis(at),
        ended: Duration::from_millis(at + 1),
        request,
        outcome,
    }
}

const ACCEPTED: Outcome = Outcome::Accepted(None);

fn log_in() -> Entry {
    entry(0, 0, Request::LogIn("user:1".into()), pair("a0", "r0"))
}

fn report_of(log: &[Entry]) -> Report {
    let log = [&[log_in()], log].concat();
    check(&log, &Rules::default())
}

#[track_caller]
fn assert_valid(log: &[Entry]) -> Report {
    let report = report_of(log);
    assert_eq!(report.violations, [""; 0]);
    report
}

#[track_caller]
fn assert_violation(log: &[Entry], beginning: &str) {
    let found = report_of(log).violations;
    assert!(
        found.len() == 1 && found[0].starts_with(beginning),
        "{found:?}"
    );
}

#[test]
fn a_revoked_token_is_refused_at_once_on_the_same_instance_and_within_the_lag_on_others() {
    let end = || entry(0, 10, Request::End("s".into()), ACCEPTED);
    let using = |instance, at, outcome| entry(instance, at, Request::Use(token("a0")), outcome);
    let refreshing =
        |instance, at, outcome| entry(instance, at, Request::Refresh(token("r0")), outcome);
    assert_valid(&[
        using(0, 5, ACCEPTED),
        end(),
        using(0, 20, refused("SESSION_REVOKED")),
    ]);
    // The request began before the revocation was answered: both outcomes are valid.
    assert_valid(&[end(), using(0, 10, ACCEPTED)]);
    assert_violation(
        &[end(), using(0, 20, ACCEPTED)],
        "accepted after it was revoked",
    );
    let lagging = assert_valid(&[
        end(),
        using(1, 200, ACCEPTED),
        using(1, 300, refused("SESSION_REVOKED")),
    ]);
    assert_eq!(lagging.lags, [Duration::from_millis(189)]);
    assert_violation(
        &[end(), using(1, 6_000, ACCEPTED)],
        "accepted by another instance after the allowed lag",
    );
    // A refresh reads the database on every instance, so no lag is allowed.
    assert_violation(
        &[end(), refreshing(1, 20, pair("a1", "r1"))],
        "accepted after it was revoked",
    );
    // Without a response, the revocation may not have happened.
    let lost = entry(0, 10, Request::End("s".into()), Outcome::Lost);
    assert_valid(&[lost, using(0, 20, ACCEPTED)]);
}

#[test]
fn deactivation_ends_the_sessions_from_before_and_during_it() {
    let deactivated = entry(0, 10, Request::Deactivate("user:1".into()), ACCEPTED);
    let activated = entry(0, 30, Request::Activate("user:1".into()), ACCEPTED);
    let using = |at, jti: &str, outcome| {
        let mut token = token(jti);
        if jti == "b0" {
            token.session = "t".to_owned();
        }
        entry(0, at, Request::Use(token), outcome)
    };
    let second = |at| {
        let mut entry = entry(0, at, Request::LogIn("user:1".into()), pair("b0", "q0"));
        let Outcome::Accepted(Some(pair)) = &mut entry.outcome else {
            unreachable!()
        };
        pair.access.session = "t".to_owned();
        pair.refresh.session = "t".to_owned();
        entry
    };
    let (deactivated, activated) = (&deactivated, &activated);
    assert_valid(&[
        deactivated.clone(),
        activated.clone(),
        using(40, "a0", refused("SESSION_REVOKED")),
    ]);
    assert_violation(
        &[
            deactivated.clone(),
            activated.clone(),
            using(40, "a0", ACCEPTED),
        ],
        "accepted after",
    );
    // The login overlapped with the deactivation, and was answered before the account was activated again.
    assert_violation(
        &[
            second(9),
            deactivated.clone(),
            activated.clone(),
            using(40, "b0", ACCEPTED),
        ],
        "accepted after",
    );
    // The login began after the activation: its session must continue.
    assert_valid(&[
        deactivated.clone(),
        activated.clone(),
        second(50),
        using(60, "b0", ACCEPTED),
    ]);
    let refused_after_activation = [
        deactivated.clone(),
        activated.clone(),
        second(50),
        using(60, "b0", refused("SESSION_REVOKED")),
    ];
    assert_violation(
        &refused_after_activation,
        "a client was refused without a revocation",
    );
}

#[test]
fn an_access_token_of_another_role_is_refused() {
    let role = entry(
        0,
        10,
        Request::SetRole("user:1".into(), "auditor".into()),
        ACCEPTED,
    );
    let using = |outcome| entry(0, 20, Request::Use(token("a0")), outcome);
    assert_valid(&[role.clone(), using(refused("TOKEN_EXPIRED"))]);
    assert_violation(
        &[role.clone(), using(ACCEPTED)],
        "accepted after it was revoked",
    );
    // The session has not ended.
    let refresh = |outcome| entry(0, 30, Request::Refresh(token("r0")), outcome);
    assert_valid(&[role.clone(), refresh(pair("a1", "r1"))]);
    assert_violation(
        &[role, refresh(refused("SESSION_REVOKED"))],
        "a client was refused without a revocation",
    );
}

#[test]
fn a_session_is_one_rotation_chain() {
    let refresh = |at, old: &str, access: &str, new: &str| {
        entry(0, at, Request::Refresh(token(old)), pair(access, new))
    };
    assert_valid(&[
        refresh(10, "r0", "a1", "r1"),
        refresh(11, "r0", "a2", "r1"),
        refresh(12, "r1", "a3", "r2"),
    ]);
    let branched = [refresh(10, "r0", "a1", "r1"), refresh(11, "r0", "a2", "r2")];
    assert_violation(&branched, "a second successor");
    let joined = [refresh(10, "r0", "a1", "r2"), refresh(11, "r1", "a2", "r2")];
    assert_violation(&joined, "a successor of two tokens");
    let twice = [refresh(10, "r0", "a1", "r1"), refresh(11, "r0", "a1", "r1")];
    assert_violation(&twice, "an access token was issued twice");
    let mut other_session = refresh(10, "r0", "a1", "r1");
    let Outcome::Accepted(Some(pair)) = &mut other_session.outcome else {
        unreachable!()
    };
    pair.refresh.session = "t".to_owned();
    pair.access.session = "t".to_owned();
    assert_violation(&[other_session], "the successor belongs to another session");
}

#[test]
fn a_refusal_without_a_revocation_is_a_violation() {
    for code in ["TOKEN_REUSED", "TOKEN_BLACKLISTED", "SESSION_REVOKED"] {
        let lost = entry(0, 10, Request::Refresh(token("r0")), refused(code));
        assert_violation(&[lost], "a client was refused without a revocation");
        let lost = entry(0, 10, Request::Use(token("a0")), refused(code));
        assert_violation(&[lost], "a client was refused without a revocation");
    }
    let lost = entry(
        0,
        10,
        Request::LogIn("user:1".into()),
        refused("INVALID_CREDENTIALS"),
    );
    assert_violation(&[lost], "a client was refused without a revocation");
}

#[test]
fn a_replay_ends_the_session_and_is_never_accepted() {
    let replay = |outcome| entry(0, 10, Request::Replay(token("r0")), outcome);
    let using = entry(0, 20, Request::Use(token("a0")), ACCEPTED);
    assert_violation(&[replay(pair("a1", "r1"))], "a stolen token was accepted");
    assert_violation(
        &[replay(refused("TOKEN_REUSED")), using],
        "accepted after it was revoked",
    );
}

#[test]
fn a_code_is_accepted_once() {
    let code = |at, session: &str| {
        let mut entry = entry(0, at, Request::Code("c".into()), pair("b0", "q0"));
        if let Outcome::Accepted(Some(pair)) = &mut entry.outcome {
            pair.access.jti = session.to_owned();
        }
        entry
    };
    assert_valid(&[code(10, "x")]);
    assert_violation(&[code(10, "x"), code(11, "y")], "a code was used twice");
}

#[test]
fn a_503_is_valid_only_during_a_fault_and_a_500_never() {
    let unavailable = entry(0, 10, Request::Use(token("a0")), Outcome::Unavailable);
    assert_violation(std::slice::from_ref(&unavailable), "503 without a fault");
    let fault = Duration::from_millis(5)..Duration::from_millis(11);
    let rules = Rules {
        faults: vec![fault],
        ..Rules::default()
    };
    assert_eq!(check(&[log_in(), unavailable], &rules).violations, [""; 0]);
    let unexpected = entry(
        0,
        10,
        Request::Use(token("a0")),
        Outcome::Unexpected("500".into()),
    );
    assert_violation(&[unexpected], "unexpected response");
}
