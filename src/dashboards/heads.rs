//! Dashboards without their panels, for lists. Which ones are on a page, and in which edition, the database says each time, in one line; what
//! they look like is known from before.

use std::collections::HashMap;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::StoreError;
use super::database::Database;
use super::row::{Dashboard, edition, head_columns};
use super::search::{MOST_BYTES, Page};
use super::search_sql::Sql;

/// Memory that they may take, in bytes.
const MOST_KNOWN_BYTES: u64 = 16 << 20;
/// Roughly how many that is.
const USUAL_COUNT: usize = 16_000;
/// Read at once, at most: metadata may be long.
const CHUNK: usize = 50;

#[derive(Clone)]
struct Bytes;

impl Weighter<String, Arc<Dashboard>> for Bytes {
    fn weight(&self, _: &String, head: &Arc<Dashboard>) -> u64 {
        head.weight()
    }
}

/// By id.
pub(super) struct Heads(Cache<String, Arc<Dashboard>, Bytes>);

impl Heads {
    pub(super) fn new() -> Heads {
        Heads(Cache::with_weighter(USUAL_COUNT, MOST_KNOWN_BYTES, Bytes))
    }

    /// One page, of a statement for the page's rows and what they are ordered by.
    pub(super) async fn page(
        &self,
        database: &Database,
        connection: &mut AnyConnection,
        rows: &Sql,
        order: &str,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let line = format!("SELECT string_agg({}, ',' ORDER BY {}), MAX(total) FROM ({}) AS page", edition!(), order, rows.text_so_far());
        let row = sqlx::query_with(AssertSqlSafe(line), rows.arguments()?).fetch_one(&mut *connection).await?;
        let line = row.try_get::<Option<String>, _>(0)?.unwrap_or_default();
        let editions: Vec<&str> = line.split(',').filter(|edition| !edition.is_empty()).collect();
        let mut page = Page { dashboards: Vec::with_capacity(editions.len()), more: editions.len() > limit, total: row.try_get(1)? };
        let mut bytes = 0;
        for chunk in editions[..editions.len().min(limit)].chunks(CHUNK) {
            for head in self.of(database, connection, chunk).await? {
                if bytes > MOST_BYTES {
                    page.more = true;
                    return Ok(page);
                }
                bytes += head.weight();
                page.dashboards.push(head);
            }
        }
        Ok(page)
    }

    /// These, in their order. One that is gone meanwhile is left out, one that has changed meanwhile is as it is now.
    async fn of(&self, database: &Database, connection: &mut AnyConnection, editions: &[&str]) -> Result<Vec<Arc<Dashboard>>, StoreError> {
        let id = |edition: &str| edition.split(' ').next().unwrap_or_default().to_owned();
        let known: Vec<(String, Option<Arc<Dashboard>>)> = editions
            .iter()
            .map(|edition| {
                let id = id(edition);
                let head = self.0.get(&id).filter(|head| head.edition() == *edition);
                (id, head)
            })
            .collect();
        let missing: Vec<&str> = known.iter().filter(|(_, head)| head.is_none()).map(|(id, _)| id.as_str()).collect();
        let mut read = HashMap::new();
        if !missing.is_empty() {
            let list = serde_json::to_string(&missing).map_err(|error| StoreError::Broken(error.to_string()))?;
            let sql = format!("SELECT {} FROM dashboard WHERE {}", head_columns!(), database.is_one_of("id", "$1"));
            for row in sqlx::query(AssertSqlSafe(sql)).bind(list).fetch_all(&mut *connection).await? {
                let head = Arc::new(Dashboard::from_row(&row)?);
                self.0.insert(head.id.clone(), head.clone());
                read.insert(head.id.clone(), head);
            }
        }
        Ok(known.into_iter().filter_map(|(id, head)| head.or_else(|| read.remove(&id))).collect())
    }
}
