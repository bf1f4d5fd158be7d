//! `auth:` who is asking.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

/// Providers in order; the first that recognises the credentials decides.
#[derive(Clone, Debug, Default)]
pub struct Auth {
    /// Empty means `none`: everything allowed, and refused on a listener that is not loopback.
    pub providers: Vec<Provider>,
    /// Who has which permissions and namespaces, for providers that do not say.
    pub roles_file: Option<PathBuf>,
    /// A cached decision never lives longer than this.
    pub revocation_bound: Option<Duration>,
}

/// One way to tell who is asking.
#[derive(Clone, Debug)]
pub enum Provider {
    /// Hashed tokens in a file.
    Static(StaticUsers),
    /// Tokens of an OpenID Connect issuer.
    Jwt(Jwt),
    /// No credentials needed, a fixed scope.
    Anonymous(Anonymous),
    /// Everything allowed.
    None {
        /// Also on a listener that is not loopback.
        forced: bool,
    },
}

/// `kind: static`.
#[derive(Clone, Debug)]
pub struct StaticUsers {
    /// users.yaml; read again when it changes.
    pub users_file: PathBuf,
}

/// `kind: jwt`.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// The issuer, exactly as in the `iss` claim; its keys are found by OIDC discovery below it.
    pub issuer: Url,
    /// Where the keys are, when the issuer has no discovery document.
    pub jwks_url: Option<Url>,
    /// `aud` has to contain one of these; never empty.
    pub audience: Vec<String>,
    /// Accepted signature algorithms, asymmetric only; `RS256` and `ES256` by default.
    pub algorithms: Vec<String>,
    /// Clock difference that is forgiven.
    pub leeway: Duration,
    /// Which claims say what.
    pub claims: Claims,
    /// Trusted authorities for the issuer's TLS instead of the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// What a user of this issuer may do, beside what the roles file says.
    pub permissions: Vec<String>,
}

/// Names of claims; a dot goes one level down (`realm_access.roles`).
#[derive(Clone, Debug)]
pub struct Claims {
    /// User name.
    pub user: String,
    /// Groups: a list, or words in one string.
    pub groups: String,
    /// Namespaces: a list, or words in one string.
    pub namespaces: String,
}

impl Default for Claims {
    fn default() -> Self {
        Claims { user: "sub".into(), groups: "groups".into(), namespaces: "namespaces".into() }
    }
}

/// `kind: anonymous`.
#[derive(Clone, Debug)]
pub struct Anonymous {
    /// The namespaces that everyone may read; never empty.
    pub namespaces: BTreeSet<String>,
    /// What everyone may do.
    pub permissions: Vec<String>,
}
