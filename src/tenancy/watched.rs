//! A file that is read again when it changes, and whose last good content stays when it cannot be used.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;

use super::FileError;
use super::yaml::Fault;

/// Largest file that is read, in bytes.
const LARGEST: u64 = 16 * 1024 * 1024;

/// The parsed content of a file.
pub(super) struct Watched<T> {
    file: PathBuf,
    parse: fn(&str) -> Result<T, Fault>,
    content: ArcSwap<T>,
    seen: Mutex<Option<Stamp>>,
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Same,
    Changed,
    Failed,
}

/// What differs when a file was changed; the inode, because deployments swap links.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    inode: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        use std::os::unix::fs::MetadataExt;
        Stamp { modified: metadata.modified().ok(), bytes: metadata.len(), inode: metadata.ino() }
    }
}

impl<T> Watched<T> {
    /// Reads the file for the first time.
    pub(super) fn open(file: &Path, parse: fn(&str) -> Result<T, Fault>) -> Result<Watched<T>, FileError> {
        let (stamp, content) = read(file, parse)?;
        Ok(Watched { file: file.to_owned(), parse, content: ArcSwap::from_pointee(content), seen: Mutex::new(Some(stamp)) })
    }

    /// The last good content.
    pub(super) fn get(&self) -> Arc<T> {
        self.content.load_full()
    }

    /// Looks whether the file changed, and reads it if so. Blocks on the file system. A broken file is reported once.
    pub(super) fn look(&self) -> Look {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = std::fs::metadata(&self.file).ok().map(|metadata| Stamp::of(&metadata));
        if now == *seen {
            return Look::Same;
        }
        match read(&self.file, self.parse) {
            Ok((stamp, content)) => {
                self.content.store(Arc::new(content));
                *seen = Some(stamp);
                tracing::info!(file = %self.file.display(), "took over the changed file");
                Look::Changed
            }
            Err(error) => {
                *seen = now;
                tracing::error!(file = %self.file.display(), line = error.line, "the changed file cannot be used, the old content stays: {error}");
                Look::Failed
            }
        }
    }
}

fn read<T>(file: &Path, parse: fn(&str) -> Result<T, Fault>) -> Result<(Stamp, T), FileError> {
    let fault = |line, fault| FileError { file: file.to_owned(), line, fault };
    // The stamp is taken first: a write between the two is then seen at the next look.
    let metadata = std::fs::metadata(file).map_err(|error| fault(None, format!("cannot be read: {error}")))?;
    if metadata.len() > LARGEST {
        return Err(fault(None, "is larger than 16 MiB".into()));
    }
    let text = std::fs::read_to_string(file).map_err(|error| fault(None, format!("cannot be read: {error}")))?;
    let content = parse(&text).map_err(|found| fault(found.line, found.text))?;
    Ok((Stamp::of(&metadata), content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Vec<String>, Fault> {
        if text.contains('!') {
            return Err(Fault { line: Some(1), text: "shouting".into() });
        }
        Ok(text.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn a_good_change_is_taken_over_and_a_bad_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("words");
        std::fs::write(&file, "one").unwrap();
        let watched = Watched::open(&file, words).unwrap();
        assert_eq!(watched.look(), Look::Same);

        std::fs::write(&file, "one two").unwrap();
        assert_eq!((watched.look(), watched.get().len()), (Look::Changed, 2));

        std::fs::write(&file, "bad!").unwrap();
        assert_eq!((watched.look(), watched.get().len()), (Look::Failed, 2));
        assert_eq!(watched.look(), Look::Same, "a broken file is reported once");

        std::fs::remove_file(&file).unwrap();
        assert_eq!((watched.look(), watched.look(), watched.get().len()), (Look::Failed, Look::Same, 2));

        std::fs::write(&file, "three good words").unwrap();
        assert_eq!((watched.look(), watched.get().len()), (Look::Changed, 3));
    }

    #[test]
    fn at_the_start_a_bad_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("words");
        let absent = Watched::open(&file, words).err().unwrap();
        assert!(absent.fault.contains("cannot be read") && absent.file == file);
        std::fs::write(&file, "bad!").unwrap();
        assert_eq!(Watched::open(&file, words).err().unwrap().line, Some(1));
    }
}
