//! `roles.yaml`: what the users and groups of an issuer may see and do, where their tokens do not say.
//!
//! ```yaml
//! roles:
//!   - {user: alice, namespaces: [team-a]}
//!   - {group: ml-admins, namespaces: [team-a, team-b], permissions: [Dashboard:create, Dashboard:update, Metrics:query]}
//!   - {group: platform, issuer: "https://sso.example/realms/main", cluster: true, permissions: ["*"]}
//! ```
//! Every entry that fits adds to the others; `issuer` binds one to the tokens of that issuer, for names that two issuers
//! could give to different people. Entries without `permissions` add none; who ends up with none at all gets
//! [`Permissions::VIEWER`]. Static users have all of this in users.yaml.

use super::yaml::{Fault, entries};
use super::{Permissions, Scope};

/// All entries of one roles.yaml.
#[derive(Default)]
pub(super) struct Roles(Vec<Role>);

struct Role {
    who: Who,
    issuer: Option<String>,
    grant: Grant,
}

enum Who {
    User(String),
    Group(String),
}

/// What somebody gets.
pub(super) struct Grant {
    pub(super) scope: Scope,
    pub(super) permissions: Permissions,
}

const KEYS: [&str; 6] = ["user", "group", "issuer", "namespaces", "cluster", "permissions"];

impl Roles {
    pub(super) fn parse(text: &str) -> Result<Roles, Fault> {
        let mut roles = Vec::new();
        entries(text, "roles", &KEYS, |entry| {
            let who = match (entry.text("user")?, entry.text("group")?) {
                (Some(user), None) => Who::User(user.to_owned()),
                (None, Some(group)) => Who::Group(group.to_owned()),
                _ => return entry.fault("a role needs exactly one of `user` and `group`"),
            };
            let grant = Grant { scope: entry.scope()?, permissions: entry.permissions()?.unwrap_or(Permissions::NONE) };
            if grant.scope == Scope::Nothing && grant.permissions.is_empty() {
                return entry.fault("a role that grants nothing: give `namespaces`, `cluster: true` or `permissions`");
            }
            roles.push(Role { who, issuer: entry.text("issuer")?.map(str::to_owned), grant });
            Ok(())
        })?;
        Ok(Roles(roles))
    }

    /// Everything that the entries for this user and these groups grant together.
    pub(super) fn of(&self, issuer: &str, user: &str, groups: &[String]) -> Grant {
        let mut sum = Grant { scope: Scope::Nothing, permissions: Permissions::NONE };
        for role in &self.0 {
            let named = match &role.who {
                Who::User(name) => name == user,
                Who::Group(name) => groups.contains(name),
            };
            // With or without the slash at the end of a bare origin: see `jwt::issuer`.
            let here = role.issuer.as_deref().is_none_or(|name| name.trim_end_matches('/') == issuer.trim_end_matches('/'));
            if named && here {
                sum.scope = sum.scope.union(&role.grant.scope);
                sum.permissions = sum.permissions.union(role.grant.permissions);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenancy::{Namespace, Permission};

    const FILE: &str = "roles:
  - {user: alice, namespaces: [a]}
  - {group: ml, namespaces: [b], permissions: [Metrics:query]}
  - {group: ops, issuer: \"https://one.example\", cluster: true, permissions: [\"*\"]}
";

    #[test]
    fn entries_add_up() {
        let roles = Roles::parse(FILE).unwrap();
        let scope = |names: &[&str]| Scope::of(names.iter().map(|n| Namespace::new(n).unwrap()));
        for (issuer, user, groups, expect_scope, expect_permissions) in [
            ("https://one.example/", "alice", &[][..], scope(&["a"]), Permissions::NONE),
            ("https://one.example/", "alice", &["ml"], scope(&["a", "b"]), Permission::MetricsQuery.into()),
            ("https://one.example/", "bob", &["ops", "ml"], Scope::ClusterWide, Permissions::ALL),
            ("https://two.example/", "bob", &["ops"], Scope::Nothing, Permissions::NONE),
            ("https://one.example/", "ml", &["alice"], Scope::Nothing, Permissions::NONE),
        ] {
            let groups: Vec<String> = groups.iter().map(|g| (*g).to_string()).collect();
            let grant = roles.of(issuer, user, &groups);
            assert_eq!((grant.scope, grant.permissions), (expect_scope, expect_permissions), "{issuer} {user} {groups:?}");
        }
    }

    #[test]
    fn faults_name_the_line() {
        for (text, expect) in [
            ("roles:\n  - {namespaces: [a]}", "exactly one"),
            ("roles:\n  - {user: a, group: b, namespaces: [a]}", "exactly one"),
            ("roles:\n  - {user: a}", "grants nothing"),
            ("roles:\n  - {user: a, namespaces: [A]}", "lower-case"),
            ("roles:\n  - {user: a, permission: [x]}", "unknown key `permission`"),
        ] {
            let fault = Roles::parse(text).err().expect(text);
            assert!(fault.text.contains(expect) && fault.line == Some(2), "{text}: {fault:?}");
        }
    }
}
