//! What V8's CPU profiles know but do not tell: the line of each sample in its innermost function, and
//! where the function of a node starts. Both lie beside what the public getters tell, and are believed
//! only where all of that is found around them; all reads are of untrusted addresses.

use super::cpu_profiler::{CpuProfile, NodeRef};
use super::memory::{read_bytes, read_up_to, read_word};

const WORD: usize = size_of::<usize>();

/// Words of a `CpuProfile` that are looked through.
const PROFILE_WORDS: usize = 64;
/// A block of libstdc++'s std::deque has as many whole elements as fit into it.
const BLOCK_BYTES: usize = 512;
/// `sizeof(CpuProfile::SampleInfo)`, which grew: node, time, line, then what is new.
const ELEMENT_BYTES: [usize; 5] = [24, 32, 40, 48, 56];

/// The line of each sample, given when and where each was taken; none if they are not found.
pub fn of_samples(profile: &CpuProfile, samples: &[(i64, NodeRef)]) -> Option<Vec<i32>> {
    let mut bytes = [0; PROFILE_WORDS * WORD];
    let length = read_up_to(profile.address(), &mut bytes);
    let words: Vec<usize> = words_of(&bytes[..length]).collect();
    let deques = words.windows(10).filter_map(|words| Deque::of(words.first_chunk()?));
    let mut lines = deques.flat_map(|deque| {
        ELEMENT_BYTES.into_iter().filter_map(move |size| deque.lines(size, samples))
    });
    lines.next()
}

fn words_of(bytes: &[u8]) -> impl Iterator<Item = usize> {
    bytes.as_chunks().0.iter().map(|word| usize::from_ne_bytes(*word))
}

/// A std::deque of libstdc++: its map of blocks, and where its elements start and end.
struct Deque {
    first: usize,
    first_end: usize,
    first_block: usize,
    last: usize,
    last_start: usize,
    last_block: usize,
}

impl Deque {
    /// If these words may be one.
    fn of(words: &[usize; 10]) -> Option<Deque> {
        let [map, map_size, first, first_start, first_end, first_block, ..] = *words;
        let [.., last, last_start, last_end, last_block] = *words;
        let map_end = map.checked_add(map_size.checked_mul(WORD)?)?;
        let is_in_map =
            |block: usize| block >= map && block < map_end && block.is_multiple_of(WORD);
        let is_one = map >= 4096
            && map.is_multiple_of(WORD)
            && is_in_map(first_block)
            && is_in_map(last_block)
            && first_block <= last_block
            && first_start <= first
            && first <= first_end
            && last_start <= last
            && last <= last_end
            && first_end - first_start == last_end - last_start;
        is_one.then_some(Deque { first, first_end, first_block, last, last_start, last_block })
    }

    /// The lines, if its elements have that size and are those samples.
    fn lines(&self, size: usize, samples: &[(i64, NodeRef)]) -> Option<Vec<i32>> {
        let mut lines = Vec::with_capacity(samples.len());
        let mut block = self.first_block;
        let mut bytes = [0; BLOCK_BYTES];
        while block <= self.last_block {
            let start =
                if block == self.first_block { self.first } else { read_word(block).ok()? };
            let end = match () {
                () if block == self.last_block => self.last,
                () if block == self.first_block => self.first_end,
                () => start.checked_add(BLOCK_BYTES / size * size)?,
            };
            let is_right =
                block != self.last_block || start == self.last_start || block == self.first_block;
            let length =
                end.checked_sub(start).filter(|&length| length <= BLOCK_BYTES && is_right)?;
            if length % size != 0 || read_up_to(start, &mut bytes[..length]) != length {
                return None;
            }
            for element in bytes[..length].chunks_exact(size) {
                lines.push(line_of(element, samples.get(lines.len())?)?);
            }
            block += WORD;
        }
        (lines.len() == samples.len()).then_some(lines)
    }
}

/// The line of a `SampleInfo`, if it is that sample.
fn line_of(element: &[u8], &(time, node): &(i64, NodeRef)) -> Option<i32> {
    let (address, rest) = element.split_first_chunk()?;
    let (at, rest) = rest.split_first_chunk()?;
    let is_it = usize::from_ne_bytes(*address) == node.address() && i64::from_ne_bytes(*at) == time;
    is_it.then(|| i32::from_ne_bytes(*rest.first_chunk().unwrap_or(&[0; 4])))
}

/// Where a function starts, as V8's `CodeEntry` has it.
#[derive(Clone, Copy)]
pub struct Start {
    /// In UTF-16 code units from the start of the script.
    pub position: i32,
    /// 1-based.
    pub line: i32,
    /// 1-based.
    pub column: i32,
}

/// The address of a node's `CodeEntry`: the second word of a `ProfileNode`.
pub fn entry_of(node: NodeRef) -> Option<usize> {
    read_word(node.address().checked_add(WORD)?).ok()
}

/// Where the function of that entry starts, if it is the node's: a `CodeEntry` has, one after the other,
/// `name_`, `resource_name_`, `line_number_`, `column_number_`, `script_id_` and `position_`.
pub fn start_of(profile: &CpuProfile, node: NodeRef, entry: usize) -> Option<Start> {
    let bytes: [u8; 64] = read_bytes(entry).ok()?;
    let name = profile.name(node).as_ptr().addr();
    let script_name = profile.script_name(node).as_ptr().addr();
    let script_id = profile.script_id(node);
    (0..=bytes.len() - 32).step_by(WORD).find_map(|at| {
        let mut words = words_of(&bytes[at..]);
        let numbers: Vec<i32> = bytes[at + 16..at + 32]
            .as_chunks()
            .0
            .iter()
            .map(|bytes| i32::from_ne_bytes(*bytes))
            .collect();
        let [line, column, its_script, position] = *numbers.first_chunk()?;
        let is_it = words.next() == Some(name)
            && words.next() == Some(script_name)
            && its_script == script_id;
        is_it.then_some(Start { position, line, column })
    })
}
