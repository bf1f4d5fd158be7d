//! The functions and aggregations of Prometheus 3.16, with their types.

use super::ast::Type;

/// What a call must look like and gives back.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) args: &'static [Type],
    /// The last argument: 0: once; n: left out or up to n times; negative: left out or any number of times.
    pub(super) variadic: i8,
    pub(super) returns: Type,
    pub(super) experimental: bool,
}

const V: Type = Type::Vector;
const M: Type = Type::Matrix;
const S: Type = Type::Scalar;
const T: Type = Type::String;

const fn stable(name: &'static str, args: &'static [Type], variadic: i8, returns: Type) -> Function {
    Function { name, args, variadic, returns, experimental: false }
}

const fn experimental(name: &'static str, args: &'static [Type], variadic: i8, returns: Type) -> Function {
    Function { name, args, variadic, returns, experimental: true }
}

/// Sorted by name.
#[rustfmt::skip]
static FUNCTIONS: [Function; 91] = [
    stable("abs", &[V], 0, V),
    stable("absent", &[V], 0, V),
    stable("absent_over_time", &[M], 0, V),
    stable("acos", &[V], 0, V),
    stable("acosh", &[V], 0, V),
    stable("asin", &[V], 0, V),
    stable("asinh", &[V], 0, V),
    stable("atan", &[V], 0, V),
    stable("atanh", &[V], 0, V),
    stable("avg_over_time", &[M], 0, V),
    stable("ceil", &[V], 0, V),
    stable("changes", &[M], 0, V),
    stable("clamp", &[V, S, S], 0, V),
    stable("clamp_max", &[V, S], 0, V),
    stable("clamp_min", &[V, S], 0, V),
    stable("cos", &[V], 0, V),
    stable("cosh", &[V], 0, V),
    stable("count_over_time", &[M], 0, V),
    stable("day_of_month", &[V], 1, V),
    stable("day_of_week", &[V], 1, V),
    stable("day_of_year", &[V], 1, V),
    stable("days_in_month", &[V], 1, V),
    stable("deg", &[V], 0, V),
    stable("delta", &[M], 0, V),
    stable("deriv", &[M], 0, V),
    experimental("double_exponential_smoothing", &[M, S, S], 0, V),
    experimental("end", &[], 0, S),
    stable("exp", &[V], 0, V),
    stable("first_over_time", &[M], 0, V),
    stable("floor", &[V], 0, V),
    stable("histogram_avg", &[V], 0, V),
    stable("histogram_count", &[V], 0, V),
    stable("histogram_fraction", &[S, S, V], 0, V),
    stable("histogram_quantile", &[S, V], 0, V),
    experimental("histogram_quantiles", &[V, T, S, S], 9, V),
    stable("histogram_stddev", &[V], 0, V),
    stable("histogram_stdvar", &[V], 0, V),
    stable("histogram_sum", &[V], 0, V),
    stable("hour", &[V], 1, V),
    stable("idelta", &[M], 0, V),
    stable("increase", &[M], 0, V),
    experimental("info", &[V, V], 1, V),
    experimental("integral", &[M, S], 1, V),
    stable("irate", &[M], 0, V),
    stable("label_join", &[V, T, T, T], -1, V),
    stable("label_replace", &[V, T, T, T, T], 0, V),
    stable("last_over_time", &[M], 0, V),
    stable("ln", &[V], 0, V),
    stable("log10", &[V], 0, V),
    stable("log2", &[V], 0, V),
    experimental("mad_over_time", &[M], 0, V),
    experimental("max_of", &[S, S], 0, S),
    stable("max_over_time", &[M], 0, V),
    experimental("min_of", &[S, S], 0, S),
    stable("min_over_time", &[M], 0, V),
    stable("minute", &[V], 1, V),
    stable("month", &[V], 1, V),
    stable("pi", &[], 0, S),
    stable("predict_linear", &[M, S], 0, V),
    stable("present_over_time", &[M], 0, V),
    stable("quantile_over_time", &[S, M], 0, V),
    stable("rad", &[V], 0, V),
    experimental("range", &[], 0, S),
    stable("rate", &[M], 0, V),
    stable("resets", &[M], 0, V),
    stable("round", &[V, S], 1, V),
    stable("scalar", &[V], 0, S),
    stable("sgn", &[V], 0, V),
    stable("sin", &[V], 0, V),
    stable("sinh", &[V], 0, V),
    stable("sort", &[V], 0, V),
    experimental("sort_by_label", &[V, T], -1, V),
    experimental("sort_by_label_desc", &[V, T], -1, V),
    stable("sort_desc", &[V], 0, V),
    stable("sqrt", &[V], 0, V),
    experimental("start", &[], 0, S),
    experimental("start_timestamp", &[V], 0, V),
    stable("stddev_over_time", &[M], 0, V),
    stable("stdvar_over_time", &[M], 0, V),
    experimental("step", &[], 0, S),
    stable("sum_over_time", &[M], 0, V),
    stable("tan", &[V], 0, V),
    stable("tanh", &[V], 0, V),
    stable("time", &[], 0, S),
    stable("timestamp", &[V], 0, V),
    experimental("ts_of_first_over_time", &[M], 0, V),
    experimental("ts_of_last_over_time", &[M], 0, V),
    experimental("ts_of_max_over_time", &[M], 0, V),
    experimental("ts_of_min_over_time", &[M], 0, V),
    stable("vector", &[S], 0, V),
    stable("year", &[V], 1, V),
];

/// The function of that name; names are case-sensitive.
pub(super) fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.binary_search_by(|f| f.name.cmp(name)).ok().map(|i| &FUNCTIONS[i])
}

impl Function {
    /// The type that argument `index` must have; None for one too many.
    pub(super) fn arg(&self, index: usize) -> Option<Type> {
        self.args.get(index).or(if self.variadic == 0 { None } else { self.args.last() }).copied()
    }

    /// The fewest and the most arguments; None: any number.
    pub(super) fn arity(&self) -> (usize, Option<usize>) {
        let fixed = self.args.len() - usize::from(self.variadic != 0);
        (fixed, usize::try_from(self.variadic).ok().map(|more| fixed + more))
    }

    /// Does it say whether something is missing, with labels made from the matchers?
    pub(super) fn is_absent(&self) -> bool {
        matches!(self.name, "absent" | "absent_over_time")
    }

    /// Does it leave the metric name on its result?
    pub(super) fn keeps_name(&self) -> bool {
        matches!(
            self.name,
            "first_over_time"
                | "last_over_time"
                | "info"
                | "label_join"
                | "label_replace"
                | "sort"
                | "sort_by_label"
                | "sort_by_label_desc"
                | "sort_desc"
        )
    }
}

const AGGREGATORS: [&str; 14] = [
    "avg",
    "bottomk",
    "count",
    "count_values",
    "group",
    "limit_ratio",
    "limitk",
    "max",
    "min",
    "quantile",
    "stddev",
    "stdvar",
    "sum",
    "topk",
];

/// The aggregation of that name, in any case.
pub(super) fn aggregator(word: &str) -> Option<&'static str> {
    AGGREGATORS.into_iter().find(|name| name.eq_ignore_ascii_case(word))
}

pub(super) fn is_experimental_aggregator(name: &str) -> bool {
    matches!(name, "limitk" | "limit_ratio")
}

/// The type of an aggregation's parameter; None when it has none.
pub(super) fn aggregation_parameter(name: &str) -> Option<Type> {
    match name {
        "topk" | "bottomk" | "quantile" | "limitk" | "limit_ratio" => Some(Type::Scalar),
        "count_values" => Some(Type::String),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_searched() {
        assert!(FUNCTIONS.is_sorted_by(|a, b| a.name < b.name));
        for (name, want) in
            [("rate", Some(false)), ("year", Some(false)), ("info", Some(true)), ("xrate", None), ("sum", None), ("RATE", None)]
        {
            assert_eq!(function(name).map(|f| f.experimental), want, "{name}");
        }
    }

    #[test]
    fn arity() {
        for (name, want) in [
            ("pi", (0, Some(0))),
            ("hour", (0, Some(1))),
            ("label_join", (3, None)),
            ("round", (1, Some(2))),
            ("histogram_quantiles", (3, Some(12))),
        ] {
            assert_eq!(function(name).map(Function::arity), Some(want), "{name}");
        }
    }
}
