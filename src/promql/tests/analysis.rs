//! What can be told about a query without running it.

use super::*;

#[test]
fn reach_and_cost() {
    let window = Window { step_ms: 60_000, range_ms: 3_600_000 };
    let five = 300_000;
    for (text, before, evaluations, samples) in [
        ("x", Some(five), 61, 61),
        ("rate(x[5m])", Some(five), 61, 61 * 20),
        ("rate(x[5m] offset 1h)", Some(3_600_000 + five), 61, 61 * 20),
        ("x offset -1h", Some(0), 61, 61),
        ("x @ start()", Some(five), 1, 1),
        ("x @ end()", Some(0), 1, 1),
        ("x @ 100", None, 1, 1),
        ("max_over_time(rate(x[5m])[1h:5m] offset 5m)", Some(3_600_000 + 2 * five), 25, 61 * 12 + 25 * 20),
        ("max_over_time(x[1h:5m] @ start())", Some(3_600_000 + five), 13, 12 + 13),
        ("rate(x[range()])", Some(3_600_000), 61, 61 * 240),
    ] {
        let query = parse(text, &all()).unwrap();
        let selector = &query.selectors()[0];
        assert_eq!(selector.reach(window, five).unwrap().before_start_ms(window), before, "{text}");
        let cost = query.cost(window).unwrap();
        assert_eq!((cost.selectors[0].evaluations, cost.samples), (evaluations, samples), "{text}");
    }
    let cost = parse("x + rate(y[1d])", &all()).unwrap().cost(window).unwrap();
    assert_eq!((cost.snippet.as_str(), cost.costliest, cost.points_per_series), ("y[1d]", Some(1), 61));
}

#[test]
fn time_and_collisions() {
    let time = |text: &str| parse(text, &all()).unwrap().time_dependence();
    assert!(time("rate(x[5m]) + time()").per_step() && time("time()").clock);
    assert!(!time("x @ start()").per_step() && !time("x - end()").per_step() && !time("x * step()").per_step());
    assert!(time("sum(topk(2, sort_desc(x)))").sorts && !time("sum(x)").sorts);
    assert!(time("x @ 5").per_step() && time("x @ 5").at_fixed);
    assert!(time("x[step()]").durations && time("x[1m+1m]").expressions && !time("x[1m+1m]").durations);
    for (text, want) in [
        ("rate(x[5m])", false),
        (r#"rate({__name__=~"a|b"}[5m])"#, true),
        (r#"sum({job="x"})"#, false),
        (r#"-{job="x"}"#, true),
        ("abs(a or b)", true),
        ("abs(a or a)", false),
        ("a or b", false),
        (r#"last_over_time({job="x"}[5m])"#, false),
        (r#"label_replace(x, "a", "b", "c", "d")"#, true),
    ] {
        assert_eq!(parse(text, &all()).unwrap().may_collide(), want, "{text}");
    }
}
