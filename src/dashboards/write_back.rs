//! SQLite's log goes back into its file beside the changes, not within one of them: whoever saves would wait for the disk twice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Store;
use super::database::Kind;

/// How often it is looked whether there is something to write back.
const LOOK: Duration = Duration::from_secs(1);
/// So many changes are written back at once: the log must not grow until a change has to do it.
const MANY: u64 = 200;
/// Fewer of them wait for so long: whoever saves just then shares the disk.
const LONGEST: Duration = Duration::from_secs(5);

impl Store {
    /// Goes on until told to stop. Nothing to do for PostgreSQL, which has a process of its own for it.
    pub(super) async fn write_back(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if self.database.kind != Kind::Sqlite {
            return;
        }
        let (mut seen, mut at) = (self.database.totals.changes(), Instant::now());
        loop {
            tokio::select! {
                _ = stop.wait_for(|stopped| *stopped) => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let changes = self.database.totals.changes();
            let is_time = changes - seen >= MANY || changes > seen && at.elapsed() >= LONGEST;
            if !is_time || !self.database.is_ready() {
                continue;
            }
            (seen, at) = (changes, Instant::now());
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
