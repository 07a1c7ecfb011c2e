//! The sampled Buffers of all threads, by address. Any thread frees: V8 sweeps on its own, and a Buffer that
//! was sent to another thread is freed there, by the allocator that it is from.

use std::mem;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

/// A sampled Buffer.
#[derive(Clone, Copy)]
pub struct Object {
    /// Whose it is.
    pub session: u64,
    pub size: u64,
    /// Increases with time within a session.
    pub ordinal: u64,
    /// Where it was allocated, a number of the session's.
    pub stack: u32,
    /// Whether it is kept when it is collected, too.
    pub is_kept: bool,
}

/// What is known of all.
#[derive(Default)]
struct Table {
    live: FxHashMap<usize, Object>,
    collected: Vec<Object>,
}

static TABLE: Mutex<Option<Table>> = Mutex::new(None);

const COUNTERS: usize = 1 << 16;

/// How many sampled addresses there are of each hash: where there is none, and there mostly is none, what
/// is freed is known not to be sampled without a lock.
static COUNTS: [AtomicU32; COUNTERS] = [const { AtomicU32::new(0) }; COUNTERS];

/// Memory comes in multiples of 16 bytes. The multiplication (Fibonacci hashing, Knuth) mixes into the upper bits.
fn count_of(address: usize) -> &'static AtomicU32 {
    let mixed = (address as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    &COUNTS[(mixed >> 48) as usize % COUNTERS]
}

/// A panic of another thread does not matter: each change is whole.
fn table() -> MutexGuard<'static, Option<Table>> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes a Buffer before anyone else has its address; not where there is no memory left for it.
pub fn insert(address: usize, object: Object) {
    let mut table = table();
    let live = &mut table.get_or_insert_default().live;
    if live.try_reserve(1).is_err() {
        return;
    }
    if live.insert(address, object).is_none() {
        count_of(address).fetch_add(1, Ordering::Relaxed);
    }
}

/// Takes note that what is at the address is to be freed. It must be called before it is: the next one at
/// the address is another. Tells what it was if it was sampled.
pub fn remove(address: usize) -> Option<Object> {
    // Whoever frees has the address from who allocated, and so the count, too.
    if count_of(address).load(Ordering::Relaxed) == 0 {
        return None;
    }
    let mut table = table();
    let table = table.as_mut()?;
    let object = table.live.remove(&address)?;
    count_of(address).fetch_sub(1, Ordering::Relaxed);
    if object.is_kept && table.collected.try_reserve(1).is_ok() {
        table.collected.push(object);
    }
    Some(object)
}

/// Takes back a note that something is to be freed: it was not.
pub fn restore(address: usize, object: Object) {
    if object.is_kept
        && let Some(table) = table().as_mut()
        && let Some(place) = table.collected.iter().rposition(|kept| kept.is_same(&object))
    {
        table.collected.swap_remove(place);
    }
    insert(address, object);
}

impl Object {
    fn is_same(&self, other: &Object) -> bool {
        (self.session, self.ordinal) == (other.session, other.ordinal)
    }
}

/// The Buffers of a session: those that are alive, and those that were collected and kept.
pub fn of_session(session: u64) -> (Vec<Object>, Vec<Object>) {
    let table = table();
    let Some(table) = table.as_ref() else { return Default::default() };
    let is_its = |object: &&Object| object.session == session;
    let live = table.live.values().filter(is_its).copied().collect();
    (live, table.collected.iter().filter(is_its).copied().collect())
}

/// Gives the stacks of a session's Buffers other numbers.
pub fn renumber(session: u64, number: impl Fn(u32) -> u32) {
    let mut table = table();
    let Some(table) = table.as_mut() else { return };
    let objects = table.live.values_mut().chain(table.collected.iter_mut());
    for object in objects.filter(|object| object.session == session) {
        object.stack = number(object.stack);
    }
}

/// Forgets all Buffers of a session.
pub fn forget(session: u64) {
    let mut table = table();
    let Some(Table { live, collected }) = table.as_mut() else { return };
    live.retain(|&address, object| {
        let stays = object.session != session;
        if !stays {
            count_of(address).fetch_sub(1, Ordering::Relaxed);
        }
        stays
    });
    collected.retain(|object| object.session != session);
    live.shrink_to_fit();
    // A session that kept what was collected may have kept much.
    *collected = mem::take(collected).into_boxed_slice().into_vec();
}
