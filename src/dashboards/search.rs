//! Lists of dashboards: filtered, sorted, in pages that stay in step.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use sqlx::{AnyConnection, AssertSqlSafe, Column as _, Row as _};

use super::cursor::{Cursor, Key};
use super::document::State;
use super::row::{Dashboard, columns};
use super::search_sql::Sql;
use super::{Store, StoreError, words};
use crate::tenancy::Scope;

/// Most dashboards on one page.
pub(super) const MOST: usize = 1_000;
/// Bytes after which a page ends, however many it was meant to have.
pub(super) const MOST_BYTES: u64 = 16 << 20;
/// Words of a search that are looked for; further ones are left out.
const MOST_WORDS: usize = 10;

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Project, then name.
    #[default]
    Name,
    /// What people call it.
    Title,
    /// When it was saved last.
    Updated,
    /// When it was made.
    Created,
}

impl Sort {
    /// As requests have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Sort::Name => "name",
            Sort::Title => "title",
            Sort::Updated => "updated",
            Sort::Created => "created",
        }
    }

    /// Columns whose values together are never the same twice, and whether each is a number.
    pub(super) const fn columns(self) -> &'static [(&'static str, bool)] {
        match self {
            Sort::Name => &[("project", false), ("name", false), ("id", false)],
            Sort::Title => &[("title_key", false), ("id", false)],
            Sort::Updated => &[("updated_at", true), ("id", false)],
            Sort::Created => &[("created_at", true), ("id", false)],
        }
    }

    fn keys_of(self, dashboard: &Dashboard) -> Vec<Key> {
        let text = |text: &str| Key::Text(text.to_owned());
        match self {
            Sort::Name => vec![text(&dashboard.project), text(&dashboard.name), text(&dashboard.id)],
            Sort::Title => vec![Key::Text(dashboard.title.to_lowercase()), text(&dashboard.id)],
            Sort::Updated => vec![Key::Number(dashboard.updated_at), text(&dashboard.id)],
            Sort::Created => vec![Key::Number(dashboard.created_at), text(&dashboard.id)],
        }
    }
}

impl FromStr for Sort {
    type Err = ();

    fn from_str(text: &str) -> Result<Sort, ()> {
        [Sort::Name, Sort::Title, Sort::Updated, Sort::Created].into_iter().find(|sort| sort.as_str() == text).ok_or(())
    }
}

/// What is looked for. Everything that is given has to hold.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Words that all have to stand, whole or in part, in name, title, tags, description, author, template, panel titles or queries.
    pub words: String,
    /// Drafts, active ones or archived ones only; without it everything but archived ones.
    pub state: Option<State>,
    /// Has every one of these tags.
    pub tags: Vec<String>,
    /// Was made from this template.
    pub template: Option<String>,
    /// Was made by this user.
    pub author: Option<String>,
    /// Its name begins like this.
    pub name_prefix: Option<String>,
    /// The order.
    pub sort: Sort,
    /// The other way round.
    pub descending: bool,
    /// Where a page before ended.
    pub cursor: Option<String>,
    /// How many, at most.
    pub limit: usize,
    /// Without their panels.
    pub heads_only: bool,
}

impl Search {
    /// What a list is ordered by, as SQL.
    fn order(&self) -> String {
        let direction = if self.descending { " DESC" } else { "" };
        let columns: Vec<String> = self.sort.columns().iter().map(|(name, _)| format!("{name}{direction}")).collect();
        columns.join(", ")
    }
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Found {
    /// The dashboards.
    pub dashboards: Vec<Arc<Dashboard>>,
    /// How many there are on all pages together; changes that went through another replica are in it two seconds later at most.
    pub total: u64,
    /// Where the next page begins, when there is one.
    pub next: Option<String>,
}

impl Store {
    /// Looks for dashboards in the projects that may be seen.
    ///
    /// # Errors
    /// When the cursor is of another list, or the database does not answer.
    pub async fn search(&self, scope: &Scope, search: &Search) -> Result<Found, StoreError> {
        let limit = search.limit.clamp(1, MOST);
        let page = page(scope, search, limit)?;
        let count = filtered("SELECT COUNT(*) FROM dashboard", scope, search);
        let totals = &self.database.totals;
        let call = async {
            let mut connection = self.database.reader().await?;
            let Page { dashboards, more, total } = match search.heads_only {
                true => self.heads.page(&self.database, &mut connection, &page, &search.order(), limit).await?,
                false => read_page(&mut connection, &page, limit).await?,
            };
            let total = match total {
                Some(total) => u64::try_from(total).unwrap_or(0),
                // A first page without a second is everything.
                None if search.cursor.is_none() && !more => dashboards.len() as u64,
                None => match totals.get(&count) {
                    Some(total) => total,
                    None => {
                        let changes = totals.changes();
                        let query = sqlx::query_with(AssertSqlSafe(count.text_so_far()), count.arguments()?);
                        let total: i64 = query.fetch_one(&mut *connection).await?.try_get(0)?;
                        let total = u64::try_from(total).unwrap_or(0);
                        totals.put(&count, changes, total);
                        total
                    }
                },
            };
            Ok((dashboards, total, more))
        };
        let (dashboards, total, more) = self.database.bounded("search", call).await?;
        let next = dashboards
            .last()
            .filter(|_| more)
            .map(|last| Cursor(search.sort.as_str().to_owned(), search.descending, search.sort.keys_of(last)).write());
        Ok(Found { dashboards, total, next })
    }

    /// The projects that may be seen and have dashboards, in their order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn projects(&self, scope: &Scope) -> Result<Vec<String>, StoreError> {
        let mut sql = Sql::new("SELECT DISTINCT project FROM dashboard WHERE state <> 'archived'");
        sql.scope(scope).push(" ORDER BY project LIMIT 10000");
        let call = async {
            let mut connection = self.database.reader().await?;
            let rows = sqlx::query_with(AssertSqlSafe(sql.text_so_far()), sql.arguments()?).fetch_all(&mut *connection).await?;
            rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<Vec<String>, StoreError>>()
        };
        self.database.bounded("projects", call).await
    }
}

/// One page.
pub(super) struct Page {
    pub(super) dashboards: Vec<Arc<Dashboard>>,
    /// There are more: a page ends at its limit, or when it becomes heavy.
    pub(super) more: bool,
    /// How many there are on all pages, where the page itself says it.
    pub(super) total: Option<i64>,
}

async fn read_page(connection: &mut AnyConnection, page: &Sql, limit: usize) -> Result<Page, StoreError> {
    let mut rows = sqlx::query_with(AssertSqlSafe(page.text_so_far()), page.arguments()?).fetch(connection);
    let (mut dashboards, mut bytes, mut total) = (Vec::new(), 0, None);
    while let Some(row) = rows.try_next().await? {
        total = row.columns().last().filter(|column| column.name() == "total").map(|column| row.try_get(column.ordinal())).transpose()?;
        if dashboards.len() == limit || bytes > MOST_BYTES {
            return Ok(Page { dashboards, more: true, total });
        }
        let dashboard = Dashboard::from_row(&row)?;
        bytes += dashboard.weight();
        dashboards.push(Arc::new(dashboard));
    }
    Ok(Page { dashboards, more: false, total })
}

/// The statement of one page, with one entry more than is asked for.
pub(super) fn page(scope: &Scope, search: &Search, limit: usize) -> Result<Sql, StoreError> {
    let columns: Vec<&str> = search.sort.columns().iter().map(|(name, _)| *name).collect();
    // Of heads, what tells which they are, and what they are sorted by.
    let head = if search.heads_only { "id, version, updated_at, state, project, name, title_key, created_at" } else { columns!() };
    let order = format!(" ORDER BY {}", search.order());
    let most = i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1;
    if search.words.trim().is_empty() {
        // By the index of the order, which ends when the page is full.
        let total = if search.heads_only { ", CAST(NULL AS BIGINT) AS total" } else { "" };
        let mut sql = filtered(&format!("SELECT {head}{total} FROM dashboard"), scope, search);
        after_cursor(&mut sql, search, " AND")?;
        sql.push(&order).push(" LIMIT ").number(most);
        return Ok(sql);
    }
    // By the words. What is found is put in order, and counted, without its documents.
    let mut sql = filtered(&format!("WITH found AS MATERIALIZED (SELECT {} FROM dashboard", columns.join(", ")), scope, search);
    sql.push(&format!(") SELECT {head}, (SELECT COUNT(*) FROM found) AS total FROM dashboard WHERE id IN (SELECT id FROM found"));
    after_cursor(&mut sql, search, " WHERE")?;
    sql.push(&order).push(" LIMIT ").number(most).push(")").push(&order);
    Ok(sql)
}

/// What comes after the entry where the page before ended.
fn after_cursor(sql: &mut Sql, search: &Search, and: &str) -> Result<(), StoreError> {
    let Some(cursor) = &search.cursor else { return Ok(()) };
    let names: Vec<&str> = search.sort.columns().iter().map(|(name, _)| *name).collect();
    sql.push(&format!("{and} ({}) {} (", names.join(", "), if search.descending { "<" } else { ">" }));
    for (index, key) in Cursor::read(cursor, search.sort, search.descending)?.2.iter().enumerate() {
        sql.push(if index > 0 { ", " } else { "" });
        match key {
            Key::Text(text) => sql.text(text),
            Key::Number(number) => sql.number(*number),
        };
    }
    sql.push(")");
    Ok(())
}

fn filtered(select: &str, scope: &Scope, search: &Search) -> Sql {
    let mut sql = Sql::new(select);
    // Written as the partial indexes have it.
    match search.state {
        Some(State::Archived) => sql.push(" WHERE state = 'archived'"),
        Some(state) => sql.push(" WHERE state <> 'archived' AND state = ").text(state.as_str()),
        None => sql.push(" WHERE state <> 'archived'"),
    };
    sql.scope(scope);
    let wanted: BTreeSet<String> = words::split(&search.words).collect();
    if wanted.is_empty() && !search.words.trim().is_empty() {
        // Signs alone are no words of any dashboard.
        sql.push(" AND 1 = 0");
    }
    // Each word by the index and then what they have in common: PostgreSQL would look through all words of each dashboard otherwise.
    for (index, word) in wanted.iter().take(MOST_WORDS).enumerate() {
        sql.push(if index == 0 { " AND id IN (" } else { " INTERSECT " })
            .push("SELECT dashboard_id FROM dashboard_word WHERE word IN (SELECT word FROM search_word WHERE word LIKE ")
            .text(&words::pattern(word))
            .push(" ESCAPE '!')");
    }
    sql.push(if wanted.is_empty() { "" } else { ")" });
    for tag in &search.tags {
        sql.push(" AND id IN (SELECT dashboard_id FROM dashboard_tag WHERE tag = ").text(tag).push(")");
    }
    if let Some(template) = &search.template {
        sql.push(" AND template = ").text(template);
    }
    if let Some(author) = &search.author {
        sql.push(" AND created_by = ").text(author);
    }
    if let Some(prefix) = &search.name_prefix {
        // LIKE would look past upper and lower case in SQLite.
        let length = i64::try_from(prefix.chars().count()).unwrap_or(0);
        sql.push(" AND substr(name, 1, CAST(").number(length).push(" AS INTEGER)) = ").text(prefix);
    }
    sql
}
