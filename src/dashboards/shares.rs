//! Links to one dashboard that work without signing in. Of a token only its hash is kept: it is shown once.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ipnet::IpNet;
use sha2::{Digest, Sha256};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::audit::{self, Action, Actor, Event, Outcome, plain};
use super::read::not_found;
use super::row::Dashboard;
use super::time::now_ms;
use super::{Store, StoreError, new_id};

/// Links of one dashboard within an hour.
const PER_HOUR: i64 = 10;
const HOUR_MS: i64 = 3_600_000;
/// Networks that one link may be bound to.
pub const MOST_NETWORKS: usize = 50;
/// How long a link may live.
pub const LIFE: std::ops::RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(7 * 24 * 3600);

/// A link, without its token.
#[derive(Clone, Debug)]
pub struct Share {
    /// As lists have it.
    pub id: String,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Who made it.
    pub created_by: String,
    /// Milliseconds since 1970.
    pub expires_at: i64,
    /// Where it works from; everywhere when there are none.
    pub cidrs: Vec<IpNet>,
    /// Milliseconds since 1970, when it was taken back.
    pub revoked_at: Option<i64>,
}

/// A link that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct NewShare<'a> {
    /// Whose right it goes with: the provider that vouches for them, a space, their name there.
    pub author: &'a str,
    /// How long it works.
    pub life: Duration,
    /// Where it works from; everywhere when there are none.
    pub cidrs: &'a [IpNet],
}

/// What a link leads to.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The link.
    pub share: Share,
    /// Whose right it goes with, as in [`NewShare::author`].
    pub author: String,
    /// The dashboard as it is now.
    pub dashboard: Arc<Dashboard>,
}

impl Store {
    /// Makes a link; the token is known to nobody but the caller.
    ///
    /// # Errors
    /// When there is no such dashboard, too many links were made of it, or the database does not answer.
    pub async fn share(&self, actor: &Actor, at: (&str, &str), new: NewShare<'_>) -> Result<(Share, String), StoreError> {
        let mut random = [0_u8; 32];
        getrandom::fill(&mut random).map_err(|error| StoreError::Broken(format!("the system gives no random numbers: {error}")))?;
        let token = URL_SAFE_NO_PAD.encode(random);
        let now = now_ms();
        let share = Share {
            id: new_id()?,
            created_at: now,
            created_by: plain(&actor.user),
            expires_at: now.saturating_add(i64::try_from(new.life.as_millis()).unwrap_or(0)),
            cidrs: new.cidrs.to_vec(),
            revoked_at: None,
        };
        self.database.bounded("share", self.share_within(actor, at, (&share, new.author), &token)).await?;
        Ok((share, token))
    }

    async fn share_within(
        &self,
        actor: &Actor,
        (project, name): (&str, &str),
        (share, author): (&Share, &str),
        token: &str,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.writer().await?;
        // Changes nothing, but keeps others from counting the same links until this one is there.
        let row = sqlx::query(
            "UPDATE dashboard SET version = version WHERE project = $1 AND name = $2 AND state <> 'archived' RETURNING id, version",
        )
        .bind(project)
        .bind(name)
        .fetch_optional(&mut *transaction)
        .await?;
        let row = row.ok_or_else(|| not_found(project, name))?;
        let (dashboard, version): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        let recent = sqlx::query("SELECT COUNT(*), MIN(created_at) FROM share WHERE dashboard_id = $1 AND created_at > $2")
            .bind(dashboard.as_str())
            .bind(share.created_at - HOUR_MS)
            .fetch_one(&mut *transaction)
            .await?;
        if recent.try_get::<i64, _>(0)? >= PER_HOUR {
            let oldest: Option<i64> = recent.try_get(1)?;
            let wait = oldest.unwrap_or(share.created_at) + HOUR_MS - share.created_at;
            return Err(StoreError::TooManyShares { retry_after: Duration::from_millis(u64::try_from(wait).unwrap_or(0)) });
        }
        let cidrs: Vec<String> = share.cidrs.iter().map(ToString::to_string).collect();
        sqlx::query(
            "INSERT INTO share (id, dashboard_id, token_hash, created_at, created_by, expires_at, cidrs, author) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(share.id.as_str())
        .bind(dashboard)
        .bind(hash(token))
        .bind(share.created_at)
        .bind(share.created_by.as_str())
        .bind(share.expires_at)
        .bind(cidrs.join(","))
        .bind(author)
        .execute(&mut *transaction)
        .await?;
        let event = Event { action: Action::ShareCreate, project, name, version: Some(version), outcome: Outcome::Success };
        audit::write(&mut transaction, actor, event).await?;
        Ok(transaction.commit().await?)
    }

    /// The links of a dashboard, newest first.
    ///
    /// # Errors
    /// When there is no such dashboard, or the database does not answer.
    pub async fn shares(&self, project: &str, name: &str) -> Result<Vec<Share>, StoreError> {
        let call = async {
            let mut connection = self.database.reader().await?;
            let row = sqlx::query("SELECT id FROM dashboard WHERE project = $1 AND name = $2 AND state <> 'archived'")
                .bind(project)
                .bind(name)
                .fetch_optional(&mut *connection)
                .await?;
            let dashboard: String = row.ok_or_else(|| not_found(project, name))?.try_get(0)?;
            let rows = sqlx::query(
                "SELECT id, created_at, created_by, expires_at, cidrs, revoked_at FROM share WHERE dashboard_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1000",
            )
            .bind(dashboard)
            .fetch_all(&mut *connection)
            .await?;
            rows.iter().map(share).collect()
        };
        self.database.bounded("shares", call).await
    }

    /// Takes a link back.
    ///
    /// # Errors
    /// When there is none of this id that works, or the database does not answer.
    pub async fn unshare(&self, actor: &Actor, project: &str, name: &str, id: &str) -> Result<(), StoreError> {
        let call = async {
            let mut transaction = self.database.writer().await?;
            let gone = sqlx::query(
                "UPDATE share SET revoked_at = $1, revoked_by = $2 WHERE id = $3 AND revoked_at IS NULL AND dashboard_id =
                 (SELECT id FROM dashboard WHERE project = $4 AND name = $5 AND state <> 'archived')",
            )
            .bind(now_ms())
            .bind(plain(&actor.user))
            .bind(id)
            .bind(project)
            .bind(name)
            .execute(&mut *transaction)
            .await?;
            if gone.rows_affected() == 0 {
                return Err(StoreError::NotFound { what: "share", project: project.to_owned(), name: id.to_owned() });
            }
            let event = Event { action: Action::ShareRevoke, project, name, version: None, outcome: Outcome::Success };
            audit::write(&mut transaction, actor, event).await?;
            Ok(transaction.commit().await?)
        };
        self.database.bounded("unshare", call).await
    }

    /// What a token leads to, for somebody at this address.
    ///
    /// # Errors
    /// When it leads nowhere, or not from there, or the database does not answer.
    pub async fn shared(&self, token: &str, from: Option<IpAddr>) -> Result<Shared, StoreError> {
        const SQL: &str = "SELECT s.id, s.created_at, s.created_by, s.expires_at, s.cidrs, s.revoked_at, d.project, d.name, s.author
             FROM share s JOIN dashboard d ON d.id = s.dashboard_id WHERE s.token_hash = $1 AND d.state <> 'archived'";
        let call = async {
            let mut connection = self.database.reader().await?;
            let row = sqlx::query(SQL).bind(hash(token)).fetch_optional(&mut *connection).await?.ok_or(StoreError::NoShare)?;
            Ok((share(&row)?, row.try_get::<String, _>(6)?, row.try_get::<String, _>(7)?, row.try_get::<String, _>(8)?))
        };
        let (share, project, name, author) = self.database.bounded("shared", call).await?;
        if share.revoked_at.is_some() || share.expires_at <= now_ms() {
            return Err(StoreError::NoShare);
        }
        if !share.cidrs.is_empty() && !from.is_some_and(|from| share.cidrs.iter().any(|cidr| cidr.contains(&from))) {
            return Err(StoreError::ShareElsewhere);
        }
        Ok(Shared { share, author, dashboard: self.get(&project, &name).await?.dashboard })
    }
}

fn share(row: &AnyRow) -> Result<Share, StoreError> {
    let cidrs: String = row.try_get(4)?;
    let cidrs = cidrs.split(',').filter(|cidr| !cidr.is_empty()).map(str::parse).collect::<Result<_, _>>();
    Ok(Share {
        id: row.try_get(0)?,
        created_at: row.try_get(1)?,
        created_by: row.try_get(2)?,
        expires_at: row.try_get(3)?,
        // A network that cannot be read must not turn into "everywhere".
        cidrs: cidrs.map_err(|_| StoreError::Broken("a share has a network that is none".to_owned()))?,
        revoked_at: row.try_get(5)?,
    })
}

/// A token has 256 random bits: a plain hash is enough.
fn hash(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
