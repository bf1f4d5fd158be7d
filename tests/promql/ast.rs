//! Prometheus' JSON of a tree, brought to a form in which equal means equal.

use serde_json::Value;

pub(crate) const STEP: f64 = 60.0;
pub(crate) const RANGE: f64 = 3600.0;

/// Without what carries no meaning: parentheses, the order of matchers of different labels, spelling inside duration expressions.
pub(crate) fn loose(node: Value) -> Value {
    match node {
        Value::Array(list) => Value::Array(list.into_iter().map(loose).collect()),
        Value::Object(mut map) => {
            match map.get("type").and_then(Value::as_str) {
                Some("parenExpr") => return loose(map["expr"].take()),
                Some("durationExpr") if map["op"] == "+" && map["lhs"].is_null() => return loose(map["rhs"].take()),
                _ => {}
            }
            map.remove("wrapped");
            map.remove("duration");
            if let Some(Value::Array(matchers)) = map.get_mut("matchers") {
                matchers.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
            }
            for key in ["range", "offset", "step"] {
                coarse(map.get_mut(key));
            }
            Value::Object(map.into_iter().map(|(key, value)| (key, loose(value))).collect())
        }
        other => other,
    }
}

/// Prometheus reads a duration through a float of nanoseconds: above 2^53 of them (104 days) it may miss by a millisecond, and so
/// may what we fold to such a duration.
fn coarse(duration: Option<&mut Value>) {
    const EXACT_MS: i64 = (1 << 53) / 1_000_000;
    if let Some(value) = duration
        && let Some(ms) = value.as_i64().filter(|ms| ms.abs() > EXACT_MS)
    {
        *value = ((ms as f64 / 1000.0).round() as i64 * 1000).into();
    }
}

/// Duration expressions replaced by their values, evaluated here and not by the code under test.
pub(crate) fn fold(node: Value) -> Value {
    match node {
        Value::Array(list) => Value::Array(list.into_iter().map(fold).collect()),
        Value::Object(mut map) => {
            for key in ["range", "offset", "step"] {
                let Some(expr) = map.get_mut(&format!("{key}Expr")).map(Value::take).filter(|e| !e.is_null()) else { continue };
                let seconds = value(&expr).unwrap_or(f64::NAN);
                let bad = !seconds.is_finite() || (key != "offset" && seconds < 0.001) || seconds.abs() > 9_223_372_036.854_776;
                map.insert(key.into(), if bad { "invalid".into() } else { ((seconds * 1000.0) as i64).into() });
            }
            Value::Object(map.into_iter().map(|(key, value)| (key, fold(value))).collect())
        }
        other => other,
    }
}

/// Does the folded tree hold a duration that the engine would refuse?
pub(crate) fn unfoldable(node: &Value) -> bool {
    match node {
        Value::Array(list) => list.iter().any(unfoldable),
        Value::Object(map) => {
            ["range", "offset", "step"].iter().any(|k| map.get(*k).is_some_and(|v| v == "invalid")) || map.values().any(unfoldable)
        }
        _ => false,
    }
}

/// Seconds of a duration expression, or None where the engine would refuse.
fn value(node: &Value) -> Option<f64> {
    if node.is_null() {
        return Some(0.0);
    }
    if node["type"] == "numberLiteral" {
        return match node["val"].as_str()? {
            "+Inf" => Some(f64::INFINITY),
            "-Inf" => Some(f64::NEG_INFINITY),
            text => text.parse().ok(),
        };
    }
    let op = node["op"].as_str()?;
    let (l, r) = match op {
        "step" => return Some(STEP),
        "range" => return Some(RANGE),
        _ => (value(&node["lhs"])?, value(&node["rhs"])?),
    };
    match op {
        "+" => Some(l + r),
        "-" => Some(l - r),
        "*" => Some(l * r),
        "/" => (r != 0.0).then(|| l / r),
        "%" => (r != 0.0).then(|| l % r),
        "^" => Some(l.powf(r)),
        "min_of" => Some(if l.is_nan() || r.is_nan() { f64::NAN } else { l.min(r) }),
        "max_of" => Some(if l.is_nan() || r.is_nan() { f64::NAN } else { l.max(r) }),
        other => panic!("unknown operator {other} in a duration"),
    }
}

/// The matchers of every selector, in the order of the text.
pub(crate) fn matchers(node: &mut Value) -> Vec<&mut Vec<Value>> {
    let mut out = Vec::new();
    collect(node, &mut out);
    out
}

fn collect<'v>(node: &'v mut Value, out: &mut Vec<&'v mut Vec<Value>>) {
    match node {
        Value::Array(list) => list.iter_mut().for_each(|n| collect(n, out)),
        Value::Object(map) => {
            let selects = matches!(map.get("type").and_then(Value::as_str), Some("vectorSelector" | "matrixSelector"));
            for (key, value) in map.iter_mut() {
                if selects && key == "matchers" {
                    out.extend(value.as_array_mut());
                } else {
                    collect(value, out);
                }
            }
        }
        _ => {}
    }
}
