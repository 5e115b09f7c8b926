//! Duration and memory of `munjigi tokens flush` for a million expired tokens, half of them blacklisted, compared with a bare
//! `DELETE` of the same rows.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use diesel::connection::SimpleConnection;

use crate::{
    Result,
    cluster::Cluster,
    database::Database,
    options::Options,
    rows::fill,
    server::{self, MASTER_KEY},
    statistics::Spread,
    table::{Row, Target},
    work_dir::WorkDir,
};

/// What the flush deletes.
const DELETE: &str = "DELETE FROM outstanding_tokens WHERE expires_at <= '2024-01-01'; DELETE FROM blacklisted_tokens WHERE expires_at <= '2024-01-01'";
/// How many tokens expire at one a second from this time on.
pub const MILLION: i64 = 1_000_000;
pub const FIRST_EXPIRY: i64 = 1_600_000_000;
/// Target of the memory, in MiB.
const MEMORY: f64 = 40.0;

/// Measures both databases.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let directory = work_dir.directory("flush")?;
    let template = Database::Sqlite(directory.join("template.db"));
    fill(&template, MILLION, FIRST_EXPIRY)?;
    let copy = |name: &str| {
        let file = directory.join(name);
        std::fs::copy(directory.join("template.db"), &file)?;
        Ok(Database::Sqlite(file))
    };
    let mut rows = measure_on("SQLite", options, &directory, 1.5, copy)?;
    let cluster = Cluster::start(work_dir)?;
    fill(&cluster.database_named("template")?, MILLION, FIRST_EXPIRY)?;
    let copy = |name: &str| cluster.copy_of("template", name);
    rows.extend(measure_on("Postgres", options, &directory, 3.0, copy)?);
    Ok(rows)
}

fn measure_on(
    name: &str,
    options: &Options,
    directory: &Path,
    most: f64,
    copy: impl Fn(&str) -> Result<Database>,
) -> Result<Vec<Row>> {
    let (mut subject, mut baseline, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let database = copy(&format!("flushed{round}"))?;
        let (took, mebibytes) = flush(&database, directory)?;
        subject.push(took.as_secs_f64());
        memory.push(mebibytes);
        expect_empty(&database)?;
        let database = copy(&format!("deleted{round}"))?;
        let mut connection = database.connect()?;
        let began = Instant::now();
        connection.batch_execute(DELETE)?;
        baseline.push(began.elapsed().as_secs_f64());
        expect_empty(&database)?;
    }
    let highest = Spread::of(memory.clone()).max;
    Ok(vec![
        Row::ratio(
            &format!("flush of 1,500,000 rows, {name}"),
            "s",
            &subject,
            &baseline,
            Target::AtMost(most),
        ),
        Row::ratio("… its memory", "MiB", &memory, &memory, Target::None)
            .with_target(&format!("< {MEMORY} MiB"), highest < MEMORY),
    ])
}

/// Runs the command and returns its duration and the maximum of its memory in MiB.
pub fn flush(database: &Database, directory: &Path) -> Result<(Duration, f64)> {
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_munjigi"))
        .args(["tokens", "flush", "--json"])
        .current_dir(directory)
        .env_clear()
        .env("MUNJIGI_SERVER__DATA_DIR", directory)
        .env("MUNJIGI_SERVER__MASTER_KEY", MASTER_KEY)
        .env("DATABASE_URL", database.url())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let mut memory = 0.0_f64;
    loop {
        if let Some(status) = child.try_wait()? {
            let took = began.elapsed();
            return if status.success() {
                Ok((took, memory))
            } else {
                Err(format!("the flush failed: {status}").into())
            };
        }
        // The process may have ended meanwhile.
        if let Ok(now) = server::mebibytes(child.id(), "VmHWM:") {
            memory = memory.max(now);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn expect_empty(database: &Database) -> Result<()> {
    match database.count("SELECT count(*) AS count FROM outstanding_tokens")? {
        0 => Ok(()),
        rows => Err(format!("{rows} rows are left").into()),
    }
}
