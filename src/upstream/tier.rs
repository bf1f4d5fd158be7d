//! The equal upstreams of one role: replicas that hold the same data, asked in their configured order.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::{Instant, sleep_until};

use super::backend::{Backend, Within, pause};
use super::body::Answer;
use super::budget::Allowance;
use super::call::Call;
use super::error::UpstreamError;
use crate::config::{Role, UpstreamKind};

/// Most points of one series that a range query may ask for; backends that allow more get no more from us.
const POINTS_LIMIT: u64 = 11_000;

/// The equal upstreams of one role.
///
/// One of them is asked, always the first that is not known to be away: two replicas scrape at different moments, so
/// that answers which come from now one and now the other would jump.
pub struct Tier {
    first: Arc<Backend>,
    /// All of them, `first` included.
    backends: Vec<Arc<Backend>>,
    hedges: Allowance,
}

impl Tier {
    /// `None` when there is none.
    pub(super) fn new(backends: Vec<Arc<Backend>>) -> Option<Tier> {
        let first = Arc::clone(backends.first()?);
        Some(Tier { first, backends, hedges: Allowance::of_hedges() })
    }

    /// The configured name of the first of them: the same in every process with the same configuration.
    pub fn name(&self) -> &str {
        self.first.name()
    }

    /// What they are.
    pub fn kind(&self) -> UpstreamKind {
        self.first.kind()
    }

    /// Where they stand on the time line.
    pub fn role(&self) -> Role {
        self.first.role()
    }

    /// Points younger than this may still change.
    pub fn settle(&self) -> Duration {
        self.first.settings.settle
    }

    /// The bound on the whole of one request.
    pub fn timeout(&self) -> Duration {
        self.first.settings.timeout
    }

    /// What is older is not here, where that was configured.
    pub fn retention(&self) -> Option<Duration> {
        self.first.settings.retention
    }

    /// Most points of one series that one range query may ask for.
    pub fn max_points(&self) -> u64 {
        POINTS_LIMIT
    }

    /// The first in the configured order.
    pub fn first(&self) -> &Arc<Backend> {
        &self.first
    }

    /// All, in the configured order.
    pub fn backends(&self) -> &[Arc<Backend>] {
        &self.backends
    }

    /// Sends the call to one of them and waits for the head of its answer, as [`Backend::send`] does.
    ///
    /// The next one is asked when one is away, has no place or answers 502, 503 or 504; it is asked too, and the first
    /// answer taken, when nothing came for `hedge` or for half of the time. After the head nothing is sent again.
    pub async fn send(&self, call: Call) -> Result<Answer, UpstreamError> {
        if self.backends.len() == 1 {
            return self.first.send(call).await;
        }
        self.send_to_equals(&call).await
    }

    async fn send_to_equals(&self, call: &Call) -> Result<Answer, UpstreamError> {
        let within = self.first.within(call);
        let order = self.order();
        let mut alarms = self.alarms(within).into_iter().flatten().peekable();
        let mut under_way = FuturesUnordered::new();
        under_way.push(ask(order[0], call, within, Duration::ZERO));
        let mut asked = 1;
        self.hedges.pay_in();
        loop {
            let alarm = alarms.peek().map_or(within.deadline, |(at, _)| *at);
            tokio::select! {
                biased;
                Some((backend, outcome)) = under_way.next() => {
                    if !is_passing(&outcome) {
                        return outcome;
                    }
                    let pause = match self.pause(asked, &outcome) {
                        Some(pause) if asked < order.len() => { backend.metrics.failed_over("failed"); pause }
                        _ if !under_way.is_empty() => continue,
                        Some(pause) if Instant::now() + pause < within.deadline && backend.retry_budget.take() => {
                            backend.metrics.retries.inc();
                            pause
                        }
                        _ => return outcome,
                    };
                    under_way.push(ask(order[asked % order.len()], call, within, pause));
                    asked += 1;
                }
                () = sleep_until(alarm), if asked < order.len() && alarms.peek().is_some() => {
                    let Some((_, reason)) = alarms.next() else { continue };
                    let slow = order[asked - 1];
                    if reason.allowance(self, slow).take() {
                        slow.metrics.failed_over(reason.word());
                        under_way.push(ask(order[asked], call, within, Duration::ZERO));
                        asked += 1;
                    }
                }
            }
        }
    }

    /// The configured order, with those that are known to be away behind the others: what we know may be old.
    fn order(&self) -> Vec<&Arc<Backend>> {
        let mut order: Vec<_> = self.backends.iter().collect();
        order.sort_by_key(|backend| backend.health().is_down());
        order
    }

    /// When another one is asked although the first has not failed, and why.
    fn alarms(&self, within: Within) -> [Option<(Instant, Reason)>; 2] {
        let silent = within.deadline - within.timeout / 2;
        let hedge = self.first.settings.hedge.map(|after| Instant::now() + after).filter(|at| *at < silent);
        [hedge.map(|at| (at, Reason::Hedge)), Some((silent, Reason::Silent))]
    }

    /// How long to wait before the next try; `None` when there is none. The first round goes without any pause.
    fn pause(&self, asked: usize, failed: &Result<Answer, UpstreamError>) -> Option<Duration> {
        let round_two = match asked.checked_sub(self.backends.len()) {
            None => return Some(Duration::ZERO),
            Some(tries) => u32::try_from(tries).unwrap_or(u32::MAX),
        };
        let asked_for = failed.as_ref().ok().and_then(|answer| answer.retry_after);
        (round_two < self.first.settings.retries).then(|| asked_for.unwrap_or_else(|| pause(round_two + 1)))
    }
}

/// Why another one is asked although the first may still answer.
#[derive(Clone, Copy)]
enum Reason {
    /// It takes longer than `hedge`.
    Hedge,
    /// Half of the time is over.
    Silent,
}

impl Reason {
    fn word(self) -> &'static str {
        match self {
            Reason::Hedge => "hedge",
            Reason::Silent => "silent",
        }
    }

    fn allowance<'a>(self, tier: &'a Tier, slow: &'a Backend) -> &'a Allowance {
        match self {
            Reason::Hedge => &tier.hedges,
            Reason::Silent => &slow.retry_budget,
        }
    }
}

async fn ask<'a>(
    backend: &'a Arc<Backend>,
    call: &Call,
    within: Within,
    pause: Duration,
) -> (&'a Arc<Backend>, Result<Answer, UpstreamError>) {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    (backend, backend.ask(call.clone(), within, 0).await)
}

/// Whether an equal upstream may do better.
fn is_passing(outcome: &Result<Answer, UpstreamError>) -> bool {
    match outcome {
        Ok(answer) => answer.is_passing,
        Err(error) => error.is_passing(),
    }
}
