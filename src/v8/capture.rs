//! One capture: V8's AllocationProfile taken and copied into an owned [`Profile`], on the main
//! thread and with as little work there as possible.

use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::slice;
use std::time::Instant;

use napi::sys;
use rustc_hash::FxHashMap;

use super::ffi::{
    self, AllocationProfile, Isolate, NodeView, ProfileNode, SampleLayout, StringSlot,
};
use heap_profile_core::error::{Error, Result};
use heap_profile_core::profile::metadata::Include;
use heap_profile_core::profile::{Allocation, Metadata, Node, Parts, Profile, Sample, Text};

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
    env: sys::napi_env,
    isolate: NonNull<Isolate>,
    tells_liveness: bool,
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
    let mut copy = Copy::default();
    copy.copy_tree(&original)?;
    let include = metadata.include.unwrap_or_default();
    let layout =
        if tells_liveness { SampleLayout::WithLiveness } else { SampleLayout::WithoutLiveness };
    let samples = copy_samples(&original, layout, include);
    let strings = copy.read_strings(env)?;
    let knows_liveness = tells_liveness || include == Include::Live;
    let profile = Profile::new(Parts {
        metadata,
        strings: strings.into(),
        nodes: copy.nodes.into(),
        allocations: copy.allocations.into(),
        samples: samples.into(),
        knows_liveness,
        ..Parts::default()
    });
    Ok(Some(Capture { profile, original, v8_ms, copy_ms: milliseconds_since(started) }))
}

fn milliseconds_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}

/// The state of a walk through V8's tree.
#[derive(Default)]
struct Copy {
    nodes: Vec<Node>,
    allocations: Vec<Allocation>,
    /// One handle of each string, by index.
    slots: Vec<*mut StringSlot>,
    /// Index of each string, by the address of the V8 object. Names repeat a hundredfold.
    indexes: FxHashMap<usize, u32>,
}

impl Copy {
    /// In pre-order, in which V8 made the nodes, so that memory is read in order. Nothing here
    /// calls into V8's heap, so no string moves and an address identifies it.
    fn copy_tree(&mut self, profile: &V8Profile) -> Result<()> {
        // SAFETY: the profile is alive, and its root is part of it.
        let root = unsafe { ffi::hp_profile_get_root(profile.0.as_ptr()) };
        if root.is_null() {
            return Err(Error::Internal("V8 returned a profile without a root".into()));
        }
        let mut pending = vec![(root, 0)];
        while let Some((node, parent)) = pending.pop() {
            let index = self.nodes.len() as u32;
            let view = read_node(node);
            self.copy_node(&view, parent);
            // SAFETY: V8 keeps children in a std::vector<Node*> that lives as long as the profile.
            let children = unsafe { slice_of(view.children, view.children_length) };
            pending.extend(children.iter().rev().map(|&child| (child, index)));
        }
        Ok(())
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
            allocations_end: self.allocations.len() as u32,
        };
        self.nodes.push(node);
    }

    fn intern(&mut self, slot: *mut StringSlot, key: usize) -> u32 {
        let Copy { slots, indexes, .. } = self;
        *indexes.entry(key).or_insert_with(|| {
            slots.push(slot);
            slots.len() as u32 - 1
        })
    }

    /// Reading may flatten a string, which allocates and may collect garbage: only after the walk.
    fn read_strings(&self, env: sys::napi_env) -> Result<Vec<Text>> {
        // V8 cuts names at 1024: one call each.
        let mut buffer = vec![0; 2048];
        self.slots.iter().map(|&slot| read_string(env, slot, &mut buffer)).collect()
    }
}

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
        is_live: sample.is_live != 0,
    });
    owned.filter(|sample| sample.is_live || include == Include::Allocated).collect()
}

/// As UTF-16, as UTF-8 would lose lone surrogates. `buffer` is scratch space, not empty.
fn read_string(env: sys::napi_env, slot: *mut StringSlot, buffer: &mut Vec<u16>) -> Result<Text> {
    if slot.is_null() {
        return Ok(Text::from(""));
    }
    loop {
        let (data, room, mut length) = (buffer.as_mut_ptr(), buffer.len(), 0);
        // SAFETY: a v8::Local's slot is a napi_value, the handle scope it was made in is open, and
        // the buffer has the room that is passed along.
        let status =
            unsafe { sys::napi_get_value_string_utf16(env, slot.cast(), data, room, &mut length) };
        check("napi_get_value_string_utf16", status)?;
        // Node-API cuts what does not fit, and ends the string with a NUL.
        if length + 1 < room {
            return Ok(Text::from_utf16(&buffer[..length]));
        }
        buffer.resize(2 * room, 0);
    }
}

/// A Node-API handle scope: V8's own is not exported by every Node.
struct HandleScope {
    env: sys::napi_env,
    scope: sys::napi_handle_scope,
}

impl HandleScope {
    fn open(env: sys::napi_env) -> Result<HandleScope> {
        let mut scope = std::ptr::null_mut();
        // SAFETY: the environment is the one that called us on this thread.
        let status = unsafe { sys::napi_open_handle_scope(env, &mut scope) };
        check("napi_open_handle_scope", status)?;
        Ok(HandleScope { env, scope })
    }
}

impl Drop for HandleScope {
    fn drop(&mut self) {
        // SAFETY: it was opened in this environment and scopes close in reverse order, as Rust
        // drops. There is nobody to tell of a failure.
        let _ = unsafe { sys::napi_close_handle_scope(self.env, self.scope) };
    }
}

/// Node-API's status as a result.
pub fn check(call: &'static str, status: sys::napi_status) -> Result<()> {
    if status == sys::Status::napi_ok {
        return Ok(());
    }
    Err(Error::Internal(format!("{call} failed with status {status}")))
}
