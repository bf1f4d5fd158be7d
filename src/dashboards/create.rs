//! New dashboards.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use sqlx::{Any, Transaction};

use super::audit::{self, Action, Actor, Event, Outcome, plain};
use super::document::{Document, State};
use super::history::{self, NewVersion};
use super::row::Dashboard;
use super::time::now_ms;
use super::{Store, StoreError, new_id, words};

/// What is made.
#[derive(Clone, Debug)]
pub struct NewDashboard<'a> {
    /// The document, checked.
    pub document: &'a Document,
    /// The template that it comes from.
    pub template: Option<&'a str>,
    /// The client's key of this request: the same user's same request again finds what the first one made.
    pub key: Option<&'a str>,
    /// What people want to read in the history.
    pub message: &'a str,
}

/// A dashboard that was made, now or by the same request before.
#[derive(Clone, Debug)]
pub struct Created {
    /// The dashboard.
    pub dashboard: Arc<Dashboard>,
    /// It was there already: the request is a repetition.
    pub repeated: bool,
}

impl Store {
    /// Makes a dashboard.
    ///
    /// # Errors
    /// When the name is taken, or the database does not answer.
    pub async fn create(&self, actor: &Actor, new: NewDashboard<'_>) -> Result<Created, StoreError> {
        let created = self.database.bounded("create", self.create_within(actor, &new)).await?;
        self.seen.put(&created.dashboard);
        Ok(created)
    }

    async fn create_within(&self, actor: &Actor, new: &NewDashboard<'_>) -> Result<Created, StoreError> {
        let dashboard = first_version(actor, new)?;
        let mut transaction = self.database.writer().await?;
        if !insert(&mut transaction, &dashboard, new).await? {
            return self.repeated(&mut transaction, actor, new).await;
        }
        put_tags(&mut transaction, &dashboard.id, &new.document.tags).await?;
        words::put(&self.database, &mut transaction, &dashboard, &new.document.words, &BTreeSet::new()).await?;
        let version = NewVersion { dashboard: &dashboard, author: &actor.user, message: new.message };
        history::add(&mut transaction, version, self.keep_versions).await?;
        let event = Event {
            action: Action::Create,
            project: &dashboard.project,
            name: &dashboard.name,
            version: Some(dashboard.version),
            outcome: Outcome::Success,
        };
        audit::write(&mut transaction, actor, event).await?;
        transaction.commit().await?;
        Ok(Created { dashboard: Arc::new(dashboard), repeated: false })
    }

    /// The name is taken: by this very request, perhaps.
    async fn repeated(&self, transaction: &mut Transaction<'_, Any>, actor: &Actor, new: &NewDashboard<'_>) -> Result<Created, StoreError> {
        let Document { project, name, .. } = new.document;
        let taken = || StoreError::NameTaken { project: project.clone(), name: name.clone() };
        let Some(key) = new.key else { return Err(taken()) };
        let sql = concat!(
            "SELECT ",
            super::row::columns!(),
            " FROM dashboard WHERE project = $1 AND name = $2 AND state <> 'archived' AND created_by = $3 AND create_key = $4"
        );
        let row = sqlx::query(sql)
            .bind(project.as_str())
            .bind(name.as_str())
            .bind(plain(&actor.user))
            .bind(plain(key))
            .fetch_optional(&mut **transaction)
            .await?;
        let dashboard = Dashboard::from_row(&row.ok_or_else(taken)?)?;
        Ok(Created { dashboard: Arc::new(dashboard), repeated: true })
    }
}

fn first_version(actor: &Actor, new: &NewDashboard<'_>) -> Result<Dashboard, StoreError> {
    let now = now_ms();
    let document = new.document;
    Ok(Dashboard {
        id: new_id()?,
        project: document.project.clone(),
        name: document.name.clone(),
        state: document.state.unwrap_or(State::Active),
        version: 0,
        created_at: now,
        created_by: plain(&actor.user),
        updated_at: now,
        updated_by: plain(&actor.user),
        archived_at: None,
        template: new.template.map(str::to_owned),
        title: document.title.clone(),
        metadata: document.metadata.clone(),
        rest: Some((document.metadata_at, document.rest.clone())),
        stamped: OnceLock::new(),
    })
}

/// Whether the name was free.
async fn insert(transaction: &mut Transaction<'_, Any>, dashboard: &Dashboard, new: &NewDashboard<'_>) -> Result<bool, StoreError> {
    let document = new.document;
    let done = sqlx::query(
        "INSERT INTO dashboard (id, project, name, state, version, created_at, created_by, updated_at, updated_by, template, create_key, title,
                                title_key, metadata_at, metadata, document)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (project, name) WHERE state <> 'archived' DO NOTHING",
    )
    .bind(dashboard.id.as_str())
    .bind(dashboard.project.as_str())
    .bind(dashboard.name.as_str())
    .bind(dashboard.state.as_str())
    .bind(dashboard.version)
    .bind(dashboard.created_at)
    .bind(dashboard.created_by.as_str())
    .bind(dashboard.template.as_deref())
    .bind(new.key.map(plain))
    .bind(document.title.as_str())
    .bind(document.title.to_lowercase())
    .bind(i64::try_from(document.metadata_at).unwrap_or(0))
    .bind(document.metadata.as_str())
    .bind(document.rest.as_str())
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn put_tags(transaction: &mut Transaction<'_, Any>, id: &str, tags: &[String]) -> Result<(), StoreError> {
    for tag in tags {
        sqlx::query("INSERT INTO dashboard_tag (dashboard_id, tag) VALUES ($1, $2)")
            .bind(id)
            .bind(tag.as_str())
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}
