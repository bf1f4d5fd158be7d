//! Hot and cold upstreams by age, and two hot ones that stand in for each other.

use crate::data;
use crate::house::{Stored, door, hecate, range};
use crate::support::counting::Asked;
use crate::support::{Counting, Hecate, Mood, Reply, difference};

/// What the hot one keeps, in seconds.
const KEPT: i64 = 3600;

struct Tiers {
    everything: std::sync::Arc<Stored>,
    #[expect(dead_code, reason = "runs until it is dropped")]
    newest: Stored,
    hot: Counting,
    cold: Counting,
    hecate: Hecate,
}

impl Tiers {
    /// The cold one has everything; the hot one has the last hour and some minutes, as blocks are dropped late.
    async fn start() -> Tiers {
        let everything = Stored::shared().await;
        let newest = Stored::start(everything.base, KEPT + 300).await;
        let (hot, cold) = (Counting::in_front_of(&newest.url()).await, Counting::in_front_of(&everything.url()).await);
        let upstreams = format!(
            "{{name: hot, url: \"{}\", role: hot, retention: {KEPT}s}}, {{name: cold, url: \"{}\", role: cold, kind: thanos}}",
            hot.url(),
            cold.url()
        );
        Tiers { hecate: hecate(&upstreams, "self_check: 0"), everything, newest, hot, cold }
    }

    /// Asks as admin, compares with the Prometheus that has everything, and says who was asked.
    async fn check(&self, text: &str, window: (i64, i64, &str)) -> (Vec<Asked>, Vec<Asked>) {
        let got: Reply = range(&door(&self.hecate, "admin"), text, window).await;
        let want = range(&self.everything.door(), text, window).await;
        let asked = (ranges(&self.hot), ranges(&self.cold));
        assert_eq!(difference(&got, &want), None, "`{text}` {window:?}, asked were {asked:?}");
        assert!(want.values() > 0, "`{text}` {window:?} has no values, so that nothing was compared");
        asked
    }
}

fn ranges(counting: &Counting) -> Vec<Asked> {
    counting.take().into_iter().filter(|asked| asked.path.ends_with("/query_range")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn age_decides_who_is_asked() {
    let tiers = Tiers::start().await;
    let base = tiers.everything.base;
    // Old enough that no look-back reaches what the hot one keeps, and the other way round.
    let (hot, cold) = tiers.check("sum(wide)", (base - data::BACK, base - 5400, "15")).await;
    assert!(hot.is_empty() && !cold.is_empty(), "hot {hot:?} cold {cold:?}");
    let (hot, cold) = tiers.check("sum(wide)", (base - 1800, base - 600, "15")).await;
    assert!(!hot.is_empty() && cold.is_empty(), "hot {hot:?} cold {cold:?}");
}

/// A step may come from the hot one only if all that it looks at is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_the_border_each_step_comes_from_where_its_look_back_fits() {
    let tiers = Tiers::start().await;
    let base = tiers.everything.base;
    let window = (base - 7200, base - 600, "15");
    for (text, back) in [
        ("sum(wide)", 300),
        ("live_temperature", 300),
        ("sum(rate(wide[20m]))", 1200),
        ("sum by (pod) (live_requests_total offset 30m)", 1800 + 300),
        ("max_over_time(sum(wide)[15m:1m])", 900 + 300),
        ("sum_over_time(live_temperature[40m])", 2400),
        ("sum(wide) / sum(wide offset 25m)", 1500 + 300),
        ("histogram_count(sum(rate(live_size_bytes[10m])))", 600),
    ] {
        let (hot, cold) = tiers.check(text, window).await;
        assert!(!cold.is_empty(), "{text}");
        assert!(!hot.is_empty(), "{text}: the newest steps fit into what the hot one keeps, and were not asked for there");
        for asked in &hot {
            let looks_at = asked.ms("start") / 1000 - back;
            // The clock has moved on since the data were written, so that the border has, too: later, never earlier.
            assert!(looks_at >= base - KEPT - 1, "{text}: the hot one was asked for what it need not have: {asked:?}");
        }
    }
    // What looks back further than the hot one keeps is the cold one's, all of it.
    for text in ["sum(increase(wide[65m]))", "live_temperature offset 1h", "max_over_time(sum(wide)[65m:5m])"] {
        let (hot, cold) = tiers.check(text, window).await;
        assert!(hot.is_empty() && !cold.is_empty(), "{text}: hot {hot:?}");
    }
    // Fixed moments are looked up where they are.
    let old = format!("live_temperature - live_temperature @ {}", base - 7000);
    let (hot, _) = tiers.check(&old, (base - 1200, base - 600, "15")).await;
    assert!(hot.is_empty(), "{hot:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_hot_one_stands_in_for_the_first() {
    let everything = Stored::shared().await;
    let (one, two) = (Counting::in_front_of(&everything.url()).await, Counting::in_front_of(&everything.url()).await);
    let upstreams =
        format!("{{name: one, url: \"{}\", health_interval: 1s}}, {{name: two, url: \"{}\", health_interval: 1s}}", one.url(), two.url());
    let hecate = hecate(&upstreams, "self_check: 0");
    let admin = door(&hecate, "admin");
    let mut number = 0;
    let mut ask = async || {
        number += 1;
        let text = format!("sum(wide) + {number}");
        let window = (everything.base - 1200, everything.base - 600, "15");
        let (got, want) = (range(&admin, &text, window).await, range(&everything.door(), &text, window).await);
        assert_eq!(difference(&got, &want), None, "{text}");
    };
    for _ in 0..3 {
        ask().await;
    }
    assert_eq!((ranges(&one).len(), ranges(&two).len()), (3, 0), "the first is asked while it is well");
    one.becomes(Mood::Dead);
    for _ in 0..10 {
        ask().await;
    }
    assert_eq!(ranges(&two).len(), 10);
    one.becomes(Mood::Well);
    two.becomes(Mood::Dead);
    for _ in 0..10 {
        ask().await;
    }
    assert!(ranges(&one).len() >= 10);
}
