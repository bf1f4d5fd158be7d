//! A real PostgreSQL: one for each test process, a database for each test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::free_port;

/// What the folders of these servers are called.
const PREFIX: &str = "hecate-postgres";
/// A server that has not said by then that it runs does not.
const STARTING: Duration = Duration::from_secs(60);

/// The server of this process.
pub struct Postgres {
    port: u16,
    bin: PathBuf,
    _folder: TempDir,
}

/// Ends with its parent; and is nobody in particular where the tests run as root, which PostgreSQL refuses to.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if Command::new("id").arg("-u").output().unwrap().stdout == b"0\n" {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.arg("--pdeathsig=QUIT").arg(program);
    command
}

/// Nothing runs when a process of tests ends: what it left is swept by the next one.
fn sweep() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let pid = std::fs::read_to_string(entry.path().join("data/postmaster.pid")).ok();
        let running = pid.and_then(|text| text.lines().next().map(|pid| Path::new("/proc").join(pid).exists()));
        let is_old = || entry.metadata().and_then(|data| data.modified()).is_ok_and(|at| at.elapsed().is_ok_and(|age| age > STARTING));
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && running != Some(true) && is_old() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn binaries() -> PathBuf {
    let folder = std::fs::read_dir("/usr/lib/postgresql").ok().into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    folder.filter(|bin| bin.join("initdb").exists()).max().expect("PostgreSQL is missing: run make setup")
}

impl Postgres {
    /// The server of this process, started when it is first asked for.
    pub fn shared() -> &'static Postgres {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| {
            // The server dies with the thread that started it, which therefore lives as long as the process.
            let (tell, told) = std::sync::mpsc::sync_channel(1);
            std::thread::spawn(move || {
                let (server, _child) = Postgres::start(&[]);
                tell.send(server).unwrap();
                loop {
                    std::thread::park();
                }
            });
            told.recv().unwrap()
        })
    }

    #[expect(clippy::zombie_processes, reason = "it lives as long as the process, and ends with it")]
    fn start(settings: &[&str]) -> (Postgres, std::process::Child) {
        let bin = binaries();
        sweep();
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        for path in [folder.path(), &data] {
            let _ = Command::new("chown").arg("postgres:postgres").arg(path).status();
        }
        let made = unprivileged(&bin.join("initdb"))
            .args(["-A", "trust", "-U", "hecate", "-E", "UTF8", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let mut server = unprivileged(&bin.join("postgres"));
        server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"]);
        server.arg("-c").arg(format!("unix_socket_directories={}", folder.path().display()));
        for setting in settings {
            server.args(["-c", setting]);
        }
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let postgres = Postgres { port, bin, _folder: folder };
        for _ in 0..600 {
            if postgres.sql("postgres", "SELECT 1").is_some() {
                return (postgres, child);
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        panic!("PostgreSQL does not answer within 30 s");
    }

    /// The address of a new, empty database.
    pub fn new_database(&self) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("d{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}")).expect("a database is made");
        format!("postgres://hecate@127.0.0.1:{}/{name}", self.port)
    }

    /// One of the programs that come with it, told where the server is.
    pub fn program(&self, name: &str) -> Command {
        let mut program = Command::new(self.bin.join(name));
        program.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "hecate"]);
        program.stdin(Stdio::null());
        program
    }

    /// What psql says, one row a line, columns with `|` between them; `None` when it fails.
    pub fn sql(&self, database: &str, text: &str) -> Option<String> {
        let output = self.program("psql").args(["-d", database, "-qAt", "-c", text]).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }
}
