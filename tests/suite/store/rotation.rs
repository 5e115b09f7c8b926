//! The rules of a rotation: one table of cases for each way to rotate, on both databases.

use std::time::Duration;

use diesel::{Connection, connection::SimpleConnection};
use munjigi::{
    clock::Timestamp,
    config::RotationPolicy,
    domain::{
        principal::{Principal, UserType},
        session::{Jti, LoginMethod, SessionId},
        status_index::StatusIndex,
    },
    store::{
        Db, StoreError,
        client_users::{self, NewClient},
        outstanding_tokens::{self, NewOutstandingToken},
        rotation::{NewToken, NotRotated, Rotated, Rotation, rotate},
        rotation_batch::{rotate_alone, rotate_batch},
        sessions::{self, NewSession, SessionActivity},
        users,
    },
};

use super::{number, row};
use crate::support::TestDatabase;

pub(super) const NOW: Timestamp = Timestamp::EPOCH;
const DAY: Duration = Duration::from_hours(24);

/// A session with one refresh token.
#[derive(Clone)]
pub(super) struct Token {
    pub owner: Principal,
    pub session: SessionId,
    pub jti: Jti,
}

impl Token {
    /// The token of a new session of a new account.
    pub fn new(connection: &mut Db, user_type: UserType, name: &str) -> Self {
        let owner = match user_type {
            UserType::User => users::insert(connection, &row(name)).unwrap().account(),
            UserType::Client => client_users::insert(connection, &client(name))
                .unwrap()
                .account(),
        };
        Self::of(connection, owner.principal)
    }

    /// The token of a new session.
    pub fn of(connection: &mut Db, owner: Principal) -> Self {
        let token = Self {
            owner,
            session: SessionId::new(NOW),
            jti: Jti::new(NOW),
        };
        sessions::insert(connection, &token.session()).unwrap();
        let outstanding = NewOutstandingToken {
            jti: token.jti.clone(),
            session_id: token.session.clone(),
            user_type: owner.user_type,
            user_seq: owner.user_seq,
            created_at: NOW,
            expires_at: NOW + DAY,
        };
        outstanding_tokens::insert(connection, &outstanding).unwrap();
        token
    }

    fn session(&self) -> NewSession {
        NewSession {
            id: self.session.clone(),
            user_type: self.owner.user_type,
            user_seq: self.owner.user_seq,
            method: LoginMethod::Password,
            ip_address: None,
            user_agent: None,
            created_at: NOW,
            last_used_at: NOW,
            expires_at: NOW + DAY,
            absolute_expires_at: NOW + 10 * DAY,
            access_expires_at: None,
            kid: Some("first".into()),
            status_index: None,
            authenticated_at: Some(NOW),
            amr: Some("pwd".into()),
        }
    }

    /// A request to rotate it, with a successor of its own.
    pub fn rotation(&self) -> Rotation {
        Rotation {
            owner: self.owner,
            session: self.session.clone(),
            old: self.jti.clone(),
            old_expires_at: NOW + DAY,
            new: Jti::new(NOW),
            usage: SessionActivity {
                now: NOW + DAY / 2,
                expires_at: NOW + 2 * DAY,
                access_expires_at: NOW + DAY,
                ip_address: Some("192.0.2.1".into()),
                user_agent: None,
                kid: Some("second".into()),
                status_index: StatusIndex::new(7),
            },
        }
    }
}

fn client(name: &str) -> NewClient {
    NewClient {
        username: name.into(),
        username_normalized: name.into(),
        external_id: None,
        name: name.into(),
        name_normalized: name.into(),
        email: None,
        email_normalized: None,
        phone: None,
        password_hash: None,
        is_active: true,
        created_at: NOW,
        updated_at: NOW,
        claims: None,
        email_verified_at: None,
        search_text: name.into(),
    }
}

type Outcome = Result<Option<Rotated>, StoreError>;
type Way = fn(&mut Db, &Rotation) -> Outcome;

/// The ways to rotate a token. On Postgres the second and the third are one statement.
const WAYS: [(&str, Way); 3] = [
    ("in steps", |connection, rotation| {
        rotate(connection, rotation, RotationPolicy::SingleUse)
    }),
    ("alone", rotate_alone),
    ("in a batch", in_a_batch),
];

fn in_a_batch(connection: &mut Db, rotation: &Rotation) -> Outcome {
    let mut results = rotate_batch(connection, std::slice::from_ref(rotation))?;
    match results.pop().unwrap() {
        Some(result) => Ok(result),
        None => rotate_alone(connection, rotation),
    }
}

/// The expected outcome.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    NoAccount,
    Refused(NotRotated),
    /// With this expiry and place in the status lists.
    Rotated(Timestamp, i64),
}

use Expected::{NoAccount, Refused};
use NotRotated::{Blacklisted, Inactive, SessionEnded};

const INACTIVE: &str = "UPDATE {accounts} SET is_active = FALSE";
const BLACKLISTED: &str = "INSERT INTO blacklisted_tokens \
     (jti, session_id, user_type, user_seq, reason, blacklisted_at, expires_at) \
     SELECT jti, session_id, user_type, user_seq, 'logout', created_at, expires_at FROM outstanding_tokens";
const ENDED: &str = "UPDATE sessions SET ended_at = created_at";
const FLUSHED: &str = "DELETE FROM outstanding_tokens";
const DELETED: &str = "DELETE FROM {accounts}";

fn cases() -> Vec<(&'static str, Vec<&'static str>, Expected)> {
    let rotated = |index| Expected::Rotated(NOW + 2 * DAY, index);
    vec![
        ("a live token", vec![], rotated(7)),
        (
            "a session that keeps its place in the status lists",
            vec!["UPDATE sessions SET status_index = 3"],
            rotated(3),
        ),
        (
            "a session that ends before the successor would",
            vec!["UPDATE sessions SET absolute_expires_at = '1970-01-02 18:00:00'"],
            Expected::Rotated(NOW + 7 * DAY / 4, 7),
        ),
        ("an inactive account", vec![INACTIVE], Refused(Inactive)),
        (
            "a blacklisted token",
            vec![BLACKLISTED],
            Refused(Blacklisted),
        ),
        ("an ended session", vec![ENDED], Refused(SessionEnded)),
        (
            "a session at its last moment",
            vec!["UPDATE sessions SET absolute_expires_at = '1970-01-01 12:00:00'"],
            Refused(SessionEnded),
        ),
        (
            "a session without a row",
            vec!["DELETE FROM sessions"],
            Refused(SessionEnded),
        ),
        (
            "a session of another account",
            vec!["UPDATE sessions SET user_seq = user_seq + 1"],
            Refused(SessionEnded),
        ),
        (
            "a session of the other user type",
            vec![
                "UPDATE sessions SET user_type = CASE user_type WHEN 'user' THEN 'client' ELSE 'user' END",
            ],
            Refused(SessionEnded),
        ),
        ("a flushed token", vec![FLUSHED], Refused(SessionEnded)),
        ("no account", vec![DELETED], NoAccount),
        (
            "no account, session or token",
            vec![DELETED, "DELETE FROM sessions", FLUSHED],
            NoAccount,
        ),
        (
            "an inactive account and a blacklisted token",
            vec![INACTIVE, BLACKLISTED, ENDED],
            Refused(Inactive),
        ),
        (
            "a blacklisted token of an ended session",
            vec![BLACKLISTED, ENDED],
            Refused(Blacklisted),
        ),
        (
            "a blacklisted token that was flushed",
            vec![BLACKLISTED, FLUSHED],
            Refused(Blacklisted),
        ),
    ]
}

#[test]
fn every_way_to_rotate_enforces_the_same_rules() {
    let database = TestDatabase::migrated();
    let connection = &mut database.target().connect().unwrap();
    for (title, changes, expected) in cases() {
        for (user_type, accounts) in [
            (UserType::User, "users"),
            (UserType::Client, "client_users"),
        ] {
            for (way, rotate) in WAYS {
                let rolled_back = connection.transaction::<(), _, _>(|connection| {
                    let token = Token::new(connection, user_type, "ann");
                    for change in &changes {
                        let change = change.replace("{accounts}", accounts);
                        connection.batch_execute(&change).unwrap();
                    }
                    let title = format!("{title}, {accounts}, {way}");
                    check(connection, &token, rotate, expected, &title);
                    Err(diesel::result::Error::RollbackTransaction)
                });
                rolled_back.unwrap_err();
            }
        }
    }
}

fn check(
    connection: &mut Db,
    token: &Token,
    rotate: fn(&mut Db, &Rotation) -> Outcome,
    expected: Expected,
    title: &str,
) {
    let before = blacklisted(connection);
    let rotation = token.rotation();
    let rotated = connection
        .transaction(|connection| rotate(connection, &rotation))
        .unwrap();
    let outcome = rotated.map(|rotated| {
        assert_eq!(rotated.account.principal, token.owner, "{title}");
        assert_eq!(
            rotated.account.login(),
            login(token.owner.user_type),
            "{title}"
        );
        rotated.outcome
    });
    let seen = match &outcome {
        None => NoAccount,
        Some(Err(reason)) => Refused(*reason),
        Some(Ok(new)) => Expected::Rotated(new.expires_at, *new.status_index.unwrap().get_ref()),
    };
    assert_eq!(seen, expected, "{title}");
    let Some(Ok(new)) = outcome else {
        // Nothing was written.
        assert_eq!(blacklisted(connection), before, "{title}");
        let used = "SELECT COUNT(*) AS number FROM sessions WHERE refreshes IS NOT NULL";
        assert_eq!(number(connection, used), 0, "{title}");
        return;
    };
    check_rows(connection, token, &rotation, &new, title);
    // The same token again, with another successor.
    let again = connection
        .transaction(|connection| rotate(connection, &token.rotation()))
        .unwrap();
    assert_eq!(again.unwrap().outcome.unwrap_err(), Blacklisted, "{title}");
    check_rows(connection, token, &rotation, &new, title);
}

fn login(user_type: UserType) -> &'static str {
    match user_type {
        UserType::User => "ann@example.org",
        UserType::Client => "ann",
    }
}

fn blacklisted(connection: &mut Db) -> i64 {
    number(
        connection,
        "SELECT COUNT(*) AS number FROM blacklisted_tokens",
    )
}

/// The rows of a session whose token was rotated once.
fn check_rows(connection: &mut Db, token: &Token, done: &Rotation, new: &NewToken, title: &str) {
    let authentication = new.authentication.as_ref().unwrap();
    assert_eq!((authentication.at, authentication.amr()), (NOW, "pwd"));
    let (old, successor, session) = (&token.jti, &done.new, &token.session);
    let expires_at = new.expires_at.naive_utc().format("%F %T");
    for (table, conditions) in [
        (
            "blacklisted_tokens",
            format!(
                "jti = '{old}' AND successor = '{successor}' AND session_id = '{session}' AND reason = 'rotated' \
                 AND blacklisted_at = '1970-01-01 12:00:00' AND expires_at = '1970-01-02 00:00:00'"
            ),
        ),
        (
            "outstanding_tokens",
            format!(
                "jti = '{successor}' AND session_id = '{session}' AND created_at = '1970-01-01 12:00:00' \
                 AND expires_at = '{expires_at}'"
            ),
        ),
        (
            "sessions",
            format!(
                "id = '{session}' AND last_used_at = '1970-01-01 12:00:00' AND expires_at = '{expires_at}' \
                 AND access_expires_at = '1970-01-02 00:00:00' AND last_ip_address = '192.0.2.1' \
                 AND last_user_agent IS NULL AND kid = 'second' AND refreshes = 1 AND ended_at IS NULL"
            ),
        ),
    ] {
        let found = format!("SELECT COUNT(*) AS number FROM {table} WHERE {conditions}");
        assert_eq!(number(connection, &found), 1, "{title}: {table}");
    }
    let tokens = "SELECT COUNT(*) AS number FROM outstanding_tokens";
    assert_eq!(number(connection, tokens), 2, "{title}");
    assert_eq!(blacklisted(connection), 1, "{title}");
}
