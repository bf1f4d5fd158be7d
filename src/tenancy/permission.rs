//! What a caller may do.

use std::fmt;
use std::str::FromStr;

/// One of the eight rights of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Permission {
    /// Make a dashboard.
    DashboardCreate,
    /// See dashboards.
    DashboardRead,
    /// Change a dashboard.
    DashboardUpdate,
    /// Archive a dashboard.
    DashboardDelete,
    /// Hand out links to a dashboard.
    DashboardShare,
    /// See templates.
    TemplateRead,
    /// Ask for metrics.
    MetricsQuery,
    /// See who did what.
    AuditLogRead,
}

impl Permission {
    /// All of them, in the order of the API's description.
    pub const ALL: [Permission; 8] = [
        Permission::DashboardCreate,
        Permission::DashboardRead,
        Permission::DashboardUpdate,
        Permission::DashboardDelete,
        Permission::DashboardShare,
        Permission::TemplateRead,
        Permission::MetricsQuery,
        Permission::AuditLogRead,
    ];

    /// As it is written in files and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Permission::DashboardCreate => "Dashboard:create",
            Permission::DashboardRead => "Dashboard:read",
            Permission::DashboardUpdate => "Dashboard:update",
            Permission::DashboardDelete => "Dashboard:delete",
            Permission::DashboardShare => "Dashboard:share",
            Permission::TemplateRead => "Template:read",
            Permission::MetricsQuery => "Metrics:query",
            Permission::AuditLogRead => "AuditLog:read",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a permission: expected \"*\" or one of {all}", all = Permission::ALL.map(Permission::as_str).join(", "))]
pub struct UnknownPermission(pub String);

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Permission, UnknownPermission> {
        Permission::ALL.into_iter().find(|p| p.as_str() == text).ok_or_else(|| UnknownPermission(text.chars().take(64).collect()))
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Permissions(u8);

impl Permissions {
    /// None.
    pub const NONE: Permissions = Permissions(0);
    /// All eight; `*` in files.
    pub const ALL: Permissions = Permissions(0xff);
    /// What those get of whom no file says anything else: to look, not to touch.
    pub const VIEWER: Permissions =
        Permissions(Permission::DashboardRead.bit() | Permission::TemplateRead.bit() | Permission::MetricsQuery.bit());

    /// The set that the texts name; `*` is all of them.
    ///
    /// # Errors
    /// When one of them names no permission.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Permissions, UnknownPermission> {
        let mut set = Permissions::NONE;
        for text in texts {
            set = set.union(if text == "*" { Permissions::ALL } else { Permissions::from(text.parse::<Permission>()?) });
        }
        Ok(set)
    }

    /// Whether the permission is in the set.
    pub fn allows(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Both sets together.
    #[must_use]
    pub fn union(self, other: Permissions) -> Permissions {
        Permissions(self.0 | other.0)
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The permissions, in the order of [`Permission::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |p| self.allows(*p))
    }
}

impl From<Permission> for Permissions {
    fn from(permission: Permission) -> Permissions {
        Permissions(permission.bit())
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Permission::as_str)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_is_read_as_it_is_written() {
        for permission in Permission::ALL {
            assert_eq!(permission.to_string().parse(), Ok(permission));
            assert!(Permissions::ALL.allows(permission) && !Permissions::NONE.allows(permission));
        }
        assert_eq!(Permissions::ALL.iter().count(), 8);
    }

    #[test]
    fn sets_are_read_from_lists() {
        assert_eq!(Permissions::parse(["Metrics:query", "Dashboard:read", "Template:read"]).unwrap(), Permissions::VIEWER);
        assert_eq!(Permissions::parse(["Metrics:query", "*"]).unwrap(), Permissions::ALL);
        assert!(Permissions::parse([]).unwrap().is_empty());
    }

    #[test]
    fn an_unknown_one_is_answered_with_the_known_ones() {
        for wrong in ["", "metrics:query", "Dashboard:*", "Dashboard"] {
            let message = Permissions::parse([wrong]).unwrap_err().to_string();
            assert!(message.contains("Metrics:query") && message.contains(&format!("{wrong:?}")), "{message}");
        }
    }
}
