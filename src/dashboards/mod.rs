//! The storage of dashboards: documents with their history, people's preferences, and who did what; in SQLite or PostgreSQL with
//! one text of SQL. Knows no HTTP status.
//!
//! * [`Store`]: everything that can be done; `create`, `read`, `save`, `remove`, `history`, `search`, `people`, `audit` are its parts
//! * [`Document`]: a dashboard as it was sent, checked by `validate` with a list of JSON pointers
//! * `database`, `migrate`, `row`: pools, bounds on time, migrations, rows
//! * `members`, `strict`: JSON whose order and spelling is kept, and JSON that says which keys stand there twice
//! * `seen`, `editions`: dashboards from memory, and whether they are still the same; `heads`, `totals`: the same for lists
//! * `words`: what a search finds a dashboard by
//! * [`Template`] and presets: dashboards and panels that only miss whom they are about
//! * [`read_incoming`], [`to_yaml`] and their kin: other forms of a dashboard
//! * `shares`: links that work without signing in; `stands`: whether a question is one that the dashboard asks itself
//! * `filled`: texts of queries with values for their variables, to be checked; [`interpolate()`], `live`: with those that somebody chose, to be asked
//! * [`changes()`]: what is different between two versions, for machines and for people

mod audit;
mod changes;
mod create;
mod cursor;
mod database;
mod document;
mod editions;
mod error;
mod exchange;
mod filled;
mod heads;
mod history;
mod id;
mod interpolate;
mod live;
mod live_text;
mod members;
mod metrics;
mod migrate;
mod packed;
mod people;
mod plan;
mod preferences;
mod queries;
mod read;
mod remove;
mod retention;
mod row;
mod save;
mod search;
mod search_sql;
mod seen;
mod shares;
mod shares_of;
mod stands;
mod store;
mod strict;
mod summary;
mod templates;
mod time;
mod totals;
mod validate;
mod words;
mod write_back;

pub use audit::{Action, Actor, AuditEntry, AuditFilter, AuditPage, Event, Outcome};
pub use changes::{Changes, changes};
pub use create::{Created, NewDashboard};
pub use document::{Document, DocumentError, Expect, Names, State};
pub use error::{Conflict, SetUpError, StoreError};
pub use exchange::{ArchiveError, Incoming, IncomingError, YamlError, pack_archive, read_incoming, to_resource, to_yaml, unpack_archive};
pub use filled::{default_values, filled};
pub use history::VersionEntry;
pub use id::new_id;
pub use interpolate::{NoValue, VariableValue, interpolate};
pub use live::{LiveQuery, View, live_queries};
pub use live_text::LiveText;
pub use members::{Members, merged};
pub use people::{Place, Remembered};
pub use preferences::{Preferences, PreferencesError};
pub use queries::{StoredQuery, stored_queries};
pub use read::Read;
pub use row::Dashboard;
pub use save::{Expected, Save};
pub use search::{Found, Search, Sort};
pub use shares::{LIFE as SHARE_LIFE, MOST_NETWORKS, NewShare, Share, Shared};
pub use stands::{Question, stands_in};
pub use store::Store;
pub use templates::{Catalogue, KeptTemplate, Panel, Preset, Reach, Template, TemplateVariable, VariableError, presets};
pub use time::rfc3339;
pub use validate::Problem;
