//! Whoever opened a stream, as far as it takes to look at their rights again while it lives.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;

use super::super::auth::Kept;
use super::super::{Arrival, Site, authors};
use crate::dashboards::StoreError;
use crate::stream::{Rights, Standing};
use crate::tenancy::{AuthError, Namespace, Permission, Scope};

/// Somebody who signed in.
pub(super) struct Guest {
    pub(super) site: Arc<Site>,
    pub(super) shown: Kept,
    /// What the stream takes.
    pub(super) permissions: Vec<Permission>,
    /// What the request was narrowed to.
    pub(super) narrowed: Vec<Vec<Namespace>>,
    /// What the stream shows.
    pub(super) scope: Scope,
}

#[async_trait]
impl Rights for Guest {
    async fn look(&self) -> Standing {
        let identity = match self.site.authenticator.authenticate(&self.shown.credentials()).await {
            Ok(identity) => identity,
            Err(AuthError::Unavailable { .. }) => return Standing::Unknown,
            Err(error) => return Standing::Lost(error.to_string()),
        };
        if let Some(lost) = self.permissions.iter().find(|permission| !identity.may(**permission)) {
            return Standing::Lost(format!("the permission {lost} was taken away"));
        }
        let mut scope = identity.scope.clone();
        for asked in &self.narrowed {
            match scope.narrow(asked) {
                Ok(narrowed) => scope = narrowed,
                Err(outside) => return Standing::Lost(outside.to_string()),
            }
        }
        if scope == self.scope {
            Standing::Good
        } else {
            Standing::Lost("what you may see has changed: come back for what it is now".to_owned())
        }
    }
}

/// Somebody who came by a link.
pub(super) struct Passer {
    pub(super) site: Arc<Site>,
    pub(super) token: String,
    pub(super) from: Option<IpAddr>,
    pub(super) arrival: Arc<Arrival>,
}

#[async_trait]
impl Rights for Passer {
    async fn look(&self) -> Standing {
        let looked = async {
            let shared = self.site.dashboards.shared(&self.token, self.from).await?;
            authors::may_still_share(&self.site, &shared, &self.arrival).await
        };
        match looked.await {
            Ok(true) => Standing::Good,
            Ok(false) => Standing::Lost(StoreError::NoShare.to_string()),
            Err(error @ (StoreError::NoShare | StoreError::ShareElsewhere | StoreError::NotFound { .. })) => {
                Standing::Lost(error.to_string())
            }
            Err(_) => Standing::Unknown,
        }
    }
}
