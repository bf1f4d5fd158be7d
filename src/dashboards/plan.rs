//! How the database goes about a list, for tests and for people who wonder why one takes long.

use sqlx::{AssertSqlSafe, Row as _};

use super::database::Kind;
use super::search::page;
use super::{Search, Store, StoreError};
use crate::tenancy::Scope;

impl Store {
    /// The steps that the database would take, in its own words.
    ///
    /// # Errors
    /// As [`Store::search`].
    pub async fn plan(&self, scope: &Scope, search: &Search) -> Result<Vec<String>, StoreError> {
        let page = page(scope, search, search.limit.max(1))?;
        let (explain, column) = match self.database.kind {
            Kind::Sqlite => ("EXPLAIN QUERY PLAN ", 3),
            Kind::Postgres => ("EXPLAIN ", 0),
        };
        let text = [explain, &page.text_so_far()].concat();
        let call = async {
            let mut connection = self.database.reader().await?;
            let rows = sqlx::query_with(AssertSqlSafe(text), page.arguments()?).fetch_all(&mut *connection).await?;
            rows.iter().map(|row| Ok(row.try_get::<String, _>(column)?)).collect()
        };
        self.database.bounded("plan", call).await
    }
}
