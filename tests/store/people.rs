//! Preferences, favourites and recents belong to one person.

use hecate::dashboards::{Place, Preferences, Remembered, StoreError};

use super::Home;

super::on_both!(preferences_are_kept, favourites, recents_forget);

fn place(project: &str, name: &str) -> Place {
    Place { project: project.to_owned(), name: name.to_owned() }
}

async fn preferences_are_kept(home: Home) {
    let store = home.store().await;
    assert_eq!(store.remembered("static alice").await.unwrap(), Remembered::default());
    for theme in ["dark", "light"] {
        let preferences = Preferences { theme: Some(theme.into()), ..Preferences::default() };
        store.put_preferences("static alice", &preferences).await.unwrap();
        assert_eq!(store.remembered("static alice").await.unwrap().preferences, preferences);
    }
    assert_eq!(store.remembered("jwt alice").await.unwrap(), Remembered::default(), "another alice");
}

async fn favourites(home: Home) {
    let store = home.store().await;
    for _ in 0..2 {
        store.add_favourite("alice", &place("p", "n")).await.unwrap();
        store.add_favourite("alice", &place("a", "z")).await.unwrap();
    }
    assert_eq!(store.remembered("alice").await.unwrap().favourites, [place("a", "z"), place("p", "n")]);
    for _ in 0..2 {
        store.remove_favourite("alice", &place("p", "n")).await.unwrap();
    }
    assert_eq!(store.remembered("alice").await.unwrap().favourites, [place("a", "z")]);
    for n in 0..199 {
        store.add_favourite("alice", &place("p", &n.to_string())).await.unwrap();
    }
    assert!(matches!(store.add_favourite("alice", &place("p", "too.many")).await, Err(StoreError::Full { limit: 200, .. })));
    assert_eq!(store.remembered("alice").await.unwrap().favourites.len(), 200, "what was refused left nothing behind");
}

async fn recents_forget(home: Home) {
    let store = home.store().await;
    for n in 0..55 {
        store.looked_at("alice", &place("p", &format!("n{n}"))).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    store.looked_at("alice", &place("p", "n20")).await.unwrap();
    let recents = store.remembered("alice").await.unwrap().recents;
    assert_eq!((recents.len(), &recents[0], &recents[1]), (50, &place("p", "n20"), &place("p", "n54")));
    assert!(!recents.contains(&place("p", "n4")), "the oldest are forgotten");
    assert_eq!(store.remembered("bob").await.unwrap().recents, []);
}
