//! One dashboard, from the database, or from memory while that is away.

use std::sync::Arc;

use super::row::Dashboard;
use super::{Store, StoreError};

/// A dashboard that was read.
#[derive(Clone, Debug)]
pub struct Read {
    /// The dashboard.
    pub dashboard: Arc<Dashboard>,
    /// Set when the database is away: this is what it said then, in milliseconds since 1970.
    pub stale_since: Option<i64>,
}

impl Store {
    /// The dashboard of this name that is not archived.
    ///
    /// # Errors
    /// When there is none, or the database is away and it was not seen lately.
    pub async fn get(&self, project: &str, name: &str) -> Result<Read, StoreError> {
        match self.database.bounded("get", self.fetch(project, name)).await {
            Ok(Some(dashboard)) => {
                let dashboard = Arc::new(dashboard);
                self.seen.put(&dashboard);
                Ok(Read { dashboard, stale_since: None })
            }
            Ok(None) => {
                self.seen.forget(project, name);
                Err(not_found(project, name))
            }
            Err(away @ StoreError::Away(_)) => match self.seen.get(project, name) {
                Some((since, dashboard)) => {
                    self.metrics.stale_read();
                    Ok(Read { dashboard, stale_since: Some(since) })
                }
                None => Err(away),
            },
            Err(error) => Err(error),
        }
    }

    async fn fetch(&self, project: &str, name: &str) -> Result<Option<Dashboard>, StoreError> {
        const SQL: &str =
            concat!("SELECT ", super::row::columns!(), " FROM dashboard WHERE project = $1 AND name = $2 AND state <> 'archived'");
        let mut connection = self.database.reader().await?;
        let row = sqlx::query(SQL).bind(project).bind(name).fetch_optional(&mut *connection).await?;
        row.as_ref().map(Dashboard::from_row).transpose()
    }
}

pub(super) fn not_found(project: &str, name: &str) -> StoreError {
    StoreError::NotFound { what: "dashboard", project: project.to_owned(), name: name.to_owned() }
}
