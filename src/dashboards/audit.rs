//! Who did what, when, from where, to which version. Written in the transaction of the change; rows are added and never changed.

use std::net::IpAddr;

use sqlx::{Any, AssertSqlSafe, Row as _, Transaction};

use super::id::first_id_at;
use super::time::now_ms;
use super::{Store, StoreError, new_id};
use crate::tenancy::Scope;

/// Longest texts that are kept, in characters: they come from requests.
const LONGEST: usize = 256;

/// Who acts.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The user's name.
    pub user: String,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The request's id, which is in every log line of it too.
    pub request_id: String,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Action {
    Create,
    Update,
    Archive,
    Restore,
    Purge,
    Export,
    ShareCreate,
    ShareRevoke,
    TemplateCreate,
    TemplateUpdate,
    TemplateDelete,
}

impl Action {
    /// As it is kept and filtered by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::Create => "dashboard.create",
            Action::Update => "dashboard.update",
            Action::Archive => "dashboard.delete",
            Action::Restore => "dashboard.restore",
            Action::Purge => "dashboard.purge",
            Action::Export => "dashboard.export",
            Action::ShareCreate => "share.create",
            Action::ShareRevoke => "share.revoke",
            Action::TemplateCreate => "template.create",
            Action::TemplateUpdate => "template.update",
            Action::TemplateDelete => "template.delete",
        }
    }

    /// The kind of thing that it is done to.
    pub fn resource(self) -> &'static str {
        self.as_str().split('.').next().unwrap_or_default()
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was not allowed.
    Denied,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Denied => "denied",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// What.
    pub action: Action,
    /// Where.
    pub project: &'a str,
    /// To what.
    pub name: &'a str,
    /// The version that came of it, or that was given away.
    pub version: Option<i64>,
    /// How it ended.
    pub outcome: Outcome,
}

/// One row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AuditEntry {
    pub id: String,
    /// Milliseconds since 1970.
    pub time: i64,
    pub user: String,
    pub action: String,
    pub resource: String,
    pub project: String,
    pub name: String,
    pub version: Option<i64>,
    pub outcome: String,
    pub address: String,
    pub request_id: String,
}

/// Which rows are wanted.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this user.
    pub user: Option<String>,
    /// Such as `dashboard.create`.
    pub action: Option<String>,
    /// Such as `dashboard`.
    pub resource: Option<String>,
    /// Of this project.
    pub project: Option<String>,
    /// From then on, in milliseconds since 1970.
    pub from: Option<i64>,
    /// Before then.
    pub to: Option<i64>,
    /// The last id of the page before.
    pub after: Option<String>,
    /// How many, at most.
    pub limit: usize,
}

/// A page of the log, newest first.
#[derive(Clone, Debug)]
pub struct AuditPage {
    /// The rows.
    pub entries: Vec<AuditEntry>,
    /// Where the next page begins, when there is one.
    pub next: Option<String>,
}

/// Adds a row, in the transaction of what happened.
pub(super) async fn write(transaction: &mut Transaction<'_, Any>, actor: &Actor, event: Event<'_>) -> Result<(), StoreError> {
    let now = now_ms();
    sqlx::query(
        "INSERT INTO audit_log (id, time, user_name, action, resource, project, name, version, outcome, address, request_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(new_id()?)
    .bind(now)
    .bind(plain(&actor.user))
    .bind(event.action.as_str())
    .bind(event.action.resource())
    .bind(plain(event.project))
    .bind(plain(event.name))
    .bind(event.version)
    .bind(event.outcome.as_str())
    .bind(actor.address.map(|address| address.to_string()).unwrap_or_default())
    .bind(plain(&actor.request_id))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// No NUL, which PostgreSQL has no place for, and no novels.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(LONGEST).collect()
}

impl Store {
    /// Notes what was not done, or what changes nothing.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn note(&self, actor: &Actor, event: Event<'_>) -> Result<(), StoreError> {
        let call = async {
            let mut transaction = self.database.writer().await?;
            write(&mut transaction, actor, event).await?;
            Ok(transaction.commit().await?)
        };
        self.database.bounded("audit_note", call).await
    }

    /// A page of the log, for those who may see these projects.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audit(&self, scope: &Scope, filter: &AuditFilter) -> Result<AuditPage, StoreError> {
        let limit = filter.limit.clamp(1, 1_000);
        let mut sql = super::search_sql::Sql::new(
            "SELECT id, time, user_name, action, resource, project, name, version, outcome, address, request_id FROM audit_log WHERE 1 = 1",
        );
        for (column, value) in
            [("user_name", &filter.user), ("action", &filter.action), ("resource", &filter.resource), ("project", &filter.project)]
        {
            if let Some(value) = value {
                sql.push(&format!(" AND {column} = ")).text(value);
            }
        }
        // Ids begin with their time, so one index serves both.
        if let Some(from) = filter.from {
            sql.push(" AND id >= ").text(&first_id_at(from));
        }
        if let Some(to) = filter.to {
            sql.push(" AND id < ").text(&first_id_at(to));
        }
        if let Some(after) = &filter.after {
            sql.push(" AND id < ").text(after);
        }
        sql.scope(scope).push(" ORDER BY id DESC LIMIT ").number(limit as i64 + 1);
        let call = async {
            let mut connection = self.database.reader().await?;
            let rows = sqlx::query_with(AssertSqlSafe(sql.text_so_far()), sql.arguments()?).fetch_all(&mut *connection).await?;
            rows.iter().map(entry).collect::<Result<Vec<_>, _>>()
        };
        let mut entries = self.database.bounded("audit", call).await?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(|entry| entry.id.clone());
        Ok(AuditPage { entries, next })
    }
}

fn entry(row: &sqlx::any::AnyRow) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        id: row.try_get(0)?,
        time: row.try_get(1)?,
        user: row.try_get(2)?,
        action: row.try_get(3)?,
        resource: row.try_get(4)?,
        project: row.try_get(5)?,
        name: row.try_get(6)?,
        version: row.try_get(7)?,
        outcome: row.try_get(8)?,
        address: row.try_get(9)?,
        request_id: row.try_get(10)?,
    })
}
