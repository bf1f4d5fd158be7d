//! A new version of a dashboard, if nobody else was faster.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use sqlx::{Any, Row as _, Transaction};

use super::audit::{self, Action, Actor, Event, Outcome, plain};
use super::create::put_tags;
use super::document::Document;
use super::error::Conflict;
use super::history::{self, NewVersion};
use super::read::not_found;
use super::row::Dashboard;
use super::time::now_ms;
use super::{Store, StoreError, words};

/// Which version is to be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// This one; `id` also says which dashboard, for a name can be given to another one.
    Version {
        /// The dashboard, when the caller knows it.
        id: Option<String>,
        /// Its version.
        version: i64,
    },
    /// Whichever is there: the caller means to overwrite it.
    Any,
}

/// What is saved.
#[derive(Clone, Debug)]
pub struct Save<'a> {
    /// The document, checked.
    pub document: &'a Document,
    /// Which version it follows.
    pub expected: Expected,
    /// What people want to read in the history.
    pub message: &'a str,
    /// Restoring an old version is noted as such.
    pub action: Action,
}

impl Store {
    /// Saves a new version. The comparison of versions and the change are one statement, so of many who follow the same version one wins.
    ///
    /// # Errors
    /// When there is no such dashboard, another version is there, or the database does not answer.
    pub async fn save(&self, actor: &Actor, save: Save<'_>) -> Result<Arc<Dashboard>, StoreError> {
        let dashboard = Arc::new(self.database.bounded("save", self.save_within(actor, &save)).await?);
        self.seen.put(&dashboard);
        Ok(dashboard)
    }

    async fn save_within(&self, actor: &Actor, save: &Save<'_>) -> Result<Dashboard, StoreError> {
        let document = save.document;
        let mut transaction = self.database.writer().await?;
        let Some(Updated { dashboard, had_tags, had_words }) = update(&mut transaction, actor, save).await? else {
            return Err(refused(&mut transaction, &document.project, &document.name).await?);
        };
        if had_tags {
            sqlx::query("DELETE FROM dashboard_tag WHERE dashboard_id = $1").bind(dashboard.id.as_str()).execute(&mut *transaction).await?;
        }
        put_tags(&mut transaction, &dashboard.id, &document.tags).await?;
        words::put(&self.database, &mut transaction, &dashboard, &document.words, &had_words).await?;
        history::add(
            &mut transaction,
            NewVersion { dashboard: &dashboard, author: &actor.user, message: save.message },
            self.keep_versions,
        )
        .await?;
        let event = Event {
            action: save.action,
            project: &dashboard.project,
            name: &dashboard.name,
            version: Some(dashboard.version),
            outcome: Outcome::Success,
        };
        audit::write(&mut transaction, actor, event).await?;
        transaction.commit().await?;
        Ok(dashboard)
    }
}

/// The dashboard as it is now, and what is to be compared with it.
struct Updated {
    dashboard: Dashboard,
    had_tags: bool,
    had_words: BTreeSet<String>,
}

/// `None` when no row fits.
async fn update(transaction: &mut Transaction<'_, Any>, actor: &Actor, save: &Save<'_>) -> Result<Option<Updated>, StoreError> {
    const SQL: &str =
        "UPDATE dashboard SET version = version + 1, updated_at = $1, updated_by = $2, title = $3, title_key = $4, metadata_at = $5,
                              metadata = $6, document = $7, state = CASE WHEN $8 = '' THEN state ELSE $8 END
         WHERE project = $9 AND name = $10 AND state <> 'archived' AND ($11 = -1 OR version = $11) AND ($12 = '' OR id = $12)
         RETURNING id, state, version, created_at, created_by, template,
                   (SELECT COUNT(*) FROM dashboard_tag WHERE dashboard_tag.dashboard_id = dashboard.id),
                   (SELECT string_agg(word, ' ') FROM dashboard_word WHERE dashboard_word.dashboard_id = dashboard.id)";
    let document = save.document;
    let (id, version) = match &save.expected {
        Expected::Version { id, version } => (id.as_deref().unwrap_or_default(), *version),
        Expected::Any => ("", -1),
    };
    let now = now_ms();
    let row = sqlx::query(SQL)
        .bind(now)
        .bind(plain(&actor.user))
        .bind(document.title.as_str())
        .bind(document.title.to_lowercase())
        .bind(i64::try_from(document.metadata_at).unwrap_or(0))
        .bind(document.metadata.as_str())
        .bind(document.rest.as_str())
        .bind(document.state.map_or("", super::State::as_str))
        .bind(document.project.as_str())
        .bind(document.name.as_str())
        .bind(version)
        .bind(id)
        .fetch_optional(&mut **transaction)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let state: String = row.try_get(1)?;
    let tags: i64 = row.try_get(6)?;
    // No word has a space in it.
    let words: Option<String> = row.try_get(7)?;
    let dashboard = Dashboard {
        id: row.try_get(0)?,
        project: document.project.clone(),
        name: document.name.clone(),
        state: state.parse().map_err(|()| StoreError::Broken(format!("a dashboard has the state {state:?}")))?,
        version: row.try_get(2)?,
        created_at: row.try_get(3)?,
        created_by: row.try_get(4)?,
        updated_at: now,
        updated_by: plain(&actor.user),
        archived_at: None,
        template: row.try_get(5)?,
        title: document.title.clone(),
        metadata: document.metadata.clone(),
        rest: Some((document.metadata_at, document.rest.clone())),
        stamped: OnceLock::new(),
    };
    let had_words = words.unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
    Ok(Some(Updated { dashboard, had_tags: tags > 0, had_words }))
}

/// Why no row fitted: there is none, or it has another version.
pub(super) async fn refused(transaction: &mut Transaction<'_, Any>, project: &str, name: &str) -> Result<StoreError, StoreError> {
    let row = sqlx::query("SELECT version, updated_by, updated_at FROM dashboard WHERE project = $1 AND name = $2 AND state <> 'archived'")
        .bind(project)
        .bind(name)
        .fetch_optional(&mut **transaction)
        .await?;
    match row {
        None => Ok(not_found(project, name)),
        Some(row) => Ok(StoreError::Conflict(Box::new(Conflict {
            version: row.try_get(0)?,
            updated_by: row.try_get(1)?,
            updated_at: row.try_get(2)?,
        }))),
    }
}
