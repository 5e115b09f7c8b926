//! The start: what it makes, what it says, and what lasts until the next one.

use std::{os::unix::fs::PermissionsExt, path::Path, time::Instant};

use super::{client::Pair, database, place::Place, server::eventually};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_first_start_without_configuration_makes_all_it_needs_and_says_so() {
    let place = Place::on_sqlite();
    let server = place.serve();
    assert_eq!(server.client().get("/readyz", "").status, 200);

    assert_eq!(mode(&place.path("munjigi-data")), 0o700);
    assert_eq!(mode(&place.path("munjigi-data/signing.key")), 0o600);
    assert!(place.signing_key().trim().len() >= 32);
    assert!(place.path("munjigi-data/munjigi.db").is_file());
    for file in std::fs::read_dir(place.path("munjigi-data")).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path) & 0o077 & !0o044, 0, "{}", path.display());
    }

    let greeting = server.greeting();
    let expected = [
        format!("munjigi {}", env!("CARGO_PKG_VERSION")),
        format!("  listening on   http://{}", server.address),
        "  database       SQLite, munjigi-data/munjigi.db".to_owned(),
        "  schema         3 migrations run".to_owned(),
        "  signing key    munjigi-data/signing.key (made just now; keep it secret, and keep it)"
            .to_owned(),
        format!(
            "  first admin    http://{}/admin/setup/… (good once, for one hour)",
            server.address
        ),
        format!(
            "  or             {} user create --email you@example.org --name \"Your name\" --role admin",
            env!("CARGO_BIN_EXE_munjigi")
        ),
    ];
    let link = greeting.split("/admin/setup/").nth(1).unwrap();
    let secret = link.split(' ').next().unwrap();
    assert_eq!(secret.len(), 43, "{greeting}");
    let greeting = greeting.replace(secret, "…");
    // A later version has more migrations.
    let calm = |line: &str| line.replace(|c: char| c.is_ascii_digit(), "");
    let (told, expected): (Vec<_>, Vec<_>) = (
        greeting.lines().map(calm).collect(),
        expected.iter().map(|line| calm(line)).collect(),
    );
    assert_eq!(told, expected, "{greeting}");
    assert!(!greeting.contains(place.signing_key().trim()));
    server.stop();
}

#[test]
fn a_later_start_is_silent_about_what_is_there_and_accepts_yesterdays_tokens() {
    let place = Place::new();
    place.user("staff@example.org", "staff");
    let server = place.serve();
    let pair = server.client().session("staff@example.org");
    let greeting = server.greeting();
    // Somebody who may make users is still missing.
    assert!(greeting.contains("first admin"), "{greeting}");
    let ended = server.stop();
    assert!(
        ended.stdout.contains("\"message\":\"stopped\""),
        "{ended:?}"
    );

    place.user("admin@example.org", "admin");
    let server = place.serve();
    let greeting = server.greeting();
    assert_eq!(greeting.lines().count(), 3, "{greeting}");
    let mut client = server.client();
    assert_eq!(client.get("/api/me", &pair.access).status, 200);
    let next = Pair::of(&client.refresh(&pair.refresh));
    assert_eq!(client.get("/api/me", &next.access).status, 200);
    let repeat = Pair::of(&client.refresh(&pair.refresh));
    assert_eq!(repeat.refresh, next.refresh);
    server.stop();
}

#[test]
fn two_servers_of_one_database_may_start_together() {
    let place = Place::new();
    let (one, two) = std::thread::scope(|scope| {
        let one = scope.spawn(|| place.serve());
        let two = scope.spawn(|| place.serve());
        (one.join().unwrap(), two.join().unwrap())
    });
    place.user("admin@example.org", "admin");
    // Both sign with one key, and both see what the other does.
    let pair = one.client().session("admin@example.org");
    let next = Pair::of(&two.client().refresh(&pair.refresh));
    let repeat = Pair::of(&one.client().refresh(&pair.refresh));
    assert_eq!(repeat.refresh, next.refresh);
    two.client().try_log_out(&next).unwrap();
    let mut one_client = one.client();
    eventually(|| one_client.get("/api/me", &next.access).status == 401);
    one.stop();
    two.stop();
}

#[test]
fn the_time_from_the_start_to_the_first_answer_is_printed() {
    let place = Place::new();
    place.user("admin@example.org", "admin");
    place.serve().stop();
    let mut times: Vec<_> = (0..5)
        .map(|_| {
            let begun = Instant::now();
            let server = place.serve();
            assert_eq!(server.client().get("/readyz", "").status, 200);
            let took = begun.elapsed();
            server.stop();
            took
        })
        .collect();
    times.sort();
    let name = if database::on_postgres() {
        "Postgres"
    } else {
        "SQLite"
    };
    println!(
        "start to first answer on {name}, an existing database: median {:?} of {times:?}",
        times[2]
    );
}
