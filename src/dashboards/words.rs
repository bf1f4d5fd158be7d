//! The words that a search finds a dashboard by. Each is kept once, so that looking for a part of a word reads a list of words, not of documents.

use std::collections::BTreeSet;

use serde_json::Value;
use sqlx::any::AnyArguments;
use sqlx::{Any, Arguments as _, AssertSqlSafe, Transaction};

use super::queries::stored_queries;
use super::row::Dashboard;
use super::time::now_ms;
use super::{Store, StoreError};

/// Words of one dashboard; further ones are not found.
const MOST: usize = 1_000;
/// Bytes of one word; the rest is not looked at.
const LONGEST: usize = 100;
/// Words in one statement: databases bound the number of values.
const CHUNK: usize = 250;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Words in lower case. What is neither letter, digit nor `_` stands between them.
pub(super) fn split(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).map(|word| {
        let lower = word.to_lowercase();
        let end = (0..=LONGEST.min(lower.len())).rev().find(|end| lower.is_char_boundary(*end)).unwrap_or(0);
        lower[..end].to_owned()
    })
}

/// A pattern for `LIKE … ESCAPE '!'`: the word as a part of another, or as its beginning when it is so short that it is part of most.
pub(super) fn pattern(word: &str) -> String {
    let escaped = word.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    if word.len() < 3 { format!("{escaped}%") } else { format!("%{escaped}%") }
}

/// The words of a document: name, title, tags, description, titles and queries of panels, in this order while there is room.
pub(super) fn of_document(value: &Value, name: &str, title: &str) -> BTreeSet<String> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let tags = value.pointer("/metadata/tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let panels = value.pointer("/spec/panels").and_then(Value::as_object).into_iter().flatten();
    let titles = panels.filter_map(|(_, panel)| panel.pointer("/spec/display/name")?.as_str());
    let queries = stored_queries(value);
    let texts = [name, title].into_iter().chain(tags).chain(text("/spec/display/description")).chain(titles);
    let mut words = BTreeSet::new();
    for word in texts.chain(queries.iter().map(|query| query.text.as_str())).flat_map(split) {
        if words.len() == MOST {
            break;
        }
        words.insert(word);
    }
    words
}

/// Makes the words of a dashboard these, after those that it had; only what is different is written.
pub(super) async fn put(
    transaction: &mut Transaction<'_, Any>,
    dashboard: &Dashboard,
    words: &BTreeSet<String>,
    known: BTreeSet<String>,
) -> Result<(), StoreError> {
    let mut words = words.clone();
    words.extend(split(&dashboard.created_by).chain(dashboard.template.iter().flat_map(|template| split(template))));
    // In their order, so that no two transactions wait for each other.
    let added: Vec<&String> = words.difference(&known).collect();
    let gone: Vec<&String> = known.difference(&words).collect();
    let now = now_ms();
    // First those that are there already. They are locked only when it is time to renew them: everybody's words would make everybody wait.
    for chunk in added.chunks(CHUNK) {
        let sql = format!(
            "UPDATE search_word SET used_at = $1 WHERE used_at < $1 - CAST({DAY_MS} AS BIGINT) AND word IN ({})",
            places(chunk, "{}")
        );
        run(transaction, &sql, Value::from(now), chunk).await?;
    }
    for chunk in added.chunks(CHUNK) {
        let rows = places(chunk, "({}, $1)");
        let sql = format!("INSERT INTO search_word (word, used_at) VALUES {rows} ON CONFLICT (word) DO NOTHING");
        run(transaction, &sql, Value::from(now), chunk).await?;
        let sql = format!("INSERT INTO dashboard_word (word, dashboard_id) VALUES {rows}");
        run(transaction, &sql, Value::from(dashboard.id.as_str()), chunk).await?;
    }
    for chunk in gone.chunks(CHUNK) {
        let sql = format!("DELETE FROM dashboard_word WHERE dashboard_id = $1 AND word IN ({})", places(chunk, "{}"));
        run(transaction, &sql, Value::from(dashboard.id.as_str()), chunk).await?;
    }
    Ok(())
}

/// A place for each word, behind the one for the first value.
fn places(words: &[&String], form: &str) -> String {
    let places: Vec<String> = (0..words.len()).map(|at| form.replace("{}", &format!("${}", at + 2))).collect();
    places.join(", ")
}

/// A statement of our own text, with one value and some words.
async fn run(transaction: &mut Transaction<'_, Any>, sql: &str, first: Value, words: &[&String]) -> Result<(), StoreError> {
    let mut arguments = AnyArguments::default();
    let broken = |error: sqlx::error::BoxDynError| StoreError::Broken(error.to_string());
    match first {
        Value::Number(number) => arguments.add(number.as_i64().unwrap_or(0)),
        other => arguments.add(other.as_str().unwrap_or_default().to_owned()),
    }
    .map_err(broken)?;
    for word in words {
        arguments.add((*word).clone()).map_err(broken)?;
    }
    // There is one for each number of words: keeping them all prepared would push out the others.
    sqlx::query_with(AssertSqlSafe(sql.to_owned()), arguments).persistent(false).execute(&mut **transaction).await?;
    Ok(())
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
