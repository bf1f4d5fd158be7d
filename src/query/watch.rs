//! Queries that are asked again and again over a window that moves on: what names them, and which of their points may still change.

use std::time::Duration;

use bytes::Bytes;

use super::engine::{Asker, Engine, millis};
use super::range::{Horizon, LOOKBACK_MS};
use super::{QueryError, RangeQuery, limits};
use crate::cache::Key;
use crate::promql::Window;
use crate::tenancy::Scope;

/// Clocks of replicas and upstreams may differ by this much.
const CLOCKS_MS: i64 = 5_000;
/// Points that were fetched for a moment that is this much before a tick are as good as fetched for the tick.
const SAME_TICK_MS: i64 = 5_000;

/// The step, and from the first grid point to the last.
type Times = (Duration, Duration);

/// A query that may be asked for, over a window that moves on.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Equal for all who see the same answer for the same step: never a user.
    pub key: Key,
    /// None when any point may change at any time.
    horizon: Option<Horizon>,
    settle_ms: i64,
}

impl Watched {
    /// The last point that can change no more in an answer that was made at `end_ms`; none when any may.
    pub fn settled_until(&self, end_ms: i64) -> Option<i64> {
        self.horizon?.complete_until(end_ms.saturating_sub(self.settle_ms).saturating_sub(CLOCKS_MS))
    }
}

impl Engine {
    /// Holds a query against the scope and the limits; asks nobody. Where the text is another one for every window, this is the one of
    /// a certain window, and `moving` tells them all from other queries.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub fn watch(&self, scope: &Scope, text: &str, moving: Option<&str>, (step, range): Times) -> Result<Watched, QueryError> {
        let rules = self.rules(scope)?;
        let scoped = self.enforce_with(&rules, scope, text)?;
        let window = Window { step_ms: millis(step), range_ms: millis(range) };
        limits::check(&scoped, window, &self.limits, &self.parts.estimates)?;
        let enforced = scoped.text(Some(window))?;
        let native = rules.native(&self.parts.asking.upstreams)?;
        let key = match moving {
            None => self.parts.key("watch", native.as_deref()),
            Some(moving) => self.parts.key("watch moving", native.as_deref()).text(moving),
        };
        let key = key.text(enforced.as_str()).number(window.step_ms).finish();
        let horizon = Horizon::of(&scoped, window, LOOKBACK_MS)?;
        let settle_ms = self.parts.freshness(horizon, Some(window.step_ms)).settle_ms;
        let horizon = (moving.is_none() && scoped.time_dependence().per_step()).then_some(horizon);
        Ok(Watched { key, horizon, settle_ms })
    }

    /// The answer of [`Engine::range`] as bytes, for the tick at its end: points that may still change are taken from what is kept only when
    /// they were fetched for that tick.
    ///
    /// # Errors
    /// As [`QueryError`] says.
    pub async fn range_at_tick(&self, asker: &Asker<'_>, query: RangeQuery) -> Result<Bytes, QueryError> {
        let since_ms = query.end_ms.saturating_sub(SAME_TICK_MS.min(millis(query.step) / 3));
        self.range_since(asker, query, Some(since_ms)).await?.body.gathered().await
    }
}
