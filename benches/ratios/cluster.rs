//! A temporary Postgres cluster with durable commits. It is stopped and deleted when this process ends, even by a crash.

use std::{
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

use diesel::connection::SimpleConnection;

use crate::{Result, database::Database, server::free_address, work_dir::WorkDir};

/// Maximum time for starting.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs Postgres until standard input closes, then stops it and deletes the directory.
const SUPERVISOR: &str = r#"
"$1/postgres" -D "$2/data" -k "$2" -p "$3" -c listen_addresses=127.0.0.1 -c fsync=on -c synchronous_commit=on -c max_connections=300 \
    >"$2/log" 2>&1 </dev/null &
postgres=$!
trap '' INT TERM
read _
kill -INT $postgres
wait $postgres
rm -rf "$2"
"#;

/// A running cluster. It is stopped when the value is dropped.
pub struct Cluster {
    programs: PathBuf,
    port: u16,
    supervisor: Child,
    pipe: Option<ChildStdin>,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.supervisor.wait();
    }
}

impl Cluster {
    /// Creates and starts a cluster. An error if Postgres is not installed.
    pub fn start(work_dir: &WorkDir) -> Result<Self> {
        let programs =
            programs().ok_or("Postgres is not installed (Debian package: postgresql)")?;
        let account = unprivileged_account()?;
        let directory = data_directory(work_dir, account)?;
        let as_account = |command: &mut Command| {
            command
                .current_dir(&directory)
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            if let Some((user, group)) = account {
                command.uid(user).gid(group);
            }
        };
        let mut initdb = Command::new(programs.join("initdb"));
        initdb
            .args([
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "-U",
                "postgres",
                "-D",
            ])
            .arg(directory.join("data"));
        as_account(&mut initdb);
        if !initdb.status()?.success() {
            return Err("initdb failed".into());
        }
        let port = free_address()?.port();
        let mut supervisor = Command::new("sh");
        supervisor
            .args(["-c", SUPERVISOR, "supervisor"])
            .arg(&programs)
            .arg(&directory)
            .arg(port.to_string());
        as_account(&mut supervisor);
        let mut supervisor = supervisor.stdin(Stdio::piped()).process_group(0).spawn()?;
        let pipe = supervisor.stdin.take();
        let cluster = Self {
            programs,
            port,
            supervisor,
            pipe,
        };
        cluster.wait()?;
        Ok(cluster)
    }

    /// Waits until it accepts connections.
    fn wait(&self) -> Result<()> {
        let start = Instant::now();
        while let Err(error) = self.database().connect() {
            if start.elapsed() > START_TIMEOUT {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The database of the cluster.
    pub fn database(&self) -> Database {
        Database::Postgres(format!(
            "postgres://postgres@127.0.0.1:{}/postgres",
            self.port
        ))
    }

    /// An empty database of this name.
    pub fn database_named(&self, name: &str) -> Result<Database> {
        self.copy_of("template0", name)
    }

    /// A copy of a database to which nobody is connected.
    pub fn copy_of(&self, template: &str, name: &str) -> Result<Database> {
        let mut connection = self.database().connect()?;
        connection.batch_execute(&format!(
            "CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"
        ))?;
        Ok(Database::Postgres(format!(
            "postgres://postgres@127.0.0.1:{}/{name}",
            self.port
        )))
    }

    /// Runs a pgbench script and returns the transactions per second.
    pub fn pgbench(&self, script: &Path, clients: usize, seconds: u32) -> Result<f64> {
        let output = Command::new(self.programs.join("pgbench"))
            .args([
                "-n",
                "-M",
                "prepared",
                "-j",
                "2",
                "-h",
                "127.0.0.1",
                "-U",
                "postgres",
            ])
            .args([
                "-p",
                &self.port.to_string(),
                "-c",
                &clients.to_string(),
                "-T",
                &seconds.to_string(),
                "-f",
            ])
            .arg(script)
            .arg("postgres")
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let rate = text
            .lines()
            .find_map(|line| line.strip_prefix("tps = "))
            .and_then(|rest| rest.split(' ').next());
        match rate {
            Some(rate) if output.status.success() => Ok(rate.parse()?),
            _ => Err(format!(
                "pgbench failed: {}",
                String::from_utf8_lossy(&output.stderr)
            )
            .into()),
        }
    }
}

/// The directory of the newest installed Postgres programs: that of Debian, or common directories.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse::<u32>().ok()?,
                entry.path().join("bin"),
            ))
        })
        .max();
    let on_the_path = ["/usr/local/bin", "/usr/local/pgsql/bin", "/usr/bin"].map(PathBuf::from);
    let directories = newest
        .map(|(_, programs)| programs)
        .into_iter()
        .chain(on_the_path);
    let mut complete =
        directories.filter(|bin| bin.join("initdb").exists() && bin.join("pgbench").exists());
    complete.next()
}

/// User and group for Postgres, which must not run as root. `None` if this process is not root.
fn unprivileged_account() -> Result<Option<(u32, u32)>> {
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let accounts = std::fs::read_to_string("/etc/passwd")?;
    let ids = accounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        match fields.as_slice() {
            ["postgres", _, user, group, ..] => Some((user.parse().ok()?, group.parse().ok()?)),
            _ => None,
        }
    });
    let ids = ids.ok_or("running as root, but there is no user `postgres`")?;
    Ok(Some(ids))
}

/// A directory that the Postgres user can enter: in the work directory, or in the temporary directory if a parent of it is
/// not accessible.
fn data_directory(work_dir: &WorkDir, account: Option<(u32, u32)>) -> Result<PathBuf> {
    let Some((user, group)) = account else {
        return work_dir.directory("postgres");
    };
    // Initially only the current user can enter the work directory.
    std::fs::set_permissions(work_dir.path(), std::fs::Permissions::from_mode(0o711))?;
    let can_enter =
        |path: &Path| std::fs::metadata(path).is_ok_and(|data| data.mode() & 0o001 != 0);
    let directory = if work_dir.path().ancestors().all(can_enter) {
        work_dir.directory("postgres")?
    } else {
        tempfile::Builder::new()
            .prefix("ratios-postgres-")
            .tempdir()?
            .keep()
    };
    chown(&directory, Some(user), Some(group))?;
    Ok(directory)
}
