//! A private Postgres cluster as a careful operator would run it: every commit reaches the disk. It stops, and its
//! directory goes, when this process ends in whatever way.

use std::{
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{Result, database::Database, server::free_address, workplace::Workplace};

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// The shell holds our pipe. When the pipe closes it stops the server and removes the directory.
const WATCH: &str = r#"
"$1/postgres" -D "$2/data" -k "$2" -p "$3" -c listen_addresses=127.0.0.1 -c fsync=on -c synchronous_commit=on \
    >"$2/log" 2>&1 </dev/null &
postgres=$!
trap '' INT TERM
read _
kill -INT $postgres
wait $postgres
rm -rf "$2"
"#;

/// The cluster, until it is dropped.
pub struct Cluster {
    programs: PathBuf,
    port: u16,
    watch: Child,
    pipe: Option<ChildStdin>,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.watch.wait();
    }
}

impl Cluster {
    /// Makes and starts one; an error that says so where Postgres is not installed.
    pub fn start(workplace: &Workplace) -> Result<Self> {
        let programs =
            programs().ok_or("no Postgres server is installed here (Debian: postgresql)")?;
        let account = unprivileged_account()?;
        let directory = home(workplace, account)?;
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
        let mut watch = Command::new("sh");
        watch
            .args(["-c", WATCH, "watch"])
            .arg(&programs)
            .arg(&directory)
            .arg(port.to_string());
        as_account(&mut watch);
        let mut watch = watch.stdin(Stdio::piped()).process_group(0).spawn()?;
        let pipe = watch.stdin.take();
        let cluster = Self {
            programs,
            port,
            watch,
            pipe,
        };
        cluster.wait()?;
        Ok(cluster)
    }

    /// Waits until it answers.
    fn wait(&self) -> Result<()> {
        let began = Instant::now();
        while let Err(error) = self.database().connect() {
            if began.elapsed() > PATIENCE {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Its one database.
    pub fn database(&self) -> Database {
        Database::Postgres(format!(
            "postgres://postgres@127.0.0.1:{}/postgres",
            self.port
        ))
    }

    /// Runs a script for pgbench with so many clients, for so many seconds; the transactions of each second.
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

/// Where the newest installed server's programs are: Debian's place, or the search path.
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
    let places = newest
        .map(|(_, programs)| programs)
        .into_iter()
        .chain(on_the_path);
    let mut complete =
        places.filter(|place| place.join("initdb").exists() && place.join("pgbench").exists());
    complete.next()
}

/// The user and group to run the server as: root must not.
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
    let ids = ids.ok_or("running as root, and there is no user postgres to run Postgres as")?;
    Ok(Some(ids))
}

/// A directory for the cluster that its user may enter: the workplace, unless that lies behind a closed door.
fn home(workplace: &Workplace, account: Option<(u32, u32)>) -> Result<PathBuf> {
    let Some((user, group)) = account else {
        return workplace.directory("postgres");
    };
    // The workplace itself is ours, and nobody else's until now.
    std::fs::set_permissions(workplace.path(), std::fs::Permissions::from_mode(0o711))?;
    let open = |path: &Path| std::fs::metadata(path).is_ok_and(|data| data.mode() & 0o001 != 0);
    let directory = if workplace.path().ancestors().all(open) {
        workplace.directory("postgres")?
    } else {
        tempfile::Builder::new()
            .prefix("ratios-postgres-")
            .tempdir()?
            .keep()
    };
    chown(&directory, Some(user), Some(group))?;
    Ok(directory)
}
