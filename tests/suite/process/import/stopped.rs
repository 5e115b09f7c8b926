//! An import that is stopped, and the one that continues.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use munjigi::domain::account::Role;
use munjigi::domain::audit::Actor;
use munjigi::domain::principal::UserType;
use munjigi::services::import::file::AccountFile;
use munjigi::services::import::report::{Line, Report};
use munjigi::services::import::roles::RoleRules;
use munjigi::services::import::run::{Mode, Observer, Phase, run};

use crate::support::App;

/// Stops the import after its first batch.
struct StopsEarly<'a>(&'a AtomicBool);

impl Observer for StopsEarly<'_> {
    fn begin(&mut self, _: Phase, rows: u64) {
        assert_eq!(rows, 12_000);
    }

    fn advance(&mut self, _: u64) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn problem(&mut self, line: &Line) {
        panic!("{line:?}");
    }
}

struct Runs;

impl Observer for Runs {
    fn begin(&mut self, _: Phase, _: u64) {}
    fn advance(&mut self, _: u64) {}
    fn problem(&mut self, line: &Line) {
        panic!("{line:?}");
    }
}

fn roles() -> RoleRules {
    RoleRules {
        named: BTreeMap::new(),
        default: Role::parse("staff").unwrap(),
        configured: Arc::default(),
    }
}

fn import(
    app: &App,
    file: &std::path::Path,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Report {
    let mut source = AccountFile::open(file, None, UserType::User, roles()).unwrap();
    let mode = Mode::Write {
        target: app.database().target(),
        audit_context: Box::new(app.services().audit_context(&Actor::operator())),
        roles: Arc::default(),
        source: "file".into(),
    };
    run(&mut source, mode, observer, stop).unwrap()
}

#[tokio::test]
async fn a_stopped_import_is_continued_by_the_next() {
    let app = App::start();
    // With a session there, each batch is a transaction.
    app.user("zoe").await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("users.csv");
    let emails = (1..=12_000).map(|n| format!("user{n}@example.org"));
    let lines: Vec<String> = std::iter::once("email".to_owned()).chain(emails).collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
    let stop = AtomicBool::new(false);
    let first = import(&app, &file, &mut StopsEarly(&stop), &stop);
    assert!(first.stopped && !first.is_clean());
    let done = first.users.created;
    assert!((1..12_000).contains(&done), "{first:?}");
    let second = import(&app, &file, &mut Runs, &AtomicBool::new(false));
    assert!(!second.stopped);
    assert_eq!(second.users.unchanged, done);
    assert_eq!(second.users.created, 12_000 - done);
}
