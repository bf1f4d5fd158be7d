//! Lists: what is found, in which order, page by page.

use std::collections::BTreeSet;
use std::sync::Arc;

use hecate::dashboards::{Dashboard, Expected, Found, NewDashboard, Search, Sort, State, Store, StoreError};
use hecate::tenancy::{Namespace, Scope};
use serde_json::{Value, json};
use sqlx::{Connection as _, Row as _};

use super::{Home, actor, at, body, create, document, save};

super::on_both!(
    words_tags_template_and_author,
    words_that_nobody_has_go,
    only_what_may_be_seen,
    lists_follow_changes,
    totals_follow_changes,
    orders,
    pages_stay_in_step,
    a_cursor_of_another_list,
    ten_thousand
);

fn named(found: &[Arc<Dashboard>]) -> Vec<&str> {
    found.iter().map(|dashboard| dashboard.name.as_str()).collect()
}

async fn names(store: &Store, search: Search) -> Vec<String> {
    let found = both(store, &Scope::ClusterWide, &Search { limit: 100, ..search }).await;
    assert_eq!(found.total, found.dashboards.len() as u64);
    named(&found.dashboards).into_iter().map(str::to_owned).collect()
}

/// The list with panels, which the one without agrees with.
async fn both(store: &Store, scope: &Scope, search: &Search) -> Found {
    let whole = store.search(scope, &Search { heads_only: false, ..search.clone() }).await.unwrap();
    let heads = store.search(scope, &Search { heads_only: true, ..search.clone() }).await.unwrap();
    assert_eq!((&whole.next, whole.total), (&heads.next, heads.total), "{search:?}");
    let texts = |found: &Found| found.dashboards.iter().map(|dashboard| dashboard.head_text()).collect::<Vec<_>>();
    assert_eq!(texts(&whole), texts(&heads), "{search:?}");
    whole
}

/// Each change is seen at once by whoever lists heads, through this replica and through another one.
async fn lists_follow_changes(home: Home) {
    let (here, there) = (home.store().await, home.store().await);
    let all = |state| Search { state, limit: 100, ..Search::default() };
    let seen = async |state| {
        let mut lists = Vec::new();
        for store in [&here, &there] {
            let found = both(store, &Scope::ClusterWide, &all(state)).await;
            assert_eq!(found.total, found.dashboards.len() as u64);
            lists.push(found.dashboards.iter().map(|one| format!("{} {} {}", one.name, one.version, one.title)).collect::<Vec<_>>());
        }
        assert_eq!(lists[0], lists[1]);
        lists.remove(0)
    };
    create(&here, "x", &body("p", "a", "A")).await.unwrap();
    create(&there, "x", &body("p", "b", "B")).await.unwrap();
    assert_eq!(seen(None).await, ["a 0 A", "b 0 B"]);
    save(&there, "x", &body("p", "a", "A2"), at(0)).await.unwrap();
    assert_eq!(seen(None).await, ["a 1 A2", "b 0 B"]);
    here.archive(&actor("x"), "p", "a", &Expected::Any).await.unwrap();
    assert_eq!((seen(None).await, seen(Some(State::Archived)).await), (vec!["b 0 B".to_owned()], vec!["a 1 A2".to_owned()]));
    there.unarchive(&actor("x"), "p", "a").await.unwrap();
    assert_eq!((seen(None).await, seen(Some(State::Archived)).await), (vec!["a 2 A2".to_owned(), "b 0 B".to_owned()], vec![]));
    // What is read by name, too.
    for store in [&here, &there] {
        assert_eq!(store.get("p", "a").await.unwrap().dashboard.version, 2);
    }
    save(&there, "x", &body("p", "a", "A3"), at(2)).await.unwrap();
    assert_eq!(here.get("p", "a").await.unwrap().dashboard.title, "A3");
    there.archive(&actor("x"), "p", "a", &Expected::Any).await.unwrap();
    assert!(matches!(here.get("p", "a").await, Err(StoreError::NotFound { .. })));
    create(&there, "x", &body("p", "a", "another")).await.unwrap();
    assert_eq!(here.get("p", "a").await.unwrap().dashboard.title, "another");
}

/// The number of all of them is right at once here, and soon elsewhere.
async fn totals_follow_changes(home: Home) {
    let (here, there) = (home.store().await, home.store().await);
    let page = Search { limit: 1, heads_only: true, ..Search::default() };
    let total = async |store: &Store| store.search(&Scope::ClusterWide, &page).await.unwrap().total;
    for n in 0..4 {
        create(&here, "x", &body("p", &format!("n{n}"), "T")).await.unwrap();
        assert_eq!(total(&here).await, n + 1);
    }
    assert_eq!(total(&there).await, 4);
    here.archive(&actor("x"), "p", "n0", &Expected::Any).await.unwrap();
    assert_eq!(total(&here).await, 3);
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(total(&there).await, 3);
}

fn rich(name: &str, title: &str, tags: &[&str], panel: &str, query: &str) -> Value {
    let mut value = body("p", name, title);
    value["metadata"]["tags"] = json!(tags);
    value["spec"]["panels"] = json!({"x": {"kind": "Panel", "spec": {"display": {"name": panel}, "plugin": {"kind": "StatChart", "spec": {}},
        "queries": [{"kind": "TimeSeriesQuery", "spec": {"plugin": {"kind": "PrometheusTimeSeriesQuery", "spec": {"query": query}}}}]}}});
    value
}

async fn words_tags_template_and_author(home: Home) {
    let store = home.store().await;
    create(&store, "alice", &rich("gpu.main", "GPU Überblick", &["gpu", "team-a"], "Temperature", "max(DCGM_FI_DEV_GPU_TEMP)"))
        .await
        .unwrap();
    create(&store, "bob", &rich("serving", "50% of 100_000", &["GPU"], "Requests", "sum(rate(vllm:request_success_total[5m]))"))
        .await
        .unwrap();
    let from_template = document(&rich("notebook", "Notebook", &[], "CPU", "up"));
    store
        .create(&actor("alice"), NewDashboard { document: &from_template, template: Some("notebook"), key: None, message: "" })
        .await
        .unwrap();
    let words = async |words: &str| names(&store, Search { words: words.to_owned(), ..Search::default() }).await;
    assert_eq!(words("überBLICK").await, ["gpu.main"], "upper and lower case do not matter, beyond ASCII too");
    assert_eq!(words("gpu").await, ["gpu.main", "serving"]);
    assert_eq!(words("gpu temperature").await, ["gpu.main"], "all words have to be there");
    assert_eq!(words("vllm:request").await, ["serving"], "texts of queries");
    assert_eq!(words("50% 100_").await, ["serving"], "these are no wild cards");
    assert_eq!(words("5_%").await, Vec::<String>::new());
    assert_eq!(words("100.000").await, ["serving"], "a dot stands between words: 100 and 000 are parts of one");
    assert_eq!(words("te").await, ["gpu.main"], "two letters are the beginning of a word");
    assert_eq!(words("mp").await, Vec::<String>::new());
    assert_eq!(words("emp").await, ["gpu.main"], "three are a part of it");
    assert_eq!(words("%!").await, Vec::<String>::new(), "signs alone find nothing");
    assert_eq!(words("  ").await, ["gpu.main", "notebook", "serving"], "nothing is looked for");
    assert_eq!(words("bob").await, ["serving"], "the author");
    let tags =
        async |tags: &[&str]| names(&store, Search { tags: tags.iter().map(|t| (*t).to_owned()).collect(), ..Search::default() }).await;
    assert_eq!(tags(&["gpu"]).await, ["gpu.main"], "tags are taken as they are written");
    assert_eq!(tags(&["gpu", "team-a"]).await, ["gpu.main"]);
    assert_eq!(tags(&["gpu", "GPU"]).await, Vec::<String>::new());
    assert_eq!(names(&store, Search { template: Some("notebook".into()), ..Search::default() }).await, ["notebook"]);
    assert_eq!(names(&store, Search { author: Some("bob".into()), ..Search::default() }).await, ["serving"]);
    assert_eq!(names(&store, Search { name_prefix: Some("gpu.".into()), ..Search::default() }).await, ["gpu.main"]);
    assert_eq!(names(&store, Search { name_prefix: Some("GPU".into()), ..Search::default() }).await, Vec::<String>::new());
    // Saved anew without its tags and words.
    save(&store, "alice", &body("p", "gpu.main", "Plain"), at(0)).await.unwrap();
    assert_eq!(tags(&["gpu"]).await, Vec::<String>::new());
    assert_eq!(words("temperature").await, Vec::<String>::new());
}

/// Whoever else has the word keeps it; who takes it up anew finds it.
async fn words_that_nobody_has_go(home: Home) {
    let store = home.store().await;
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(&home.address).await.unwrap();
    create(&store, "x", &body("p", "a", "common rare")).await.unwrap();
    create(&store, "x", &body("p", "b", "common")).await.unwrap();
    save(&store, "x", &body("p", "a", "other"), at(0)).await.unwrap();
    sqlx::query("UPDATE search_word SET used_at = 0").execute(&mut connection).await.unwrap();
    store.drop_old().await.unwrap();
    let rows = sqlx::query("SELECT word FROM search_word ORDER BY word").fetch_all(&mut connection).await.unwrap();
    let kept: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(kept, ["a", "b", "common", "other", "x"]);
    save(&store, "x", &body("p", "a", "rare again"), at(1)).await.unwrap();
    assert_eq!(names(&store, Search { words: "rare".into(), ..Search::default() }).await, ["a"]);
    // A dashboard that gets a word renews it, so that nobody takes it away meanwhile.
    sqlx::query("UPDATE search_word SET used_at = 0").execute(&mut connection).await.unwrap();
    create(&store, "x", &body("p", "c", "common")).await.unwrap();
    let row =
        sqlx::query("SELECT COUNT(*) FROM search_word WHERE used_at > 0 AND word = 'common'").fetch_one(&mut connection).await.unwrap();
    assert_eq!(row.get::<i64, _>(0), 1);
}

async fn only_what_may_be_seen(home: Home) {
    let store = home.store().await;
    for project in ["a", "b", "c"] {
        create(&store, "x", &body(project, "n", project)).await.unwrap();
    }
    let scope = |names: &[&str]| Scope::of(names.iter().map(|name| Namespace::new(name).unwrap()));
    let seen = async |scope: &Scope| {
        let found = store.search(scope, &Search { limit: 10, ..Search::default() }).await.unwrap();
        assert_eq!(found.total, found.dashboards.len() as u64);
        let listed: Vec<String> = found.dashboards.iter().map(|dashboard| dashboard.project.clone()).collect();
        assert_eq!(store.projects(scope).await.unwrap(), listed);
        listed
    };
    assert_eq!(seen(&scope(&["a", "c", "z"])).await, ["a", "c"]);
    assert_eq!(seen(&scope(&["z"])).await, Vec::<String>::new());
    assert_eq!(seen(&Scope::Nothing).await, Vec::<String>::new());
    assert_eq!(seen(&Scope::ClusterWide).await, ["a", "b", "c"]);
}

async fn orders(home: Home) {
    let store = home.store().await;
    for (name, title) in [("one", "zebra"), ("two", "apple"), ("three", "Mango")] {
        create(&store, "x", &body("p", name, title)).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
    save(&store, "x", &body("p", "one", "zebra"), at(0)).await.unwrap();
    let order = async |sort, descending| names(&store, Search { sort, descending, ..Search::default() }).await;
    assert_eq!(order(Sort::Name, false).await, ["one", "three", "two"]);
    assert_eq!(order(Sort::Title, false).await, ["two", "three", "one"]);
    assert_eq!(order(Sort::Created, true).await, ["three", "two", "one"]);
    assert_eq!(order(Sort::Updated, true).await, ["one", "three", "two"]);
}

/// Every page, following the cursors.
async fn all_pages(store: &Store, search: &Search, mut between: impl AsyncFnMut(usize)) -> (Vec<String>, BTreeSet<u64>) {
    let (mut search, mut seen, mut totals) = (search.clone(), Vec::new(), BTreeSet::new());
    for page in 0.. {
        let found = store.search(&Scope::ClusterWide, &search).await.unwrap();
        totals.insert(found.total);
        assert!(found.dashboards.len() <= search.limit);
        seen.extend(found.dashboards.iter().map(|dashboard| format!("{}/{}", dashboard.project, dashboard.name)));
        match found.next {
            Some(next) => search.cursor = Some(next),
            None => break,
        }
        between(page).await;
    }
    (seen, totals)
}

async fn pages_stay_in_step(home: Home) {
    let store = home.store().await;
    for n in 0..25 {
        create(&store, "x", &body(if n % 2 == 0 { "a" } else { "b" }, &format!("n{n:02}"), "Same title")).await.unwrap();
    }
    for (sort, descending) in
        [(Sort::Name, false), (Sort::Title, false), (Sort::Title, true), (Sort::Created, true), (Sort::Updated, false)]
    {
        let search = Search { sort, descending, limit: 4, ..Search::default() };
        let (seen, totals) = all_pages(&store, &search, async |_| {}).await;
        assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (25, 25), "{sort:?}");
        assert_eq!(totals, [25].into(), "the total is that of all pages");
    }
    // The same for what was found by words, which goes another way.
    for (sort, descending) in [(Sort::Name, false), (Sort::Title, true), (Sort::Updated, false)] {
        let search = Search { words: "same title".into(), sort, descending, limit: 4, heads_only: descending, ..Search::default() };
        let (seen, totals) = all_pages(&store, &search, async |_| {}).await;
        assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (25, 25), "{sort:?}");
        assert_eq!(totals, [25].into());
    }
    // What goes and comes in front of the cursor moves nothing.
    let search = Search { limit: 5, ..Search::default() };
    let (seen, _) = all_pages(&store, &search, async |page| {
        if page == 1 {
            store.archive(&actor("x"), "a", "n00", &Expected::Any).await.unwrap();
            create(&store, "x", &body("a", "n00.1", "new")).await.unwrap();
        }
    })
    .await;
    assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (25, 25));
}

async fn a_cursor_of_another_list(home: Home) {
    let store = home.store().await;
    for name in ["a", "b"] {
        create(&store, "x", &body("p", name, name)).await.unwrap();
    }
    let next = store.search(&Scope::ClusterWide, &Search { limit: 1, ..Search::default() }).await.unwrap().next.unwrap();
    let other = Search { sort: Sort::Updated, cursor: Some(next), limit: 1, ..Search::default() };
    assert!(matches!(store.search(&Scope::ClusterWide, &other).await, Err(StoreError::BadCursor)));
}

/// Dashboards that ask for a pod of which `alpha7` is a part.
const ALPHA7: u64 = 1_325;

/// Like one that people have: some words are its own, some are everybody's.
fn large(n: usize) -> Value {
    let mut value = rich(&format!("n{n}"), &format!("Title {n}"), &["t"], "P", "up");
    for panel in 0..8 {
        let query = format!(
            "sum by (pod)(rate(container_{panel}_usage_seconds_total{{namespace=\"$namespace\",pod=~\"alpha{}-.*\"}}[5m]))",
            (n * 7 + panel) % 997
        );
        value["spec"]["panels"][format!("p{panel}")] = json!({"kind": "Panel", "spec": {
            "display": {"name": format!("Requests {panel}"), "description": "x".repeat(300)},
            "plugin": {"kind": "TimeSeriesChart", "spec": {"legend": {"position": "bottom"}, "yAxis": {"format": {"unit": "bytes"}}}},
            "queries": [{"kind": "TimeSeriesQuery", "spec": {"plugin": {"kind": "PrometheusTimeSeriesQuery", "spec": {"query": query}}}}]}});
    }
    value
}

/// Ten thousand dashboards are found by index: PostgreSQL counts its own sequential scans.
async fn ten_thousand(home: Home) {
    let store = home.store().await;
    let makers = (0..8).map(|part| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in (part..10_000).step_by(8) {
                loop {
                    match create(&store, "x", &large(n)).await {
                        // Or it was, and the answer came too late.
                        Ok(_) | Err(StoreError::NameTaken { .. }) => break,
                        // A disk that others use too has its limits.
                        Err(error) => assert!(matches!(error, StoreError::Away(_)), "{error:?}"),
                    }
                }
            }
        })
    });
    for maker in makers.collect::<Vec<_>>() {
        maker.await.unwrap();
    }
    let database = home.address.rsplit('/').next().unwrap();
    let scans = || {
        let text = "SELECT COALESCE(SUM(seq_scan), 0) FROM pg_stat_user_tables WHERE relname = 'dashboard'";
        crate::support::Postgres::shared().sql(database, text).unwrap().trim().parse::<u64>().unwrap()
    };
    if home.is_postgres() {
        crate::support::Postgres::shared().sql(database, "ANALYZE").unwrap();
    }
    for (words, count) in
        [("n9999", 1), ("title", 10_000), ("alpha7 requests", ALPHA7), ("p", 10_000), ("xyzzy", 0), ("container_7 9998", 1)]
    {
        let search = Search { words: words.into(), limit: 100, ..Search::default() };
        let started = std::time::Instant::now();
        let found = both(&store, &Scope::ClusterWide, &search).await;
        let took = started.elapsed();
        assert_eq!((found.dashboards.len() as u64, found.total), (count.min(100), count), "{words}");
        let plan = store.plan(&Scope::ClusterWide, &search).await.unwrap();
        // The table of documents is never read from its beginning to its end. The one of who has which word may be, for a part of a word
        // that stands in hundreds of them: that is the database's to weigh.
        let scans = |line: &String| {
            let after = ["SCAN dashboard", "Seq Scan on dashboard"].iter().find_map(|scan| line.split_once(scan));
            after.is_some_and(|(_, rest)| !rest.starts_with('_'))
        };
        assert!(!plan.iter().any(scans), "{words}: {plan:#?}");
        println!("{words:?}: {count} of 10,000 in {took:?}");
    }
    let search = |sort, descending| Search { sort, descending, limit: 100, ..Search::default() };
    let first = store.search(&Scope::ClusterWide, &search(Sort::Name, false)).await.unwrap();
    assert_eq!((first.total, first.dashboards.len()), (10_000, 100));
    let before = home.is_postgres().then(scans);
    for (sort, descending) in [(Sort::Name, false), (Sort::Title, true), (Sort::Created, false), (Sort::Updated, true)] {
        let mut search = search(sort, descending);
        let scope = Scope::ClusterWide;
        let plan = store.plan(&scope, &search).await.unwrap();
        assert!(
            !plan.iter().any(|line| (line.contains("Sort  (") && !line.contains("Incremental")) || line.contains("TEMP B-TREE")),
            "{sort:?}: {plan:#?}"
        );
        // Without the total, which counts everything there is.
        for _ in 0..2 {
            search.cursor = both(&store, &scope, &search).await.next;
        }
    }
    let Some(before) = before else { return };
    // A session says what it did when it ends.
    let after = async |store: Arc<Store>| {
        drop(store);
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        scans()
    };
    let counted = after(store).await;
    // Counting all of them is a scan of something, at most one for each of the eight pages.
    assert!(counted - before <= 8, "{} sequential scans", counted - before);
    // By a replica that has seen none: read whole, asked about again, and listed.
    let other = home.store_with(|_| {}).await;
    for n in (0..10_000).step_by(500) {
        for _ in 0..2 {
            other.get("p", &format!("n{n}")).await.unwrap();
        }
    }
    let second = other.search(&Scope::ClusterWide, &Search { cursor: first.next, ..search(Sort::Name, false) }).await.unwrap();
    assert_eq!(second.dashboards.len(), 100);
    // Its upkeep may look through all of them.
    let scanned = after(other).await - counted;
    assert!(scanned < 5, "{scanned} sequential scans");
}
