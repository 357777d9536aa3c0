//! A table's file that the engine cannot open, because its index, filter, notes or footer rotted: its rows are read from its blocks, each
//! of which says what it is and has a checksum, and written into a file of the same number that can be opened.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use fjall::LsmError;
use lsm_tree::coding::Decode;
use lsm_tree::table::block::{BlockType, Header};
use lsm_tree::table::{Block, DataBlock, Scanner, Writer};
use lsm_tree::{Cache, Checksum, CompressionType, SeqNo, Table};
use xxhash_rust::xxh3::xxh3_128;

use super::is_unreadable;
use crate::Gap;

/// Whether the engine can open a table, with all that it may read only later.
pub(super) fn is_well(path: &Path, checksum: u128) -> bool {
    let cache = Arc::new(Cache::with_capacity_bytes(1 << 20));
    let checksum = Checksum::from_raw(checksum);
    let open = || Table::recover(path.to_owned(), checksum, 0, 0, cache, None, true, true).is_ok();
    catch_unwind(AssertUnwindSafe(open)).unwrap_or(false)
}

/// Writes what can be read of a table into a file that is not there yet, durably; `scratch` is used meanwhile. Gives the stretches in which
/// rows may have been that could not be read; nothing if there is no row left, and then no file.
///
/// # Errors
/// What the disk or the engine says; nothing can be said of its rows then.
pub(super) fn write_anew(from: &Path, id: u64, to: &Path, scratch: &Path) -> Result<Option<Vec<Gap>>, LsmError> {
    let write = || write_readable(from, id, to, scratch);
    // Two places that rotted may make nonsense of each other.
    catch_unwind(AssertUnwindSafe(write)).unwrap_or(Err(LsmError::Unrecoverable))
}

fn write_readable(from: &Path, id: u64, to: &Path, scratch: &Path) -> Result<Option<Vec<Gap>>, LsmError> {
    let bytes = read_all(from)?;
    let bounds = catch_unwind(AssertUnwindSafe(|| Bounds::of(from, &bytes))).unwrap_or_default();
    let unknown = LsmError::InvalidHeader("Block");
    let compression = bounds.compression.or_else(|| compression_of(&bytes)).ok_or(unknown)?;
    let mut writer = Writer::new(to.to_owned(), id, 0)?.use_data_block_compression(compression);
    let mut found = Found::default();
    let mut blocks = Blocks { bytes: &bytes, at: 0, end: bounds.data_end.filter(|end| *end <= bytes.len()) };
    loop {
        let from = blocks.at;
        let count = blocks.skip_whole();
        if count > 0 {
            std::fs::write(scratch, &bytes[from..blocks.at])?;
            found.copy(scratch, count, compression, &mut writer)?;
        }
        if blocks.is_at_end() {
            break;
        }
        if let Some((block, next)) = blocks.whole_but_for_its_header(compression) {
            std::fs::write(scratch, block)?;
            found.copy(scratch, 1, compression, &mut writer)?;
            blocks.at = next;
        } else {
            found.lose();
            blocks.skip_lost();
        }
    }
    drop(std::fs::remove_file(scratch));
    Ok(writer.finish()?.map(|_| found.gaps(&bounds)))
}

/// What is known of where a table's rows lie, if what says so can be read.
#[derive(Default)]
struct Bounds {
    /// Where in the file its rows end.
    data_end: Option<usize>,
    compression: Option<CompressionType>,
    first: Option<Bytes>,
    last: Option<Bytes>,
}

impl Bounds {
    fn of(path: &Path, bytes: &[u8]) -> Bounds {
        let Ok(archive) = sfa::Reader::new(path) else { return Bounds::default() };
        let end_of = |name: &[u8]| {
            let section = archive.toc().section(name)?;
            usize::try_from(section.pos().checked_add(section.len())?).ok()
        };
        let notes = || {
            let (from, to) = (usize::try_from(archive.toc().section(b"meta")?.pos()).ok()?, end_of(b"meta")?);
            let block = Block::from_reader(&mut bytes.get(from..to)?, CompressionType::None).ok()?;
            (block.header.block_type == BlockType::Meta).then(|| DataBlock::new(block))
        };
        let notes = notes();
        let note = |name: &[u8]| {
            let found = notes.as_ref()?.point_read(name, SeqNo::MAX)?;
            Some(Bytes::copy_from_slice(&found.value))
        };
        let packed = |bytes: Bytes| CompressionType::decode_from(&mut bytes.as_ref()).ok();
        Bounds {
            data_end: end_of(b"data"),
            compression: note(b"compression#data").and_then(packed),
            first: note(b"key#min"),
            last: note(b"key#max"),
        }
    }
}

/// What was read so far.
#[derive(Default)]
struct Found {
    /// Rows were lost after this one, and before the next that is read; without one, before all.
    lost_after: Option<Option<Bytes>>,
    last: Option<Bytes>,
    gaps: Vec<(Option<Bytes>, Option<Bytes>)>,
}

impl Found {
    fn copy(
        &mut self,
        blocks: &Path,
        count: usize,
        compression: CompressionType,
        writer: &mut Writer,
    ) -> Result<(), LsmError> {
        for item in Scanner::new(blocks, count, compression, 0)? {
            let item = item?;
            let key = Bytes::copy_from_slice(&item.key.user_key);
            if let Some(from) = self.lost_after.take() {
                self.gaps.push((from, Some(key.clone())));
            }
            self.last = Some(key);
            writer.write(item)?;
        }
        Ok(())
    }

    fn lose(&mut self) {
        if self.lost_after.is_none() {
            self.lost_after = Some(self.last.clone());
        }
    }

    /// The row before a gap was read, and may have been the newest of its key only; of the one behind it an older one may have been.
    fn gaps(mut self, bounds: &Bounds) -> Vec<Gap> {
        if let Some(from) = self.lost_after.take() {
            self.gaps.push((from, None));
        }
        let after = |key: &Bytes| Bytes::from([key.as_ref(), &[0]].concat());
        let gap = |(from, to): (Option<Bytes>, Option<Bytes>)| Gap {
            from: from.as_ref().map(after).or_else(|| bounds.first.clone()).unwrap_or_default(),
            to: to.as_ref().or(bounds.last.as_ref()).map(after),
        };
        let all = self.gaps.into_iter().map(gap);
        all.filter(|gap| gap.to.as_ref().is_none_or(|to| gap.from < *to)).collect()
    }
}

/// The blocks of rows of a table, in a file that begins with them.
struct Blocks<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where they end, if that is known.
    end: Option<usize>,
}

impl<'a> Blocks<'a> {
    fn limit(&self) -> usize {
        self.end.unwrap_or(self.bytes.len())
    }

    /// The header of a block of rows and where it ends; nothing if there is no header that can be read.
    fn header_at(&self, at: usize) -> Option<(Header, usize)> {
        let header = header_in(self.bytes.get(at..self.limit())?)?;
        let end = at + Header::serialized_len() + header.data_length as usize;
        Some((header, end))
    }

    /// Goes on to the first block that is not as it was written, or to the end; says how many were passed.
    fn skip_whole(&mut self) -> usize {
        let mut count = 0;
        while let Some((header, end)) = self.header_at(self.at) {
            let body = self.bytes.get(self.at + Header::serialized_len()..end).filter(|_| end <= self.limit());
            let whole = body.is_some_and(|body| xxh3_128(body) == header.checksum.into_u128());
            if header.block_type != BlockType::Data || !whole {
                break;
            }
            (self.at, count) = (end, count + 1);
        }
        count
    }

    /// Where they end, or before a block of another kind, if that is not known.
    fn is_at_end(&self) -> bool {
        let other_kind = || self.header_at(self.at).is_some_and(|(header, _)| header.block_type != BlockType::Data);
        self.at >= self.limit() || self.end.is_none() && other_kind()
    }

    /// Goes past a block that cannot be read; past everything if nothing tells where it ends.
    fn skip_lost(&mut self) {
        let end = self.header_at(self.at).map(|(_, end)| end).or_else(|| {
            let length = self.bytes.get(self.at + LENGTH_AT..self.at + LENGTH_AT + 4)?;
            let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
            let end = self.at + Header::serialized_len() + length;
            (self.end == Some(end) || self.header_at(end).is_some()).then_some(end)
        });
        self.at = end.unwrap_or(usize::MAX).min(self.limit());
    }

    /// The block here if all that rotted is in its header, with a header as it must have been, and where the next one begins: what it holds is proved by the
    /// checksum, and its end by the checksum's being right. What looks like a header in a value proves nothing.
    fn whole_but_for_its_header(&self, compression: CompressionType) -> Option<(Vec<u8>, usize)> {
        if self.header_at(self.at).is_some() {
            return None;
        }
        let length = Header::serialized_len();
        let written = self.bytes.get(self.at + CHECKSUM_AT..self.at + CHECKSUM_AT + 16)?;
        let checksum = u128::from_le_bytes(written.try_into().expect("sixteen bytes"));
        let rest = self.bytes.get(self.at + length..self.limit())?;
        let headers = rest.windows(4).enumerate().filter(|(_, four)| *four == MAGIC).map(|(at, _)| at);
        let ends = headers
            .filter(|at| header_in(&rest[*at..]).is_some())
            .take(ENDS_TRIED_MAX)
            .chain(self.end.map(|_| rest.len()));
        let end = ends.into_iter().find(|end| xxh3_128(&rest[..*end]) == checksum)?;
        let uncompressed = match compression {
            CompressionType::None => u32::try_from(end).ok()?,
            // How long it becomes is said nowhere else.
            _ => {
                let at = self.at + LENGTH_AT + 4;
                u32::from_le_bytes(self.bytes.get(at..at + 4)?.try_into().expect("four bytes"))
            }
        };
        let header = Header {
            block_type: BlockType::Data,
            checksum: Checksum::from_raw(checksum),
            data_length: u32::try_from(end).ok()?,
            uncompressed_length: uncompressed,
        };
        let mut block = lsm_tree::coding::Encode::encode_into_vec(&header);
        block.extend_from_slice(&rest[..end]);
        // A length that is wrong would make something else of it.
        let fits =
            compression == CompressionType::None || Block::from_reader(&mut block.as_slice(), compression).is_ok();
        fits.then_some((block, self.at + length + end))
    }
}

fn header_in(bytes: &[u8]) -> Option<Header> {
    Header::decode_from(&mut &bytes[..]).ok()
}

/// Blocks of rows are packed in all of a table or in none. Nothing if there is no telling.
fn compression_of(bytes: &[u8]) -> Option<CompressionType> {
    let mut at = 0;
    header_in(bytes)?;
    while let Some(header) = bytes.get(at..).and_then(header_in) {
        if header.block_type != BlockType::Data {
            break;
        }
        if header.data_length != header.uncompressed_length {
            return Some(CompressionType::Lz4);
        }
        at += Header::serialized_len() + header.data_length as usize;
    }
    Some(CompressionType::None)
}

/// All of a file; zeros for what the medium does not give back.
fn read_all(path: &Path) -> io::Result<Vec<u8>> {
    match std::fs::read(path) {
        Err(error) if is_unreadable(&error) => {}
        outcome => return outcome,
    }
    let file = File::open(path)?;
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len()).map_err(|_| ErrorKind::InvalidData)?];
    for (number, piece) in bytes.chunks_mut(PIECE).enumerate() {
        match file.read_exact_at(piece, (number * PIECE) as u64) {
            Err(error) if is_unreadable(&error) => piece.fill(0),
            outcome => outcome?,
        }
    }
    Ok(bytes)
}

/// In a block's header.
const MAGIC: &[u8] = b"LSM\x03";
const CHECKSUM_AT: usize = 5;
const LENGTH_AT: usize = 21;
/// Each costs one look at all that lies before it.
const ENDS_TRIED_MAX: usize = 8;
/// What a disk gives back or does not.
const PIECE: usize = 4096;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use bytes::Bytes;
    use lsm_tree::table::Writer;
    use lsm_tree::{CompressionType, InternalValue, ValueType};

    use super::{is_well, write_anew};
    use crate::Gap;

    type Items = BTreeMap<Bytes, (Bytes, bool)>;

    fn item(number: u32) -> (Bytes, (Bytes, bool)) {
        let value: Vec<u8> =
            (0..number % 300).map(|at| ((number * 300 + at).wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let removed = number.is_multiple_of(7);
        let value = if removed { Bytes::new() } else { value.into() };
        (format!("key-{number:06}").into_bytes().into(), (value, removed))
    }

    fn write(path: &Path, items: &Items, compression: CompressionType) {
        let mut writer = Writer::new(path.to_owned(), 7, 0).unwrap().use_data_block_compression(compression);
        for (key, (value, removed)) in items {
            let kind = if *removed { ValueType::Tombstone } else { ValueType::Value };
            writer.write(InternalValue::from_components(key.as_ref(), value.as_ref(), 0, kind)).unwrap();
        }
        writer.finish().unwrap();
    }

    /// All rows of a table that is whole.
    fn items_of(path: &Path) -> Items {
        let cache = std::sync::Arc::new(lsm_tree::Cache::with_capacity_bytes(1 << 20));
        let table =
            lsm_tree::Table::recover(path.to_owned(), lsm_tree::Checksum::from_raw(0), 0, 0, cache, None, true, true)
                .unwrap();
        let item = |item: lsm_tree::Result<InternalValue>| {
            let item = item.unwrap();
            let removed = item.is_tombstone();
            (Bytes::copy_from_slice(&item.key.user_key), (Bytes::copy_from_slice(&item.value), removed))
        };
        table.iter().map(item).collect()
    }

    struct Scene {
        dir: tempfile::TempDir,
        items: Items,
        whole: Vec<u8>,
    }

    impl Scene {
        fn new(compression: CompressionType) -> Scene {
            let (dir, items) = (tempfile::tempdir().unwrap(), (0..2000).map(item).collect());
            write(&dir.path().join("table"), &items, compression);
            let whole = std::fs::read(dir.path().join("table")).unwrap();
            Scene { dir, items, whole }
        }

        /// With other bytes in the file; gives what was lost and the gaps, nothing if all was.
        fn anew(&self, bytes: &[u8]) -> Option<(usize, Vec<Gap>)> {
            let path = |name: &str| self.dir.path().join(name);
            std::fs::write(path("table"), bytes).unwrap();
            drop(std::fs::remove_file(path("anew")));
            let gaps = write_anew(&path("table"), 7, &path("anew"), &path("scratch")).ok()??;
            assert!(is_well(&path("anew"), 0) && !path("scratch").exists());
            let found = items_of(&path("anew"));
            assert!(found.iter().all(|(key, item)| self.items.get(key) == Some(item)), "nothing is there that was not");
            let lost: Vec<&Bytes> = self.items.keys().filter(|key| !found.contains_key(*key)).collect();
            for key in &lost {
                let after = [key.as_ref(), &[0]].concat();
                assert!(
                    gaps.iter().any(|gap| gap.touches(key, Some(&after))),
                    "{key:?} is lost, and in no gap: {gaps:?}"
                );
            }
            Some((lost.len(), gaps))
        }
    }

    #[test]
    fn a_table_whose_end_is_gone_loses_nothing_and_one_that_was_cut_within_its_rows_only_what_follows() {
        for compression in [CompressionType::None, CompressionType::Lz4] {
            let scene = Scene::new(compression);
            let mut bytes = scene.whole.clone();
            let length = bytes.len();
            bytes[length - 512..].fill(0);
            assert!(!is_well(&scene.dir.path().join("absent"), 0));
            assert_eq!(scene.anew(&bytes), Some((0, Vec::new())));
            let (lost, gaps) = scene.anew(&scene.whole[..length / 2]).unwrap();
            assert!(lost > 500 && lost < 1500 && gaps.len() == 1, "{lost} are lost");
            assert_eq!(gaps[0].to, None);
            assert_eq!(scene.anew(&scene.whole[..20]), None);
            assert_eq!(scene.anew(&[]), None);
        }
    }

    #[test]
    fn what_two_rotten_places_leave_is_right_and_what_they_take_lies_in_gaps() {
        for compression in [CompressionType::None, CompressionType::Lz4] {
            let scene = Scene::new(compression);
            let (mut least, mut nothing) = (usize::MAX, 0);
            for turn in 0..200usize {
                let mut bytes = scene.whole.clone();
                let length = bytes.len();
                // A sector or a byte anywhere, and one in the last kilobytes.
                let (first, width) = (turn * 7919 * 31 % length, if turn.is_multiple_of(2) { 1 } else { 512 });
                let second = length - 1 - turn * 613 % 3500;
                bytes[first..(first + width).min(length)].iter_mut().for_each(|byte| *byte ^= 0x5a);
                bytes[second] ^= 1 << (turn % 8);
                match scene.anew(&bytes) {
                    Some((lost, _)) => least = least.min(lost),
                    None => nothing += 1,
                }
            }
            assert!(least < 40 && nothing < 10, "{nothing} times nothing was left, {least} were lost at least");
        }
    }

    #[test]
    fn a_block_whose_header_rotted_is_whole_if_its_checksum_proves_it() {
        for compression in [CompressionType::None, CompressionType::Lz4] {
            let scene = Scene::new(compression);
            let second = 33 + u32::from_le_bytes(scene.whole[21..25].try_into().unwrap()) as usize;
            for (at, most) in [
                (0, 0),
                (second, 0),
                (second + 1, 0),
                (second + 4, 0),
                (second + 22, 0),
                (second + 30, 0),
                (second + 6, 60),
            ] {
                let mut bytes = scene.whole.clone();
                bytes[at] ^= 0x10;
                let (lost, gaps) = scene.anew(&bytes).unwrap();
                assert!(lost <= most && gaps.len() == usize::from(lost > 0), "byte {at}: {lost} are lost, {gaps:?}");
            }
        }
    }

    #[test]
    fn a_block_within_a_value_is_not_taken_for_one() {
        let scene = Scene::new(CompressionType::None);
        let forged = scene.dir.path().join("forged");
        let only = BTreeMap::from([(Bytes::from_static(b"forged"), (Bytes::from_static(b"value"), false))]);
        write(&forged, &only, CompressionType::None);
        let mut items = scene.items.clone();
        let value = std::fs::read(&forged).unwrap();
        items.insert(Bytes::from_static(b"key-000000+"), (value.into(), false));
        write(&scene.dir.path().join("other"), &items, CompressionType::None);
        let whole = std::fs::read(scene.dir.path().join("other")).unwrap();
        let scene = Scene { items, whole, ..scene };
        for at in 0..33 {
            let mut bytes = scene.whole.clone();
            bytes[at] ^= 0x40;
            let length = bytes.len();
            bytes[length - 20] ^= 1;
            scene.anew(&bytes);
        }
    }
}
