//! `lightcone restore`: a data directory from a backup, before the node's first start; `lightcone restore-tables`: the tables' dials.

use std::path::Path;

use lc_node::backup::Item;
use lc_node::{Draft, Restored};
use serde_json::{Value, json};

use crate::backup::data_files;
use crate::backup::manifest::{Backup, newest};
use crate::cli::{RestoreOptions, RestoreTablesOptions};
use crate::node_door::NodeDoor;
use crate::{Error, config, terminal};

/// Makes the directory, all of it or nothing.
pub fn run(options: &RestoreOptions) -> Result<(), Error> {
    let chain = chain(&options.from)?;
    let node = config::load(&options.config)?.node;
    let (first, last) = (&chain[0].manifest, &chain[chain.len() - 1].manifest);
    check_tables(&last.tables, &options.table)?;
    let draft = Draft::begin(&node.data_dir, &first.region, &last.tables)?;
    let restored = filled(draft, &chain, &node, options).inspect_err(|_| {
        // What is left of it if that fails too, the next restore removes.
        let _ = lc_node::discard_draft(&node.data_dir);
    })?;
    let told = json!({
        "data_dir": node.data_dir.display().to_string(),
        "cluster": node.cluster,
        "region": node.region,
        "node": node.node_id,
        "incarnation": restored.incarnation,
        "keys": restored.keys,
        "digest": restored.digest,
        "vector": last.end["vector"],
        "left_out": restored.left_out,
        "backup": chain[chain.len() - 1].dir.display().to_string(),
    });
    terminal::print(&if options.json { format!("{told}\n") } else { text(&told, &restored, options) })
}

/// The backup to restore, from its full one on.
fn chain(from: &Path) -> Result<Vec<Backup>, Error> {
    let newest = newest(from)?.ok_or_else(|| {
        Error::Usage(format!("{} holds no whole backup; one that ends in .draft was interrupted", from.display()))
    })?;
    let chain = newest.chain()?;
    let whole = chain.windows(2).all(|pair| pair[0].manifest.end["vector"] == pair[1].manifest.begin["vector"]);
    match chain[0].manifest.kind == "full" && whole {
        true => Ok(chain),
        false => Err(Error::Usage(format!("{}: its increments do not follow each other", from.display()))),
    }
}

fn filled(
    mut draft: Draft,
    chain: &[Backup],
    node: &lc_node::Config,
    options: &RestoreOptions,
) -> Result<Restored, Error> {
    for backup in chain {
        take(&mut draft, backup)?;
    }
    let region = options.in_place_of.as_deref().unwrap_or(&node.region);
    Ok(draft.finish(&node.cluster, node.node_id, region, &options.table)?)
}

fn take(draft: &mut Draft, backup: &Backup) -> Result<(), Error> {
    let manifest = &backup.manifest;
    let (mut rows, mut entries) = (0, 0);
    let out_of_order = || Error::Usage(format!("{}: rows after entries", backup.dir.display()));
    for file in &manifest.files {
        data_files::read(&backup.dir, file, &mut |item| match item {
            Item::Row(..) if entries > 0 || manifest.kind != "full" => Err(out_of_order()),
            Item::Row(key, value) => {
                rows += 1;
                Ok(draft.row(&key, &value)?)
            }
            Item::Entry(_, entry) => {
                if entries == 0 && manifest.kind == "full" {
                    draft.rows_end(&manifest.begin)?;
                }
                entries += 1;
                Ok(draft.entry(entry)?)
            }
        })?;
    }
    if entries == 0 && manifest.kind == "full" {
        draft.rows_end(&manifest.begin)?;
    }
    if (rows, entries) != (manifest.rows, manifest.entries) {
        return Err(Error::Usage(format!(
            "{}: {rows} rows and {entries} entries, and the manifest says {} and {}",
            backup.dir.display(),
            manifest.rows,
            manifest.entries
        )));
    }
    Ok(draft.entries_end(&manifest.end)?)
}

fn check_tables(tables: &Value, only: &[String]) -> Result<(), Error> {
    let known: Vec<&str> = tables.as_array().into_iter().flatten().filter_map(|table| table["name"].as_str()).collect();
    match only.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            Err(Error::Usage(format!("--table {unknown}: the backup has no such table; it has {}", known.join(", "))))
        }
    }
}

fn text(told: &Value, restored: &Restored, options: &RestoreOptions) -> String {
    let mut text = format!(
        "{} is made: {} keys at {}, digest {}\nnode {} of {} begins with incarnation {}\n",
        told["data_dir"].as_str().unwrap_or_default(),
        restored.keys,
        told["vector"],
        restored.digest,
        told["node"],
        told["cluster"],
        restored.incarnation,
    );
    if !restored.left_out.is_empty() {
        text.push_str(&format!(
            "left out, because --table does not name them or they must not be in this region: {}\n",
            restored.left_out.join(", ")
        ));
    }
    text.push_str(&format!(
        "next: restore every other region from the same backup, start all nodes, then, before clients are let in:\n  \
         lightcone restore-tables --from {}\n",
        options.from.display()
    ));
    text
}

/// Declares the tables of a backup where they are not declared yet.
pub async fn declare_tables(options: RestoreTablesOptions) -> Result<(), Error> {
    let backup = newest(&options.from)?
        .ok_or_else(|| Error::Usage(format!("{} holds no whole backup", options.from.display())))?;
    let door = NodeDoor::open(&options.door)?;
    let mut refused = Vec::new();
    for table in backup.manifest.tables.as_array().into_iter().flatten() {
        let name = table["name"].as_str().unwrap_or_default();
        // Nobody ever turned a dial of it.
        if name == DEFAULT && table["version"] == 0 {
            continue;
        }
        let outcome =
            if options.dry_run { Ok("would be declared".to_owned()) } else { declare(&door, name, table).await };
        match outcome {
            Ok(done) => terminal::print(&format!("table {name}: {done}\n"))?,
            Err(error) => {
                refused.push(format!("table {name}: {error}\n  placement there: {}", table["policy"]["placement"]))
            }
        }
    }
    match refused.is_empty() {
        true => Ok(()),
        false => Err(Error::Asked(format!(
            "{}\ndeclare these yourself: a placement names regions, and those of the backup need not be here",
            refused.join("\n")
        ))),
    }
}

async fn declare(door: &NodeDoor, name: &str, table: &Value) -> Result<String, Error> {
    let mut body = table["policy"].clone();
    let (verb, path, done) = match name {
        DEFAULT => ("PATCH", "/v1/tables/default", "its dials are set"),
        _ => {
            body["name"] = json!(name);
            body["restored"] = json!(true);
            ("POST", "/v1/tables", "declared")
        }
    };
    match door.ask(verb, path, Some(&body), &[("already_exists", ALREADY)]).await {
        Ok(_) => Ok(done.to_owned()),
        Err(error) if error.to_string().ends_with(ALREADY) => Ok("is there already, and stays as it is".to_owned()),
        Err(error) => Err(error),
    }
}

const DEFAULT: &str = "default";
const ALREADY: &str = "it stays as it is";
