//! `perses:` a Perses server behind us.

use url::Url;

use super::reader::Map;
use super::values;

/// A Perses server.
#[derive(Clone, Debug, Default)]
pub struct Perses {
    /// Where it is; without it there is none.
    pub url: Option<Url>,
}

impl Perses {
    pub(super) fn read(map: &mut Map<'_>) -> Perses {
        Perses { url: map.value("url", values::http_url) }
    }
}
