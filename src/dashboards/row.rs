//! A dashboard as it is kept.

use std::sync::OnceLock;

use sqlx::any::AnyRow;
use sqlx::{Column as _, Row as _};

use super::document::State;
use super::members::Members;
use super::{StoreError, rfc3339};

/// What is read of a dashboard, in the order of [`Dashboard::from_row`].
macro_rules! columns {
    () => {
        "id, project, name, state, version, created_at, created_by, updated_at, updated_by, archived_at, template, title, metadata_at, \
         metadata, document"
    };
}
/// The same without the document, for lists.
macro_rules! head_columns {
    () => {
        "id, project, name, state, version, created_at, created_by, updated_at, updated_by, archived_at, template, title, metadata_at, metadata"
    };
}
/// What tells a dashboard, as it is, from every other and from itself as it was: in the database as in [`Dashboard::edition`].
macro_rules! edition {
    () => {
        "id || ' ' || CAST(version AS TEXT) || ' ' || CAST(updated_at AS TEXT) || ' ' || state"
    };
}
pub(super) use {columns, edition, head_columns};

/// One dashboard.
#[derive(Clone, Debug)]
pub struct Dashboard {
    /// Never used again, not by a later dashboard of the same name either.
    pub id: String,
    /// The project, which is a namespace.
    pub project: String,
    /// The name in the project.
    pub name: String,
    /// Where it is in its life.
    pub state: State,
    /// Counted from 0, one more with each save.
    pub version: i64,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Who made it.
    pub created_by: String,
    /// Milliseconds since 1970.
    pub updated_at: i64,
    /// Who saved it last.
    pub updated_by: String,
    /// Milliseconds since 1970, when it is archived.
    pub archived_at: Option<i64>,
    /// The template that it was made from.
    pub template: Option<String>,
    /// What people call it.
    pub title: String,
    pub(super) metadata: String,
    /// The rest, and where in it the metadata belong; missing in a list of heads.
    pub(super) rest: Option<(usize, String)>,
    /// The metadata as they are answered, once somebody asked.
    pub(super) stamped: OnceLock<String>,
}

impl Dashboard {
    pub(super) fn from_row(row: &AnyRow) -> Result<Dashboard, StoreError> {
        let state: String = row.try_get(3)?;
        let metadata_at: i64 = row.try_get(12)?;
        let is_whole = row.columns().get(14).is_some_and(|column| column.name() == "document");
        let rest: Option<String> = if is_whole { row.try_get(14)? } else { None };
        Ok(Dashboard {
            id: row.try_get(0)?,
            project: row.try_get(1)?,
            name: row.try_get(2)?,
            state: state.parse().map_err(|()| StoreError::Broken(format!("a dashboard has the state {state:?}")))?,
            version: row.try_get(4)?,
            created_at: row.try_get(5)?,
            created_by: row.try_get(6)?,
            updated_at: row.try_get(7)?,
            updated_by: row.try_get(8)?,
            archived_at: row.try_get(9)?,
            template: row.try_get(10)?,
            title: row.try_get(11)?,
            metadata: row.try_get(13)?,
            rest: rest.map(|rest| (usize::try_from(metadata_at).unwrap_or(0), rest)),
            stamped: OnceLock::new(),
        })
    }

    /// The document as JSON, its metadata as the server keeps them; every other byte as it came.
    pub fn text(&self) -> String {
        let metadata = self.stamped_metadata();
        match &self.rest {
            Some((at, rest)) => match (rest.get(..*at), rest.get(*at..)) {
                (Some(before), Some(after)) => [before, metadata, after].concat(),
                _ => self.head_text(),
            },
            None => self.head_text(),
        }
    }

    /// The same, without panels.
    pub fn head_text(&self) -> String {
        let title = serde_json::Value::from(self.title.as_str());
        format!("{{\"kind\":\"Dashboard\",\"metadata\":{},\"spec\":{{\"display\":{{\"name\":{title}}}}}}}", self.stamped_metadata())
    }

    fn stamped_metadata(&self) -> &str {
        self.stamped.get_or_init(|| self.stamp_metadata())
    }

    fn stamp_metadata(&self) -> String {
        let mut metadata = Members::read(&self.metadata).unwrap_or_default();
        metadata.set("name", &self.name);
        metadata.set("project", &self.project);
        metadata.set("createdAt", rfc3339(self.created_at));
        metadata.set("updatedAt", rfc3339(self.updated_at));
        metadata.set("version", self.version);
        match self.state {
            State::Active => metadata.remove("state"),
            State::Draft | State::Archived => metadata.set("state", self.state.as_str()),
        }
        metadata.to_text()
    }

    /// As [`edition!`] has it: archiving it changes no version.
    pub(super) fn edition(&self) -> String {
        format!("{} {} {} {}", self.id, self.version, self.updated_at, self.state.as_str())
    }

    /// An entity tag without its quotes: it changes with every save, and with the dashboard behind the name.
    pub fn tag(&self) -> String {
        format!("{}.{}", self.id, self.version)
    }

    /// Bytes in memory, roughly.
    pub(super) fn weight(&self) -> u64 {
        let rest = self.rest.as_ref().map_or(0, |(_, rest)| rest.len());
        (rest + 2 * self.metadata.len() + self.title.len() + 768) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_are_stamped_in_their_place() {
        let dashboard = Dashboard {
            id: "i".into(),
            project: "p".into(),
            name: "n".into(),
            state: State::Draft,
            version: 2,
            created_at: 0,
            created_by: "a".into(),
            updated_at: 1000,
            updated_by: "b".into(),
            archived_at: None,
            template: None,
            title: "T \"x\"".into(),
            metadata: r#"{"version":9,"x":{"b":1,"a":1},"name":"old"}"#.into(),
            rest: Some((12, r#"{"metadata":,"spec":{"z":1,"a":2}}"#.into())),
            stamped: OnceLock::new(),
        };
        let metadata = r#"{"version":2,"x":{"b":1,"a":1},"name":"n","project":"p","createdAt":"1970-01-01T00:00:00.000Z","updatedAt":"1970-01-01T00:00:01.000Z","state":"draft"}"#;
        assert_eq!(dashboard.text(), format!(r#"{{"metadata":{metadata},"spec":{{"z":1,"a":2}}}}"#));
        assert_eq!(
            dashboard.head_text(),
            format!(r#"{{"kind":"Dashboard","metadata":{metadata},"spec":{{"display":{{"name":"T \"x\""}}}}}}"#)
        );
        assert_eq!(dashboard.tag(), "i.2");
    }
}
