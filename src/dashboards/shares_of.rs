//! Links go with the right of their author.

use sqlx::Row as _;

use super::audit::{self, Action, Actor, Event, Outcome};
use super::time::now_ms;
use super::{Store, StoreError};

/// Links that are looked at in one go; the next time finds the others.
const MOST: i64 = 1_000;

impl Store {
    /// Takes back the links of an author in the projects of which they may not give any more; how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn take_back(&self, author: &str, request_id: &str, may_share_in: impl Fn(&str) -> bool) -> Result<usize, StoreError> {
        let find = async {
            let mut connection = self.database.reader().await?;
            let rows = sqlx::query(
                "SELECT s.id, d.project, d.name FROM share s JOIN dashboard d ON d.id = s.dashboard_id
                 WHERE s.author = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 LIMIT $3",
            )
            .bind(author)
            .bind(now_ms())
            .bind(MOST)
            .fetch_all(&mut *connection)
            .await?;
            rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
        };
        let links: Vec<(String, String, String)> = self.database.bounded("take_back", find).await?;
        let lost: Vec<_> = links.into_iter().filter(|(_, project, _)| !may_share_in(project)).collect();
        if lost.is_empty() {
            return Ok(0);
        }
        let actor = Actor { user: "hecate".to_owned(), address: None, request_id: request_id.to_owned() };
        let revoke = async {
            let mut transaction = self.database.writer().await?;
            for (id, project, name) in &lost {
                let gone = sqlx::query("UPDATE share SET revoked_at = $1, revoked_by = $2 WHERE id = $3 AND revoked_at IS NULL")
                    .bind(now_ms())
                    .bind(actor.user.as_str())
                    .bind(id.as_str())
                    .execute(&mut *transaction)
                    .await?;
                if gone.rows_affected() > 0 {
                    let event = Event { action: Action::ShareRevoke, project, name, version: None, outcome: Outcome::Success };
                    audit::write(&mut transaction, &actor, event).await?;
                }
            }
            Ok(transaction.commit().await?)
        };
        self.database.bounded("take_back", revoke).await?;
        tracing::info!(author, links = lost.len(), "links were taken back: their author may not share any more");
        Ok(lost.len())
    }
}
