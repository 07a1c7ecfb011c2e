//! Answers that were given, by script. Parsed maps are not kept: they take several times their file
//! in memory, and between two profiles of a server few functions are new.

use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use foldhash::{HashMap, HashSet};

use super::file::{self, Stamp};
use super::map::Map;
use super::script::{self, Location, Script};
use super::{Function, Originals};

/// Answers kept of all scripts; where they would be more, all are forgotten.
const MAX_ANSWERS: usize = 100_000;

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Cache {
    /// By the script's name.
    entries: HashMap<String, Entry>,
    /// The sum of their sizes.
    size: usize,
}

impl Cache {
    fn take(&mut self, name: &str) -> Option<Entry> {
        let entry = self.entries.remove(name)?;
        self.size -= entry.size();
        Some(entry)
    }

    fn keep(&mut self, name: &str, entry: Entry) {
        // Another thread may have been faster.
        self.take(name);
        if self.size + entry.size() > MAX_ANSWERS {
            *self = Cache::default();
        }
        if entry.size() <= MAX_ANSWERS {
            self.size += entry.size();
            self.entries.insert(name.to_owned(), entry);
        }
    }
}

/// What is known of a script.
struct Entry {
    files: Files,
    answer: Answer,
}

/// The files that an answer comes from, as they were just before they were read; none for those
/// that were not there.
type Files = Vec<(PathBuf, Option<Stamp>)>;

/// None for a script that refers to no map; an error says why its map cannot be used.
type Answer = Result<Option<Originals>, String>;

/// Where the functions of a script were written. An error says why its map cannot be used.
pub fn originals(script: &Script, functions: &HashSet<Function>) -> Result<Originals, String> {
    // Taken out, so that others need not wait: at worst they read the same files.
    let known = cache().take(&script.name).filter(Entry::is_current);
    let entry = match known {
        Some(entry) if entry.unknown(functions).is_empty() => entry,
        known => Entry::read(script, functions, known),
    };
    let answer = entry.select(functions);
    cache().keep(&script.name, entry);
    answer
}

impl Entry {
    fn read(script: &Script, functions: &HashSet<Function>, known: Option<Entry>) -> Entry {
        let unknown = match &known {
            Some(known) => known.unknown(functions),
            None => functions.iter().cloned().collect(),
        };
        let mut files = Files::new();
        let mut answer = read(script, unknown, &mut files);
        if let (Ok(Some(originals)), Some(known)) = (&mut answer, known)
            && known.files == files
        {
            originals.extend(known.answer.ok().flatten().unwrap_or_default());
        }
        Entry { files, answer }
    }

    fn is_current(&self) -> bool {
        self.files.iter().all(|(path, stamp)| Stamp::of(path) == *stamp)
    }

    /// The functions for which the files must be read again.
    fn unknown(&self, functions: &HashSet<Function>) -> Vec<Function> {
        let Ok(Some(originals)) = &self.answer else { return Vec::new() };
        functions.iter().filter(|&function| !originals.contains_key(function)).cloned().collect()
    }

    fn select(&self, functions: &HashSet<Function>) -> Result<Originals, String> {
        let Some(originals) = self.answer.as_ref().map_err(String::clone)? else {
            return Ok(Originals::default());
        };
        let known = functions.iter().filter_map(|function| originals.get_key_value(function));
        Ok(known.map(|(function, original)| (function.clone(), original.clone())).collect())
    }

    /// One for the script itself.
    fn size(&self) -> usize {
        1 + self.answer.as_ref().ok().and_then(Option::as_ref).map_or(0, Originals::len)
    }
}

/// Reads a script and its map, and lists the files in `files`.
fn read(script: &Script, functions: Vec<Function>, files: &mut Files) -> Answer {
    let mut note = |path: &Path| files.push((path.to_owned(), Stamp::of(path)));
    note(&script.path);
    let bytes =
        file::read(&script.path).map_err(|error| format!("cannot read the script: {error}"))?;
    let text = Script::decode(&bytes);
    let Some(reference) = script::reference(&text) else { return Ok(None) };
    let (base, map) = match script.locate(reference)? {
        Location::Inline(map) => (script.url.clone(), map),
        Location::File { url, path } => {
            note(&path);
            (url, script.read_map(&path)?)
        }
    };
    Ok(Some(Map::decode(&map, base, script)?.originals(&text, functions)))
}

/// A panic elsewhere leaves whole entries behind, so the lock's poison does not matter.
fn cache() -> MutexGuard<'static, Cache> {
    CACHE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(answers: u32) -> Entry {
        let function = |line| Function { line, column: 0, name: Box::default(), inner_line: None };
        let originals = (0..answers).map(|line| (function(line), None)).collect();
        Entry { files: Files::new(), answer: Ok(Some(originals)) }
    }

    #[test]
    fn forgets_all_rather_than_keep_too_much() {
        let mut cache = Cache::default();
        cache.keep("a", entry(60_000));
        cache.keep("b", entry(30_000));
        assert_eq!(cache.entries.len(), 2);
        cache.keep("b", entry(39_000));
        assert_eq!((cache.entries.len(), cache.size), (2, 99_002));
        cache.keep("c", entry(20_000));
        assert!(cache.entries.keys().eq(["c"]));
        cache.keep("d", entry(100_000));
        assert!(cache.entries.is_empty());
        assert_eq!(cache.size, 0);
    }
}
