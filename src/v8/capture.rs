//! One capture: V8's AllocationProfile taken and copied into an owned [`Profile`], on the main
//! thread and with as little work there as possible.

use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::slice;
use std::time::Instant;

use napi::Env;
use rustc_hash::FxHashMap;

use super::ffi::{
    self, AllocationProfile, Isolate, NodeView, ProfileNode, SampleLayout, StringSlot,
};
use super::node_api::{HandleScope, read_string};
use heap_profile_core::error::{Error, Result};
use heap_profile_core::profile::metadata::Include;
use heap_profile_core::profile::{Allocation, Metadata, Node, Parts, Profile, Sample, Text};
use heap_profile_core::runtime::Runtime;

/// V8's profile. Dropping it frees a lot of small blocks: do that on another thread.
pub struct V8Profile(NonNull<AllocationProfile>);

// SAFETY: v8::internal::AllocationProfile holds a deque of nodes and a vector of samples. Its
// destructor frees that memory and follows none of the handles in it, so it needs no isolate.
unsafe impl Send for V8Profile {}

impl Drop for V8Profile {
    fn drop(&mut self) {
        // SAFETY: `take` got the pointer from GetAllocationProfile, which makes the caller the
        // owner, and nobody else has it.
        unsafe { ffi::hp_profile_delete(self.0.as_ptr()) }
    }
}

/// A profile and what it cost to get it.
pub struct Capture {
    /// The copy.
    pub profile: Profile,
    /// The original, to be dropped on another thread.
    pub original: V8Profile,
    /// V8's own part, milliseconds.
    pub v8_ms: f64,
    /// Our part, milliseconds.
    pub copy_ms: f64,
}

/// Takes and copies the profile of whichever session runs in the isolate; none if none runs.
pub fn take(
    env: Env,
    isolate: NonNull<Isolate>,
    runtime: Runtime,
    metadata: Metadata,
) -> Result<Option<Capture>> {
    let _scope = HandleScope::open(env)?;
    let started = Instant::now();
    // SAFETY: the isolate is the current one of this thread, and a handle scope is open, which
    // GetAllocationProfile needs for the names it makes.
    let original = unsafe { ffi::hp_profile_take(isolate.as_ptr()) };
    let Some(original) = NonNull::new(original).map(V8Profile) else { return Ok(None) };
    let v8_ms = milliseconds_since(started);
    let started = Instant::now();
    let mut tree = CopiedTree::default();
    tree.copy_nodes(root_of(env, &original)?);
    let include = metadata.include.unwrap_or_default();
    let layout = match runtime.tells_liveness {
        true => SampleLayout::WithLiveness,
        false => SampleLayout::WithoutLiveness,
    };
    let samples = copy_samples(&original, layout, include);
    let strings = tree.read_strings(env)?;
    let knows_liveness = runtime.tells_liveness || include == Include::Live;
    let profile = Profile::new(Parts {
        metadata,
        strings: strings.into(),
        nodes: tree.nodes.into(),
        allocations: tree.allocations.into(),
        samples: samples.into(),
        knows_liveness,
        ..Parts::default()
    });
    Ok(Some(Capture { profile, original, v8_ms, copy_ms: milliseconds_since(started) }))
}

fn milliseconds_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}

/// What a walk through V8's tree has copied.
#[derive(Default)]
struct CopiedTree {
    nodes: Vec<Node>,
    allocations: Vec<Allocation>,
    /// One handle of each string, by index.
    slots: Vec<*mut StringSlot>,
    /// Index of each string, by the address of the V8 object. Names repeat a hundredfold.
    indexes: FxHashMap<usize, u32>,
}

impl CopiedTree {
    /// In pre-order, in which V8 made the nodes, so that memory is read in order. Nothing here
    /// calls into V8's heap, so no string moves and an address identifies it.
    fn copy_nodes(&mut self, root: *const ProfileNode) {
        let mut pending = vec![(root, 0)];
        while let Some((node, parent)) = pending.pop() {
            let index = self.nodes.len() as u32;
            let view = read_node(node);
            self.copy_node(&view, parent);
            // SAFETY: V8 keeps children in a std::vector<Node*> that lives as long as the profile.
            let children = unsafe { slice_of(view.children, view.children_length) };
            pending.extend(children.iter().rev().map(|&child| (child, index)));
        }
    }

    fn copy_node(&mut self, view: &NodeView, parent: u32) {
        // SAFETY: V8 keeps allocations in a std::vector that lives as long as the profile, and
        // the layout of its elements is asserted in shim.cc.
        let allocations = unsafe { slice_of(view.allocations, view.allocations_length) };
        self.allocations.extend(
            allocations
                .iter()
                .map(|&ffi::Allocation { size, count }| Allocation { size: size as u64, count }),
        );
        let node = Node {
            id: view.node_id,
            parent,
            name: self.intern(view.name, view.name_key),
            script_name: self.intern(view.script_name, view.script_name_key),
            script_id: view.script_id,
            start_position: view.start_position,
            line_number: view.line_number,
            column_number: view.column_number,
            // V8's sampler does not look where.
            call_line: 0,
            allocations_end: self.allocations.len() as u32,
        };
        self.nodes.push(node);
    }

    fn intern(&mut self, slot: *mut StringSlot, key: usize) -> u32 {
        let CopiedTree { slots, indexes, .. } = self;
        *indexes.entry(key).or_insert_with(|| {
            slots.push(slot);
            slots.len() as u32 - 1
        })
    }

    /// Reading may flatten a string, which allocates and may collect garbage: only after the walk.
    fn read_strings(&self, env: Env) -> Result<Vec<Text>> {
        // V8 cuts names at 1024: one call each.
        let mut buffer = vec![0; 2048];
        self.slots.iter().map(|&slot| read_string(env, slot, &mut buffer)).collect()
    }
}

/// The root, if it is V8's: else nodes are not laid out as we read them, and nothing is to be believed.
fn root_of(env: Env, profile: &V8Profile) -> Result<*const ProfileNode> {
    // SAFETY: the profile is alive, and its root is part of it.
    let root = unsafe { ffi::hp_profile_get_root(profile.0.as_ptr()) };
    if root.is_null() {
        return Err(Error::internal("V8 returned a profile without a root"));
    }
    let name = read_string(env, read_node(root).name, &mut vec![0; 64])?;
    if name != Text::from(ROOT) {
        return Err(Error::internal("V8's profile has another layout than the one that is known"));
    }
    Ok(root)
}

/// What V8 calls it (`SamplingHeapProfiler::profile_root_`).
const ROOT: &str = "(root)";

fn read_node(node: *const ProfileNode) -> NodeView {
    let mut view = MaybeUninit::uninit();
    // SAFETY: the node belongs to a profile that is alive: V8's vectors hold no null.
    unsafe { ffi::hp_node_read(node, view.as_mut_ptr()) };
    // SAFETY: hp_node_read fills every field.
    unsafe { view.assume_init() }
}

/// # Safety
/// `length` values must be at `data` for the lifetime that the caller picks; `data` may be
/// anything where `length` is 0, as an empty std::vector's is.
unsafe fn slice_of<'a, T>(data: *const T, length: usize) -> &'a [T] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts(data, length) }
}

fn copy_samples(profile: &V8Profile, layout: SampleLayout, include: Include) -> Vec<Sample> {
    // SAFETY: the profile is alive, and the layout is that of the running V8 (crates/core/src/runtime.rs).
    let length = unsafe { ffi::hp_samples_count(profile.0.as_ptr(), layout) };
    let mut samples = vec![ffi::Sample::default(); length];
    // SAFETY: as above; the vector is constant, and `samples` has room for all of it.
    unsafe { ffi::hp_samples_copy(profile.0.as_ptr(), layout, samples.as_mut_ptr(), length) };
    let owned = samples.into_iter().map(|sample| Sample {
        size: sample.size,
        ordinal: sample.sample_id,
        node_id: sample.node_id,
        count: sample.count,
        line: 0,
        is_live: sample.is_live != 0,
    });
    owned.filter(|sample| sample.is_live || include == Include::Allocated).collect()
}
