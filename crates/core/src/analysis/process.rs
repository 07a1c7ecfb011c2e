//! What the process held as a whole, of which the sampled heap is a part.

use serde::Serialize;

use crate::profile::Metadata;
use crate::profile::metadata::MemoryUsage;

/// Growth of the resident set that is worth a word: at least so many bytes, and that part of what it was.
/// Less comes and goes.
const GROWTH_TO_TELL: f64 = (16 << 20) as f64;
const PART_TO_TELL: f64 = 0.1;

/// What a capture says of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    memory: MemoryUsage,
    heap_size_limit: Option<f64>,
    thread_id: Option<u32>,
    samples_buffers: bool,
}

impl Usage {
    /// None if the file does not tell.
    pub fn of(metadata: &Metadata) -> Option<Usage> {
        let Metadata { memory_usage, heap_size_limit, thread_id, .. } = *metadata;
        // No heap has room for nothing: such a file does not know.
        let heap_size_limit = heap_size_limit.filter(|&limit| limit > 0.0);
        let samples_buffers =
            metadata.external_memory.as_ref().is_some_and(|external| external.enabled);
        Some(Usage { memory: memory_usage?, heap_size_limit, thread_id, samples_buffers })
    }

    /// Bytes in use of what is sampled: on V8's heap, and of Buffers where they are.
    pub fn sampled(&self) -> f64 {
        let buffers = if self.samples_buffers { self.memory.array_buffers } else { 0.0 };
        self.memory.heap_used + buffers
    }
}

/// What the process held, and how that changed.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// At the first capture; none if there is one capture only.
    pub before: Option<MemoryUsage>,
    /// At the last one.
    pub after: MemoryUsage,
    /// From the first to the last one; none if they do not tell.
    pub span_ms: Option<f64>,
    /// Whose heap it is; all threads have the resident set together. None if the file does not tell.
    pub thread_id: Option<u32>,
    /// What V8 lets this thread's heap grow to.
    pub heap_size_limit: Option<f64>,
    /// What grew most if the heap has less than half of the growth of the resident set.
    pub elsewhere: Option<Elsewhere>,
}

/// Memory that is not on the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Elsewhere {
    /// Of ArrayBuffers and Buffers.
    ArrayBuffers,
    /// Of native code, held by objects on the heap.
    External,
    /// Neither: of native code, of other threads, or lost to fragmentation.
    Rest,
}

impl Process {
    /// Of captures that follow one another: a single one shows no change. None unless the first and the
    /// last tell.
    pub fn over(captures: &[Option<Usage>], span_ms: Option<f64>) -> Option<Process> {
        let (first, last) = ((*captures.first()?)?, (*captures.last()?)?);
        let usages: Vec<MemoryUsage> =
            captures.iter().flatten().map(|usage| usage.memory).collect();
        let (before, after) = (first.memory, last.memory);
        // A moment's garbage, or a thread that starts, is no growth: most captures must say the same.
        let (early, late) = usages.split_at(usages.len() / 2);
        let elsewhere = elsewhere(&before, &after)
            .filter(|&found| elsewhere(&median(early), &median(late)) == Some(found));
        Some(Process {
            before: (captures.len() > 1).then_some(before),
            after,
            span_ms: span_ms.filter(|_| captures.len() > 1),
            thread_id: last.thread_id,
            heap_size_limit: last.heap_size_limit,
            elsewhere,
        })
    }
}

fn elsewhere(before: &MemoryUsage, after: &MemoryUsage) -> Option<Elsewhere> {
    let growth = |part: fn(&MemoryUsage) -> f64| part(after) - part(before);
    let rss = growth(|usage| usage.rss);
    // What is committed is resident, in use or not.
    let heap = growth(|usage| usage.heap_total).max(growth(|usage| usage.heap_used)).max(0.0);
    if rss < GROWTH_TO_TELL.max(PART_TO_TELL * before.rss) || heap >= rss / 2.0 {
        return None;
    }
    let buffers = growth(|usage| usage.array_buffers);
    let external = growth(|usage| usage.external) - buffers;
    let parts = [
        (Elsewhere::ArrayBuffers, buffers),
        (Elsewhere::External, external),
        (Elsewhere::Rest, rss - heap - buffers - external),
    ];
    parts.into_iter().max_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(part, _)| part)
}

/// The median of each number; of none, nothing.
fn median(usages: &[MemoryUsage]) -> MemoryUsage {
    let of = |part: fn(&MemoryUsage) -> f64| {
        let mut values: Vec<f64> = usages.iter().map(part).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    MemoryUsage {
        rss: of(|usage| usage.rss),
        heap_total: of(|usage| usage.heap_total),
        heap_used: of(|usage| usage.heap_used),
        external: of(|usage| usage.external),
        array_buffers: of(|usage| usage.array_buffers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = (1 << 20) as f64;

    /// MiB of the resident set, of the heap, and of what is outside of it with the buffers.
    fn usage(rss: f64, heap: f64, external: f64, buffers: f64) -> Option<Usage> {
        let memory = MemoryUsage {
            rss: rss * MIB,
            heap_total: heap * MIB,
            heap_used: 0.8 * heap * MIB,
            external: external * MIB,
            array_buffers: buffers * MIB,
        };
        Some(Usage { memory, heap_size_limit: None, thread_id: None, samples_buffers: false })
    }

    fn elsewhere_of(captures: &[Option<Usage>]) -> Option<Elsewhere> {
        Process::over(captures, None).unwrap().elsewhere
    }

    #[test]
    fn says_where_to_look_if_the_heap_has_less_than_half_of_the_growth() {
        let start = usage(70.0, 10.0, 5.0, 4.0);
        for (end, expected) in [
            (usage(133.0, 20.0, 43.0, 42.0), Some(Elsewhere::ArrayBuffers)),
            (usage(133.0, 20.0, 43.0, 4.0), Some(Elsewhere::External)),
            (usage(133.0, 20.0, 5.0, 4.0), Some(Elsewhere::Rest)),
            // The heap's own growth, of which garbage is a part.
            (usage(133.0, 45.0, 5.0, 4.0), None),
            // Not worth a word.
            (usage(80.0, 10.0, 15.0, 14.0), None),
        ] {
            assert_eq!(elsewhere_of(&[start, end]), expected, "{end:?}");
        }
    }

    #[test]
    fn a_moment_is_no_growth() {
        let calm = usage(100.0, 50.0, 5.0, 4.0);
        let burst = usage(200.0, 50.0, 105.0, 104.0);
        assert_eq!(elsewhere_of(&[calm, calm, calm, calm, calm, burst]), None);
        assert_eq!(elsewhere_of(&[calm, calm, burst, burst]), Some(Elsewhere::ArrayBuffers));
        // A process that was still starting.
        let start = usage(40.0, 10.0, 1.0, 0.0);
        assert_eq!(elsewhere_of(&[start, calm, calm, calm, calm, calm]), None);
    }

    #[test]
    fn one_capture_shows_no_change_and_files_that_do_not_tell_nothing() {
        let only = Process::over(&[usage(100.0, 50.0, 5.0, 4.0)], Some(0.0)).unwrap();
        assert_eq!((only.before, only.span_ms, only.elsewhere), (None, None, None));
        assert_eq!(Process::over(&[None, usage(1.0, 1.0, 1.0, 1.0)], None), None);
        assert_eq!(Process::over(&[], None), None);
    }
}
