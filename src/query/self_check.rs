//! A sampled share of hits is compared with the origin, in the background: a cache that is wrong should say so itself.

use std::ops::Range;
use std::sync::Arc;

use super::ask::now_ms;
use super::kept::Kept;
use super::parts::Parts;
use super::range::{GridEntry, Recipe, form, route};
use super::shared;
use crate::series::{self, Series, blocks_of};

/// What is logged of each side, around the first difference, in bytes.
const EXCERPT: usize = 300;

/// Whether this hit is one of those that are compared.
pub(super) fn is_due(share: f64) -> bool {
    share > 0.0 && rand::random::<f64>() < share
}

/// Compares the settled part of an answer with what the upstream says now.
pub(super) async fn compare(parts: Arc<Parts>, kept: Arc<Kept>, ours: Arc<Series>, recipe: Recipe, window: Range<i64>) {
    // One at a time: the origin is not to notice.
    let Ok(_turn) = parts.checking.try_acquire() else { return parts.metrics.self_check("skipped") };
    let Kept::Grid(entry) = &*kept else { return };
    let window = recipe.settled(window, now_ms());
    if window.is_empty() {
        return parts.metrics.self_check("skipped");
    }
    let Ok(theirs) = fetch(&parts, entry, &recipe, &window).await else { return parts.metrics.self_check("failed") };
    let (cached, origin) = (data(&ours, &window), data(&theirs, &window));
    if cached == origin {
        return parts.metrics.self_check("equal");
    }
    report(&recipe, &window, &cached, &origin);
    // What is true now takes the place of everything that was kept: were it only dropped, Redis would give it back.
    let blocks = parts.remote.is_some().then(|| shared::compact(&theirs, blocks_of(window).collect()));
    let replaced = entry.change(|series| {
        *series = theirs;
        Ok(())
    });
    if let (Some(memory), Ok(())) = (&parts.memory, replaced) {
        memory.put(entry.key.clone(), kept.clone());
        parts.metrics.dropped(1);
    }
    if let (Some(remote), Some(blocks)) = (&parts.remote, blocks) {
        remote.write(&entry.key, blocks, shared::LIFE);
    }
    parts.metrics.self_check("different");
}

/// It could not be compared: the origin is away, or answers in another form.
struct NotCompared;

async fn fetch(parts: &Parts, entry: &GridEntry, recipe: &Recipe, window: &Range<i64>) -> Result<Series, NotCompared> {
    let upstreams = parts.asking.upstreams.clone();
    let mut theirs = Series::new(recipe.grid);
    for leg in route::legs(&upstreams, recipe.grid, entry.horizon, window.clone(), now_ms()) {
        let whole = recipe.ask(&parts.asking, &leg).await.map_err(|_| NotCompared)?;
        let body = form::plain(whole.kind, &whole.body);
        let read = series::decode(&body, recipe.grid, series::Limits::default()).map_err(|_| NotCompared)?;
        if !read.warnings.is_empty() {
            return Err(NotCompared);
        }
        theirs.put(leg.range.clone(), &read, whole.as_of_ms).map_err(|_| NotCompared)?;
    }
    Ok(theirs)
}

/// The answer without its annotations: which of those there are is chance where there are many.
fn data(series: &Series, window: &Range<i64>) -> Vec<u8> {
    let mut bytes = series.cut(window.clone()).plain();
    if let Some(at) = memchr::memmem::rfind(&bytes, br#"]},"infos":["#) {
        bytes.truncate(at + 2);
        bytes.push(b'}');
    }
    bytes
}

/// Says so with both sides.
fn report(recipe: &Recipe, window: &Range<i64>, cached: &[u8], origin: &[u8]) {
    let at = cached.iter().zip(origin).take_while(|(a, b)| a == b).count();
    let excerpt = |side: &[u8]| {
        let (from, to) = (at.saturating_sub(EXCERPT / 2).min(side.len()), side.len().min(at + EXCERPT / 2));
        String::from_utf8_lossy(&side[from..to]).into_owned()
    };
    tracing::error!(
        query = recipe.enforced.as_str(), start_ms = recipe.grid.time(window.start), step_ms = recipe.grid.step_ms(), at_byte = at,
        cached = %excerpt(cached), origin = %excerpt(origin),
        "a cached answer differs from what the upstream says now: the entry is dropped; samples that come later than upstreams[].settle, or history that was changed, look like this"
    );
}
