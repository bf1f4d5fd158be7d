//! The pools, and a bound on the time of everything that is asked of them.
//!
//! Everything goes through sqlx's `Any`: one text, one code path. Numbers are BIGINT, texts TEXT, bytes BYTEA, which `Any` knows.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyPool, Connection as _, Executor, Transaction};

use super::metrics::Metrics;
use super::time::now_ms;
use super::totals::Totals;
use super::{SetUpError, StoreError};

/// What one call may take, waiting for a connection included.
const BUDGET: Duration = Duration::from_secs(5);
/// How long a call waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(3);
/// A migration may have to copy a table.
const MIGRATION_BUDGET: Duration = Duration::from_secs(120);
/// Pause after a call that did not reach the database, in milliseconds.
const PAUSE_MS: i64 = 500;
/// A connection to PostgreSQL that has rested for longer is tried before it is used: the server may have been restarted meanwhile. One
/// that was lost while it was busy costs its caller an answer, and the others are tried once the pause after it is over.
const RESTED: Duration = Duration::from_millis(PAUSE_MS as u64);
/// Connections of one replica to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 16;
/// Connections that read an SQLite file; one more writes.
const SQLITE_READERS: u32 = 4;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
}

/// A database, perhaps not there yet.
pub(super) struct Database {
    pub(super) kind: Kind,
    readers: AnyPool,
    writers: AnyPool,
    metrics: Metrics,
    pub(super) totals: Totals,
    /// The tables are there: migrations have run.
    ready: AtomicBool,
    /// The last call reached it.
    answers: AtomicBool,
    /// Until then, in milliseconds since 1970, calls are refused at once: one after the other would wait for a connection in vain.
    away_until: AtomicI64,
}

impl Database {
    /// Pools for an address; nothing is connected yet.
    pub(super) fn new(address: &str, metrics: Metrics) -> Result<Database, SetUpError> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let kind = kind_of(address)?;
        let pool = |count: u32, read_only: bool| {
            let options = AnyPoolOptions::new()
                .max_connections(count)
                .acquire_timeout(ACQUIRE)
                .test_before_acquire(false)
                .before_acquire(move |connection, meta| {
                    Box::pin(async move {
                        if kind == Kind::Postgres && meta.idle_for >= RESTED {
                            connection.ping().await?;
                        }
                        Ok(true)
                    })
                })
                .max_lifetime(Duration::from_secs(1800))
                .idle_timeout(Duration::from_secs(300))
                .after_connect(move |connection, _| {
                    Box::pin(async move {
                        for statement in session(kind, read_only) {
                            (&mut *connection).execute(*statement).await?;
                        }
                        Ok(())
                    })
                });
            options
                .connect_lazy(&with_defaults(kind, address))
                .map_err(|error| SetUpError::Driver(without_password(&error.to_string(), address)))
        };
        let (readers, writers) = match kind {
            Kind::Sqlite => (pool(SQLITE_READERS, true)?, pool(1, false)?),
            Kind::Postgres => {
                let both = pool(POSTGRES_CONNECTIONS, false)?;
                (both.clone(), both)
            }
        };
        Ok(Database {
            kind,
            readers,
            writers,
            metrics,
            totals: Totals::new(),
            ready: AtomicBool::new(false),
            answers: AtomicBool::new(true),
            away_until: AtomicI64::new(0),
        })
    }

    /// A table of the texts in a JSON list that is bound to this place: as many as there are, in one prepared statement.
    pub(super) fn each(&self, place: &str) -> String {
        match self.kind {
            Kind::Sqlite => format!("json_each({place})"),
            Kind::Postgres => format!("jsonb_array_elements_text(CAST(CAST({place} AS TEXT) AS JSONB)) AS each (value)"),
        }
    }

    /// A condition: the column is one of the texts in such a list. PostgreSQL takes the list out first, for without knowing how long it is
    /// it would rather read the whole table.
    pub(super) fn is_one_of(&self, column: &str, place: &str) -> String {
        let list = format!("(SELECT value FROM {})", self.each(place));
        match self.kind {
            Kind::Sqlite => format!("{column} IN {list}"),
            Kind::Postgres => format!("{column} = ANY(ARRAY{list})"),
        }
    }

    /// A connection for a single reading statement.
    pub(super) async fn reader(&self) -> Result<PoolConnection<Any>, StoreError> {
        self.expect_ready()?;
        Ok(self.readers.acquire().await?)
    }

    /// A transaction for changes. SQLite takes its one lock at once: a transaction that first reads and then writes would fail otherwise.
    pub(super) async fn writer(&self) -> Result<Transaction<'static, Any>, StoreError> {
        self.expect_ready()?;
        self.begin().await
    }

    /// The same, before there are tables.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Any>, StoreError> {
        Ok(match self.kind {
            Kind::Sqlite => self.writers.begin_with("BEGIN IMMEDIATE").await?,
            Kind::Postgres => self.writers.begin().await?,
        })
    }

    /// Runs one call within its budget, and counts it.
    pub(super) async fn bounded<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let is_upkeep = matches!(operation, "migrate" | "ping");
        if !is_upkeep && now_ms() < self.away_until.load(Ordering::Relaxed) {
            let refused = Err(StoreError::Away("not asked: it did not answer a moment ago".to_owned()));
            self.metrics.done(operation, &refused, Duration::ZERO);
            return refused;
        }
        let budget = if operation == "migrate" { MIGRATION_BUDGET } else { BUDGET };
        let started = Instant::now();
        let result = tokio::time::timeout(budget, call)
            .await
            .unwrap_or_else(|_| Err(StoreError::Away(format!("no answer to {operation} within {} s", budget.as_secs()))));
        if !matches!(operation, "get" | "editions" | "search" | "ping" | "write_back") {
            // Whatever came of it: what was counted before may not be true any more.
            self.totals.changed();
        }
        let away = matches!(result, Err(StoreError::Away(_)));
        self.metrics.done(operation, &result, started.elapsed());
        if away {
            self.away_until.store(now_ms() + PAUSE_MS, Ordering::Relaxed);
        }
        if self.answers.swap(!away, Ordering::Relaxed) == away {
            self.say_so(result.as_ref().err());
        }
        result
    }

    /// Once for each change, not for each call.
    fn say_so(&self, error: Option<&StoreError>) {
        match error.and_then(StoreError::detail) {
            Some(detail) => {
                tracing::warn!(%detail, "the database of dashboards does not answer: reads go on from memory, writes are refused")
            }
            None => tracing::info!("the database of dashboards answers again"),
        }
    }

    /// Whether the last call reached it, and there are tables.
    pub(super) fn answers(&self) -> bool {
        self.ready.load(Ordering::Acquire) && self.answers.load(Ordering::Relaxed)
    }

    /// Tables are there.
    pub(super) fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    fn expect_ready(&self) -> Result<(), StoreError> {
        if self.is_ready() { Ok(()) } else { Err(StoreError::Away("its tables are not there yet: migrations have not run".to_owned())) }
    }

    /// Connections that are open, and those of them that are busy.
    pub(super) fn connections(&self) -> (usize, usize) {
        let one = |pool: &AnyPool| (pool.size() as usize, (pool.size() as usize).saturating_sub(pool.num_idle()));
        let (open, busy) = one(&self.writers);
        match self.kind {
            Kind::Postgres => (open, busy),
            Kind::Sqlite => {
                let (more_open, more_busy) = one(&self.readers);
                (open + more_open, busy + more_busy)
            }
        }
    }

    /// Ends the connections; SQLite writes its log back into the file.
    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }
}

/// What a new connection is told. The statement timeout is what ends a statement whose caller is gone.
fn session(kind: Kind, read_only: bool) -> &'static [&'static str] {
    match (kind, read_only) {
        (Kind::Postgres, _) => &[
            "SET statement_timeout = '4s'",
            "SET idle_in_transaction_session_timeout = '10s'",
            "SET TIME ZONE 'UTC'",
            // Where the server was built with it: the other way takes milliseconds for a long document.
            "DO $$ BEGIN SET default_toast_compression = 'lz4'; EXCEPTION WHEN OTHERS THEN NULL; END $$",
        ],
        (Kind::Sqlite, true) => &["PRAGMA busy_timeout = 2000", "PRAGMA query_only = ON", "PRAGMA cache_size = -16384"],
        (Kind::Sqlite, false) => &[
            "PRAGMA busy_timeout = 2000",
            "PRAGMA journal_mode = WAL",
            // The log goes back into the file beside the changes (`write_back`); a change does it only when 64 MiB have piled up.
            "PRAGMA wal_autocheckpoint = 16384",
            // Full: what was acknowledged is there after a power cut, too.
            "PRAGMA synchronous = FULL",
            "PRAGMA foreign_keys = ON",
            "PRAGMA cache_size = -16384",
        ],
    }
}

fn kind_of(address: &str) -> Result<Kind, SetUpError> {
    if address.starts_with("postgres://") || address.starts_with("postgresql://") {
        return Ok(Kind::Postgres);
    }
    match sqlite_file(address) {
        Some(file) if !file.as_os_str().is_empty() && !address.contains(":memory:") => Ok(Kind::Sqlite),
        _ => Err(SetUpError::Address(without_password(address, address))),
    }
}

/// The file of an SQLite address.
pub(super) fn sqlite_file(address: &str) -> Option<PathBuf> {
    let rest = address.strip_prefix("sqlite:")?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    Some(PathBuf::from(rest.split('?').next().unwrap_or_default()))
}

/// The file is made when it is missing.
fn with_defaults(kind: Kind, address: &str) -> String {
    match kind {
        Kind::Sqlite if !address.contains('?') => format!("{address}?mode=rwc"),
        _ => address.to_owned(),
    }
}

/// No log line and no message shows a password.
pub(super) fn without_password(text: &str, address: &str) -> String {
    let password = address.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).and_then(|(login, _)| login.split_once(':'));
    match password {
        Some((_, password)) if !password.is_empty() => text.replace(password, "********"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (address, kind) in [
            ("sqlite:hecate.db", Kind::Sqlite),
            ("sqlite:///var/lib/hecate.db", Kind::Sqlite),
            ("postgres://h/d", Kind::Postgres),
            ("postgresql://u:p@h:5432/d?sslmode=require", Kind::Postgres),
        ] {
            assert_eq!(kind_of(address).unwrap(), kind, "{address}");
        }
        for address in ["", "hecate.db", "mysql://a:secret@b/c", "sqlite:", "sqlite::memory:"] {
            let message = kind_of(address).unwrap_err().to_string();
            assert!(message.contains("postgres://") && !message.contains("secret"), "{message}");
        }
        assert_eq!(sqlite_file("sqlite:a/b.db?mode=rwc"), Some(PathBuf::from("a/b.db")));
        assert_eq!(sqlite_file("sqlite:///a/b.db"), Some(PathBuf::from("/a/b.db")));
    }
}
