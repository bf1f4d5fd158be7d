//! Links go with the right of their author: it is looked at when a link is used, where it can be, and when the author comes by.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::{Arrival, Site};
use crate::dashboards::{Shared, StoreError};
use crate::tenancy::{Identity, Namespace, Permission, Standing};

/// People whose rights are remembered; of others the links are looked at once more.
const PEOPLE: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// Rights as they were when their links were looked at last.
pub struct Authors(Mutex<LruCache<Box<str>, Arc<Identity>>>);

impl Default for Authors {
    fn default() -> Self {
        Authors(Mutex::new(LruCache::new(PEOPLE)))
    }
}

impl Authors {
    fn knows(&self, author: &str, identity: &Arc<Identity>) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(author).is_some_and(|known| Arc::ptr_eq(known, identity) || known == identity)
    }

    fn remember(&self, author: String, identity: Arc<Identity>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(author.into(), identity);
    }
}

/// Who they are beyond one provider, in which alone a name is unique.
pub(super) fn author(identity: &Identity) -> String {
    format!("{} {}", identity.provider.as_str(), identity.user)
}

/// Takes back the links that somebody may not give any more, when their rights are not those of the last time.
pub(super) async fn notice(site: &Site, identity: &Arc<Identity>, arrival: &Arrival) {
    let name = author(identity);
    // Of others it is asked whenever a link is used.
    if site.authenticator.knows_everybody_of(identity.provider) || site.authors.knows(&name, identity) {
        return;
    }
    match site.dashboards.take_back(&name, arrival.request_id.as_str(), |project| may_share_in(identity, project)).await {
        Ok(_) => site.authors.remember(name, identity.clone()),
        // Their next request tries again; the links are not served without the database either.
        Err(error) => tracing::debug!(%error, "links of an author were not looked at"),
    }
}

/// Whether the author of a link may still give it; if not, it is taken back with all of theirs that they may not.
pub(super) async fn may_still_share(site: &Site, shared: &Shared, arrival: &Arrival) -> Result<bool, StoreError> {
    let (provider, user) = shared.author.split_once(' ').unwrap_or_default();
    let Standing::Known(identities) = site.authenticator.standing(provider, user).await else { return Ok(true) };
    let may = |project: &str| identities.iter().any(|identity| may_share_in(identity, project));
    if may(&shared.dashboard.project) {
        return Ok(true);
    }
    site.dashboards.take_back(&shared.author, arrival.request_id.as_str(), may).await?;
    Ok(false)
}

fn may_share_in(identity: &Identity, project: &str) -> bool {
    identity.may(Permission::DashboardShare) && Namespace::new(project).is_ok_and(|project| identity.scope.contains(&project))
}

#[cfg(test)]
mod tests {
    use super::super::track::tests::site;
    use super::super::{Accepts, Story};
    use super::*;
    use crate::config::{Config, Dashboards, Secret};
    use crate::dashboards::{Actor, Document, Expect, NewDashboard, NewShare};
    use crate::telemetry::{RequestId, TraceContext};
    use crate::tenancy::{Permissions, ProviderKind, Scope};

    fn identity(namespaces: &[&str], permissions: &[&str]) -> Arc<Identity> {
        Arc::new(Identity {
            user: "alice".into(),
            groups: Vec::new(),
            scope: Scope::of(namespaces.iter().map(|name| Namespace::new(name).unwrap())),
            permissions: Permissions::parse(permissions.iter().copied()).unwrap(),
            provider: ProviderKind::Jwt,
        })
    }

    fn arrival() -> Arrival {
        Arrival {
            client: None,
            request_id: RequestId::generate(),
            trace: TraceContext::new_root(false),
            http2: false,
            accepts: Accepts::PLAIN,
            started: std::time::Instant::now(),
            story: Story::default(),
        }
    }

    /// Whose rights only their token tells: their links go when they come by without the right.
    #[tokio::test]
    async fn links_go_when_their_author_is_seen_without_the_right() {
        let folder = tempfile::tempdir().unwrap();
        let database = Secret::new(format!("sqlite:{}", folder.path().join("x.db").display()));
        let site = site(&Config { dashboards: Dashboards { database, ..Dashboards::default() }, ..Config::default() });
        let store = &site.dashboards;
        store.migrate().await.unwrap();
        let actor = Actor { user: "alice".into(), address: None, request_id: "r".into() };
        let mut tokens = Vec::new();
        for project in ["a", "b"] {
            let text = format!(r#"{{"kind":"Dashboard","metadata":{{"name":"n","project":"{project}"}},"spec":{{}}}}"#);
            let document = Document::read(&text, Expect::default()).unwrap();
            store.create(&actor, NewDashboard { document: &document, template: None, key: None, message: "" }).await.unwrap();
            let new = NewShare { author: "jwt alice", life: std::time::Duration::from_secs(60), cidrs: &[] };
            tokens.push(store.share(&actor, (project, "n"), new).await.unwrap().1);
        }
        let works = async || [store.shared(&tokens[0], None).await.is_ok(), store.shared(&tokens[1], None).await.is_ok()];
        for (rights, working) in [
            (identity(&["a", "b"], &["Dashboard:share"]), [true, true]),
            (identity(&["a", "c"], &["Dashboard:share"]), [true, false]),
            // What was taken back does not come again.
            (identity(&["a", "b"], &["Dashboard:share"]), [true, false]),
            (identity(&["a", "b"], &["Dashboard:read"]), [false, false]),
        ] {
            notice(&site, &rights, &arrival()).await;
            assert_eq!(works().await, working, "{rights:?}");
            assert!(site.authors.knows("jwt alice", &Arc::new(rights.as_ref().clone())), "what did not change is not looked at again");
        }
    }
}
