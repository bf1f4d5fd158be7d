//! What is kept of a person: preferences, favourites, and what they looked at lately.

use sqlx::{Any, Row as _, Transaction};

use super::preferences::Preferences;
use super::time::now_ms;
use super::{Store, StoreError};

/// Favourites of one person.
const MOST_FAVOURITES: i64 = 200;
/// Dashboards that are remembered as looked at.
const MOST_RECENTS: i64 = 50;

const UPSERT_PREFERENCES: &str = "INSERT INTO preferences (owner, updated_at, document) VALUES ($1, $2, $3)
     ON CONFLICT (owner) DO UPDATE SET updated_at = excluded.updated_at, document = excluded.document";
const INSERT_FAVOURITE: &str =
    "INSERT INTO favourite (owner, project, name, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (owner, project, name) DO NOTHING";
const INSERT_RECENT: &str = "INSERT INTO recent (owner, project, name, seen_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (owner, project, name) DO UPDATE SET seen_at = excluded.seen_at";

/// A dashboard, by where it is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The project.
    pub project: String,
    /// The name.
    pub name: String,
}

impl Place {
    /// Whether a dashboard could be there.
    pub fn is_plausible(&self) -> bool {
        crate::tenancy::Namespace::new(&self.project).is_ok() && super::validate::pieces::is_name(&self.name)
    }
}

/// Everything that is kept of one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Remembered {
    /// How they like things.
    #[serde(flatten)]
    pub preferences: Preferences,
    /// What they marked, by project and name.
    pub favourites: Vec<Place>,
    /// What they looked at, latest first.
    pub recents: Vec<Place>,
}

impl Store {
    /// What is kept of a person; `owner` is their provider and name. Nothing for somebody new.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remembered(&self, owner: &str) -> Result<Remembered, StoreError> {
        let call = async {
            let mut connection = self.database.reader().await?;
            let row = sqlx::query("SELECT document FROM preferences WHERE owner = $1").bind(owner).fetch_optional(&mut *connection).await?;
            let document: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
            let preferences = document.map(|text| serde_json::from_str(&text)).transpose();
            let preferences = preferences.map_err(|error| StoreError::Broken(format!("stored preferences cannot be read: {error}")))?;
            let favourites = sqlx::query("SELECT project, name FROM favourite WHERE owner = $1 ORDER BY project, name")
                .bind(owner)
                .fetch_all(&mut *connection)
                .await?;
            let recents = sqlx::query("SELECT project, name FROM recent WHERE owner = $1 ORDER BY seen_at DESC, project, name")
                .bind(owner)
                .fetch_all(&mut *connection)
                .await?;
            Ok(Remembered { preferences: preferences.unwrap_or_default(), favourites: places(&favourites)?, recents: places(&recents)? })
        };
        self.database.bounded("preferences", call).await
    }

    /// Keeps all of this in place of what was kept.
    ///
    /// # Errors
    /// When there is too much of it, or the database does not answer.
    pub async fn put_remembered(&self, owner: &str, remembered: &Remembered) -> Result<(), StoreError> {
        for (what, count, limit) in
            [("favourites", remembered.favourites.len(), MOST_FAVOURITES), ("recents", remembered.recents.len(), MOST_RECENTS)]
        {
            if count as i64 > limit {
                return Err(StoreError::Full { what, limit });
            }
        }
        let document = written(&remembered.preferences)?;
        let call = async {
            let mut transaction = self.database.writer().await?;
            sqlx::query(UPSERT_PREFERENCES).bind(owner).bind(now_ms()).bind(document.as_str()).execute(&mut *transaction).await?;
            sqlx::query("DELETE FROM favourite WHERE owner = $1").bind(owner).execute(&mut *transaction).await?;
            sqlx::query("DELETE FROM recent WHERE owner = $1").bind(owner).execute(&mut *transaction).await?;
            let now = now_ms();
            for place in &remembered.favourites {
                put(&mut transaction, INSERT_FAVOURITE, owner, place, now).await?;
            }
            for (age, place) in (0..).zip(&remembered.recents) {
                put(&mut transaction, INSERT_RECENT, owner, place, now - age).await?;
            }
            Ok(transaction.commit().await?)
        };
        self.database.bounded("put_remembered", call).await
    }

    /// Keeps preferences in place of those that were.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn put_preferences(&self, owner: &str, preferences: &Preferences) -> Result<(), StoreError> {
        let document = written(preferences)?;
        let call = async {
            let mut transaction = self.database.writer().await?;
            sqlx::query(UPSERT_PREFERENCES).bind(owner).bind(now_ms()).bind(document.as_str()).execute(&mut *transaction).await?;
            Ok(transaction.commit().await?)
        };
        self.database.bounded("put_preferences", call).await
    }

    /// Marks a dashboard. Once more changes nothing.
    ///
    /// # Errors
    /// When there are too many already, or the database does not answer.
    pub async fn add_favourite(&self, owner: &str, place: &Place) -> Result<(), StoreError> {
        let call = async {
            let mut transaction = self.database.writer().await?;
            put(&mut transaction, INSERT_FAVOURITE, owner, place, now_ms()).await?;
            let count: i64 = sqlx::query("SELECT COUNT(*) FROM favourite WHERE owner = $1")
                .bind(owner)
                .fetch_one(&mut *transaction)
                .await?
                .try_get(0)?;
            if count > MOST_FAVOURITES {
                return Err(StoreError::Full { what: "favourites", limit: MOST_FAVOURITES });
            }
            Ok(transaction.commit().await?)
        };
        self.database.bounded("add_favourite", call).await
    }

    /// Takes a mark away; none there is fine too.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_favourite(&self, owner: &str, place: &Place) -> Result<(), StoreError> {
        let call = async {
            let mut transaction = self.database.writer().await?;
            sqlx::query("DELETE FROM favourite WHERE owner = $1 AND project = $2 AND name = $3")
                .bind(owner)
                .bind(place.project.as_str())
                .bind(place.name.as_str())
                .execute(&mut *transaction)
                .await?;
            Ok(transaction.commit().await?)
        };
        self.database.bounded("remove_favourite", call).await
    }

    /// Remembers that somebody looked at a dashboard, and forgets what they looked at longest ago.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn looked_at(&self, owner: &str, place: &Place) -> Result<(), StoreError> {
        let call = async {
            let mut transaction = self.database.writer().await?;
            put(&mut transaction, INSERT_RECENT, owner, place, now_ms()).await?;
            sqlx::query(
                "DELETE FROM recent WHERE owner = $1 AND (project, name) NOT IN
                 (SELECT project, name FROM recent WHERE owner = $1 ORDER BY seen_at DESC, project, name LIMIT $2)",
            )
            .bind(owner)
            .bind(MOST_RECENTS)
            .execute(&mut *transaction)
            .await?;
            Ok(transaction.commit().await?)
        };
        self.database.bounded("looked_at", call).await
    }
}

async fn put(transaction: &mut Transaction<'_, Any>, sql: &'static str, owner: &str, place: &Place, time: i64) -> Result<(), StoreError> {
    let query = sqlx::query(sql).bind(owner).bind(place.project.as_str()).bind(place.name.as_str()).bind(time);
    query.execute(&mut **transaction).await?;
    Ok(())
}

fn written(preferences: &Preferences) -> Result<String, StoreError> {
    serde_json::to_string(preferences).map_err(|error| StoreError::Broken(error.to_string()))
}

fn places(rows: &[sqlx::any::AnyRow]) -> Result<Vec<Place>, StoreError> {
    rows.iter().map(|row| Ok(Place { project: row.try_get(0)?, name: row.try_get(1)? })).collect()
}
