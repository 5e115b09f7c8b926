//! Rotations in batches: a token in it twice, a locked session, a row that the database refuses, a broken connection, and
//! batches of every size at the same time.

use std::{collections::HashMap, thread};

use diesel::connection::SimpleConnection;
use futures_util::future::{join, join_all};
use munjigi::{
    domain::{principal::UserType, session::Jti},
    store::{
        Db, StoreError,
        rotation::{NotRotated, Rotated, Rotation},
        rotation_batch::{rotate_alone, rotate_batch},
    },
};

use super::{
    number, open,
    rotation::{NOW, Token},
};
use crate::support::{TestDatabase, on_postgres, wait_until};

/// Rotates in batches of this size; what cannot be in a batch is rotated alone.
fn in_batches(connection: &mut Db, rotations: &[Rotation], size: usize) -> Vec<Rotated> {
    let mut rotated = Vec::new();
    for batch in rotations.chunks(size) {
        let results = transaction(connection, |connection| rotate_batch(connection, batch));
        for (rotation, result) in batch.iter().zip(results) {
            let result = result.unwrap_or_else(|| {
                transaction(connection, |connection| rotate_alone(connection, rotation))
            });
            rotated.push(result.unwrap());
        }
    }
    rotated
}

/// On SQLite a transaction as the store's writer has it; on Postgres a statement is one.
fn transaction<T>(connection: &mut Db, run: impl FnOnce(&mut Db) -> Result<T, StoreError>) -> T {
    match connection {
        Db::Postgres(_) => run(connection),
        Db::Sqlite(_) => {
            connection.batch_execute("BEGIN IMMEDIATE").unwrap();
            let result = run(connection);
            connection.batch_execute("COMMIT").unwrap();
            result
        }
    }
    .unwrap()
}

fn is_rotated(rotated: &Rotated) -> bool {
    match rotated.outcome {
        Ok(_) => true,
        Err(reason) => {
            assert_eq!(reason, NotRotated::Blacklisted);
            false
        }
    }
}

#[test]
fn a_token_that_comes_twice_in_a_batch_has_one_successor() {
    let database = TestDatabase::migrated();
    let connection = &mut database.target().connect().unwrap();
    let ann = Token::new(connection, UserType::User, "ann");
    let kim = Token::new(connection, UserType::Client, "kim");
    let rotations = [&ann, &kim, &ann, &ann, &kim].map(Token::rotation);
    let rotated = in_batches(connection, &rotations, 5);
    let won: Vec<bool> = rotated.iter().map(is_rotated).collect();
    assert_eq!(won, [true, true, false, false, false]);
    assert_eq!(rotated[4].account.principal, kim.owner);
    let tokens = "SELECT COUNT(*) AS number FROM outstanding_tokens";
    assert_eq!(number(connection, tokens), 4);
}

#[test]
fn two_tokens_of_one_session_in_a_batch_are_both_rotated() {
    let database = TestDatabase::migrated();
    let connection = &mut database.target().connect().unwrap();
    let ann = Token::new(connection, UserType::User, "ann");
    let second = Token {
        jti: Jti::new(NOW),
        ..ann.clone()
    };
    let insert = format!(
        "INSERT INTO outstanding_tokens (jti, session_id, user_type, user_seq, created_at, expires_at) \
         SELECT '{}', session_id, user_type, user_seq, created_at, expires_at FROM outstanding_tokens",
        second.jti
    );
    connection.batch_execute(&insert).unwrap();
    let rotated = in_batches(connection, &[ann.rotation(), second.rotation()], 2);
    assert!(rotated.iter().all(is_rotated));
    let uses = "SELECT refreshes AS number FROM sessions";
    assert_eq!(number(connection, uses), 2);
}

#[test]
fn in_batches_of_every_size_at_once_each_token_has_one_successor() {
    const TOKENS: usize = 12;
    let database = TestDatabase::migrated();
    let connection = &mut database.target().connect().unwrap();
    for size in (1..=8).chain([16, 48, 64]) {
        let tokens: Vec<Token> = (0..TOKENS)
            .map(|index| {
                let user_type = [UserType::User, UserType::Client][index % 2];
                Token::new(connection, user_type, &format!("ann-{size}-{index}"))
            })
            .collect();
        let won: Vec<Jti> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|thread| {
                    let (tokens, target) = (&tokens, database.target());
                    scope.spawn(move || {
                        let mut connection = target.connect().unwrap();
                        // Each thread has another order, and each token four times.
                        let rotations: Vec<Rotation> = (0..TOKENS * 4)
                            .map(|index| {
                                tokens[(index * [1, 5, 7, 11][thread]) % TOKENS].rotation()
                            })
                            .collect();
                        let rotated = in_batches(&mut connection, &rotations, size);
                        let won = rotations.into_iter().zip(rotated);
                        won.filter(|(_, rotated)| is_rotated(rotated))
                            .map(|(rotation, _)| rotation.old)
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        let mut times: HashMap<&Jti, u32> = HashMap::new();
        for jti in &won {
            *times.entry(jti).or_default() += 1;
        }
        let each_once = tokens.iter().all(|token| times.get(&token.jti) == Some(&1));
        assert!(each_once, "batches of {size}: {times:?}");
        let issued = "SELECT COUNT(*) AS number FROM outstanding_tokens o \
                      JOIN blacklisted_tokens b ON b.successor = o.jti";
        let expected = number(
            connection,
            "SELECT COUNT(*) AS number FROM blacklisted_tokens",
        );
        assert_eq!(number(connection, issued), expected, "batches of {size}");
        assert_eq!(won.len(), TOKENS, "batches of {size}");
    }
}

#[tokio::test]
async fn requests_through_the_store_rotate_each_token_once() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    let tokens: Vec<Token> = {
        let connection = &mut database.target().connect().unwrap();
        (0..10)
            .map(|index| Token::new(connection, UserType::User, &format!("ann-{index}")))
            .collect()
    };
    let requests = (0..300).map(|index| store.rotate(tokens[index % 10].rotation()));
    let rotated = join_all(requests).await;
    let rotated = rotated.into_iter().map(|result| result.unwrap().unwrap());
    assert_eq!(rotated.filter(is_rotated).count(), 10);
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_locked_session_delays_only_its_own_token_only_on_postgres() {
    assert!(on_postgres(), "this test is for Postgres");
    let database = TestDatabase::migrated();
    let store = open(&database);
    let connection = &mut database.target().connect().unwrap();
    let ann = Token::new(connection, UserType::User, "ann");
    let bob = Token::new(connection, UserType::User, "bob");
    connection.batch_execute("BEGIN").unwrap();
    let end = format!(
        "UPDATE sessions SET ended_at = created_at WHERE id = '{}'",
        ann.session
    );
    connection.batch_execute(&end).unwrap();
    let of_ann = store.rotate(ann.rotation());
    let of_bob = async {
        let rotated = store.rotate(bob.rotation()).await.unwrap().unwrap();
        assert!(rotated.outcome.is_ok());
        connection.batch_execute("COMMIT").unwrap();
    };
    let (of_ann, ()) = join(of_ann, of_bob).await;
    let outcome = of_ann.unwrap().unwrap().outcome;
    assert_eq!(outcome.unwrap_err(), NotRotated::SessionEnded);
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_request_that_the_database_refuses_fails_alone_only_on_postgres() {
    assert!(on_postgres(), "this test is for Postgres");
    let database = TestDatabase::migrated();
    let store = open(&database);
    let connection = &mut database.target().connect().unwrap();
    let tokens: Vec<Token> = (0..20)
        .map(|index| Token::new(connection, UserType::Client, &format!("kim-{index}")))
        .collect();
    let requests = tokens.iter().enumerate().map(|(index, token)| {
        let mut rotation = token.rotation();
        // Postgres stores no zero bytes.
        rotation.usage.user_agent = (index == 7).then(|| "\0".into());
        store.rotate(rotation)
    });
    for (index, result) in join_all(requests).await.into_iter().enumerate() {
        assert_eq!(result.is_err(), index == 7, "{index}: {result:?}");
    }
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_broken_connection_fails_its_batch_and_no_later_one_only_on_postgres() {
    assert!(on_postgres(), "this test is for Postgres");
    let database = TestDatabase::migrated();
    let store = open(&database);
    let connection = &mut database.target().connect().unwrap();
    let tokens: Vec<Token> = (0..20)
        .map(|index| Token::new(connection, UserType::User, &format!("ann-{index}")))
        .collect();
    connection
        .batch_execute("BEGIN; LOCK TABLE blacklisted_tokens IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    let requests = join_all(tokens.iter().map(|token| store.rotate(token.rotation())));
    let terminate = async {
        let waiting = "SELECT COUNT(*) AS number FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let mut observer = database.target().connect().unwrap();
        wait_until("a batch that waits", async || {
            (number(&mut observer, waiting) > 0).then_some(())
        })
        .await;
        let kill = waiting.replace("COUNT(*) AS number", "pg_terminate_backend(pid)");
        observer.batch_execute(&kill).unwrap();
        connection.batch_execute("COMMIT").unwrap();
    };
    let (results, ()) = join(requests, terminate).await;
    let failed = results.iter().filter(|result| match result {
        Ok(rotated) => !rotated.as_ref().is_some_and(is_rotated),
        Err(error) => {
            assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
            true
        }
    });
    let failed = failed.count();
    assert!(failed >= 1, "no batch was terminated");
    // What failed had no effect, and later requests find a new connection.
    let again = join_all(tokens.iter().map(|token| store.rotate(token.rotation()))).await;
    let rotated = again
        .into_iter()
        .filter(|result| is_rotated(result.as_ref().unwrap().as_ref().unwrap()));
    assert_eq!(rotated.count(), failed);
}

#[test]
#[ignore = "tests/run"]
fn a_batch_reads_only_its_own_sessions_only_on_postgres() {
    assert!(on_postgres(), "this test is for Postgres");
    let database = TestDatabase::migrated();
    let connection = &mut database.target().connect().unwrap();
    let ann = Token::new(connection, UserType::User, "ann");
    let tokens: Vec<Token> = (0..300).map(|_| Token::of(connection, ann.owner)).collect();
    let rotations: Vec<Rotation> = tokens[..20].iter().map(Token::rotation).collect();
    connection.batch_execute("BEGIN").unwrap();
    let rotated = in_batches(connection, &rotations, 20);
    assert!(rotated.iter().all(is_rotated));
    // The table has no statistics yet. Each session is read to lock it and to update it.
    let read = "SELECT seq_tup_read + idx_tup_fetch AS number FROM pg_stat_xact_user_tables WHERE relname = 'sessions'";
    assert_eq!(number(connection, read), 40);
    connection.batch_execute("ROLLBACK").unwrap();
}
