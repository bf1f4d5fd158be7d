use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use proptest::prelude::*;

use super::*;

fn places(max: usize, timeout: Duration) -> Arc<Places> {
    let gauge = |name: &str| IntGauge::new(name, "for a test").unwrap();
    Arc::new(Places::new(max, timeout, gauge("inflight"), gauge("queued")))
}

fn gauges(places: &Places) -> (i64, i64) {
    (places.shared.inflight.get(), places.shared.queued.get())
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn waiting_is_bounded_in_number_and_time() {
    let places = places(1, Duration::from_millis(400));
    let held = places.take(0).await.unwrap();
    let began = Instant::now();
    let wait = || {
        let places = Arc::clone(&places);
        tokio::spawn(async move { places.take(0).await.err() })
    };
    let waiting = [wait(), wait()];
    tokio::task::yield_now().await;
    assert_eq!(gauges(&places), (1, 2));
    assert!(places.take(0).await.is_err(), "the third in the queue is refused");
    assert!(began.elapsed() < Duration::from_millis(150), "and at once");
    for task in waiting {
        assert_eq!(task.await.unwrap(), Some(NoPlace { retry_after: Duration::from_secs(1) }));
    }
    assert!((Duration::from_millis(200)..Duration::from_secs(5)).contains(&began.elapsed()));
    drop(held);
    assert_eq!(gauges(&places), (0, 0));
    assert!(places.take(0).await.is_ok());
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_trace() {
    let places = places(1, LONG);
    let held = places.take(0).await.unwrap();
    let waiting = tokio::spawn({
        let places = Arc::clone(&places);
        async move { places.take(0).await.is_ok() }
    });
    tokio::task::yield_now().await;
    assert_eq!(gauges(&places), (1, 1));
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    assert_eq!(gauges(&places), (1, 0));
    drop(held);
    assert!(places.take(0).await.is_ok());
}

type Waiting = Pin<Box<dyn Future<Output = Result<Place, NoPlace>>>>;

/// Calls that are polled by hand, in the order of their coming.
struct Crowd {
    places: Arc<Places>,
    calls: Vec<(u64, Waiting)>,
}

impl Crowd {
    /// One more that wants a place; whether it got one at once, waits (`None`) or was refused.
    fn come(&mut self, flow: u64) -> Option<Result<Place, NoPlace>> {
        let places = Arc::clone(&self.places);
        let mut call: Pin<Box<dyn Future<Output = _>>> = Box::pin(async move { places.take(flow).await });
        match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => {
                self.calls.push((flow, call));
                None
            }
        }
    }

    /// The places that were given to those who waited, with their flows.
    fn served(&mut self) -> Vec<(u64, Place)> {
        let mut served = Vec::new();
        self.calls.retain_mut(|(flow, call)| match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => {
                served.push((*flow, outcome.unwrap()));
                false
            }
            Poll::Pending => true,
        });
        served
    }
}

#[tokio::test]
async fn five_hundred_of_one_flow_cost_another_one_turn() {
    const HEAVY: u64 = 1;
    const LIGHT: u64 = 2;
    let places = places(250, LONG);
    let mut crowd = Crowd { places: Arc::clone(&places), calls: Vec::new() };
    let mut held: Vec<Place> = (0..250).map(|_| crowd.come(HEAVY).unwrap().unwrap()).collect();
    for waiting in 0..500 {
        assert!(crowd.come(HEAVY).is_none(), "{waiting} wait already");
    }
    assert!(crowd.come(HEAVY).unwrap().is_err(), "half of the queue is enough for one");
    assert!(crowd.come(LIGHT).is_none());
    assert!(crowd.come(LIGHT).is_none());
    let order: Vec<u64> = (0..5)
        .map(|_| {
            held.pop();
            let (flow, place) = crowd.served().pop().unwrap();
            held.push(place);
            flow
        })
        .collect();
    assert_eq!(order, [HEAVY, LIGHT, HEAVY, LIGHT, HEAVY]);
}

#[tokio::test]
async fn many_flows_share_the_queue() {
    let places = places(25, LONG);
    let mut crowd = Crowd { places: Arc::clone(&places), calls: Vec::new() };
    let _held: Vec<Place> = (0..25).map(|_| crowd.come(0).unwrap().unwrap()).collect();
    // Three flows ask for far more than there is: each gets what is left beside the others.
    for _ in 0..100 {
        for flow in 1..=3 {
            drop(crowd.come(flow));
        }
    }
    let waiting = |crowd: &Crowd, flow| crowd.calls.iter().filter(|(other, _)| *other == flow).count();
    let shares: Vec<usize> = (1..=3).map(|flow| waiting(&crowd, flow)).collect();
    assert_eq!(shares, [25, 25, 25]);
    // Newcomers still find room, until all hundred waiting places are taken.
    let admitted = (4..1000).filter(|flow| crowd.come(*flow).is_none()).count();
    assert_eq!(admitted, 25);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Come(u64),
    /// Somebody who waits goes away.
    Leave(usize),
    /// Somebody's request ends.
    End(usize),
    /// Somebody who may have been given a place goes away before it looked.
    EndThenLeave(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..5).prop_map(Step::Come),
        1 => any::<usize>().prop_map(Step::Leave),
        2 => any::<usize>().prop_map(Step::End),
        1 => any::<usize>().prop_map(Step::EndThenLeave),
    ]
}

proptest! {
    /// No place is lost or made, nobody waits beside a free place, and inside a flow nobody is overtaken.
    #[test]
    fn places_are_neither_lost_nor_made(max in 1_usize..6, steps in prop::collection::vec(step(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let places = places(max, LONG);
            let mut crowd = Crowd { places: Arc::clone(&places), calls: Vec::new() };
            let mut held: Vec<Place> = Vec::new();
            for step in steps {
                match step {
                    Step::Come(flow) => match crowd.come(flow) {
                        Some(Ok(place)) => held.push(place),
                        Some(Err(_)) => prop_assert_eq!(held.len(), max, "refused although a place is free"),
                        None => {}
                    },
                    Step::Leave(which) if !crowd.calls.is_empty() => drop(crowd.calls.remove(which % crowd.calls.len())),
                    Step::End(which) if !held.is_empty() => drop(held.swap_remove(which % held.len())),
                    Step::EndThenLeave(which) if !held.is_empty() && !crowd.calls.is_empty() => {
                        drop(held.swap_remove(which % held.len()));
                        drop(crowd.calls.remove(which % crowd.calls.len()));
                    }
                    _ => {}
                }
                let first_of_flow: HashMap<u64, usize> =
                    crowd.calls.iter().enumerate().rev().map(|(index, (flow, _))| (*flow, index)).collect();
                let before: Vec<u64> = crowd.calls.iter().map(|(flow, _)| *flow).collect();
                let served = crowd.served();
                prop_assert!(served.len() <= 1);
                if let Some((flow, _)) = served.first() {
                    let mut without_first = before.clone();
                    without_first.remove(first_of_flow[flow]);
                    prop_assert_eq!(without_first, crowd.calls.iter().map(|(flow, _)| *flow).collect::<Vec<_>>());
                }
                held.extend(served.into_iter().map(|(_, place)| place));
                let room = places.shared.lock();
                prop_assert_eq!(held.len() + room.free, max);
                prop_assert!(room.free == 0 || crowd.calls.is_empty(), "somebody waits beside a free place");
                prop_assert_eq!(room.waiting, crowd.calls.len());
                prop_assert_eq!(room.turns.len(), room.flows.len());
                prop_assert!(room.waiting <= max * WAITING_PER_PLACE);
                drop(room);
                prop_assert_eq!(gauges(&places), (held.len() as i64, crowd.calls.len() as i64));
            }
            drop(held);
            drop(crowd);
            prop_assert_eq!(gauges(&places), (0, 0));
            prop_assert_eq!(places.shared.lock().free, max);
            Ok(())
        })?;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_wake_up_is_lost_between_threads() {
    let places = places(3, LONG);
    let callers: Vec<_> = (0..200_u64)
        .map(|caller| {
            let places = Arc::clone(&places);
            tokio::spawn(async move {
                let mut got = 0;
                for turn in 0..50_u64 {
                    // Some wait so briefly that the place often comes while they leave.
                    let patience = if (caller + turn) % 3 == 0 { Duration::from_micros(50) } else { LONG };
                    if let Ok(Ok(place)) = timeout(patience, places.take(caller % 20)).await {
                        tokio::task::yield_now().await;
                        drop(place);
                        got += 1;
                    }
                }
                got
            })
        })
        .collect();
    let all = async {
        let mut got = 0;
        for caller in callers {
            got += caller.await.unwrap();
        }
        got
    };
    let got: u64 = timeout(Duration::from_secs(30), all).await.expect("somebody waits for ever");
    assert!(got > 100, "{got} places were given");
    assert_eq!(gauges(&places), (0, 0));
    assert_eq!(places.shared.lock().free, 3);
}
