//! One dashboard, from the database, or from memory while that is away.

use std::sync::Arc;

use super::row::{Dashboard, columns};
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

    /// Documents are long: of one that was seen lately, the database is only asked whether it is still the same.
    async fn fetch(&self, project: &str, name: &str) -> Result<Option<Arc<Dashboard>>, StoreError> {
        const WHOLE: &str = concat!("SELECT ", columns!(), " FROM dashboard WHERE project = $1 AND name = $2 AND state <> 'archived'");
        if let Some((_, seen)) = self.seen.get(project, name)
            && self.editions.is_current(&self.database, &seen).await?
        {
            return Ok(Some(seen));
        }
        let mut connection = self.database.reader().await?;
        let row = sqlx::query(WHOLE).bind(project).bind(name).fetch_optional(&mut *connection).await?;
        row.map(|row| Dashboard::from_row(&row).map(Arc::new)).transpose()
    }
}

pub(super) fn not_found(project: &str, name: &str) -> StoreError {
    StoreError::NotFound { what: "dashboard", project: project.to_owned(), name: name.to_owned() }
}
