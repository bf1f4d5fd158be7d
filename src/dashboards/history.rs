//! What a dashboard looked like before. Every save is a version; the oldest go when there are more than are kept.

use sqlx::{Any, Row as _, Transaction};

use super::audit::plain;
use super::packed::{pack, unpack};
use super::read::not_found;
use super::row::Dashboard;
use super::{Store, StoreError};

/// A version about to be added.
pub(super) struct NewVersion<'a> {
    pub(super) dashboard: &'a Dashboard,
    pub(super) author: &'a str,
    pub(super) message: &'a str,
}

/// One line of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionEntry {
    /// Its number.
    pub version: i64,
    /// Who saved it.
    pub author: String,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// What they had to say about it.
    pub message: String,
    /// Of the document, in bytes.
    pub size_bytes: i64,
}

/// Adds the version that a dashboard has now, and drops those beyond `keep`.
pub(super) async fn add(transaction: &mut Transaction<'_, Any>, new: NewVersion<'_>, keep: i64) -> Result<(), StoreError> {
    let text = new.dashboard.text();
    let size = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let packed = pack(text).await?;
    sqlx::query(
        "INSERT INTO dashboard_version (dashboard_id, version, created_at, created_by, message, size_bytes, document)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(new.dashboard.id.as_str())
    .bind(new.dashboard.version)
    .bind(new.dashboard.updated_at)
    .bind(plain(new.author))
    .bind(plain(new.message))
    .bind(size)
    .bind(packed)
    .execute(&mut **transaction)
    .await?;
    let oldest = new.dashboard.version - keep;
    if oldest >= 0 {
        sqlx::query("DELETE FROM dashboard_version WHERE dashboard_id = $1 AND version <= $2")
            .bind(new.dashboard.id.as_str())
            .bind(oldest)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

impl Store {
    /// The history of a dashboard, newest first, below `before` when that is given.
    ///
    /// # Errors
    /// When there is no such dashboard, or the database does not answer.
    pub async fn versions(&self, project: &str, name: &str, before: Option<i64>, limit: usize) -> Result<Vec<VersionEntry>, StoreError> {
        const SQL: &str = "SELECT v.version, v.created_by, v.created_at, v.message, v.size_bytes
             FROM dashboard d JOIN dashboard_version v ON v.dashboard_id = d.id
             WHERE d.project = $1 AND d.name = $2 AND d.state <> 'archived' AND v.version < $3 ORDER BY v.version DESC LIMIT $4";
        let call = async {
            let mut connection = self.database.reader().await?;
            let query = sqlx::query(SQL).bind(project).bind(name).bind(before.unwrap_or(i64::MAX)).bind(limit.clamp(1, 1_000) as i64);
            let rows = query.fetch_all(&mut *connection).await?;
            let entries = rows.iter().map(|row| {
                Ok(VersionEntry {
                    version: row.try_get(0)?,
                    author: row.try_get(1)?,
                    created_at: row.try_get(2)?,
                    message: row.try_get(3)?,
                    size_bytes: row.try_get(4)?,
                })
            });
            entries.collect::<Result<Vec<_>, StoreError>>()
        };
        let entries = self.database.bounded("versions", call).await?;
        // The newest version is always kept: no version at all is no dashboard.
        if entries.is_empty() && before.is_none() { Err(not_found(project, name)) } else { Ok(entries) }
    }

    /// The document as it was, as JSON.
    ///
    /// # Errors
    /// When there is no such dashboard or version, or the database does not answer.
    pub async fn version(&self, project: &str, name: &str, version: i64) -> Result<String, StoreError> {
        const SQL: &str = "SELECT v.size_bytes, v.document FROM dashboard d JOIN dashboard_version v ON v.dashboard_id = d.id
             WHERE d.project = $1 AND d.name = $2 AND d.state <> 'archived' AND v.version = $3";
        let call = async {
            let mut connection = self.database.reader().await?;
            let row = sqlx::query(SQL).bind(project).bind(name).bind(version).fetch_optional(&mut *connection).await?;
            drop(connection);
            let missing =
                || StoreError::NotFound { what: "version", project: project.to_owned(), name: format!("{name} version {version}") };
            let row = row.ok_or_else(missing)?;
            unpack(row.try_get(1)?, row.try_get(0)?).await
        };
        self.database.bounded("version", call).await
    }
}
