//! The encoding of a Postgres database.

use super::{database::on_postgres, place::Place};

/// A place on a database with this encoding.
fn encoded_in(encoding: &str) -> Place {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let place = Place::new();
    place.database.execute_on_server("DROP DATABASE %");
    place.database.execute_on_server(&format!(
        "CREATE DATABASE % ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    ));
    place
}

#[test]
#[ignore = "tests/run"]
fn a_database_that_cannot_store_every_name_is_refused_only_on_postgres() {
    for encoding in ["EUC_KR", "LATIN1"] {
        let place = encoded_in(encoding);
        for command in ["serve", "migrate"] {
            let refused = place.run(&[command]);
            assert_eq!(refused.code, Some(1), "{refused:?}");
            for part in [encoding, "ENCODING 'UTF8' TEMPLATE template0"] {
                assert!(refused.stderr.contains(part), "{refused:?}");
            }
        }
        let tables = place
            .database
            .texts("tablename::text", "pg_tables WHERE schemaname = 'public'");
        assert!(tables.is_empty(), "{tables:?}");
    }
}

#[test]
#[ignore = "tests/run"]
fn an_unchecked_encoding_works_and_is_advised_against_only_on_postgres() {
    let place = encoded_in("SQL_ASCII");
    place.user("gil@example.org", "admin");
    let server = place.serve();
    server.client().session("gil@example.org");
    server.stop();
    let check = place.run(&["check"]);
    assert!(
        check.stdout.contains("its encoding is SQL_ASCII"),
        "{check:?}"
    );
}
