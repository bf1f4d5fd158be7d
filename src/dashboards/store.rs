//! The store: its making, its upkeep and its health.

use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus::Registry;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::database::{Database, Kind, sqlite_file};
use super::editions::Editions;
use super::heads::Heads;
use super::metrics::Metrics;
use super::migrate;
use super::seen::Seen;
use super::{Catalogue, SetUpError, StoreError};
use crate::config;
use crate::telemetry::{Check, CheckRole, State};

/// How often what is old is looked for.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(3600);
/// How often a database that is away is tried.
const RETRY: Duration = Duration::from_secs(5);
/// How often a database that answers is looked at, for its metrics and health.
const LOOK: Duration = Duration::from_secs(10);

/// Dashboards and everything around them.
pub struct Store {
    pub(super) database: Arc<Database>,
    pub(super) seen: Seen,
    pub(super) editions: Arc<Editions>,
    pub(super) heads: Heads,
    pub(super) metrics: Metrics,
    pub(super) keep_versions: i64,
    pub(super) retention_days: i64,
    pub(super) audit_days: i64,
    templates: Catalogue,
    address: String,
}

impl Store {
    /// A store on the configured database; nothing is connected yet.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub fn new(settings: &config::Dashboards, registry: &Registry) -> Result<Store, SetUpError> {
        let metrics = Metrics::register(registry)?;
        let address = settings.database.expose().to_owned();
        Ok(Store {
            database: Arc::new(Database::new(&address, metrics.clone())?),
            seen: Seen::new(),
            editions: Arc::default(),
            heads: Heads::new(),
            metrics,
            keep_versions: i64::from(settings.keep_versions),
            retention_days: i64::from(settings.retention_days),
            audit_days: i64::from(settings.audit_days),
            templates: Catalogue::load(settings.templates_dir.as_deref())?,
            address,
        })
    }

    /// Applies the migrations that are missing, behind a lock; their names.
    ///
    /// # Errors
    /// When the database does not answer, or is of a newer version.
    pub async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        migrate::migrate(&self.database).await
    }

    /// The templates that are there without anybody having kept them.
    pub fn templates(&self) -> &Catalogue {
        &self.templates
    }

    /// Asks the database for nothing.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let call = async {
            let mut transaction = self.database.begin().await?;
            sqlx::query("SELECT 1").execute(&mut *transaction).await?;
            Ok(transaction.rollback().await?)
        };
        self.database.bounded("ping", call).await
    }

    /// Keeps the tables right, the old things few and the numbers true, until told to stop. Never gives up on a database that is away.
    pub fn spawn_upkeep(self: &Arc<Self>, stop: &watch::Receiver<bool>) -> JoinHandle<()> {
        let (store, mut stop) = (self.clone(), stop.clone());
        let write_back = tokio::spawn(self.clone().write_back(stop.clone()));
        tokio::spawn(async move {
            let mut next_cleaning = Instant::now();
            loop {
                let pause = store.look_after(&mut next_cleaning).await;
                tokio::select! {
                    _ = stop.wait_for(|stopped| *stopped) => break,
                    () = tokio::time::sleep(pause) => {}
                }
            }
            let _ = write_back.await;
            store.database.close().await;
        })
    }

    async fn look_after(&self, next_cleaning: &mut Instant) -> Duration {
        if !self.database.is_ready() {
            match self.migrate().await {
                Ok(applied) if applied.is_empty() => {}
                Ok(applied) => tracing::info!(migrations = %applied.join(", "), "the database of dashboards was brought up to date"),
                Err(error) => {
                    tracing::warn!(%error, detail = error.detail(), "dashboards cannot be served yet; it is tried again");
                    return RETRY;
                }
            }
        }
        let result = if Instant::now() >= *next_cleaning { self.clean(next_cleaning).await } else { self.ping().await };
        let (open, busy) = self.database.connections();
        self.metrics.open.set(i64::try_from(open).unwrap_or(0));
        self.metrics.busy.set(i64::try_from(busy).unwrap_or(0));
        if result.is_ok() { LOOK } else { RETRY }
    }

    async fn clean(&self, next: &mut Instant) -> Result<(), StoreError> {
        let gone = self.drop_old().await?;
        *next = Instant::now() + UPKEEP_INTERVAL;
        if gone > 0 {
            tracing::info!(dashboards = gone, "dashboards that were archived long ago are gone for good");
        }
        Ok(())
    }

    /// Whether the last call reached the database, for `/api/v1/health`.
    pub fn check(&self) -> Check {
        if self.database.answers() {
            return Check::new(CheckRole::Optional, State::Healthy);
        }
        Check::new(CheckRole::Optional, State::Degraded).detail("the database of dashboards does not answer")
    }

    /// What `hecate check` says of the database, and whether all is well; an SQLite file that is not there yet is not made for it.
    pub async fn survey(&self) -> (String, bool) {
        if let Some(file) = sqlite_file(&self.address).filter(|_| self.database.kind == Kind::Sqlite)
            && !file.exists()
        {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
            return match folder.is_dir() {
                true => ("is made at the first start".to_owned(), true),
                false => (format!("does not answer (there is no folder {})", folder.display()), false),
            };
        }
        match self.ping().await {
            Ok(()) => ("answers".to_owned(), true),
            Err(error) => {
                let detail = error.detail().map(|detail| super::database::without_password(detail, &self.address)).unwrap_or_default();
                (format!("does not answer ({detail})"), false)
            }
        }
    }
}
