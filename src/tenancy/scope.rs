//! Which namespaces a caller may see.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Namespace;

/// What a caller may see. It can be narrowed, never widened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everything, series without any tenant included.
    ClusterWide,
    /// These namespaces; never empty when it comes from [`Scope::of`].
    Namespaces(Arc<BTreeSet<Namespace>>),
    /// Nothing at all: the caller is refused, never given an empty matcher.
    Nothing,
}

/// Some of the namespaces that were asked for are outside the caller's scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("outside your scope: {}", list(.asked))]
pub struct OutsideScope {
    /// Those of the namespaces asked for that are outside; never any other.
    pub asked: Vec<Namespace>,
}

fn list(names: &[Namespace]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("namespace {:?}", name.as_str())).collect();
    quoted.join(", ")
}

impl Scope {
    /// The scope of these namespaces, [`Scope::Nothing`] when there are none.
    pub fn of(namespaces: impl IntoIterator<Item = Namespace>) -> Scope {
        let set: BTreeSet<Namespace> = namespaces.into_iter().collect();
        if set.is_empty() { Scope::Nothing } else { Scope::Namespaces(Arc::new(set)) }
    }

    /// The scope that is left when only `asked` is wanted. Asking for none leaves it as it is.
    ///
    /// # Errors
    /// When one of them is outside this scope; the error names those and no other.
    pub fn narrow(&self, asked: &[Namespace]) -> Result<Scope, OutsideScope> {
        if asked.is_empty() {
            return Ok(self.clone());
        }
        let mut outside: Vec<Namespace> = asked.iter().filter(|name| !self.contains(name)).cloned().collect();
        if outside.is_empty() {
            return Ok(Scope::of(asked.iter().cloned()));
        }
        outside.sort();
        outside.dedup();
        Err(OutsideScope { asked: outside })
    }

    /// Whether the namespace is inside.
    pub fn contains(&self, namespace: &Namespace) -> bool {
        match self {
            Scope::ClusterWide => true,
            Scope::Namespaces(set) => set.contains(namespace),
            Scope::Nothing => false,
        }
    }

    /// Whether everything is inside.
    pub fn is_cluster_wide(&self) -> bool {
        matches!(self, Scope::ClusterWide)
    }

    /// What either of the two sees.
    pub fn union(&self, other: &Scope) -> Scope {
        match (self, other) {
            (Scope::ClusterWide, _) | (_, Scope::ClusterWide) => Scope::ClusterWide,
            (Scope::Nothing, scope) | (scope, Scope::Nothing) => scope.clone(),
            (Scope::Namespaces(a), Scope::Namespaces(b)) => Scope::Namespaces(Arc::new(a.union(b).cloned().collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(list: &[&str]) -> Vec<Namespace> {
        list.iter().map(|n| Namespace::new(n).unwrap()).collect()
    }

    fn scope(list: &[&str]) -> Scope {
        Scope::of(names(list))
    }

    #[test]
    fn narrowing_takes_away_and_never_adds() {
        for (from, asked, expect) in [
            (scope(&["a", "b"]), &[][..], Ok(scope(&["a", "b"]))),
            (scope(&["a", "b"]), &["a"], Ok(scope(&["a"]))),
            (scope(&["a", "b"]), &["b", "a", "b"], Ok(scope(&["a", "b"]))),
            (scope(&["a", "b"]), &["c"], Err(vec!["c"])),
            (scope(&["a", "b"]), &["c", "a", "d", "c"], Err(vec!["c", "d"])),
            (Scope::ClusterWide, &[], Ok(Scope::ClusterWide)),
            (Scope::ClusterWide, &["x"], Ok(scope(&["x"]))),
            (Scope::Nothing, &[], Ok(Scope::Nothing)),
            (Scope::Nothing, &["x"], Err(vec!["x"])),
        ] {
            assert_eq!(from.narrow(&names(asked)), expect.map_err(|outside| OutsideScope { asked: names(&outside) }), "{from:?} {asked:?}");
        }
    }

    #[test]
    fn the_error_names_what_was_asked_for_only() {
        let message = scope(&["mine", "secret"]).narrow(&names(&["mine", "theirs"])).unwrap_err().to_string();
        assert_eq!(message, "outside your scope: namespace \"theirs\"");
    }

    #[test]
    fn no_namespaces_are_nothing() {
        assert_eq!(Scope::of([]), Scope::Nothing);
        assert_eq!(Scope::Nothing.union(&Scope::Nothing), Scope::Nothing);
        assert_eq!(Scope::Nothing.union(&scope(&["a"])), scope(&["a"]));
        assert_eq!(scope(&["a"]).union(&scope(&["b"])), scope(&["a", "b"]));
        assert_eq!(scope(&["a"]).union(&Scope::ClusterWide), Scope::ClusterWide);
    }

    proptest! {
        #[test]
        fn a_narrowed_scope_is_inside_the_old_one(have in prop::collection::vec("[a-d]", 0..4), asked in prop::collection::vec("[a-d]", 1..4)) {
            let have = Scope::of(have.iter().map(|n| Namespace::new(n).unwrap()));
            let asked: Vec<Namespace> = asked.iter().map(|n| Namespace::new(n).unwrap()).collect();
            match have.narrow(&asked) {
                Ok(Scope::Namespaces(set)) => prop_assert!(set.iter().all(|n| have.contains(n) && asked.contains(n)) && !set.is_empty()),
                Ok(other) => prop_assert!(false, "narrowed to {other:?}"),
                Err(outside) => prop_assert!(!outside.asked.is_empty() && outside.asked.iter().all(|n| !have.contains(n) && asked.contains(n))),
            }
        }
    }
}
