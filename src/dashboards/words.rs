//! The words that a search finds a dashboard by. Each is kept once, so that looking for a part of a word reads a list of words, not of documents.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;
use sqlx::{Any, AssertSqlSafe, Transaction};

use super::database::Database;
use super::queries::stored_queries;
use super::row::Dashboard;
use super::time::now_ms;
use super::{Store, StoreError};

/// Words of one dashboard; further ones are not found.
const MOST: usize = 1_000;
/// Bytes of one word; the rest is not looked at.
const LONGEST: usize = 100;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Words in lower case. What is neither letter, digit nor `_` stands between them.
pub(super) fn split(text: &str) -> impl Iterator<Item = String> + '_ {
    pieces(text).map(lower)
}

fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn lower(word: &str) -> String {
    let mut lower = word.to_lowercase();
    lower.truncate(lower.floor_char_boundary(LONGEST));
    lower
}

/// A pattern for `LIKE … ESCAPE '!'`: the word as a part of another, or as its beginning when it is so short that it is part of most.
pub(super) fn pattern(word: &str) -> String {
    let escaped = word.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    if word.len() < 3 { format!("{escaped}%") } else { format!("%{escaped}%") }
}

/// The words of a document: name, title, tags, description, titles and queries of panels, in this order while there is room.
pub(super) fn of_document(value: &Value, name: &str, title: &str) -> BTreeSet<String> {
    let tags = value["metadata"]["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let panels = value["spec"]["panels"].as_object().into_iter().flatten();
    let titles = panels.filter_map(|(_, panel)| panel["spec"]["display"]["name"].as_str());
    let queries = stored_queries(value);
    let texts = [name, title].into_iter().chain(tags).chain(value["spec"]["display"]["description"].as_str()).chain(titles);
    // Queries say the same words over and over.
    let (mut seen, mut words) = (HashSet::new(), BTreeSet::new());
    for word in texts.chain(queries.iter().map(|query| query.text.as_str())).flat_map(pieces) {
        if words.len() == MOST {
            break;
        }
        if seen.insert(word) {
            words.insert(lower(word));
        }
    }
    words
}

/// Makes the words of a dashboard these, after those that it had; only what is different is written.
pub(super) async fn put(
    database: &Database,
    transaction: &mut Transaction<'_, Any>,
    dashboard: &Dashboard,
    words: &BTreeSet<String>,
    known: &BTreeSet<String>,
) -> Result<(), StoreError> {
    let mut words = words.clone();
    words.extend(split(&dashboard.created_by).chain(dashboard.template.iter().flat_map(|template| split(template))));
    // In their order, so that no two transactions wait for each other.
    let added: Vec<&String> = words.difference(known).collect();
    let gone: Vec<&String> = known.difference(&words).collect();
    let (now, each, is_one) = (now_ms(), database.each("$2"), database.is_one_of("word", "$2"));
    if !added.is_empty() {
        let list = list(&added)?;
        // First those that are there already. They are locked only when it is time to renew them: everybody's words would make everybody wait.
        let renew = format!("UPDATE search_word SET used_at = $1 WHERE used_at < $1 - CAST({DAY_MS} AS BIGINT) AND {is_one}");
        sqlx::query(AssertSqlSafe(renew)).bind(now).bind(list.as_str()).execute(&mut **transaction).await?;
        let note =
            format!("INSERT INTO search_word (word, used_at) SELECT value, $1 FROM {each} WHERE 1 = 1 ON CONFLICT (word) DO NOTHING");
        sqlx::query(AssertSqlSafe(note)).bind(now).bind(list.as_str()).execute(&mut **transaction).await?;
        let add = format!("INSERT INTO dashboard_word (dashboard_id, word) SELECT $1, value FROM {each}");
        sqlx::query(AssertSqlSafe(add)).bind(dashboard.id.as_str()).bind(list).execute(&mut **transaction).await?;
    }
    if !gone.is_empty() {
        let remove = format!("DELETE FROM dashboard_word WHERE dashboard_id = $1 AND {is_one}");
        sqlx::query(AssertSqlSafe(remove)).bind(dashboard.id.as_str()).bind(list(&gone)?).execute(&mut **transaction).await?;
    }
    Ok(())
}

fn list(words: &[&String]) -> Result<String, StoreError> {
    serde_json::to_string(words).map_err(|error| StoreError::Broken(error.to_string()))
}

impl Store {
    /// Forgets words that no dashboard has any more. Whoever takes one up within a day of its last renewal does not touch it: it stays for two.
    pub(super) async fn drop_words(&self) -> Result<(), StoreError> {
        let call = async {
            let mut transaction = self.database.writer().await?;
            sqlx::query(
                "DELETE FROM search_word WHERE used_at < $1
                 AND NOT EXISTS (SELECT 1 FROM dashboard_word WHERE dashboard_word.word = search_word.word)",
            )
            .bind(now_ms() - 2 * DAY_MS)
            .execute(&mut *transaction)
            .await?;
            Ok(transaction.commit().await?)
        };
        self.database.bounded("retention", call).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        split(text).collect()
    }

    #[test]
    fn texts_fall_into_words() {
        assert_eq!(words("GPU-Überblick, 50% of 100_000"), ["gpu", "überblick", "50", "of", "100_000"]);
        assert_eq!(
            words("sum(rate(vllm:request_success_total{a=\"b.c\"}[5m]))"),
            ["sum", "rate", "vllm", "request_success_total", "a", "b", "c", "5m"]
        );
        assert_eq!(words(" -!%. "), Vec::<String>::new());
        assert_eq!(words(&"ä".repeat(200)), ["ä".repeat(50)]);
        assert_eq!(words("数据面板 İ"), ["数据面板", "i\u{307}"]);
    }

    #[test]
    fn short_words_are_beginnings() {
        assert_eq!((pattern("up"), pattern("gpu"), pattern("数")), ("up%".into(), "%gpu%".into(), "%数%".into()));
        assert_eq!((pattern("5_"), pattern("a_b!%")), ("5!_%".into(), "%a!_b!!!%%".into()));
    }

    #[test]
    fn everything_that_people_look_for_and_not_more_than_there_is_room_for() {
        let query = |text: &str| json!({"spec": {"plugin": {"kind": "PrometheusTimeSeriesQuery", "spec": {"query": text}}}});
        let long: Vec<String> = (0..2 * MOST).map(|n| format!("m{n}")).collect();
        let document = json!({
            "metadata": {"tags": ["red"]},
            "spec": {"display": {"description": "of all"}, "panels": {"p": {"spec": {"display": {"name": "Heat"}, "queries": [query(&long.join("+"))]}}}},
        });
        let found = of_document(&document, "n.1", "Title");
        assert_eq!(found.len(), MOST);
        for word in ["n", "1", "title", "red", "of", "all", "heat", "m0"] {
            assert!(found.contains(word), "{word}");
        }
    }
}
