//! Whether dashboards that were seen are still the same, asked of the database for many at a time: while one question is under way, the next
//! ones are gathered. Whoever asks is never told what the database said before.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::{AssertSqlSafe, Row as _};
use tokio::sync::oneshot;

use super::StoreError;
use super::database::Database;
use super::row::{Dashboard, edition};

/// Questions under way. With one, a connection that hangs would hold up everybody.
const AT_ONCE: usize = 2;
/// Dashboards in one question.
const MOST: usize = 500;

/// What is to be asked next.
#[derive(Default)]
pub(super) struct Editions(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    under_way: usize,
}

struct Waiting {
    id: String,
    edition: String,
    answer: oneshot::Sender<Result<bool, StoreError>>,
}

impl Editions {
    /// Whether the dashboard is in the database as it is here.
    pub(super) async fn is_current(self: &Arc<Self>, database: &Arc<Database>, seen: &Dashboard) -> Result<bool, StoreError> {
        let (answer, told) = oneshot::channel();
        let is_turn = {
            let mut queue = self.lock();
            queue.waiting.push(Waiting { id: seen.id.clone(), edition: seen.edition(), answer });
            queue.under_way < AT_ONCE && {
                queue.under_way += 1;
                true
            }
        };
        if is_turn {
            // Goes on when the caller goes away: others wait for it.
            tokio::spawn(Turn(Some(self.clone())).take(database.clone()));
        }
        told.await.unwrap_or_else(|_| Err(StoreError::Away("the question was given up".to_owned())))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to ask; none when it was given back.
struct Turn(Option<Arc<Editions>>);

impl Drop for Turn {
    /// It ended before its time: those who wait are told.
    fn drop(&mut self) {
        if let Some(editions) = self.0.take() {
            let mut queue = editions.lock();
            queue.under_way -= 1;
            queue.waiting.clear();
        }
    }
}

impl Turn {
    /// Asks until nobody waits.
    async fn take(mut self, database: Arc<Database>) {
        while let Some(batch) = self.next() {
            let current = database.bounded("editions", ask(&database, &batch)).await;
            for Waiting { edition, answer, .. } in batch {
                // Who has gone away does not listen.
                let _ = answer.send(current.as_ref().map(|current| current.contains(&edition)).map_err(StoreError::clone));
            }
        }
    }

    /// Whoever waits, or else the turn is over: nobody can begin to wait in between.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let editions = self.0.clone()?;
        let mut queue = editions.lock();
        let length = queue.waiting.len().min(MOST);
        if length == 0 {
            queue.under_way -= 1;
            self.0 = None;
            return None;
        }
        Some(queue.waiting.drain(..length).collect())
    }
}

/// Those of the dashboards that are there, as they are.
async fn ask(database: &Database, batch: &[Waiting]) -> Result<HashSet<String>, StoreError> {
    let ids: HashSet<&str> = batch.iter().map(|waiting| waiting.id.as_str()).collect();
    let ids = serde_json::to_string(&ids).map_err(|error| StoreError::Broken(error.to_string()))?;
    let sql = format!("SELECT string_agg({}, ',') FROM dashboard WHERE {}", edition!(), database.is_one_of("id", "$1"));
    let mut connection = database.reader().await?;
    let row = sqlx::query(AssertSqlSafe(sql)).bind(ids).fetch_one(&mut *connection).await?;
    Ok(row.try_get::<Option<String>, _>(0)?.unwrap_or_default().split(',').map(str::to_owned).collect())
}
