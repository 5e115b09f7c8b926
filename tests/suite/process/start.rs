//! The start: what is created, what is printed, and what survives a restart.

use std::{os::unix::fs::PermissionsExt, path::Path, time::Instant};

use super::{client::Pair, database, place::Place, server::eventually};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_first_start_without_configuration_creates_what_it_needs_and_prints_it() {
    let place = Place::on_sqlite();
    let server = place.serve();
    assert_eq!(server.client().get("/readyz", "").status, 200);

    assert_eq!(mode(&place.path("munjigi-data")), 0o700);
    assert_eq!(mode(&place.path("munjigi-data/master.key")), 0o600);
    assert!(place.master_key().trim().len() >= 32);
    assert!(place.path("munjigi-data/munjigi.db").is_file());
    for file in std::fs::read_dir(place.path("munjigi-data")).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path) & 0o077 & !0o044, 0, "{}", path.display());
    }

    let startup = server.startup();
    let expected = [
        format!("munjigi {}", env!("CARGO_PKG_VERSION")),
        format!("  listening on   http://{}", server.address),
        "  database       SQLite, munjigi-data/munjigi.db".to_owned(),
        "  schema         3 migrations run".to_owned(),
        "  master key     munjigi-data/master.key (created; keep it secret and back it up)"
            .to_owned(),
        format!(
            "  first admin    http://{}/admin/setup/… (valid once, for one hour)",
            server.address
        ),
        format!(
            "  or             {} user create --email you@example.org --name \"Your name\" --role admin",
            env!("CARGO_BIN_EXE_munjigi")
        ),
    ];
    let link = startup.split("/admin/setup/").nth(1).unwrap();
    let secret = link.split(' ').next().unwrap();
    assert_eq!(secret.len(), 43, "{startup}");
    let startup = startup.replace(secret, "…");
    // A later version has more migrations.
    let without_digits = |line: &str| line.replace(|c: char| c.is_ascii_digit(), "");
    let (printed, expected): (Vec<_>, Vec<_>) = (
        startup.lines().map(without_digits).collect(),
        expected.iter().map(|line| without_digits(line)).collect(),
    );
    assert_eq!(printed, expected, "{startup}");
    assert!(!startup.contains(place.master_key().trim()));
    server.stop();
}

#[test]
fn a_later_start_creates_nothing_and_accepts_earlier_tokens() {
    let place = Place::new();
    place.user("staff@example.org", "staff");
    let server = place.serve();
    let pair = server.client().session("staff@example.org");
    let startup = server.startup();
    // There is no administrator yet.
    assert!(startup.contains("first admin"), "{startup}");
    let ended = server.stop();
    assert!(
        ended.stdout.contains("\"message\":\"stopped\""),
        "{ended:?}"
    );

    place.user("admin@example.org", "admin");
    let server = place.serve();
    let startup = server.startup();
    assert_eq!(startup.lines().count(), 3, "{startup}");
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
    // Both sign with the same key, and each sees the changes of the other.
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
fn the_time_from_start_to_first_response_is_printed() {
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
        "from start to first response on {name}, with an existing database: median {:?} of {times:?}",
        times[2]
    );
}
