//! Asks the providers in order, and remembers what they said.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::credentials::Presented;
use super::jwt::{JwtProvider, Unverified};
use super::roles::Roles;
use super::sign_in::SignIn;
use super::stats::{AuthStats, Outcome, bump};
use super::users::Users;
use super::verdicts::{Lifetimes, Verdict, Verdicts};
use super::watched::{Look, Watched};
use super::{AuthError, Credentials, Identity, Namespace, Permissions, ProviderKind, Scope, SetUpError};
use crate::config;

/// Tells who is asking. One per process, shared by all requests.
pub struct Authenticator {
    providers: Vec<Provider>,
    verdicts: Arc<Verdicts>,
    files: Arc<Files>,
    stats: Arc<AuthStats>,
    revocation_bound: Duration,
    pub(super) sign_in: Option<SignIn>,
}

/// What somebody may do who is not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What they would be let in with; nothing when they would not be.
    Known(Vec<Arc<Identity>>),
    /// Only their token says it.
    Unknown,
}

/// How long things take and last. The defaults are meant for every installation.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// A good verdict is kept this long, never past its token's end.
    pub allow: Duration,
    /// A bad verdict is kept this long.
    pub deny: Duration,
    /// How often the files of users and roles are looked at.
    pub file_poll: Duration,
    /// To get a connection to an issuer, TLS included.
    pub issuer_connect: Duration,
    /// The whole of one request to an issuer.
    pub issuer_total: Duration,
    /// Between two fetches of an issuer's keys, whatever tokens come in.
    pub key_retry: Duration,
    /// Keys older than this are renewed, while they go on being used; at twice this age a caller waits for the renewal.
    /// Twice this and `allow` together say how long a key that its issuer took back is still good.
    pub key_refresh: Duration,
    /// Keys older than this are believed no more: the issuer has been away for too long.
    pub key_lifetime: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            allow: Duration::from_secs(60),
            deny: Duration::from_secs(10),
            file_poll: Duration::from_secs(1),
            issuer_connect: Duration::from_secs(3),
            issuer_total: Duration::from_secs(5),
            key_retry: Duration::from_secs(5),
            key_refresh: Duration::from_secs(30),
            key_lifetime: Duration::from_secs(3600),
        }
    }
}

/// No decision lives longer, unless the configuration says otherwise.
const REVOCATION_BOUND: Duration = Duration::from_secs(120);

enum Provider {
    Static(Arc<Watched<Users>>),
    Jwt(Box<JwtProvider>),
    Anonymous(Arc<Identity>),
    None(Arc<Identity>),
}

/// What the decisions are made on, beside the tokens.
struct Files {
    users: Vec<Arc<Watched<Users>>>,
    roles: Option<Arc<Watched<Roles>>>,
    born: Instant,
    poll: Duration,
    /// When to look again, in milliseconds since `born`.
    next_look: AtomicU64,
    looking: AtomicBool,
}

/// A provider's answer, when it recognises the credentials.
struct Decision {
    verdict: Verdict,
    /// How long it can be good at most.
    left: Option<Duration>,
}

impl Authenticator {
    /// Sets the providers up; reads the files, asks no issuer yet.
    ///
    /// # Errors
    /// When a file cannot be used, an issuer's settings are not safe, or everyone would be let in on a listener that is
    /// not loopback.
    pub fn new(auth: &config::Auth, listen_is_loopback: bool) -> Result<Authenticator, SetUpError> {
        Authenticator::with_timing(auth, listen_is_loopback, Timing::default())
    }

    /// The same with other times than the usual ones.
    ///
    /// # Errors
    /// As [`Authenticator::new`].
    pub fn with_timing(auth: &config::Auth, listen_is_loopback: bool, timing: Timing) -> Result<Authenticator, SetUpError> {
        let stats = Arc::new(AuthStats::default());
        let roles = auth.roles_file.as_deref().map(|file| Watched::open(file, Roles::parse)).transpose()?.map(Arc::new);
        let nobody_configured = [config::Provider::None { forced: false }];
        let configured = if auth.providers.is_empty() { &nobody_configured[..] } else { &auth.providers };
        let mut providers = Vec::with_capacity(configured.len());
        let mut users = Vec::new();
        for provider in configured {
            providers.push(match provider {
                config::Provider::Static(settings) => {
                    let file = Arc::new(Watched::open(&settings.users_file, Users::parse)?);
                    users.push(Arc::clone(&file));
                    Provider::Static(file)
                }
                config::Provider::Jwt(settings) => {
                    Provider::Jwt(Box::new(JwtProvider::new(settings, roles.clone(), Arc::clone(&stats), timing)?))
                }
                config::Provider::Anonymous(settings) => Provider::Anonymous(Arc::new(anonymous(settings)?)),
                config::Provider::None { forced } if *forced || listen_is_loopback => Provider::None(Arc::new(everybody())),
                config::Provider::None { .. } => return Err(SetUpError::OpenToTheWorld),
            });
        }
        let revocation_bound = auth.revocation_bound.unwrap_or(REVOCATION_BOUND);
        // A live stream looks at its rights twice within the bound, and may hear a verdict that is as old as it can be.
        let lifetimes = Lifetimes { allow: timing.allow.min(revocation_bound / 2), deny: timing.deny.min(revocation_bound) };
        let poll = timing.file_poll.min(revocation_bound / 4);
        let files = Arc::new(Files {
            users,
            roles,
            born: Instant::now(),
            poll,
            next_look: AtomicU64::new(poll.as_millis().try_into().unwrap_or(u64::MAX)),
            looking: AtomicBool::new(false),
        });
        let sign_in = SignIn::new(auth, &stats, timing)?;
        Ok(Authenticator { providers, verdicts: Arc::new(Verdicts::new(lifetimes)?), files, stats, revocation_bound, sign_in })
    }

    /// Who shows these credentials. To be called once per request, inside a tokio runtime.
    ///
    /// # Errors
    /// When nobody is to be let in with them.
    pub async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Arc<Identity>, AuthError> {
        self.look_at_files().await;
        let presented = credentials.read(self.sessions()).inspect_err(|_| bump(&self.stats.unrecognised))?;
        let Some(key) = self.verdicts.key(&presented) else {
            return self.without_credentials();
        };
        if let Some(verdict) = self.verdicts.get(&key) {
            bump(&self.stats.verdict_hits);
            return verdict;
        }
        bump(&self.stats.verdict_misses);
        let generation = self.verdicts.generation();
        let decision = self.decide(&presented).await;
        self.verdicts.put(key, &decision.verdict, decision.left, generation);
        decision.verdict
    }

    /// What `WWW-Authenticate` should say: one header for each, none where other credentials would not help.
    pub fn challenges(&self, error: &AuthError) -> Vec<String> {
        let Some(bearer) = error.bearer_challenge() else {
            return Vec::new();
        };
        let mut challenges = vec![bearer];
        // Browsers open a window for Basic, over the page that would rather send people to sign in.
        if self.sign_in.is_none() && self.providers.iter().any(|provider| matches!(provider, Provider::Static(_))) {
            challenges.push("Basic realm=\"hecate\", charset=\"UTF-8\"".into());
        }
        challenges
    }

    /// What somebody may do who is not here: `provider` as in [`ProviderKind::as_str`], and their name there.
    pub async fn standing(&self, provider: &str, user: &str) -> Standing {
        self.look_at_files().await;
        let mut identities = Vec::new();
        for known in &self.providers {
            match known {
                Provider::Static(users) if provider == ProviderKind::Static.as_str() => identities.extend(users.get().of(user).cloned()),
                Provider::Jwt(_) if provider == ProviderKind::Jwt.as_str() => return Standing::Unknown,
                Provider::Anonymous(identity) | Provider::None(identity) if provider == identity.provider.as_str() => {
                    identities.push(Arc::clone(identity));
                }
                _ => {}
            }
        }
        Standing::Known(identities)
    }

    /// Whether [`Self::standing`] knows the people of this provider.
    pub fn knows_everybody_of(&self, provider: ProviderKind) -> bool {
        match provider {
            ProviderKind::Static | ProviderKind::Anonymous | ProviderKind::None => true,
            ProviderKind::Jwt => false,
        }
    }

    /// What has happened so far.
    pub fn stats(&self) -> &Arc<AuthStats> {
        &self.stats
    }

    /// A change of rights takes effect after this long at the latest: also for answers that were begun before.
    pub fn revocation_bound(&self) -> Duration {
        self.revocation_bound
    }

    fn without_credentials(&self) -> Verdict {
        for provider in &self.providers {
            let (identity, kind) = match provider {
                Provider::Anonymous(identity) => (identity, ProviderKind::Anonymous),
                Provider::None(identity) => (identity, ProviderKind::None),
                Provider::Static(_) | Provider::Jwt(_) => continue,
            };
            self.stats.count(kind, Outcome::Allowed);
            return Ok(Arc::clone(identity));
        }
        bump(&self.stats.unrecognised);
        Err(AuthError::Missing)
    }

    /// The first provider that recognises the credentials decides.
    async fn decide(&self, presented: &Presented) -> Decision {
        let unverified = match presented {
            Presented::Bearer(token) => Unverified::read(token).map(|unverified| (token, unverified)),
            Presented::Basic { .. } | Presented::Nothing => None,
        };
        for provider in &self.providers {
            let (kind, decision) = match (provider, &unverified) {
                (Provider::Static(users), _) => (ProviderKind::Static, by_file(&users.get(), presented)),
                (Provider::Jwt(provider), Some((text, token))) if provider.recognises(token) => {
                    (ProviderKind::Jwt, Some(by_issuer(provider, text, token).await))
                }
                (Provider::None(identity), _) => (ProviderKind::None, Some(Decision { verdict: Ok(Arc::clone(identity)), left: None })),
                // Wrong credentials are never taken for none.
                (Provider::Jwt(_) | Provider::Anonymous(_), _) => continue,
            };
            let Some(decision) = decision else {
                continue;
            };
            self.stats.count(
                kind,
                match &decision.verdict {
                    Ok(_) => Outcome::Allowed,
                    Err(AuthError::Unavailable { .. }) => Outcome::Unavailable,
                    Err(_) => Outcome::Denied,
                },
            );
            return decision;
        }
        bump(&self.stats.unrecognised);
        Decision { verdict: Err(AuthError::Unknown), left: None }
    }

    /// Looks at the files now and then. The one request that finds it due waits for it; a change drops all verdicts.
    async fn look_at_files(&self) {
        let files = &self.files;
        let now = u64::try_from(files.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        if (files.users.is_empty() && files.roles.is_none()) || now < files.next_look.load(Relaxed) || files.looking.swap(true, Relaxed) {
            return;
        }
        files.next_look.store(now.saturating_add(files.poll.as_millis().try_into().unwrap_or(u64::MAX)), Relaxed);
        let (files, verdicts, stats) = (Arc::clone(files), Arc::clone(&self.verdicts), Arc::clone(&self.stats));
        // The look goes on when this request is dropped while it waits. Should the runtime end, there is nobody left to answer.
        let _ = tokio::task::spawn_blocking(move || files.look(&verdicts, &stats)).await;
    }
}

impl Files {
    /// Takes over what has changed. Blocks on the file system.
    fn look(&self, verdicts: &Verdicts, stats: &AuthStats) {
        let looks: Vec<Look> = self.users.iter().map(|file| file.look()).chain(self.roles.iter().map(|file| file.look())).collect();
        if looks.contains(&Look::Changed) {
            verdicts.drop_all();
        }
        for look in looks {
            match look {
                Look::Same => {}
                Look::Changed => bump(&stats.file_reloads),
                Look::Failed => bump(&stats.file_reload_failures),
            }
        }
        self.looking.store(false, Relaxed);
    }
}

fn by_file(users: &Users, presented: &Presented) -> Option<Decision> {
    let (user, token) = match presented {
        Presented::Nothing => return None,
        Presented::Bearer(token) => ("", token),
        Presented::Basic { user, token } => (user.as_str(), token),
    };
    let identity = users.find(token)?;
    let verdict = if user.is_empty() || *user == identity.user {
        Ok(Arc::clone(identity))
    } else {
        Err(AuthError::Invalid("the user name is not the one that it belongs to; leave it empty or correct it".into()))
    };
    Some(Decision { verdict, left: None })
}

async fn by_issuer(provider: &JwtProvider, text: &str, token: &Unverified) -> Decision {
    match provider.check(text, token).await {
        Ok(good) => Decision { left: Some(good.left), verdict: Ok(Arc::new(good.identity)) },
        Err(error) => Decision { verdict: Err(error), left: None },
    }
}

fn anonymous(settings: &config::Anonymous) -> Result<Identity, SetUpError> {
    let names: Result<Vec<Namespace>, _> = settings.namespaces.iter().map(|name| Namespace::new(name)).collect();
    let scope = Scope::of(names.map_err(|error| SetUpError::Anonymous(error.to_string()))?);
    if scope == Scope::Nothing {
        return Err(SetUpError::Anonymous("`namespaces` is empty: name those that everyone may see".into()));
    }
    let permissions = Permissions::parse(settings.permissions.iter().map(String::as_str))?;
    let permissions = if permissions.is_empty() { Permissions::VIEWER } else { permissions };
    Ok(Identity { user: "anonymous".into(), groups: Vec::new(), scope, permissions, provider: ProviderKind::Anonymous })
}

fn everybody() -> Identity {
    Identity {
        user: "everybody".into(),
        groups: Vec::new(),
        scope: Scope::ClusterWide,
        permissions: Permissions::ALL,
        provider: ProviderKind::None,
    }
}

#[cfg(test)]
mod tests;
