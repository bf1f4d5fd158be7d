//! Who did what: with the change or not at all.

use hecate::dashboards::{Action, AuditFilter, Event, Expected, Outcome, StoreError};
use hecate::tenancy::{Namespace, Scope};

use super::{Home, actor, at, body, create, save};

super::on_both!(every_change_has_its_line, what_was_refused_leaves_no_line, pages_and_filters);

fn all() -> AuditFilter {
    AuditFilter { limit: 100, ..AuditFilter::default() }
}

async fn every_change_has_its_line(home: Home) {
    let store = home.store().await;
    create(&store, "alice", &body("p", "n", "one")).await.unwrap();
    save(&store, "bob", &body("p", "n", "two"), at(0)).await.unwrap();
    store.archive(&actor("carol"), "p", "n", &Expected::Any).await.unwrap();
    store.unarchive(&actor("carol"), "p", "n").await.unwrap();
    store.archive(&actor("carol"), "p", "n", &Expected::Any).await.unwrap();
    store.purge(&actor("dora"), "p", "n").await.unwrap();
    let denied = Event { action: Action::Create, project: "p", name: "m", version: None, outcome: Outcome::Denied };
    store.note(&actor("eve"), denied).await.unwrap();
    let page = store.audit(&Scope::ClusterWide, &all()).await.unwrap();
    let mut told: Vec<_> =
        page.entries.iter().map(|e| format!("{} {} {} {:?} {}", e.user, e.action, e.name, e.version, e.outcome)).collect();
    told.sort();
    let expected = [
        "alice dashboard.create n Some(0) success",
        "bob dashboard.update n Some(1) success",
        "carol dashboard.delete n Some(1) success",
        "carol dashboard.delete n Some(2) success",
        "carol dashboard.restore n Some(2) success",
        "dora dashboard.purge n None success",
        "eve dashboard.create m None denied",
    ];
    assert_eq!(told, expected);
    let first = page.entries.iter().find(|e| e.user == "alice").unwrap();
    assert_eq!(
        (first.address.as_str(), first.request_id.as_str(), first.resource.as_str()),
        ("192.0.2.7", "request-of-alice", "dashboard")
    );
    assert!(page.entries.windows(2).all(|pair| pair[0].time >= pair[1].time), "newest first");
}

async fn what_was_refused_leaves_no_line(home: Home) {
    let store = home.store().await;
    create(&store, "alice", &body("p", "n", "one")).await.unwrap();
    assert!(matches!(create(&store, "bob", &body("p", "n", "x")).await, Err(StoreError::NameTaken { .. })));
    assert!(matches!(save(&store, "bob", &body("p", "n", "x"), at(5)).await, Err(StoreError::Conflict(_))));
    assert!(store.purge(&actor("bob"), "p", "n").await.is_err());
    assert_eq!(store.audit(&Scope::ClusterWide, &all()).await.unwrap().entries.len(), 1);
}

async fn pages_and_filters(home: Home) {
    let store = home.store().await;
    for n in 0..7 {
        let project = if n % 2 == 0 { "a" } else { "b" };
        create(&store, if n < 4 { "alice" } else { "bob" }, &body(project, &format!("n{n}"), "T")).await.unwrap();
    }
    let mut filter = AuditFilter { limit: 3, ..AuditFilter::default() };
    let mut names = Vec::new();
    loop {
        let page = store.audit(&Scope::ClusterWide, &filter).await.unwrap();
        names.extend(page.entries.iter().map(|entry| entry.name.clone()));
        filter.after = page.next;
        if filter.after.is_none() {
            break;
        }
    }
    names.sort();
    assert_eq!(names, ["n0", "n1", "n2", "n3", "n4", "n5", "n6"]);
    let count = async |scope: &Scope, filter: AuditFilter| store.audit(scope, &filter).await.unwrap().entries.len();
    assert_eq!(count(&Scope::ClusterWide, AuditFilter { user: Some("alice".into()), ..all() }).await, 4);
    assert_eq!(count(&Scope::ClusterWide, AuditFilter { project: Some("b".into()), ..all() }).await, 3);
    assert_eq!(count(&Scope::ClusterWide, AuditFilter { action: Some("dashboard.update".into()), ..all() }).await, 0);
    assert_eq!(count(&Scope::of([Namespace::new("a").unwrap()]), all()).await, 4, "of one's own projects only");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    assert_eq!(count(&Scope::ClusterWide, AuditFilter { from: Some(now + 60_000), ..all() }).await, 0);
    assert_eq!(count(&Scope::ClusterWide, AuditFilter { from: Some(now - 600_000), to: Some(now + 60_000), ..all() }).await, 7);
}
