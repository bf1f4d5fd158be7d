//! SQLite's log goes back into its file beside the changes, not within one of them: whoever saves would wait for the disk twice.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Store;
use super::database::Kind;

/// How often, while there are changes.
const INTERVAL: Duration = Duration::from_secs(1);

impl Store {
    /// Goes on until told to stop. Nothing to do for PostgreSQL, which has a process of its own for it.
    pub(super) async fn write_back(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if self.database.kind != Kind::Sqlite {
            return;
        }
        let mut seen = self.database.totals.changes();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stopped| *stopped) => return,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            let changes = self.database.totals.changes();
            if changes == seen || !self.database.is_ready() {
                continue;
            }
            seen = changes;
            let call = async {
                let mut connection = self.database.reader().await?;
                // Passive: it goes as far as it can without making anybody wait.
                sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&mut *connection).await?;
                Ok(())
            };
            // What does not answer is told by the call itself, and what is left in the log goes back the next time.
            let _ = self.database.bounded("write_back", call).await;
        }
    }
}
