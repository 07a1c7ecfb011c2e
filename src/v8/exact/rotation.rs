//! Gets the stacks of recorded samples out of V8's CPU profiler, which tells them of a profile that was
//! stopped only, and without what its thread has not processed yet.
//!
//! So there are mostly two profiles: one is stopped a few periods of that thread after the next one was
//! started, and has the samples from before that. No thread is waited for, and a turn takes the
//! time of reading. Only a capture, which wants all of them, has V8 process what is left at once.

use std::collections::hash_map::Entry;
use std::ptr::NonNull;
use std::thread;

use heap_profile_core::profile::exact::{Frame, Function, Stacks};
use heap_profile_core::profile::metadata::Options;
use heap_profile_core::profile::{Profile, Text};
use rustc_hash::FxHashMap;

use super::Refusal;
use super::cpu_profiler::{CpuProfile, CpuProfiler, NodeRef};
use super::functions::Functions;
use super::lines;
use super::recorder::{Ask, Record, Recorder, now};
use crate::v8::ffi::Isolate;

/// Records with which the next profile is started.
const RECORDS: usize = 256;
/// Periods that V8's thread gets to process what was recorded: it may be late.
const PERIODS: i64 = 3;
/// Microseconds: about a hundred samples at 100 MB/s, whatever the interval, within a twentieth of a second
/// and half a second.
const SHORTEST_PERIOD: i32 = 20_000;
const LONGEST_PERIOD: i32 = 500_000;
/// Samples whose stacks are kept without knowing whether they are alive, at least.
const MANY_SAMPLES: usize = 1 << 16;

/// Bytes.
const PROBE_STACK: usize = 256 << 10;

/// A profile that V8 takes.
#[derive(Clone, Copy)]
struct Running {
    id: u32,
    since: i64,
}

/// The stacks, and the profiles that the next ones come from.
pub struct Rotation {
    profiler: CpuProfiler,
    period: i32,
    /// V8's intervals are the period times this, 2 or 3: two that differ have another common divisor.
    factor: i32,
    current: Running,
    previous: Option<Running>,
    stacks: Stacks,
    /// The last ordinal that is known.
    last: u64,
    /// Of the last capture.
    alive: usize,
}

impl Rotation {
    /// Starts the first profile: V8 then looks at all functions that it has.
    pub fn start(
        functions: Functions,
        isolate: NonNull<Isolate>,
        options: Options,
    ) -> Result<Rotation, Refusal> {
        if !can_make_threads() {
            return Err(Refusal("the system has no more threads for this process".into()));
        }
        // A microsecond a byte.
        let period = i32::try_from(options.sample_interval_bytes).unwrap_or(LONGEST_PERIOD);
        let period = period.clamp(SHORTEST_PERIOD, LONGEST_PERIOD);
        let refusal = || Refusal("V8's CPU profiler does not start".into());
        let profiler = CpuProfiler::new(functions, isolate, period / 2).ok_or_else(refusal)?;
        let id = profiler.start(period).ok_or_else(refusal)?;
        Ok(Rotation {
            profiler,
            period: period / 2,
            factor: 2,
            current: Running { id, since: now() },
            previous: None,
            stacks: Stacks::new(options.stack_depth),
            last: 0,
            alive: 0,
        })
    }

    /// What the recorder has to ask for first.
    pub fn first_ask(&self) -> Ask {
        Ask::Count(RECORDS)
    }

    /// Goes on by a step, from the event loop.
    pub fn turn(&mut self, recorder: &Recorder) {
        match self.previous {
            Some(previous) if now() >= self.drained_at() => {
                self.previous = None;
                self.finish(previous, self.current.since, recorder);
                recorder.ask(Ask::Count(RECORDS));
            }
            Some(_) => recorder.ask(Ask::Time(self.drained_at())),
            None => match self.start_next() {
                Some(previous) => {
                    self.previous = Some(previous);
                    recorder.ask(Ask::Time(self.drained_at()));
                }
                None => recorder.ask(Ask::Count(2 * RECORDS)),
            },
        }
    }

    /// When V8's thread has processed what was recorded before the current profile.
    fn drained_at(&self) -> i64 {
        self.current.since + PERIODS * i64::from(self.period * self.factor)
    }

    /// Makes a new profile the current one; none if V8 starts none.
    fn start_next(&mut self) -> Option<Running> {
        let id = self.profiler.start(self.period * self.factor)?;
        let next = Running { id, since: now() };
        Some(std::mem::replace(&mut self.current, next))
    }

    /// Gets the stacks of all that was recorded.
    fn settle(&mut self, recorder: &Recorder) {
        if !can_make_threads() {
            return;
        }
        let factor = self.factor;
        self.factor = 5 - factor;
        let Some(current) = self.start_next() else {
            self.factor = factor;
            return;
        };
        if let Some(previous) = self.previous.take() {
            self.finish(previous, current.since, recorder);
        }
        self.finish(current, self.current.since, recorder);
        recorder.ask(Ask::Count(RECORDS));
    }

    /// Stops a profile and reads the stacks of the records before that time.
    fn finish(&mut self, running: Running, until: i64, recorder: &Recorder) {
        let profile = self.profiler.stop(running.id);
        let records = recorder.take_before(until);
        if let Some(last) = records.last() {
            self.last = last.ordinal;
        }
        if let Some(profile) = profile {
            Reader::of(&profile, &mut self.stacks).read(&records);
        }
    }

    /// The profile of a capture with the stacks of all samples that were recorded. Those that it does not
    /// have are dead, and forgotten.
    pub fn apply(&mut self, profile: &Profile, recorder: &Recorder) -> Profile {
        // What the profile lacks was collected, or was sampled since.
        let ordinals = profile.samples.iter().map(|sample| sample.ordinal);
        let last = ordinals.clone().max().unwrap_or(0).max(self.last);
        self.settle(recorder);
        let merged = self.stacks.merged_into(profile);
        self.stacks.forget_dead(ordinals, last);
        self.alive = self.stacks.samples_count();
        merged
    }

    /// The same with the stacks that are known already, for who may neither wait nor change anything.
    pub fn apply_known(&self, profile: &Profile) -> Profile {
        self.stacks.merged_into(profile)
    }

    /// Whether so many samples came since the last capture that it is time to ask V8 which ones are dead.
    pub fn wants_capture(&self) -> bool {
        self.stacks.samples_count() > MANY_SAMPLES.max(2 * self.alive)
    }
}

impl Drop for Rotation {
    fn drop(&mut self) {
        for running in self.previous.into_iter().chain([self.current]) {
            drop(self.profiler.stop(running.id));
        }
    }
}

/// Whether there is a thread left: V8 ends the process where there is none for its profiler.
fn can_make_threads() -> bool {
    let thread = thread::Builder::new().stack_size(PROBE_STACK).spawn(|| ());
    thread.is_ok_and(|thread| thread.join().is_ok())
}

/// Reads one profile.
struct Reader<'a> {
    profile: &'a CpuProfile,
    stacks: &'a mut Stacks,
    /// The index of each function, by V8's entry.
    functions: FxHashMap<usize, u32>,
    /// By node: the stack, and the line of the allocation where the node has it.
    known: FxHashMap<NodeRef, (u32, Leaf)>,
}

/// Which line an allocation has.
#[derive(Clone, Copy)]
enum Leaf {
    /// That of the sample.
    Sample,
    /// That one: something that has no frame was called there.
    Line(i32),
}

impl<'a> Reader<'a> {
    fn of(profile: &'a CpuProfile, stacks: &'a mut Stacks) -> Reader<'a> {
        Reader { profile, stacks, functions: FxHashMap::default(), known: FxHashMap::default() }
    }

    fn read(&mut self, records: &[Record]) {
        let samples = self.profile.samples();
        let lines = lines::of_samples(self.profile, &samples);
        for (record, index) in matches(records, &samples) {
            let (stack, leaf) = self.stack_of(samples[index].1);
            let line = match leaf {
                Leaf::Line(line) => line,
                Leaf::Sample => lines.as_ref().map_or(0, |lines| lines[index]),
            };
            self.stacks.remember(record.ordinal, stack, line);
        }
    }

    fn stack_of(&mut self, node: NodeRef) -> (u32, Leaf) {
        if let Some(&known) = self.known.get(&node) {
            return known;
        }
        let (frames, leaf) = self.frames_of(node);
        let stack = (self.stacks.stack(&frames), leaf);
        self.known.insert(node, stack);
        stack
    }

    /// The innermost first. What is no function of JavaScript has no frame, and its caller the line where
    /// it was called.
    fn frames_of(&mut self, leaf: NodeRef) -> (Vec<Frame>, Leaf) {
        let profile = self.profile;
        let (mut frames, mut line): (Vec<Frame>, _) = (Vec::new(), Leaf::Sample);
        let mut node = leaf;
        // The root is no frame.
        while let Some(parent) = profile.parent(node) {
            let is_script = profile.script_id(node) != 0;
            let set_line =
                |frames: &mut Vec<Frame>, line: &mut Leaf, to: i32| match frames.last_mut() {
                    Some(inner) => inner.call_line = to,
                    None => *line = Leaf::Line(to),
                };
            if profile.is_function(node) {
                if !is_script {
                    // V8's own functions have no lines, and then V8 tells another one.
                    set_line(&mut frames, &mut line, 0);
                }
                frames.push(Frame {
                    function: self.function_of(node),
                    call_line: profile.call_line(node),
                });
            } else {
                set_line(&mut frames, &mut line, profile.call_line(node));
            }
            node = parent;
        }
        (frames, line)
    }

    fn function_of(&mut self, node: NodeRef) -> u32 {
        let Some(entry) = lines::entry_of(node) else { return self.read_function(node, 0) };
        match self.functions.entry(entry) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(_) => {
                let function = self.read_function(node, entry);
                self.functions.insert(entry, function);
                function
            }
        }
    }

    fn read_function(&mut self, node: NodeRef, entry: usize) -> u32 {
        let profile = self.profile;
        let start = lines::start_of(profile, node, entry);
        self.stacks.function(Function {
            name: Text::from(&*profile.name(node).to_string_lossy()),
            script_name: Text::from(&*profile.script_name(node).to_string_lossy()),
            script_id: profile.script_id(node),
            start_position: start.map_or(-1, |start| start.position),
            line_number: start.map_or(0, |start| start.line),
            column_number: start.map_or_else(|| profile.column(node), |start| start.column),
        })
    }
}

/// The index of each record's sample: the only one taken between the record's times. V8's clock is one
/// microsecond ahead on some versions. What V8 recorded by itself comes among the samples out of turn.
fn matches<'a>(
    records: &'a [Record],
    samples: &[(i64, NodeRef)],
) -> impl Iterator<Item = (&'a Record, usize)> {
    let mut times: Vec<(i64, usize)> = samples.iter().map(|&(time, _)| time).zip(0..).collect();
    times.sort_unstable();
    let mut next = 0;
    records.iter().filter_map(move |record| {
        next += times[next..].partition_point(|&(time, _)| time < record.before);
        let within = times[next..].iter().take_while(|(time, _)| *time <= record.after + 1);
        let count = within.count();
        let found = (count == 1).then(|| (record, times[next].1));
        next += count;
        found
    })
}
