//! The checker against invented logs: what is against the rules is found, and what is not is let pass.

use std::time::Duration;

use super::{
    checker::{Rules, Verdict, check},
    log::{Asked, Entry, LocalizedText, Pair, Token},
};

fn token(jti: &str) -> Token {
    Token {
        jti: jti.to_owned(),
        session: "s".to_owned(),
        account: "user:1".to_owned(),
        role: Some("staff".to_owned()),
    }
}

fn pair(access: &str, refresh: &str) -> LocalizedText {
    LocalizedText::Accepted(Some(Pair {
        access: token(access),
        refresh: token(refresh),
    }))
}

fn refused(code: &str) -> LocalizedText {
    LocalizedText::Refused(code.to_owned())
}

/// Begins at this millisecond and is answered one later.
fn entry(instance: usize, at: u64, asked: Asked, told: LocalizedText) -> Entry {
    Entry {
        instance,
        began: Duration::from_millis(at),
        ended: Duration::from_millis(at + 1),
        asked,
        told,
    }
}

const YES: LocalizedText = LocalizedText::Accepted(None);

fn log_in() -> Entry {
    entry(0, 0, Asked::LogIn("user:1".into()), pair("a0", "r0"))
}

fn judged(log: &[Entry]) -> Verdict {
    let log = [&[log_in()], log].concat();
    check(&log, &Rules::default())
}

#[track_caller]
fn fine(log: &[Entry]) -> Verdict {
    let verdict = judged(log);
    assert_eq!(verdict.violations, [""; 0]);
    verdict
}

#[track_caller]
fn blamed(log: &[Entry], what: &str) {
    let found = judged(log).violations;
    assert!(found.len() == 1 && found[0].starts_with(what), "{found:?}");
}

#[test]
fn what_is_revoked_must_be_refused_here_at_once_and_elsewhere_soon() {
    let end = || entry(0, 10, Asked::End("s".into()), YES);
    let using = |instance, at, told| entry(instance, at, Asked::Use(token("a0")), told);
    let refreshing = |instance, at, told| entry(instance, at, Asked::Refresh(token("r0")), told);
    fine(&[
        using(0, 5, YES),
        end(),
        using(0, 20, refused("SESSION_REVOKED")),
    ]);
    // Begun before the answer: either is right.
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
    // Not answered, not promised.
    let lost = entry(0, 10, Asked::End("s".into()), LocalizedText::Lost);
    fine(&[lost, using(0, 20, YES)]);
}

#[test]
fn a_deactivated_account_has_no_session_from_before_and_none_from_meanwhile() {
    let off = entry(0, 10, Asked::Deactivate("user:1".into()), YES);
    let on = entry(0, 30, Asked::Activate("user:1".into()), YES);
    let using = |at, jti: &str, told| {
        let mut token = token(jti);
        if jti == "b0" {
            token.session = "t".to_owned();
        }
        entry(0, at, Asked::Use(token), told)
    };
    let second = |at| {
        let mut entry = entry(0, at, Asked::LogIn("user:1".into()), pair("b0", "q0"));
        let LocalizedText::Accepted(Some(pair)) = &mut entry.told else {
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
    // Begun beside the deactivation, and answered before the account was active again.
    blamed(
        &[second(9), off.clone(), on.clone(), using(40, "b0", YES)],
        "accepted after",
    );
    // Begun when it was active again: nobody may take it away.
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
        Asked::SetRole("user:1".into(), "auditor".into()),
        YES,
    );
    let using = |told| entry(0, 20, Asked::Use(token("a0")), told);
    fine(&[role.clone(), using(refused("TOKEN_EXPIRED"))]);
    blamed(&[role.clone(), using(YES)], "accepted after it was revoked");
    // Its session goes on.
    let refresh = |told| entry(0, 30, Asked::Refresh(token("r0")), told);
    fine(&[role.clone(), refresh(pair("a1", "r1"))]);
    blamed(
        &[role, refresh(refused("SESSION_REVOKED"))],
        "an honest client was refused",
    );
}

#[test]
fn a_session_is_one_line() {
    let refresh = |at, old: &str, access: &str, new: &str| {
        entry(0, at, Asked::Refresh(token(old)), pair(access, new))
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
    let LocalizedText::Accepted(Some(pair)) = &mut foreign.told else {
        unreachable!()
    };
    pair.refresh.session = "t".to_owned();
    pair.access.session = "t".to_owned();
    blamed(&[foreign], "the successor is of another session");
}

#[test]
fn an_honest_client_is_refused_nothing() {
    for code in ["TOKEN_REUSED", "TOKEN_BLACKLISTED", "SESSION_REVOKED"] {
        let lost = entry(0, 10, Asked::Refresh(token("r0")), refused(code));
        blamed(&[lost], "an honest client was refused");
        let lost = entry(0, 10, Asked::Use(token("a0")), refused(code));
        blamed(&[lost], "an honest client was refused");
    }
    let lost = entry(
        0,
        10,
        Asked::LogIn("user:1".into()),
        refused("INVALID_CREDENTIALS"),
    );
    blamed(&[lost], "an honest client was refused");
}

#[test]
fn theft_ends_the_session_and_is_never_accepted() {
    let theft = |told| entry(0, 10, Asked::Replay(token("r0")), told);
    let using = entry(0, 20, Asked::Use(token("a0")), YES);
    blamed(&[theft(pair("a1", "r1"))], "a stolen token was accepted");
    blamed(
        &[theft(refused("TOKEN_REUSED")), using],
        "accepted after it was revoked",
    );
}

#[test]
fn a_code_is_good_once() {
    let code = |at, session: &str| {
        let mut entry = entry(0, at, Asked::Code("c".into()), pair("b0", "q0"));
        if let LocalizedText::Accepted(Some(pair)) = &mut entry.told {
            pair.access.jti = session.to_owned();
        }
        entry
    };
    fine(&[code(10, "x")]);
    blamed(&[code(10, "x"), code(11, "y")], "a code was used twice");
}

#[test]
fn illness_needs_a_fault_and_nothing_else_is_said() {
    let ill = entry(0, 10, Asked::Use(token("a0")), LocalizedText::Ill);
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
        Asked::Use(token("a0")),
        LocalizedText::Odd("500".into()),
    );
    blamed(&[odd], "neither 200 nor 401");
}
