//! `dashboards:` where they are kept, and for how long.

use std::path::PathBuf;

use super::reader::Map;
use super::secret::Secret;
use super::yaml::Node;
use super::{upstream_auth, values};

/// The storage of dashboards.
#[derive(Clone, Debug)]
pub struct Dashboards {
    /// `sqlite:FILE` or `postgres://…`. A secret, for it may have a password in it.
    pub database: Secret,
    /// A folder with further templates; without it those that are built in hold.
    pub templates_dir: Option<PathBuf>,
    /// Days after which an archived dashboard is gone for good.
    pub retention_days: u32,
    /// Versions that are kept of one dashboard.
    pub keep_versions: u32,
    /// Days that a line of the audit log is kept.
    pub audit_days: u32,
}

impl Default for Dashboards {
    fn default() -> Self {
        Dashboards {
            database: Secret::new("sqlite:hecate.db".to_owned()),
            templates_dir: None,
            retention_days: 90,
            keep_versions: 200,
            audit_days: 365,
        }
    }
}

impl Dashboards {
    pub(super) fn read(map: &mut Map<'_>) -> Dashboards {
        let shipped = Dashboards::default();
        let days = |map: &mut Map<'_>, key, shipped| map.value(key, values::number(1..=36_500)).map_or(shipped, |days| days as u32);
        let from_file = map.value("database_file", upstream_auth::secret_file);
        if from_file.is_some() && map.has("database") {
            map.error_at("database_file", "`database` stands there as well: write one of the two");
        }
        let given = map.value("database", database);
        Dashboards {
            database: from_file.or(given).unwrap_or(shipped.database),
            templates_dir: map.value("templates_dir", values::path),
            retention_days: days(map, "retention_days", shipped.retention_days),
            keep_versions: map.value("keep_versions", values::number(1..=100_000)).map_or(shipped.keep_versions, |count| count as u32),
            audit_days: days(map, "audit_days", shipped.audit_days),
        }
    }
}

impl Dashboards {
    /// The address with stars in place of its password.
    pub fn masked_database(&self) -> String {
        let address = self.database.expose();
        let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
        match rest.rsplit_once('@') {
            Some((login, host)) => match login.split_once(':') {
                Some((user, _)) => format!("{scheme}://{user}:********@{host}"),
                None => address.to_owned(),
            },
            None => address.to_owned(),
        }
    }
}

/// The file of an SQLite address is relative to the file that it stands in, as every path is.
fn database(node: &Node) -> Result<Secret, String> {
    let written = values::text(node)?;
    if written.starts_with("postgres://") || written.starts_with("postgresql://") {
        return Ok(Secret::new(written));
    }
    let Some(rest) = written.strip_prefix("sqlite:") else {
        // What was written may have a password in it.
        return Err("is no address of a database; write sqlite:hecate.db, or postgres://user:password@host/database".to_owned());
    };
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path.starts_with(':') {
        return Err("names no file; write sqlite:hecate.db".to_owned());
    }
    Ok(Secret::new(format!("sqlite:{}", node.place.resolve(path).display())))
}
