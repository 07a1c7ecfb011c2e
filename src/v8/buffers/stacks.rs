//! The stacks of sampled Buffers, each once.

use std::hash::{Hash, Hasher};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use heap_profile_core::profile::Text;
use heap_profile_core::profile::buffers::{Call, Function};
use heap_profile_core::profile::metadata::Options;
use heap_profile_core::profile::tree::Tree;
use napi::Env;
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

use super::ffi::{self, FrameView, FunctionLayout, Place, Stack};
use super::native;
use super::sampled;
use crate::v8::ffi::{Isolate, StringSlot};
use crate::v8::isolate;
use crate::v8::node_api::{HandleScope, read_start};

/// Frames are given up when there are twice as many as were needed the last time, or as many as this.
const FRAMES: usize = 1 << 16;

/// Node's function that takes memory for small Buffers from the allocator, a pool of them at once.
const POOL: (&str, &str) = ("createPool", "node:buffer");
/// How far from the allocation it may be.
const POOL_FRAMES: usize = 4;

/// Names longer than that V8's profiles cut, too.
const LONGEST_NAME: usize = 1024;

/// All stacks of a session.
pub struct Stacks {
    env: Env,
    isolate: NonNull<Isolate>,
    depth: u32,
    layout: FunctionLayout,
    /// Whether lines of all calls are wanted, and not only of those below the innermost function of the program.
    has_call_lines: bool,
    functions: Vec<Known>,
    /// By what tells them apart.
    known: FxHashMap<Identity, u32>,
    pub tree: Tree<Call>,
    limit: usize,
    /// The frames of the stack that is taken, the innermost first: function and line.
    frames: Vec<(u32, i32)>,
    text: Vec<u16>,
}

/// A function and what it is asked for in each sample.
#[derive(Clone)]
struct Known {
    function: Function,
    is_program: bool,
    is_pool: bool,
}

/// What tells functions apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Identity {
    /// Script id and start.
    Place(i32, i32),
    /// Where the start is not known: script id and hash of the name.
    Name(i32, u64),
    /// What is no function.
    Pseudo(&'static str),
}

/// No frame of JavaScript's was on the stack.
const BUFFER: &str = heap_profile_core::profile::buffers::LEAF;
const BUFFER_POOL: &str = heap_profile_core::profile::buffers::POOL;

impl Stacks {
    pub fn new(
        env: Env,
        isolate: NonNull<Isolate>,
        options: Options,
        layout: FunctionLayout,
    ) -> Stacks {
        let Options { stack_depth: depth, exact_stacks: has_call_lines, .. } = options;
        Stacks {
            env,
            isolate,
            depth,
            layout,
            has_call_lines,
            functions: Vec::new(),
            known: FxHashMap::default(),
            tree: Tree::with_capacity(0),
            limit: FRAMES,
            frames: Vec::with_capacity(depth as usize),
            text: vec![0; LONGEST_NAME + 1],
        }
    }

    /// The number of this thread's stack as it is now; none where there is no memory for it.
    pub fn take(&mut self) -> Option<u32> {
        self.read_frames()?;
        self.tree.try_reserve(self.frames.len() + 2).ok()?;
        let (mut stack, mut call_line) = (Tree::<Call>::ROOT, 0);
        for index in (0..self.frames.len()).rev() {
            let (function, line) = self.frames[index];
            stack = self.tree.child(stack, Call { function, line: call_line });
            call_line = line;
        }
        for pseudo in self.pseudo_frames().into_iter().flatten() {
            let function = self.pseudo(pseudo)?;
            stack = self.tree.child(stack, Call { function, line: call_line });
            call_line = 0;
        }
        Some(stack)
    }

    /// What stands below the functions: what is no function.
    fn pseudo_frames(&self) -> [Option<&'static str>; 2] {
        let is_pool = |&(function, _): &(u32, i32)| self.functions[function as usize].is_pool;
        if self.frames.is_empty() {
            [Some(native::label()), Some(BUFFER)]
        } else {
            let is_pool = self.frames.iter().take(POOL_FRAMES).any(is_pool);
            [is_pool.then_some(BUFFER_POOL), Some(BUFFER)]
        }
    }

    /// Whether it was found out of some frame where its function starts.
    pub fn know_starts(&self) -> bool {
        self.functions.iter().any(|known| known.function.line_number > 0)
    }

    /// Those on the stacks, by number.
    pub fn functions(&self) -> Vec<Function> {
        self.functions.iter().map(|known| known.function.clone()).collect()
    }

    fn read_frames(&mut self) -> Option<()> {
        self.frames.clear();
        // The allocator is the isolate's; it may be asked for memory in between two isolates.
        if isolate::current().ok()? != self.isolate {
            return Some(());
        }
        let _scope = HandleScope::open(self.env).ok()?;
        // SAFETY: the isolate is this thread's, and a handle scope is open. V8 lets the allocator's callers
        // collect garbage, so objects can be made.
        let stack = unsafe { ffi::hp_stack_take(self.isolate.as_ptr(), self.depth as i32) };
        if stack.is_null() {
            return Some(());
        }
        // SAFETY: the handle is alive: its scope is open.
        let count = unsafe { ffi::hp_stack_count(stack) };
        let mut wants_line = true;
        for index in 0..count as u32 {
            let view = self.view(stack, index);
            let function = self.function(&view)?;
            // SAFETY: the handle is alive.
            let line = if wants_line { unsafe { ffi::hp_frame_line(view.frame) } } else { 0 };
            let is_program = self.functions[function as usize].is_program;
            wants_line &= self.has_call_lines || !is_program;
            self.frames.push((function, line));
        }
        Some(())
    }

    fn view(&self, stack: *const Stack, index: u32) -> FrameView {
        let mut view = MaybeUninit::uninit();
        let isolate = self.isolate.as_ptr();
        // SAFETY: there is a frame of that index, the handles' scope is open, and the layout is that of this V8.
        unsafe { ffi::hp_frame_read(isolate, stack, index, &self.layout, view.as_mut_ptr()) };
        // SAFETY: hp_frame_read fills every field.
        unsafe { view.assume_init() }
    }

    fn function(&mut self, view: &FrameView) -> Option<u32> {
        let FrameView { script_id, start_position, .. } = *view;
        let place = Identity::Place(script_id, start_position);
        if start_position >= 0
            && let Some(&known) = self.known.get(&place)
        {
            return Some(known);
        }
        // SAFETY: the handles' scope is open.
        let name = unsafe { ffi::hp_frame_name(view.frame) };
        let name = self.read(name)?;
        let identity =
            if start_position >= 0 { place } else { Identity::Name(script_id, hash_of(&name)) };
        if let Some(&known) = self.known.get(&identity) {
            return Some(known);
        }
        // SAFETY: as above.
        let script_name = unsafe { ffi::hp_frame_script_name(view.frame) };
        let script_name = self.read(script_name)?;
        let start = start_of(view);
        self.add(
            identity,
            Function {
                name,
                script_name,
                script_id,
                start_position: if start.line > 0 { start_position } else { -1 },
                line_number: start.line,
                column_number: start.column,
            },
        )
    }

    fn pseudo(&mut self, name: &'static str) -> Option<u32> {
        let identity = Identity::Pseudo(name);
        let known = self.known.get(&identity).copied();
        known.or_else(|| self.add(identity, Function::pseudo(name)))
    }

    fn add(&mut self, identity: Identity, function: Function) -> Option<u32> {
        self.functions.try_reserve(1).ok()?;
        self.known.try_reserve(1).ok()?;
        let number = self.functions.len() as u32;
        let (is_program, is_pool) = (function.is_program(), function.is(POOL));
        self.functions.push(Known { function, is_program, is_pool });
        self.known.insert(identity, number);
        Some(number)
    }

    fn read(&mut self, slot: *mut StringSlot) -> Option<Text> {
        read_start(self.env, slot, &mut self.text).ok()
    }

    /// Forgets the stacks that no Buffer of the session has any more, when there are many: programs that make
    /// functions have new ones all the time.
    pub fn make_room(&mut self, session: u64) {
        if self.tree.parents.len() < self.limit {
            return;
        }
        let (live, collected) = sampled::of_session(session);
        let used: FxHashSet<u32> =
            live.iter().chain(&collected).map(|object| object.stack).collect();
        let old = std::mem::replace(&mut self.tree, Tree::with_capacity(0));
        let functions = std::mem::take(&mut self.functions);
        let mut kept: FxHashMap<u32, u32> = FxHashMap::default();
        let mut numbers: FxHashMap<u32, u32> = FxHashMap::default();
        for stack in used {
            let mut place = Tree::<Call>::ROOT;
            for call in old.path(stack) {
                let function = *kept.entry(call.function).or_insert_with(|| {
                    self.functions.push(functions[call.function as usize].clone());
                    self.functions.len() as u32 - 1
                });
                place = self.tree.child(place, Call { function, ..call });
            }
            numbers.insert(stack, place);
        }
        self.known.retain(|_, function| match kept.get(function) {
            Some(&number) => {
                *function = number;
                true
            }
            None => false,
        });
        sampled::renumber(session, |stack| numbers.get(&stack).copied().unwrap_or_default());
        self.limit = FRAMES.max(2 * self.tree.parents.len());
    }
}

/// Where the function of a frame starts.
fn start_of(view: &FrameView) -> Place {
    if view.start_position < 0 {
        return Place { line: 0, column: 0 };
    }
    // SAFETY: the handles' scope is open, and the start is that of the frame's function.
    unsafe { ffi::hp_frame_start(view.frame, view.start_position) }
}

fn hash_of(name: &Text) -> u64 {
    let mut hasher = FxHasher::default();
    name.hash(&mut hasher);
    hasher.finish()
}
