//! What is old goes: archived dashboards, links that expired, lines of the audit log.

use sqlx::Row as _;

use super::audit::{self, Action, Actor, Event, Outcome};
use super::id::first_id_at;
use super::time::now_ms;
use super::{Store, StoreError};

const DAY_MS: i64 = 24 * 3600 * 1000;
/// Dashboards that go in one transaction.
const BATCH: i64 = 100;
/// Expired links stay for a month, so that people see why theirs does not work.
const SHARES_DAYS: i64 = 30;

impl Store {
    /// Removes what is older than the configuration says; how many dashboards went. Replicas may do it at the same time.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn drop_old(&self) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let count = self.database.bounded("retention", self.drop_batch(now_ms() - self.retention_days * DAY_MS)).await?;
            gone += count;
            if count < BATCH as u64 {
                break;
            }
        }
        let before = |days: i64| now_ms() - days * DAY_MS;
        let call = async {
            let mut transaction = self.database.writer().await?;
            sqlx::query("DELETE FROM share WHERE expires_at < $1").bind(before(SHARES_DAYS)).execute(&mut *transaction).await?;
            // Ids begin with their time.
            sqlx::query("DELETE FROM audit_log WHERE id < $1")
                .bind(first_id_at(before(self.audit_days)))
                .execute(&mut *transaction)
                .await?;
            Ok(transaction.commit().await?)
        };
        self.database.bounded("retention", call).await?;
        self.drop_words().await?;
        Ok(gone)
    }

    async fn drop_batch(&self, archived_before: i64) -> Result<u64, StoreError> {
        let mut transaction = self.database.writer().await?;
        let rows = sqlx::query(
            "DELETE FROM dashboard WHERE id IN (SELECT id FROM dashboard WHERE state = 'archived' AND archived_at < $1 ORDER BY archived_at, id LIMIT $2)
             RETURNING project, name, version",
        )
        .bind(archived_before)
        .bind(BATCH)
        .fetch_all(&mut *transaction)
        .await?;
        let actor = Actor { user: "hecate".to_owned(), address: None, request_id: "retention".to_owned() };
        for row in &rows {
            let (project, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let event =
                Event { action: Action::Purge, project: &project, name: &name, version: row.try_get(2)?, outcome: Outcome::Success };
            audit::write(&mut transaction, &actor, event).await?;
        }
        transaction.commit().await?;
        Ok(rows.len() as u64)
    }
}
