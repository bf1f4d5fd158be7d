//! Who is asking, what they may see, and which label of which metric says so. Knows no HTTP status.
//!
//! * [`Authenticator`]: credentials to [`Identity`], once per request
//! * [`Scope`] and [`Permissions`]: what an identity may see and do
//! * [`Sessions`]: credentials that a browser keeps for us, sealed; [`Authenticator::sign_in_by_code`] gives some
//! * [`Policy`]: a scope to the matchers of each selector, in the words of [`crate::promql`]
//!
//! Tokens are neither stored nor logged anywhere in here.

mod authenticator;
mod credentials;
mod error;
mod identity;
mod jwt;
mod namespace;
mod permission;
mod policy;
mod roles;
mod scope;
mod session;
mod sign_in;
mod stats;
mod token;
mod users;
mod verdicts;
mod watched;
mod yaml;

pub use authenticator::{Authenticator, Standing, Timing};
pub use credentials::Credentials;
pub use error::{AuthError, FileError, SetUpError};
pub use identity::{Identity, ProviderKind};
pub use namespace::{InvalidNamespace, Namespace};
pub use permission::{Permission, Permissions, UnknownPermission};
pub use policy::{Policy, ScopeRules};
pub use scope::{OutsideScope, Scope};
pub use session::{Begun, LOGIN_LIFETIME, NewSession, SessionError, Sessions, TooLong};
pub use sign_in::{SignInError, SignedIn};
pub use stats::{AuthStats, Outcome};
pub use token::{NewToken, new_token};
