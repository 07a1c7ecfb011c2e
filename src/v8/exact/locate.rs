//! Finds V8's private SamplingHeapProfiler, and believes nothing until all that is known of it was found as
//! expected: whatever a wrong table or an unknown build makes of it, the worst is a refusal.
//!
//! It is looked for just after it was made, so that nothing was sampled yet.

use std::ffi::CStr;
use std::io;

use heap_profile_core::profile::metadata::Options;

use super::Refusal;
use super::layouts::Layout;
use super::memory::{self, Maps, read_bytes, read_word};

/// What of `v8::internal::HeapProfiler` is looked through: all verified V8s have at least that.
const HEAP_PROFILER_BYTES: usize = 136;

/// The isolate has the heap in itself, and is not larger.
const MAX_ISOLATE_BYTES: usize = 4 << 20;

/// Functions of the observer's vtable: two destructors, Step, GetNextStepSize.
const FUNCTIONS: usize = 4;
const STEP: usize = 2;
const WORD: usize = size_of::<usize>();

/// Smaller intervals are numbers that may be found anywhere.
const MIN_INTERVAL: usize = 64;

const GET_HEAP_PROFILER: &CStr = c"_ZN2v87Isolate15GetHeapProfilerEv";
/// Node.js 18 to 22 export them.
const OBSERVER_VTABLE: &CStr = c"_ZTVN2v88internal20SamplingHeapProfiler8ObserverE";
const OBSERVER_STEP: &CStr = c"_ZN2v88internal20SamplingHeapProfiler8Observer4StepEimm";

/// What the sampler must be found with.
pub struct Known {
    pub isolate: usize,
    /// `v8::Isolate::GetHeapProfiler`.
    pub heap_profiler: usize,
    pub interval: usize,
    pub stack_depth: u32,
}

/// Where the sampler is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// Where the HeapProfiler has the address of its sampler.
    pub slot: usize,
    /// That address.
    pub sampler: usize,
    /// The address of the observer's vtable pointer.
    pub observer: usize,
    /// The address of the number of the last sample.
    pub last_sample_id: usize,
}

impl Known {
    pub fn new(isolate: usize, heap_profiler: usize, options: Options) -> Known {
        let interval = options.sample_interval_bytes as usize;
        Known { isolate, heap_profiler, interval, stack_depth: options.stack_depth }
    }
}

/// Finds the sampler. Writes nothing.
pub fn locate(known: &Known, layout: &Layout) -> Result<Location, Refusal> {
    if known.interval < MIN_INTERVAL {
        let reason = format!(
            "an interval of less than {MIN_INTERVAL} bytes does not tell V8's sampler from other memory"
        );
        return Err(Refusal(reason));
    }
    check_order(layout)?;
    let maps = Maps::of_this_process().map_err(|error| unreadable("/proc/self/maps", &error))?;
    let module = memory::symbol(GET_HEAP_PROFILER).and_then(memory::module_of);
    let module = module.ok_or_else(|| Refusal("V8 is in no module that is known".into()))?;
    let look = Look { known, layout, maps, module };
    look.check_heap_profiler()?;
    look.only_candidate()
}

/// Whether the fields follow one another as in every V8, so that none can be taken for another.
fn check_order(layout: &Layout) -> Result<(), Refusal> {
    let Layout { heap_profiler, sampling_heap_profiler: sampler, observer, .. } = layout;
    let in_sampler = [
        (sampler.isolate, WORD),
        (sampler.heap, WORD),
        (sampler.last_sample_id, 2 * WORD),
        (sampler.observer, observer.rate.saturating_add(WORD)),
        (sampler.names, WORD),
        (sampler.root_name, WORD),
        (sampler.stack_depth, WORD),
        (sampler.rate, WORD),
    ];
    let in_observer = [
        (0, WORD),
        (observer.step_size, WORD),
        (observer.profiler, WORD),
        (observer.heap, 2 * WORD),
        (observer.rate, WORD),
    ];
    let in_heap_profiler =
        [(heap_profiler.names, WORD), (heap_profiler.sampling_heap_profiler, WORD)];
    if follow(&in_sampler, 1024) && follow(&in_observer, 256) && follow(&in_heap_profiler, 136) {
        return Ok(());
    }
    Err(Refusal("the table of layouts is wrong".into()))
}

/// Whether fields, each with its size, follow one another in an object, and are aligned.
fn follow(fields: &[(usize, usize)], object_bytes: usize) -> bool {
    let mut end = 0;
    fields.iter().all(|&(offset, bytes)| {
        let fits = offset >= end && offset < object_bytes && offset.is_multiple_of(WORD);
        end = offset.saturating_add(bytes);
        fits
    })
}

struct Look<'a> {
    known: &'a Known,
    layout: &'a Layout,
    maps: Maps,
    /// Where what V8 is in, mostly Node itself, is loaded.
    module: usize,
}

impl Look<'_> {
    /// That `v8::Isolate::GetHeapProfiler` returned an object of V8's that has virtual functions.
    fn check_heap_profiler(&self) -> Result<(), Refusal> {
        let address = self.known.heap_profiler;
        let vtable =
            read_word(address).map_err(|error| unreadable("V8's heap profiler", &error))?;
        match self.is_vtable(vtable, 1) {
            true => Ok(()),
            false => Err(Refusal("V8's heap profiler is not as expected".into())),
        }
    }

    /// One word of the HeapProfiler has a sampler's address, and it is the word that is known for it.
    fn only_candidate(&self) -> Result<Location, Refusal> {
        let start = self.known.heap_profiler;
        let slots = (start..start + HEAP_PROFILER_BYTES).step_by(WORD);
        let candidates: Vec<Location> = slots.filter_map(|slot| self.candidate(slot)).collect();
        let [location] = candidates.as_slice() else {
            let reason = format!(
                "V8's sampler was not found where it was expected: {} candidates",
                candidates.len()
            );
            return Err(Refusal(reason));
        };
        if location.slot != start + self.layout.heap_profiler.sampling_heap_profiler {
            return Err(Refusal("V8's sampler was found elsewhere than expected".into()));
        }
        Ok(*location)
    }

    /// The sampler whose address is in a word, if it is one.
    fn candidate(&self, slot: usize) -> Option<Location> {
        let sampler = read_word(slot).ok().filter(|&address| is_pointer(address))?;
        let location = self.location(slot, sampler)?;
        let is_sampler = self.is_our_sampler(&location)?
            && self.is_our_observer(&location)?
            && self.is_observer_vtable(read_word(location.observer).ok()?)?;
        is_sampler.then_some(location)
    }

    fn location(&self, slot: usize, sampler: usize) -> Option<Location> {
        let offsets = &self.layout.sampling_heap_profiler;
        let observer = sampler.checked_add(offsets.observer)?;
        let last_sample_id = sampler.checked_add(offsets.last_sample_id)?;
        Some(Location { slot, sampler, observer, last_sample_id })
    }

    fn is_our_sampler(&self, location: &Location) -> Option<bool> {
        let offsets = &self.layout.sampling_heap_profiler;
        let field = |offset: usize| read_word(location.sampler.checked_add(offset)?).ok();
        let names_of_owner = self.known.heap_profiler + self.layout.heap_profiler.names;
        let names = read_word(names_of_owner).ok()?;
        let stack_depth = read_bytes(location.sampler.checked_add(offsets.stack_depth)?).ok()?;
        let heap = field(offsets.heap)?;
        let end_of_isolate = self.known.isolate.checked_add(MAX_ISOLATE_BYTES)?;
        Some(
            field(offsets.isolate)? == self.known.isolate
                && heap > self.known.isolate
                && heap < end_of_isolate
                && field(offsets.last_sample_id)? == 0
                && is_pointer(names)
                && field(offsets.names)? == names
                && self.is_root_name(field(offsets.root_name)?)
                && u32::from_ne_bytes(stack_depth) == self.known.stack_depth
                && field(offsets.rate)? == self.known.interval,
        )
    }

    fn is_our_observer(&self, location: &Location) -> Option<bool> {
        let offsets = &self.layout.observer;
        let field = |offset: usize| read_word(location.observer.checked_add(offset)?).ok();
        let heap = read_word(location.sampler + self.layout.sampling_heap_profiler.heap).ok()?;
        Some(
            field(offsets.step_size)? == self.known.interval
                && field(offsets.profiler)? == location.sampler
                && field(offsets.heap)? == heap
                && field(offsets.rate)? == self.known.interval,
        )
    }

    /// A constant of V8's.
    fn is_root_name(&self, address: usize) -> bool {
        self.maps.is_read_only(address)
            && memory::module_of(address) == Some(self.module)
            && read_bytes(address).is_ok_and(|text| &text == b"(root)\0")
    }

    fn is_observer_vtable(&self, vtable: usize) -> Option<bool> {
        let step = read_word(vtable.checked_add(STEP * WORD)?).ok()?;
        let is_symbol = |name, address| memory::symbol(name).is_none_or(|known| known == address);
        // The symbol is where the two words before the functions begin.
        Some(
            self.is_vtable(vtable, FUNCTIONS)
                && is_symbol(OBSERVER_VTABLE, vtable - 2 * WORD)
                && is_symbol(OBSERVER_STEP, step),
        )
    }

    /// Whether it is the vtable of one of V8's classes, with at least so many functions: read-only, and
    /// nothing but code of the same module in it. The object starts where the class does.
    fn is_vtable(&self, vtable: usize, functions: usize) -> bool {
        let Some(offset_to_top) = vtable.checked_sub(2 * WORD) else { return false };
        let function = |index| read_word(vtable.checked_add(index * WORD)?).ok();
        is_pointer(vtable)
            && self.maps.is_read_only(offset_to_top)
            && self.maps.is_read_only(vtable)
            && memory::module_of(vtable) == Some(self.module)
            && read_word(offset_to_top).is_ok_and(|offset| offset == 0)
            && (0..functions).all(|index| function(index).is_some_and(|code| self.is_code(code)))
    }

    fn is_code(&self, address: usize) -> bool {
        self.maps.is_executable(address) && memory::module_of(address) == Some(self.module)
    }
}

/// Whether a word may be an object's address.
fn is_pointer(word: usize) -> bool {
    word >= 4096 && word.is_multiple_of(WORD)
}

fn unreadable(what: &str, error: &io::Error) -> Refusal {
    Refusal(format!("{what} cannot be read: {error}"))
}
