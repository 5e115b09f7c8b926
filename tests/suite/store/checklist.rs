//! The queries of the security checklist on accounts.

use munjigi::{
    clock::Timestamp,
    domain::{account::Role, principal::UserType},
    store::{
        checklist::{count_active, count_hashes_by_prefix, list_idle},
        users::{self, NewUser},
    },
};

use super::row;
use crate::support::TestDatabase;

#[test]
fn hashes_are_counted_by_their_prefix_the_oldest_first() {
    let database = TestDatabase::migrated();
    let mut connection = database.target().connect().unwrap();
    for (name, hash) in [
        ("ann", Some("$old$1")),
        ("bob", None),
        ("eva", Some("$old$2")),
        ("sam", Some("$new$1")),
    ] {
        let new = NewUser {
            password_hash: hash.map(str::to_owned),
            ..row(name)
        };
        users::insert(&mut connection, &new).unwrap();
    }
    let mut counts = |population, bound| {
        let found = count_hashes_by_prefix(&mut connection, population, 4, bound);
        let mut found = found.unwrap();
        found.sort_unstable();
        found
    };
    let (old, new) = (("$old".to_owned(), 2), ("$new".to_owned(), 1));
    assert_eq!(counts(UserType::User, None), [new, old.clone()]);
    assert_eq!(counts(UserType::User, Some(2)), [old]);
    assert_eq!(counts(UserType::Client, None), []);
}

#[test]
fn active_administrators_without_a_recent_login_are_listed() {
    let database = TestDatabase::migrated();
    let mut connection = database.target().connect().unwrap();
    let day = |n: i64| Timestamp::from_unix_seconds(n * 86_400).unwrap();
    for (name, role, is_active, last) in [
        ("recent", Role::ADMIN, true, Some(day(200))),
        ("later", Role::ADMIN, true, Some(day(90))),
        ("sooner", Role::ADMIN, true, Some(day(80))),
        ("never", Role::ADMIN, true, None),
        ("away", Role::ADMIN, false, None),
        ("auditor", Role::AUDITOR, true, None),
    ] {
        let new = NewUser {
            role,
            is_active,
            password_hash: Some("hash".into()),
            ..row(name)
        };
        let created = users::insert(&mut connection, &new).unwrap();
        if last.is_some() {
            assert!(users::record_login(&mut connection, created.id, Some("hash"), last).unwrap());
        }
    }
    let admins = [Role::ADMIN];
    assert_eq!(count_active(&mut connection, &admins).unwrap(), 4);
    let mut idle = |since, limit| list_idle(&mut connection, &admins, since, limit).unwrap();
    let admin = |name: &str, last| (format!("{name}@example.org"), last);
    let expected = [
        admin("never", None),
        admin("sooner", Some(day(80))),
        admin("later", Some(day(90))),
    ];
    assert_eq!(idle(day(100), 9), expected);
    assert_eq!(idle(day(100), 2), expected[..2]);
    assert_eq!(idle(day(90), 9), expected[..2]);
}
