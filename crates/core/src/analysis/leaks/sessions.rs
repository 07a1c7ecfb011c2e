//! Which captures belong together, and what they leave behind as they come, in any order: of each
//! object when it was first and last seen, not the capture itself.

use std::cmp::Ordering;

use foldhash::HashMap;
use indexmap::IndexMap;
use rustc_hash::FxHashMap;

use super::history::{History, Life, Track};
use crate::analysis::process::Usage;
use crate::analysis::sites::Sites;
use crate::analysis::stacks::Said;
use crate::analysis::ways::NO_WAY;
use crate::profile::estimate::Total;
use crate::profile::lines::ByLine;
use crate::profile::{Estimate, Profile};

/// What captures must have in common to be of one session.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    /// See [`crate::profile::Metadata::session_id`]; captures without one are of one group.
    session_id: Option<String>,
    /// How objects are followed from capture to capture; none if they cannot be.
    following: Option<Following>,
}

/// What captures must have in common so that objects can be followed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Following {
    /// Average bytes between two samples.
    interval: u32,
    /// Whether they say when they were taken, which gives the order.
    is_timed: bool,
}

impl Key {
    fn of(profile: &Profile) -> Key {
        let metadata = &profile.metadata;
        let is_timed = metadata.taken_at.is_some();
        let interval = profile.interval().filter(|_| metadata.session_id.is_some());
        Key {
            session_id: metadata.session_id.clone(),
            following: interval.map(|interval| Following { interval, is_timed }),
        }
    }
}

/// The sessions of the captures that were added.
#[derive(Default)]
pub struct Sessions(IndexMap<Key, Session>);

impl Sessions {
    /// Adds a capture, which the user knows by that name.
    pub fn add(&mut self, profile: &Profile, name: String, sites: &mut Sites) {
        let taken_at = profile.metadata.taken_at.map(|time| time.timestamp_millis() as f64);
        let key = Key::of(profile);
        let (is_session, following) = (key.session_id.is_some(), key.following);
        let session = self.0.entry(key).or_default();
        let full_collections = profile.metadata.full_collections;
        let at_exit = profile.metadata.at_exit;
        let usage = Usage::of(&profile.metadata);
        let capture = Capture { name, taken_at, full_collections, at_exit, usage };
        if is_session && session.has_copy_of(&capture) {
            return;
        }
        let by_line = ByLine::of(profile);
        let profile = by_line.profile();
        let (of_nodes, ways) = sites.with_ways(&by_line);
        match following {
            Some(_) => session.follow(profile, &of_nodes, &ways, &capture),
            None => session.sum(profile, &of_nodes),
        }
        session.state(profile, &of_nodes);
        session.stacks.add(&profile.metadata);
        session.captures.push(capture);
    }

    /// What became of the objects of each, those with the most captures first, of these the latest.
    pub fn into_histories(self) -> impl Iterator<Item = History> {
        let mut sessions: Vec<(Key, Session)> = self.0.into_iter().collect();
        sessions.sort_by(|(_, one), (_, other)| {
            let count = |session: &Session| session.captures.len();
            count(other).cmp(&count(one)).then(other.latest().total_cmp(&one.latest()))
        });
        // One after the other: each takes as much memory again.
        sessions.into_iter().map(|(key, session)| session.into_history(key.following))
    }
}

/// A capture, of which the rest is in the session.
struct Capture {
    name: String,
    /// Milliseconds since 1970.
    taken_at: Option<f64>,
    /// See [`crate::profile::Metadata::full_collections`].
    full_collections: Option<u64>,
    /// See [`crate::profile::Metadata::at_exit`].
    at_exit: bool,
    usage: Option<Usage>,
}

impl Capture {
    /// By time, or where that is not told of each by the numbers in their names.
    fn order(&self, other: &Capture, is_timed: bool) -> Ordering {
        match (self.taken_at, other.taken_at) {
            (Some(time), Some(other)) if is_timed => time.total_cmp(&other),
            _ => natord::compare(&self.name, &other.name),
        }
    }
}

/// What is known of a session. Captures are numbered as they came.
#[derive(Default)]
struct Session {
    captures: Vec<Capture>,
    /// Sampled objects, by ordinal.
    objects: HashMap<u64, Object>,
    /// Where objects cannot be followed: those of each site in each capture, as one.
    sums: Vec<(u32, Life)>,
    /// Live bytes that files state beside their samples: site, capture, bytes.
    stated: Vec<(u32, usize, f64)>,
    /// Whose stacks the captures have.
    stacks: Said,
}

/// A sampled object.
struct Object {
    size: u64,
    site: u32,
    /// How it was reached.
    way: u32,
    /// The earliest capture that has it.
    first: u32,
    /// The latest one.
    last: u32,
}

impl Session {
    /// Whether that very capture is there: from another file.
    fn has_copy_of(&self, capture: &Capture) -> bool {
        let is_same = |known: &Capture| known.taken_at == capture.taken_at;
        capture.taken_at.is_some() && self.captures.iter().any(is_same)
    }

    fn latest(&self) -> f64 {
        self.captures.iter().filter_map(|capture| capture.taken_at).fold(0.0, f64::max)
    }

    fn follow(&mut self, profile: &Profile, of_nodes: &[u32], ways: &[u32], capture: &Capture) {
        let is_timed = capture.taken_at.is_some();
        let order = |known: &Capture| capture.order(known, is_timed) == Ordering::Less;
        let is_before: Vec<bool> = self.captures.iter().map(order).collect();
        let at = self.captures.len() as u32;
        for (node, ordinal, size) in live_objects(profile) {
            let (site, way) = (of_nodes[node], ways[node]);
            let new = || Object { size, site, way, first: at, last: at };
            let object = self.objects.entry(ordinal).or_insert_with(new);
            if object.first != at && is_before[object.first as usize] {
                object.first = at;
            } else if object.last != at && !is_before[object.last as usize] {
                object.last = at;
            }
        }
    }

    fn sum(&mut self, profile: &Profile, of_nodes: &[u32]) {
        let interval = profile.interval().unwrap_or(1);
        let at = self.captures.len();
        let mut sums: FxHashMap<u32, Life> = FxHashMap::default();
        for (node, _, size) in live_objects(profile) {
            let life = life_of(size, interval, at, at);
            sums.entry(of_nodes[node]).and_modify(|sum| sum.add(&life)).or_insert(life);
        }
        self.sums.extend(sums);
    }

    fn state(&mut self, profile: &Profile, of_nodes: &[u32]) {
        let at = self.captures.len();
        let mut sums: FxHashMap<u32, f64> = FxHashMap::default();
        for stated in profile.stated.iter() {
            *sums.entry(of_nodes[stated.node as usize]).or_default() += stated.bytes;
        }
        self.stated.extend(sums.into_iter().map(|(site, bytes)| (site, at, bytes)));
    }

    fn into_history(self, following: Option<Following>) -> History {
        let Session { captures, objects, sums, stated, stacks } = self;
        let (count, is_timed) =
            (captures.len(), captures.iter().all(|capture| capture.taken_at.is_some()));
        let (captures, places) = in_order(captures, is_timed);
        let mut tracks: FxHashMap<u32, Track> = FxHashMap::default();
        // In one order always: floating-point sums depend on it.
        let mut objects: Vec<(u64, Object)> = objects.into_iter().collect();
        objects.sort_unstable_by_key(|&(ordinal, _)| ordinal);
        let interval = following.map(|following| following.interval);
        for (ordinal, Object { size, site, way, first, last }) in objects {
            let (first, last) = (places[first as usize], places[last as usize]);
            let life = life_of(size, interval.unwrap_or(1), first, last);
            tracks.entry(site).or_default().lives.push(Life { ordinal, way, ..life });
        }
        for (site, life) in sums {
            let at = places[life.first];
            tracks.entry(site).or_default().lives.push(Life { first: at, last: at, ..life });
        }
        for (site, at, bytes) in stated {
            let track = tracks.entry(site).or_default();
            track.stated.resize(count, 0.0);
            track.stated[places[at]] += bytes;
        }
        History {
            hours: hours_of(&captures, is_timed),
            collections: collections_of(&captures, is_timed),
            at_exit: captures.iter().map(|capture| capture.at_exit).collect(),
            usages: captures.iter().map(|capture| capture.usage).collect(),
            names: captures.into_iter().map(|capture| capture.name).collect(),
            tracks,
            stacks,
            interval,
            is_timed,
        }
    }
}

/// Node, ordinal and size of each live object; none where samples are no objects.
fn live_objects(profile: &Profile) -> impl Iterator<Item = (usize, u64, u64)> {
    let samples = profile.samples.iter().zip(&profile.totals().sample_nodes);
    let live = samples.filter(|(sample, _)| sample.is_live && profile.interval().is_some());
    live.filter_map(|(sample, node)| Some(((*node)? as usize, sample.ordinal, sample.size)))
}

/// The captures in their order, and the place of each in it.
fn in_order(captures: Vec<Capture>, is_timed: bool) -> (Vec<Capture>, Vec<usize>) {
    let mut numbered: Vec<(usize, Capture)> = captures.into_iter().enumerate().collect();
    numbered.sort_by(|(_, one), (_, other)| one.order(other, is_timed));
    let mut places = vec![0; numbered.len()];
    for (place, &(number, _)) in numbered.iter().enumerate() {
        places[number] = place;
    }
    (numbered.into_iter().map(|(_, capture)| capture).collect(), places)
}

fn life_of(size: u64, interval: u32, first: usize, last: usize) -> Life {
    let mut estimate = Estimate::default();
    estimate.add(size, interval, 1);
    let Total { estimate, variance, seen } = estimate.bytes;
    Life { bytes: estimate, variance, seen, ordinal: 0, way: NO_WAY, first, last }
}

/// None unless all tell, and their order is known.
fn collections_of(captures: &[Capture], is_timed: bool) -> Vec<u64> {
    let counts: Option<Vec<u64>> =
        captures.iter().map(|capture| capture.full_collections).collect();
    // What a hostile file says need not increase.
    counts.filter(|counts| is_timed && counts.is_sorted()).unwrap_or_default()
}

/// Since the first one. Without times, captures count as an hour apart.
fn hours_of(captures: &[Capture], is_timed: bool) -> Vec<f64> {
    const HOUR_MS: f64 = 3_600_000.0;
    let start = captures.first().and_then(|capture| capture.taken_at).unwrap_or_default();
    let hours = |(at, capture): (usize, &Capture)| match capture.taken_at {
        Some(time) if is_timed => (time - start) / HOUR_MS,
        _ => at as f64,
    };
    captures.iter().enumerate().map(hours).collect()
}
