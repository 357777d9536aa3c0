//! Which key a path means: `/v1/tables/users/records/42` is `users:42`, and the table `default` has the keys of no table.

use bytes::Bytes;

use crate::asked::Asked;
use crate::{Database, Problem, json_bytes};

/// The key that the path names, as commands know it.
pub(crate) fn full_key(asked: &Asked) -> Result<Bytes, Problem> {
    let table = asked.place_text("table")?;
    of_table(&*asked.exchange.database()?, &table, asked.place("key"))
}

/// The table that the path names, if it is declared.
pub(crate) fn table(asked: &Asked) -> Result<String, Problem> {
    let table = asked.place_text("table")?;
    if table != DEFAULT_TABLE && !asked.exchange.database()?.has_table(&table) {
        return Err(Problem::no_such_table(&table));
    }
    Ok(table)
}

/// What a key is called within a table; `None` if it is of another one.
pub(crate) fn within(database: &dyn Database, table: &str, key: &Bytes) -> Option<Bytes> {
    if table == DEFAULT_TABLE {
        return declared(database, key).is_none().then(|| key.clone());
    }
    let rest = key.strip_prefix(table.as_bytes())?.strip_prefix(b":")?;
    Some(key.slice_ref(rest))
}

/// A pattern that finds a table's keys.
pub(crate) fn pattern(table: &str, of_keys: &str) -> Bytes {
    if table == DEFAULT_TABLE {
        return Bytes::copy_from_slice(of_keys.as_bytes());
    }
    let mut pattern = String::new();
    for character in table.chars() {
        if !character.is_alphanumeric() {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    format!("{pattern}:{of_keys}").into()
}

fn of_table(database: &dyn Database, table: &str, key: Bytes) -> Result<Bytes, Problem> {
    if table != DEFAULT_TABLE {
        let known = database.has_table(table);
        return known
            .then(|| [table.as_bytes(), b":", &key].concat().into())
            .ok_or_else(|| Problem::no_such_table(table));
    }
    // One record, one path: through `default` it would look as if it had that table's policy.
    match declared(database, &key) {
        Some(other) => Err(Problem::invalid(format!(
            "key {} belongs to table '{other}': ask /v1/tables/{other}/records/...",
            json_bytes::show(&key)
        ))),
        None => Ok(key),
    }
}

/// The declared table that a key belongs to.
fn declared<'a>(database: &dyn Database, key: &'a [u8]) -> Option<&'a str> {
    let colon = key.iter().position(|&byte| byte == b':')?;
    let name = std::str::from_utf8(&key[..colon]).ok()?;
    (name != DEFAULT_TABLE && database.has_table(name)).then_some(name)
}

/// Where keys of no declared table are.
const DEFAULT_TABLE: &str = "default";
