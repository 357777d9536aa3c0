//! A backup as it was written once: this release reads it, and every file of it.

use std::path::{Path, PathBuf};

use lc_node::backup::Item;

use super::data_files::{Writer, read};
use super::manifest::{Backup, newest};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/backup_1")
}

#[test]
fn a_backup_of_an_earlier_release_is_read_whole() {
    let backup = newest(&golden()).expect("this release reads format 1").expect("there is one");
    assert_eq!((backup.name().as_str(), backup.manifest.kind.as_str()), ("0002", "increment"));
    let chain = backup.chain().expect("its parent is beside it");
    let mut counted = Vec::new();
    for Backup { dir, manifest, .. } in &chain {
        let (mut rows, mut entries) = (0, 0);
        for file in &manifest.files {
            let mut visit = |item| {
                match item {
                    Item::Row(..) => rows += 1,
                    Item::Entry(..) => entries += 1,
                }
                Ok(())
            };
            read(dir, file, &mut visit).expect("as written");
        }
        assert_eq!((rows, entries), (manifest.rows, manifest.entries));
        counted.push((rows, entries));
    }
    assert!(counted[0].0 > 0 && counted[1].0 == 0 && counted[1].1 > 0, "{counted:?}");
    let tables = &chain[1].manifest.tables;
    assert!(tables.to_string().contains("siblings"), "{tables}");
}

#[test]
fn a_later_format_is_called_by_its_number() {
    let dir = tempfile::tempdir().expect("a directory");
    let manifest = std::fs::read_to_string(golden().join("0001/manifest.json")).expect("there");
    let later = manifest.replacen("\"format\": 1", "\"format\": 2", 1);
    assert_ne!(manifest, later);
    std::fs::write(dir.path().join("manifest.json"), later).expect("written");
    let said = Backup::open(dir.path()).expect_err("a later one").to_string();
    assert!(said.contains("format 2 is not known here; this program reads 1"), "{said}");

    let mut writer = Writer::new(dir.path());
    writer.write(&[]).expect("room for it");
    let file = writer.finish().expect("room for it").remove(0);
    let path = dir.path().join(&file.name);
    let mut bytes = std::fs::read(&path).expect("there");
    bytes[8] = 2;
    std::fs::write(&path, bytes).expect("written");
    let said = read(dir.path(), &file, &mut |_| Ok(())).expect_err("a later one").to_string();
    assert!(said.contains("has format 2; this program reads 1"), "{said}");
}
