//! Who is asking.

use std::fmt;

use super::{Permission, Permissions, Scope};

/// A caller, derived once per request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User name, for logs, limits and preferences. Unique within its provider only.
    pub user: String,
    /// Groups, sorted, without repeats.
    pub groups: Vec<String>,
    /// What they may see; never [`Scope::Nothing`] when it comes from an authenticator.
    pub scope: Scope,
    /// What they may do.
    pub permissions: Permissions,
    /// Who vouches for them.
    pub provider: ProviderKind,
}

impl Identity {
    /// Whether they may do it.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.allows(permission)
    }
}

/// The kinds of providers, as the configuration names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ProviderKind {
    /// Hashed tokens in a file.
    Static,
    /// Tokens of an OpenID Connect issuer.
    Jwt,
    /// No credentials, a fixed scope.
    Anonymous,
    /// Everything allowed.
    None,
}

impl ProviderKind {
    /// All of them.
    pub const ALL: [ProviderKind; 4] = [ProviderKind::Static, ProviderKind::Jwt, ProviderKind::Anonymous, ProviderKind::None];

    /// As the configuration names it; the `provider` label of metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            ProviderKind::Static => "static",
            ProviderKind::Jwt => "jwt",
            ProviderKind::Anonymous => "anonymous",
            ProviderKind::None => "none",
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
