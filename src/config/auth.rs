//! `auth:` who is asking.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::reader::{Map, closest};
use super::yaml::Node;
use super::{SignIn, later, values};

/// Providers in order; the first that recognises the credentials decides.
#[derive(Clone, Debug, Default)]
pub struct Auth {
    /// Empty means `none`: everything allowed, and refused on a listener that is not loopback.
    pub providers: Vec<Provider>,
    /// Who has which permissions and namespaces, for providers that do not say.
    pub roles_file: Option<PathBuf>,
    /// A cached decision never lives longer than this.
    pub revocation_bound: Option<Duration>,
    /// How people sign in with a browser, where they do.
    pub sign_in: Option<SignIn>,
}

/// One way to tell who is asking.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a handful exist, read once; a box would only be in the way")]
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

/// What may be asked for in `permissions`.
const PERMISSIONS: &[&str] = &[
    "Dashboard:create",
    "Dashboard:read",
    "Dashboard:update",
    "Dashboard:delete",
    "Dashboard:share",
    "Template:read",
    "Metrics:query",
    "AuditLog:read",
];

/// Signatures that need no shared secret.
const ALGORITHMS: &[&str] = &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// `kind` of a provider, as it is written.
const KINDS: &[&str] = &["static", "jwt", "anonymous", "none"];

impl Auth {
    pub(super) fn read(map: &mut Map<'_>) -> Auth {
        let bound = values::duration(Duration::from_secs(1)..=Duration::from_secs(24 * 3600));
        let auth = Auth {
            providers: map.maps("providers", Provider::read).unwrap_or_default(),
            roles_file: map.value("roles_file", values::path),
            revocation_bound: map.value("revocation_bound", bound),
            sign_in: map.map("sign_in", SignIn::read).flatten(),
        };
        if let Some(sign_in) = &auth.sign_in {
            sign_in.check_providers(map.findings(), &auth.providers);
        }
        let has_none = auth.providers.iter().any(|provider| matches!(provider, Provider::None { .. }));
        if has_none && auth.providers.len() > 1 {
            map.error_at("providers", "`kind: none` allows everything to everybody, so it has to stand alone");
        }
        auth
    }

    /// Nobody is asked who they are, and nobody said that this is meant.
    pub(super) fn is_open_by_accident(&self) -> bool {
        self.providers.is_empty() || self.providers.iter().any(|provider| matches!(provider, Provider::None { forced: false }))
    }
}

impl Provider {
    fn read(map: &mut Map<'_>) -> Option<Provider> {
        let expected = format!("one of {}", KINDS.join(", "));
        let kind = map.required("kind", &expected, values::text);
        match kind.as_deref() {
            Some("static") => StaticUsers::read(map).map(Provider::Static),
            Some("jwt") => Jwt::read(map).map(Provider::Jwt),
            Some("anonymous") => Anonymous::read(map).map(Provider::Anonymous),
            Some("none") => Some(Provider::None { forced: map.value("force", values::switch).unwrap_or(false) }),
            Some(later) if later::PROVIDERS.contains(&later) => {
                map.ignore_rest();
                map.error_at("kind", format!("\"{later}\" is not in this version; it has {}", KINDS.join(", ")));
                None
            }
            Some(unknown) => {
                map.ignore_rest();
                let hint = closest(unknown, KINDS).map(|kind| format!("; the closest is {kind}")).unwrap_or_default();
                map.error_at("kind", format!("{} is not one of {}{hint}", values::quote(unknown), KINDS.join(", ")));
                None
            }
            None => {
                map.ignore_rest();
                None
            }
        }
    }
}

impl StaticUsers {
    fn read(map: &mut Map<'_>) -> Option<StaticUsers> {
        let users_file = map.required("users_file", "the file with users and hashed tokens, such as users.yaml", values::path)?;
        Some(StaticUsers { users_file })
    }
}

impl Jwt {
    fn read(map: &mut Map<'_>) -> Option<Jwt> {
        let issuer = map.required("issuer", "the `iss` of the tokens, such as https://login.example/realms/main", values::http_url);
        let audience = map.required("audience", "what `aud` has to contain, a text or a list", audience);
        let leeway = values::duration(Duration::ZERO..=Duration::from_secs(600));
        let jwks_url = map.value("jwks_url", values::http_url);
        let algorithms = map.values("algorithms", algorithm);
        if algorithms.as_ref().is_some_and(Vec::is_empty) && map.is_empty_list("algorithms") {
            map.error_at("algorithms", format!("is empty; leave it out, or name some of {}", ALGORITHMS.join(", ")));
        }
        let leeway = map.value("leeway", leeway).unwrap_or(Duration::from_secs(30));
        let claims = map.map("claims", Claims::read).unwrap_or_default();
        let ca_file = map.value("ca_file", values::path);
        let permissions = read_permissions(map);
        Some(Jwt {
            issuer: issuer?,
            jwks_url,
            audience: audience?,
            algorithms: algorithms.unwrap_or_else(|| vec!["RS256".to_owned(), "ES256".to_owned()]),
            leeway,
            claims,
            ca_file,
            permissions,
        })
    }
}

impl Claims {
    fn read(map: &mut Map<'_>) -> Claims {
        let usual = Claims::default();
        Claims {
            user: map.value("user", values::text).unwrap_or(usual.user),
            groups: map.value("groups", values::text).unwrap_or(usual.groups),
            namespaces: map.value("namespaces", values::text).unwrap_or(usual.namespaces),
        }
    }
}

impl Anonymous {
    fn read(map: &mut Map<'_>) -> Option<Anonymous> {
        let namespaces = map.values("namespaces", namespace);
        let is_missing = namespaces.is_none() && !map.has("namespaces");
        if is_missing || map.is_empty_list("namespaces") {
            map.error_at("namespaces", "missing or empty; name the namespaces that everyone may read");
        }
        let permissions = read_permissions(map);
        Some(Anonymous { namespaces: namespaces?.into_iter().collect(), permissions })
    }
}

/// By default: to query. A list that is there but empty means nothing at all.
fn read_permissions(map: &mut Map<'_>) -> Vec<String> {
    map.values("permissions", permission).unwrap_or_else(|| vec!["Metrics:query".to_owned()])
}

fn permission(node: &Node) -> Result<String, String> {
    let written = values::text(node)?;
    if written == "*" || PERMISSIONS.contains(&written.as_str()) {
        return Ok(written);
    }
    let hint = closest(&written, PERMISSIONS).map(|known| format!("; the closest is {known}")).unwrap_or_default();
    Err(format!("{} is not a permission{hint}; known are {} and \"*\"", values::quote(&written), PERMISSIONS.join(", ")))
}

fn audience(node: &Node) -> Result<Vec<String>, String> {
    let audience = values::text_or_list(node)?;
    if audience.is_empty() {
        return Err("is empty; without an audience a token for any other service would be accepted".to_owned());
    }
    Ok(audience)
}

fn algorithm(node: &Node) -> Result<String, String> {
    let written = values::text(node)?;
    if ALGORITHMS.contains(&written.as_str()) {
        return Ok(written);
    }
    let known = ALGORITHMS.join(", ");
    match written.to_ascii_uppercase().as_str() {
        "NONE" => Err(format!("\"none\" is no signature at all; choose from {known}")),
        shared if shared.starts_with("HS") => Err(format!("{written} signs with a shared secret; choose from {known}")),
        _ => Err(format!("{} is not one of {known}", values::quote(&written))),
    }
}

/// RFC 1123: what Kubernetes takes as the name of a namespace.
fn namespace(node: &Node) -> Result<String, String> {
    let written = values::text(node)?;
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = written.len() <= 63 && written.bytes().all(is_inner) && !written.starts_with('-') && !written.ends_with('-');
    if is_label {
        return Ok(written);
    }
    Err(format!("{} is not a namespace; up to 63 of a-z, 0-9 and -, which neither starts nor ends it", values::quote(&written)))
}
