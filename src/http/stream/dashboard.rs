//! The queries of a stored dashboard as those of a stream: `?dashboard=project/name&var-x=…`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::error::ApiError;
use super::super::params::{ParamError, Params};
use super::query::{Asked, Times, wanted};
use crate::dashboards::{Dashboard, LiveQuery, Question, View, live_queries, stands_in};
use crate::query::Engine;
use crate::stream::{Refusal, Wanted};
use crate::tenancy::Scope;

/// Larger documents are looked through outside of the runtime's threads: that takes more than half a millisecond.
const SMALL: usize = 32 * 1024;

/// What a dashboard wants streamed, and what of it cannot be.
pub(super) struct Panels {
    pub(super) queries: Vec<Wanted>,
    pub(super) refused: Vec<(String, Refusal)>,
}

/// In whose scope, and whose turn it is in an upstream's queue.
pub(super) struct Viewer<'a> {
    pub(super) engine: &'a Arc<Engine>,
    pub(super) scope: &'a Scope,
    pub(super) flow: u64,
    /// Nobody signed in: only what the dashboard itself asks is answered, whatever the values of its variables say.
    pub(super) by_link: bool,
}

/// `project/name` of the parameter.
pub(super) fn place(params: &Params) -> Result<Option<(&str, &str)>, ApiError> {
    let Some(written) = params.one("dashboard")? else { return Ok(None) };
    if let Some(own) = ["query", "id"].into_iter().find(|name| params.all(name).next().is_some()) {
        return Err(ApiError::bad_request(format!("a dashboard has queries of its own: leave out {own:?} or \"dashboard\"")));
    }
    let reason = || format!("{written:?} is not the place of a dashboard; write project/name");
    let place = written.split_once('/').filter(|(project, name)| !project.is_empty() && !name.is_empty() && !name.contains('/'));
    place.map(Some).ok_or_else(|| ParamError::Invalid { name: "dashboard", reason: reason() }.into())
}

/// The queries of its panels, with the values of `var-…` in them. A query that cannot be asked does not keep the others from it.
///
/// # Errors
/// When none can be asked, in the words of the first.
pub(super) async fn panels(viewer: Viewer<'_>, dashboard: &Arc<Dashboard>, params: &Params, times: Times) -> Result<Panels, ApiError> {
    let text = dashboard.text();
    let (given, by_link) = (given(params), viewer.by_link);
    let place = (dashboard.project.clone(), dashboard.name.clone());
    let is_small = text.len() <= SMALL;
    let find = move || filled(&text, &given, (&place.0, &place.1), times, by_link);
    let live = if is_small { find() } else { tokio::task::spawn_blocking(find).await.map_err(|_| ApiError::internal())? };
    let mut panels = Panels { queries: Vec::new(), refused: Vec::new() };
    let mut first = None;
    for LiveQuery { id, text } in live {
        let found = text.map_err(|reason| ApiError::bad_request(format!("query {id:?}: {reason}"))).and_then(|query| {
            let asked = Asked { id: id.clone(), query, step: times.step, window: times.window };
            wanted(viewer.engine, viewer.scope, viewer.flow, asked)
        });
        match found {
            Ok(query) => panels.queries.push(query),
            Err(error) => {
                let refusal = Refusal { error_type: error.error_type.to_owned(), message: error.message.clone() };
                panels.refused.push((id, refusal));
                first.get_or_insert(error);
            }
        }
    }
    match first {
        Some(error) if panels.queries.is_empty() => Err(error),
        None if panels.queries.is_empty() => Err(ApiError::bad_request("this dashboard has no panels with queries of a Prometheus")),
        _ => Ok(panels),
    }
}

fn filled(text: &str, given: &BTreeMap<String, Vec<String>>, (project, name): (&str, &str), times: Times, by_link: bool) -> Vec<LiveQuery> {
    let Ok(document) = serde_json::from_str(text) else { return Vec::new() };
    let mut live = live_queries(&document, &View { given, step: times.step, window: times.window, project, name });
    for query in live.iter_mut().filter(|_| by_link) {
        if let Ok(text) = &query.text
            && !stands_in(&document, &Question::Expression(text.over(0, 0).into_owned()))
        {
            query.text = Err("this link opens one dashboard: only the queries that stand in it are answered".to_owned());
        }
    }
    live
}

/// The values of `var-…`, in the order in which they came.
fn given(params: &Params) -> BTreeMap<String, Vec<String>> {
    let names = params.names().filter_map(|name| Some((name.strip_prefix("var-")?, name)));
    names.map(|(variable, name)| (variable.to_owned(), params.all(name).map(str::to_owned).collect())).collect()
}
