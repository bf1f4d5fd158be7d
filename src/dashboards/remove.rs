//! Away, back again, and away for good.

use std::sync::Arc;

use sqlx::{Any, Row as _, Transaction};

use super::audit::{self, Action, Actor, Event, Outcome, plain};
use super::history::{self, NewVersion};
use super::row::Dashboard;
use super::save::{Expected, refused};
use super::time::now_ms;
use super::{Store, StoreError};

impl Store {
    /// Archives a dashboard: its name is free again, its links are revoked, and it can be brought back.
    ///
    /// # Errors
    /// When there is no such dashboard, another version is there, or the database does not answer.
    pub async fn archive(&self, actor: &Actor, project: &str, name: &str, expected: &Expected) -> Result<(), StoreError> {
        let call = async {
            let mut transaction = self.database.writer().await?;
            let Some((id, version)) = set_archived(&mut transaction, actor, project, name, expected).await? else {
                return Err(refused(&mut transaction, project, name).await?);
            };
            sqlx::query("UPDATE share SET revoked_at = $1, revoked_by = $2 WHERE dashboard_id = $3 AND revoked_at IS NULL")
                .bind(now_ms())
                .bind(plain(&actor.user))
                .bind(id)
                .execute(&mut *transaction)
                .await?;
            let event = Event { action: Action::Archive, project, name, version: Some(version), outcome: Outcome::Success };
            audit::write(&mut transaction, actor, event).await?;
            Ok(transaction.commit().await?)
        };
        self.database.bounded("archive", call).await?;
        self.seen.forget(project, name);
        Ok(())
    }

    /// Brings back the one that was archived last, as a new version.
    ///
    /// # Errors
    /// When none is archived under this name, the name is taken meanwhile, or the database does not answer.
    pub async fn unarchive(&self, actor: &Actor, project: &str, name: &str) -> Result<Arc<Dashboard>, StoreError> {
        let dashboard = Arc::new(self.database.bounded("restore", self.unarchive_within(actor, project, name)).await?);
        self.seen.put(&dashboard);
        Ok(dashboard)
    }

    async fn unarchive_within(&self, actor: &Actor, project: &str, name: &str) -> Result<Dashboard, StoreError> {
        const SQL: &str = concat!(
            "UPDATE dashboard SET state = 'active', archived_at = NULL, version = version + 1, updated_at = $1, updated_by = $2
             WHERE id = (SELECT id FROM dashboard WHERE project = $3 AND name = $4 AND state = 'archived' ORDER BY archived_at DESC, id DESC LIMIT 1)
             RETURNING ",
            super::row::columns!()
        );
        let mut transaction = self.database.writer().await?;
        let updated =
            sqlx::query(SQL).bind(now_ms()).bind(plain(&actor.user)).bind(project).bind(name).fetch_optional(&mut *transaction).await;
        let row = match updated {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                return Err(StoreError::NameTaken { project: project.to_owned(), name: name.to_owned() });
            }
            other => other?.ok_or_else(|| none_archived(project, name))?,
        };
        let dashboard = Dashboard::from_row(&row)?;
        let version = NewVersion { dashboard: &dashboard, author: &actor.user, message: "brought back from the archive" };
        history::add(&mut transaction, version, self.keep_versions).await?;
        let event = Event { action: Action::Restore, project, name, version: Some(dashboard.version), outcome: Outcome::Success };
        audit::write(&mut transaction, actor, event).await?;
        transaction.commit().await?;
        Ok(dashboard)
    }

    /// Removes every archived dashboard of this name for good, history and all; how many there were.
    ///
    /// # Errors
    /// When none is archived under this name, or the database does not answer.
    pub async fn purge(&self, actor: &Actor, project: &str, name: &str) -> Result<u64, StoreError> {
        let call = async {
            let mut transaction = self.database.writer().await?;
            let gone = sqlx::query("DELETE FROM dashboard WHERE project = $1 AND name = $2 AND state = 'archived'")
                .bind(project)
                .bind(name)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            if gone == 0 {
                return Err(none_archived(project, name));
            }
            let event = Event { action: Action::Purge, project, name, version: None, outcome: Outcome::Success };
            audit::write(&mut transaction, actor, event).await?;
            transaction.commit().await?;
            Ok(gone)
        };
        self.database.bounded("purge", call).await
    }
}

fn none_archived(project: &str, name: &str) -> StoreError {
    StoreError::NotFound { what: "archived dashboard", project: project.to_owned(), name: name.to_owned() }
}

async fn set_archived(
    transaction: &mut Transaction<'_, Any>,
    actor: &Actor,
    project: &str,
    name: &str,
    expected: &Expected,
) -> Result<Option<(String, i64)>, StoreError> {
    let (id, version) = match expected {
        Expected::Version { id, version } => (id.as_deref().unwrap_or_default(), *version),
        Expected::Any => ("", -1),
    };
    let row = sqlx::query(
        "UPDATE dashboard SET state = 'archived', archived_at = $1, updated_at = $1, updated_by = $2
         WHERE project = $3 AND name = $4 AND state <> 'archived' AND ($5 = -1 OR version = $5) AND ($6 = '' OR id = $6) RETURNING id, version",
    )
    .bind(now_ms())
    .bind(plain(&actor.user))
    .bind(project)
    .bind(name)
    .bind(version)
    .bind(id)
    .fetch_optional(&mut **transaction)
    .await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
}
