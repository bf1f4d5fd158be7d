//! Migrations: numbered texts, forward only, each applied once, behind a lock that replicas wait for.

use sha2::{Digest, Sha256};
use sqlx::{Any, Row, Transaction};

use super::StoreError;
use super::database::{Database, Kind};
use super::time::now_ms;

/// Number, name and text; a number is never used again and a text never changed once it was released.
const MIGRATIONS: &[(i64, &str, &str)] = &[(1, "dashboards", include_str!("../../migrations/0001_dashboards.sql"))];

/// Any number will do, as long as nobody else takes it: the bytes of "hecate".
const LOCK: i64 = 0x6865_6361_7465;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)";

/// Applies what is missing, all of it or nothing; the names of what was applied.
pub(super) async fn migrate(database: &Database) -> Result<Vec<String>, StoreError> {
    let applied = database.bounded("migrate", apply(database, MIGRATIONS)).await?;
    database.set_ready();
    Ok(applied)
}

async fn apply(database: &Database, migrations: &[(i64, &'static str, &'static str)]) -> Result<Vec<String>, StoreError> {
    let mut transaction = database.begin().await?;
    if database.kind == Kind::Postgres {
        // Held until the transaction ends, however it ends. SQLite has its one lock by now.
        sqlx::query("SET LOCAL statement_timeout = '110s'").execute(&mut *transaction).await?;
        sqlx::query("SELECT CAST(pg_advisory_xact_lock($1) AS TEXT)").bind(LOCK).fetch_one(&mut *transaction).await?;
    }
    sqlx::query(TABLE).execute(&mut *transaction).await?;
    let known = applied(&mut transaction).await?;
    if let Some((version, name, _)) = known.iter().find(|(version, ..)| migrations.iter().all(|(number, ..)| number != version)) {
        return Err(StoreError::Broken(format!(
            "the database is of a newer version: it has the migration {version} {name:?}, which is not known here"
        )));
    }
    let mut done = Vec::new();
    for (version, name, text) in migrations {
        let checksum = checksum(text);
        match known.iter().find(|(number, ..)| number == version) {
            Some((_, _, stored)) if *stored == checksum => continue,
            Some(_) => {
                return Err(StoreError::Broken(format!("the migration {version} {name:?} is another one than the one that was applied")));
            }
            None => {}
        }
        sqlx::raw_sql(*text).execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO schema_migration (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)")
            .bind(*version)
            .bind(*name)
            .bind(checksum)
            .bind(now_ms())
            .execute(&mut *transaction)
            .await?;
        done.push(format!("{version:04} {name}"));
    }
    transaction.commit().await?;
    Ok(done)
}

async fn applied(transaction: &mut Transaction<'_, Any>) -> Result<Vec<(i64, String, String)>, StoreError> {
    let rows = sqlx::query("SELECT version, name, checksum FROM schema_migration ORDER BY version").fetch_all(&mut **transaction).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
}

fn checksum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboards::metrics::Metrics;

    fn database(folder: &std::path::Path) -> Database {
        let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
        Database::new(&format!("sqlite:{}", folder.join("x.db").display()), metrics).unwrap()
    }

    #[tokio::test]
    async fn every_migration_is_applied_once_and_numbers_go_up() {
        assert!(MIGRATIONS.is_sorted_by(|a, b| a.0 < b.0));
        let folder = tempfile::tempdir().unwrap();
        let database = database(folder.path());
        assert_eq!(migrate(&database).await.unwrap(), ["0001 dashboards"]);
        assert_eq!(migrate(&database).await.unwrap(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_step_that_fails_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(folder.path());
        let broken = [(1, "good", "CREATE TABLE a (x BIGINT)"), (2, "bad", "CREATE TABLE b (x BIGINT); NONSENSE")];
        assert!(matches!(apply(&database, &broken).await, Err(StoreError::Broken(_))));
        let mended = [broken[0], (2, "bad", "CREATE TABLE b (x BIGINT)")];
        assert_eq!(apply(&database, &mended).await.unwrap(), ["0001 good", "0002 bad"]);
    }

    #[tokio::test]
    async fn a_database_that_is_newer_or_other_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(folder.path());
        let two = [(1, "one", "CREATE TABLE a (x BIGINT)"), (2, "two", "CREATE TABLE b (x BIGINT)")];
        apply(&database, &two).await.unwrap();
        let newer = apply(&database, &two[..1]).await.unwrap_err();
        assert!(newer.detail().unwrap().contains("newer"), "{newer:?}");
        let other = apply(&database, &[(1, "one", "CREATE TABLE a (y BIGINT)"), two[1]]).await.unwrap_err();
        assert!(other.detail().unwrap().contains("another one"), "{other:?}");
    }
}
