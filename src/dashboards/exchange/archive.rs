//! Archives: zip files with one dashboard each file. Only what is needed is read and written; every size is bounded before it is believed.

use std::io::Read as _;

use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};

/// Files of one archive.
const MOST_FILES: usize = 1_000;
/// Bytes of all of them together, unpacked.
const MOST_BYTES: u64 = 64 << 20;
const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const DEFLATED: u16 = 8;
const STORED: u16 = 0;
/// Names are UTF-8.
const UTF8: u16 = 0x0800;

/// Why an archive cannot be read or written.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Not a zip file, or cut off.
    #[error("this is no zip archive: {0}")]
    NotZip(&'static str),
    /// More than anybody needs.
    #[error("the archive has more than {MOST_FILES} files, or more than 64 MiB in them")]
    TooMuch,
    /// A file that cannot be unpacked.
    #[error("the file {name:?} in the archive cannot be read: {reason}")]
    File {
        /// Its name.
        name: String,
        /// Why.
        reason: &'static str,
    },
}

/// A zip archive of these names and texts.
///
/// # Errors
/// When there is more than an archive may have.
pub fn pack_archive(files: &[(String, String)]) -> Result<Vec<u8>, ArchiveError> {
    if files.len() > MOST_FILES || files.iter().map(|(_, text)| text.len() as u64).sum::<u64>() > MOST_BYTES {
        return Err(ArchiveError::TooMuch);
    }
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let mut packed = Vec::new();
        let read = DeflateEncoder::new(text.as_bytes(), Compression::new(6)).read_to_end(&mut packed);
        read.map_err(|_| ArchiveError::File { name: name.clone(), reason: "it cannot be compressed" })?;
        let offset = number(out.len())?;
        let mut header = Vec::new();
        for field in [20, UTF8, DEFLATED, 0, 0x21] {
            header.extend(field.to_le_bytes());
        }
        for field in [crc32fast::hash(text.as_bytes()), number(packed.len())?, number(text.len())?] {
            header.extend(field.to_le_bytes());
        }
        header.extend(u16::try_from(name.len()).map_err(|_| ArchiveError::TooMuch)?.to_le_bytes());
        header.extend(0_u16.to_le_bytes());
        out.extend(LOCAL.to_le_bytes());
        out.extend(&header);
        out.extend(name.as_bytes());
        out.extend(packed);
        directory.extend(CENTRAL.to_le_bytes());
        directory.extend(20_u16.to_le_bytes());
        directory.extend(&header);
        // Comment, disk, internal and external attributes.
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, size) = (number(out.len())?, number(directory.len())?);
    let count = u16::try_from(files.len()).map_err(|_| ArchiveError::TooMuch)?;
    out.extend(directory);
    out.extend(END.to_le_bytes());
    out.extend([0; 4]);
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend(0_u16.to_le_bytes());
    Ok(out)
}

fn number(length: usize) -> Result<u32, ArchiveError> {
    u32::try_from(length).map_err(|_| ArchiveError::TooMuch)
}

/// Names and texts of the files of a zip archive; folders and what begins with a dot are left out.
///
/// # Errors
/// When it is none, or has too much in it.
pub fn unpack_archive(bytes: &[u8]) -> Result<Vec<(String, String)>, ArchiveError> {
    // The end record is the last thing, but for a comment of at most 64 KiB.
    let from = bytes.len().saturating_sub(22 + 65_535);
    let tail = bytes.get(from..).unwrap_or_default();
    let end = tail.windows(4).rposition(|window| window == END.to_le_bytes()).ok_or(ArchiveError::NotZip("it has no end record"))? + from;
    let count = usize::from(u16_at(bytes, end + 10)?);
    if count > MOST_FILES {
        return Err(ArchiveError::TooMuch);
    }
    let mut at = u32_at(bytes, end + 16)? as usize;
    let (mut files, mut total) = (Vec::new(), 0_u64);
    for _ in 0..count {
        if u32_at(bytes, at)? != CENTRAL {
            return Err(ArchiveError::NotZip("its directory is broken"));
        }
        let (name_length, extra, comment) =
            (u16_at(bytes, at + 28)? as usize, u16_at(bytes, at + 30)? as usize, u16_at(bytes, at + 32)? as usize);
        let name = bytes.get(at + 46..at + 46 + name_length).ok_or(ArchiveError::NotZip("a name is cut off"))?;
        let name = String::from_utf8_lossy(name).into_owned();
        let entry = Entry {
            flags: u16_at(bytes, at + 8)?,
            method: u16_at(bytes, at + 10)?,
            crc: u32_at(bytes, at + 16)?,
            packed: u32_at(bytes, at + 20)? as usize,
            size: u64::from(u32_at(bytes, at + 24)?),
            offset: u32_at(bytes, at + 42)? as usize,
        };
        at += 46 + name_length + extra + comment;
        let base = name.rsplit('/').next().unwrap_or_default();
        if base.is_empty() || base.starts_with('.') {
            continue;
        }
        total += entry.size;
        if total > MOST_BYTES {
            return Err(ArchiveError::TooMuch);
        }
        let text = unpack(bytes, &entry).map_err(|reason| ArchiveError::File { name: name.clone(), reason })?;
        files.push((name, text));
    }
    Ok(files)
}

struct Entry {
    flags: u16,
    method: u16,
    crc: u32,
    packed: usize,
    size: u64,
    offset: usize,
}

fn unpack(bytes: &[u8], entry: &Entry) -> Result<String, &'static str> {
    if entry.flags & 1 != 0 {
        return Err("it is encrypted");
    }
    let cut = "it is cut off";
    let name = u16_at(bytes, entry.offset + 26).map_err(|_| cut)? as usize;
    let extra = u16_at(bytes, entry.offset + 28).map_err(|_| cut)? as usize;
    let start = entry.offset + 30 + name + extra;
    let packed = bytes.get(start..start.saturating_add(entry.packed)).ok_or(cut)?;
    let mut content = Vec::new();
    match entry.method {
        STORED => content.extend(packed),
        DEFLATED => {
            // One byte more than it says it has, to notice that it lies.
            DeflateDecoder::new(packed).take(entry.size + 1).read_to_end(&mut content).map_err(|_| "it is not compressed as it says")?;
        }
        _ => return Err("it is compressed in a way that is not read here"),
    }
    if content.len() as u64 != entry.size || crc32fast::hash(&content) != entry.crc {
        return Err("its size or checksum is another one");
    }
    String::from_utf8(content).map_err(|_| "it is not UTF-8")
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, ArchiveError> {
    let field = at.checked_add(2).and_then(|end| bytes.get(at..end)).and_then(|field| field.try_into().ok());
    field.map(u16::from_le_bytes).ok_or(ArchiveError::NotZip("it is cut off"))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, ArchiveError> {
    let field = at.checked_add(4).and_then(|end| bytes.get(at..end)).and_then(|field| field.try_into().ok());
    field.map(u32::from_le_bytes).ok_or(ArchiveError::NotZip("it is cut off"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn files() -> Vec<(String, String)> {
        vec![("a/größe.json".into(), "{\"x\":1}".repeat(1000)), ("b.yaml".into(), String::new())]
    }

    #[test]
    fn there_and_back() {
        let packed = pack_archive(&files()).unwrap();
        assert!(packed.len() < 1000, "{}", packed.len());
        assert_eq!(unpack_archive(&packed).unwrap(), files());
        assert_eq!(unpack_archive(&pack_archive(&[(".DS_Store".into(), "x".into())]).unwrap()).unwrap(), []);
    }

    #[test]
    fn others_read_it_and_we_read_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.zip");
        std::fs::write(&path, pack_archive(&files()).unwrap()).unwrap();
        let python = |code: &str| std::process::Command::new("python3").args(["-c", code]).arg(&path).output().unwrap();
        let read = python(
            "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(z.namelist(), len(z.read('a/größe.json')))",
        );
        assert_eq!(String::from_utf8_lossy(&read.stdout), "['a/größe.json', 'b.yaml'] 7000\n", "{}", String::from_utf8_lossy(&read.stderr));
        let written = python(
            "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1],'w'); z.writestr('s.json','{}'); z.writestr('d.json','x'*999,zipfile.ZIP_DEFLATED); z.comment=b'hello'; z.close()",
        );
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        let found = unpack_archive(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(found, [("s.json".to_owned(), "{}".to_owned()), ("d.json".to_owned(), "x".repeat(999))]);
    }

    #[test]
    fn what_lies_about_itself_is_not_believed() {
        let good = pack_archive(&files()).unwrap();
        let at = good.windows(4).position(|window| window == CENTRAL.to_le_bytes()).unwrap();
        let with = |offset: usize, field: &[u8]| {
            let mut bytes = good.clone();
            bytes[at + offset..at + offset + field.len()].copy_from_slice(field);
            unpack_archive(&bytes).unwrap_err()
        };
        assert!(matches!(with(24, &1_u32.to_le_bytes()), ArchiveError::File { .. }), "smaller than it is");
        assert!(matches!(with(16, &1_u32.to_le_bytes()), ArchiveError::File { .. }), "another checksum");
        assert!(matches!(with(24, &u32::MAX.to_le_bytes()), ArchiveError::TooMuch), "larger than all may be");
        assert!(matches!(with(42, &u32::MAX.to_le_bytes()), ArchiveError::File { .. }), "beyond the end");
        assert!(matches!(with(8, &1_u16.to_le_bytes()), ArchiveError::File { reason: "it is encrypted", .. }));
        assert!(matches!(unpack_archive(b"PK"), Err(ArchiveError::NotZip(_))));
        assert!(matches!(unpack_archive(&good[..good.len() - 30]), Err(ArchiveError::NotZip(_))));
    }

    proptest! {
        #[test]
        fn nothing_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..400_usize, byte in any::<u8>()) {
            let _ = unpack_archive(&bytes);
            bytes = pack_archive(&files()).unwrap();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            let _ = unpack_archive(&bytes);
        }
    }
}
