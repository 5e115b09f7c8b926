//! Tests of the checker with made-up logs: it reports every violation, and nothing else.

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

/// A request that begins at this millisecond and is answered one later.
fn entry(instance: usize, at: u64, request: Request, outcome: Outcome) -> Entry {
    Entry {
        instance,
        began: Duration::from_millis(at),
        ended: Duration::from_millis(at + 1),
        request,
        outcome,
    }
}

const YES: Outcome = Outcome::Accepted(None);

fn log_in() -> Entry {
    entry(0, 0, Request::LogIn("user:1".into()), pair("a0", "r0"))
}

fn judged(log: &[Entry]) -> Report {
    let log = [&[log_in()], log].concat();
    check(&log, &Rules::default())
}

#[track_caller]
fn fine(log: &[Entry]) -> Report {
    let report = judged(log);
    assert_eq!(report.violations, [""; 0]);
    report
}

#[track_caller]
fn blamed(log: &[Entry], what: &str) {
    let found = judged(log).violations;
    assert!(found.len() == 1 && found[0].starts_with(what), "{found:?}");
}

#[test]
fn what_is_revoked_must_be_refused_here_at_once_and_elsewhere_soon() {
    let end = || entry(0, 10, Request::End("s".into()), YES);
    let using = |instance, at, outcome| entry(instance, at, Request::Use(token("a0")), outcome);
    let refreshing =
        |instance, at, outcome| entry(instance, at, Request::Refresh(token("r0")), outcome);
    fine(&[
        using(0, 5, YES),
        end(),
        using(0, 20, refused("SESSION_REVOKED")),
    ]);
    // It began before the answer: both outcomes are right.
    fine(&[end(), using(0, 10, YES)]);
    blamed(&[end(), using(0, 20, YES)], "accepted after it was revoked");
    let lagging = fine(&[
        end(),
        using(1, 200, YES),
        using(1, 300, refused("SESSION_REVOKED")),
    ]);
    assert_eq!(lagging.lags, [Duration::from_millis(189)]);
    blamed(
        &[end(), using(1, 6_000, YES)],
        "accepted elsewhere long after",
    );
    // Refreshing asks the database on every instance.
    blamed(
        &[end(), refreshing(1, 20, pair("a1", "r1"))],
        "accepted after it was revoked",
    );
    // Without an answer nothing is promised.
    let lost = entry(0, 10, Request::End("s".into()), Outcome::Lost);
    fine(&[lost, using(0, 20, YES)]);
}

#[test]
fn a_deactivated_account_has_no_session_from_before_and_none_from_meanwhile() {
    let off = entry(0, 10, Request::Deactivate("user:1".into()), YES);
    let on = entry(0, 30, Request::Activate("user:1".into()), YES);
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
    let (off, on) = (&off, &on);
    fine(&[
        off.clone(),
        on.clone(),
        using(40, "a0", refused("SESSION_REVOKED")),
    ]);
    blamed(
        &[off.clone(), on.clone(), using(40, "a0", YES)],
        "accepted after",
    );
    // It began during the deactivation, and was answered before the account was active again.
    blamed(
        &[second(9), off.clone(), on.clone(), using(40, "b0", YES)],
        "accepted after",
    );
    // It began when the account was active again, and must stay.
    fine(&[off.clone(), on.clone(), second(50), using(60, "b0", YES)]);
    let taken = [
        off.clone(),
        on.clone(),
        second(50),
        using(60, "b0", refused("SESSION_REVOKED")),
    ];
    blamed(&taken, "an honest client was refused");
}

#[test]
fn an_access_token_of_another_role_is_refused() {
    let role = entry(
        0,
        10,
        Request::SetRole("user:1".into(), "auditor".into()),
        YES,
    );
    let using = |outcome| entry(0, 20, Request::Use(token("a0")), outcome);
    fine(&[role.clone(), using(refused("TOKEN_EXPIRED"))]);
    blamed(&[role.clone(), using(YES)], "accepted after it was revoked");
    // Its session has not ended.
    let refresh = |outcome| entry(0, 30, Request::Refresh(token("r0")), outcome);
    fine(&[role.clone(), refresh(pair("a1", "r1"))]);
    blamed(
        &[role, refresh(refused("SESSION_REVOKED"))],
        "an honest client was refused",
    );
}

#[test]
fn a_session_is_one_line() {
    let refresh = |at, old: &str, access: &str, new: &str| {
        entry(0, at, Request::Refresh(token(old)), pair(access, new))
    };
    fine(&[
        refresh(10, "r0", "a1", "r1"),
        refresh(11, "r0", "a2", "r1"),
        refresh(12, "r1", "a3", "r2"),
    ]);
    let tree = [refresh(10, "r0", "a1", "r1"), refresh(11, "r0", "a2", "r2")];
    blamed(&tree, "a second successor");
    let joined = [refresh(10, "r0", "a1", "r2"), refresh(11, "r1", "a2", "r2")];
    blamed(&joined, "a successor of two");
    let twice = [refresh(10, "r0", "a1", "r1"), refresh(11, "r0", "a1", "r1")];
    blamed(&twice, "an access token was given twice");
    let mut foreign = refresh(10, "r0", "a1", "r1");
    let Outcome::Accepted(Some(pair)) = &mut foreign.outcome else {
        unreachable!()
    };
    pair.refresh.session = "t".to_owned();
    pair.access.session = "t".to_owned();
    blamed(&[foreign], "the successor is of another session");
}

#[test]
fn an_honest_client_is_refused_nothing() {
    for code in ["TOKEN_REUSED", "TOKEN_BLACKLISTED", "SESSION_REVOKED"] {
        let lost = entry(0, 10, Request::Refresh(token("r0")), refused(code));
        blamed(&[lost], "an honest client was refused");
        let lost = entry(0, 10, Request::Use(token("a0")), refused(code));
        blamed(&[lost], "an honest client was refused");
    }
    let lost = entry(
        0,
        10,
        Request::LogIn("user:1".into()),
        refused("INVALID_CREDENTIALS"),
    );
    blamed(&[lost], "an honest client was refused");
}

#[test]
fn theft_ends_the_session_and_is_never_accepted() {
    let theft = |outcome| entry(0, 10, Request::Replay(token("r0")), outcome);
    let using = entry(0, 20, Request::Use(token("a0")), YES);
    blamed(&[theft(pair("a1", "r1"))], "a stolen token was accepted");
    blamed(
        &[theft(refused("TOKEN_REUSED")), using],
        "accepted after it was revoked",
    );
}

#[test]
fn a_code_is_good_once() {
    let code = |at, session: &str| {
        let mut entry = entry(0, at, Request::Code("c".into()), pair("b0", "q0"));
        if let Outcome::Accepted(Some(pair)) = &mut entry.outcome {
            pair.access.jti = session.to_owned();
        }
        entry
    };
    fine(&[code(10, "x")]);
    blamed(&[code(10, "x"), code(11, "y")], "a code was used twice");
}

#[test]
fn illness_needs_a_fault_and_nothing_else_is_said() {
    let ill = entry(0, 10, Request::Use(token("a0")), Outcome::Unavailable);
    blamed(std::slice::from_ref(&ill), "503 without a fault");
    let fault = Duration::from_millis(5)..Duration::from_millis(11);
    let rules = Rules {
        faults: vec![fault],
        ..Rules::default()
    };
    assert_eq!(check(&[log_in(), ill], &rules).violations, [""; 0]);
    let odd = entry(
        0,
        10,
        Request::Use(token("a0")),
        Outcome::Unexpected("500".into()),
    );
    blamed(&[odd], "neither 200 nor 401");
}
