//! Templates that people have made.

use sqlx::{Any, Row as _, Transaction};

use super::super::audit::{self, Action, Actor, Event, Outcome, plain};
use super::super::time::now_ms;
use super::super::{Store, StoreError};
use super::Template;

/// Custom templates that are kept.
const MOST: i64 = 500;

/// A custom template.
#[derive(Clone, Debug)]
pub struct KeptTemplate {
    /// The template.
    pub template: Template,
    /// Counted from 0, one more with each change.
    pub version: i64,
    /// Who changed it last.
    pub updated_by: String,
    /// When, in milliseconds since 1970.
    pub updated_at: i64,
}

impl Store {
    /// The templates that people have made, by id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn kept_templates(&self) -> Result<Vec<KeptTemplate>, StoreError> {
        let call = async {
            let mut connection = self.database.reader().await?;
            let rows = sqlx::query("SELECT document, version, updated_by, updated_at FROM template ORDER BY id LIMIT 1000")
                .fetch_all(&mut *connection)
                .await?;
            rows.iter().map(kept).collect()
        };
        self.database.bounded("templates", call).await
    }

    /// One of them.
    ///
    /// # Errors
    /// When there is none of this id, or the database does not answer.
    pub async fn kept_template(&self, id: &str) -> Result<KeptTemplate, StoreError> {
        let call = async {
            let mut connection = self.database.reader().await?;
            let row = sqlx::query("SELECT document, version, updated_by, updated_at FROM template WHERE id = $1")
                .bind(id)
                .fetch_optional(&mut *connection)
                .await?;
            kept(&row.ok_or_else(|| missing(id))?)
        };
        self.database.bounded("template", call).await
    }

    /// Keeps a template: a new one, or in place of the one of its id.
    ///
    /// # Errors
    /// When a new one has a taken id, a changed one is not there, there are too many, or the database does not answer.
    pub async fn put_template(&self, actor: &Actor, template: &Template, is_new: bool) -> Result<i64, StoreError> {
        let document = serde_json::to_string(template).map_err(|error| StoreError::Broken(error.to_string()))?;
        let call = async {
            let mut transaction = self.database.writer().await?;
            let version = if is_new {
                insert(&mut transaction, actor, &template.id, &document).await?
            } else {
                update(&mut transaction, actor, &template.id, &document).await?
            };
            let action = if is_new { Action::TemplateCreate } else { Action::TemplateUpdate };
            let event = Event { action, project: "", name: &template.id, version: Some(version), outcome: Outcome::Success };
            audit::write(&mut transaction, actor, event).await?;
            transaction.commit().await?;
            Ok(version)
        };
        self.database.bounded("put_template", call).await
    }

    /// Removes a template; dashboards that were made of it stay.
    ///
    /// # Errors
    /// When there is none of this id, or the database does not answer.
    pub async fn remove_template(&self, actor: &Actor, id: &str) -> Result<(), StoreError> {
        let call = async {
            let mut transaction = self.database.writer().await?;
            let gone = sqlx::query("DELETE FROM template WHERE id = $1").bind(id).execute(&mut *transaction).await?.rows_affected();
            if gone == 0 {
                return Err(missing(id));
            }
            let event = Event { action: Action::TemplateDelete, project: "", name: id, version: None, outcome: Outcome::Success };
            audit::write(&mut transaction, actor, event).await?;
            Ok(transaction.commit().await?)
        };
        self.database.bounded("remove_template", call).await
    }
}

async fn insert(transaction: &mut Transaction<'_, Any>, actor: &Actor, id: &str, document: &str) -> Result<i64, StoreError> {
    let count: i64 = sqlx::query("SELECT COUNT(*) FROM template").fetch_one(&mut **transaction).await?.try_get(0)?;
    if count >= MOST {
        return Err(StoreError::Full { what: "templates", limit: MOST });
    }
    let done = sqlx::query(
        "INSERT INTO template (id, version, created_at, created_by, updated_at, updated_by, document) VALUES ($1, 0, $2, $3, $2, $3, $4)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(id)
    .bind(now_ms())
    .bind(plain(&actor.user))
    .bind(document)
    .execute(&mut **transaction)
    .await?;
    if done.rows_affected() == 0 { Err(StoreError::TemplateTaken(id.to_owned())) } else { Ok(0) }
}

async fn update(transaction: &mut Transaction<'_, Any>, actor: &Actor, id: &str, document: &str) -> Result<i64, StoreError> {
    let row = sqlx::query(
        "UPDATE template SET version = version + 1, updated_at = $1, updated_by = $2, document = $3 WHERE id = $4 RETURNING version",
    )
    .bind(now_ms())
    .bind(plain(&actor.user))
    .bind(document)
    .bind(id)
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.ok_or_else(|| missing(id))?.try_get(0)?)
}

fn kept(row: &sqlx::any::AnyRow) -> Result<KeptTemplate, StoreError> {
    let document: String = row.try_get(0)?;
    let template =
        serde_json::from_str(&document).map_err(|error| StoreError::Broken(format!("a stored template cannot be read: {error}")))?;
    Ok(KeptTemplate { template, version: row.try_get(1)?, updated_by: row.try_get(2)?, updated_at: row.try_get(3)? })
}

fn missing(id: &str) -> StoreError {
    StoreError::NotFound { what: "template", project: String::new(), name: id.to_owned() }
}
