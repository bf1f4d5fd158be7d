//! The store of dashboards: one suite, on SQLite and on a real PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]
#![allow(clippy::disallowed_methods, reason = "answers of parts that the test started itself")]
#![allow(clippy::print_stdout, reason = "what was measured is worth a line")]
#![allow(clippy::large_futures, reason = "tests are in no hurry")]

#[path = "../support/mod.rs"]
mod support;

mod audit;
mod away;
mod backup;
mod history;
mod lives;
mod locking;
mod migrations;
mod people;
mod round_trip;
mod search;

use std::sync::Arc;

use hecate::config::{Dashboards, Secret};
use hecate::dashboards::{Actor, Created, Dashboard, Document, Expect, Expected, NewDashboard, Save, Store, StoreError};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A database of one test.
pub(crate) struct Home {
    pub(crate) address: String,
    _folder: TempDir,
}

impl Home {
    fn sqlite() -> Home {
        let folder = tempfile::tempdir().unwrap();
        Home { address: format!("sqlite:{}", folder.path().join("hecate.db").display()), _folder: folder }
    }

    fn postgres() -> Home {
        Home { address: support::Postgres::shared().new_database(), _folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.address.starts_with("postgres")
    }

    /// A store on it, with its tables.
    pub(crate) async fn store(&self) -> Arc<Store> {
        self.store_with(|_| {}).await
    }

    pub(crate) async fn store_with(&self, change: impl FnOnce(&mut Dashboards)) -> Arc<Store> {
        let store = self.fresh_store(change);
        store.migrate().await.unwrap();
        store
    }

    /// A store that has not looked at its database.
    pub(crate) fn fresh_store(&self, change: impl FnOnce(&mut Dashboards)) -> Arc<Store> {
        let mut settings = Dashboards { database: Secret::new(self.address.clone()), ..Dashboards::default() };
        change(&mut settings);
        Arc::new(Store::new(&settings, &prometheus::Registry::new()).unwrap())
    }
}

/// The same tests on both.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(crate::Home::sqlite()).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(crate::Home::postgres()).await; })*
        }
    };
}
pub(crate) use on_both;

pub(crate) fn actor(user: &str) -> Actor {
    Actor { user: user.to_owned(), address: "192.0.2.7".parse().ok(), request_id: format!("request-of-{user}") }
}

/// A small valid dashboard.
pub(crate) fn body(project: &str, name: &str, title: &str) -> Value {
    json!({"kind": "Dashboard", "metadata": {"name": name, "project": project}, "spec": {"display": {"name": title}, "panels": {}, "layouts": []}})
}

pub(crate) fn document(value: &Value) -> Document {
    Document::read(&value.to_string(), Expect::default()).unwrap_or_else(|error| panic!("{error:?}"))
}

pub(crate) async fn create(store: &Store, user: &str, value: &Value) -> Result<Created, StoreError> {
    store.create(&actor(user), NewDashboard { document: &document(value), template: None, key: None, message: "" }).await
}

pub(crate) async fn save(store: &Store, user: &str, value: &Value, expected: Expected) -> Result<Arc<Dashboard>, StoreError> {
    let action = hecate::dashboards::Action::Update;
    store.save(&actor(user), Save { document: &document(value), expected, message: "", action }).await
}

pub(crate) fn at(version: i64) -> Expected {
    Expected::Version { id: None, version }
}
