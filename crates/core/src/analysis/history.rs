//! The captures of a sampling session in order of time, and what became of each sampled object.

use foldhash::HashMap;
use rustc_hash::FxHashMap;

use super::sites::Sites;
use crate::profile::{Estimate, Profile, estimate};

/// What a profile leaves behind in a history.
#[derive(Debug)]
pub struct Capture {
    /// What the user calls it: its file.
    pub name: String,
    /// See [`crate::profile::Metadata::session_id`]; captures without one are of one group.
    pub session_id: Option<String>,
    /// Milliseconds since 1970.
    pub taken_at: Option<f64>,
    /// Average bytes between two samples.
    pub interval: Option<u32>,
    /// Live sampled objects.
    objects: Vec<Object>,
    /// Live bytes that the file states beside its samples, by site.
    stated: Vec<(u32, f64)>,
}

/// A sampled object.
#[derive(Clone, Copy, Debug)]
struct Object {
    site: u32,
    ordinal: u64,
    size: u64,
}

impl Capture {
    /// What a leak hunt needs of a profile, which takes much less memory.
    pub fn of(profile: &Profile, name: String, sites: &mut Sites) -> Capture {
        let of_nodes = sites.of_nodes(profile);
        let samples = profile.samples.iter().zip(&profile.totals().sample_nodes);
        let live = samples.filter(|(sample, _)| sample.is_live && profile.interval().is_some());
        let objects = live.filter_map(|(sample, node)| {
            let site = of_nodes[(*node)? as usize];
            Some(Object { site, ordinal: sample.ordinal, size: sample.size })
        });
        let stated = profile.stated.iter().map(|of| (of_nodes[of.node as usize], of.bytes));
        let metadata = &profile.metadata;
        Capture {
            name,
            session_id: metadata.session_id.clone(),
            taken_at: metadata.taken_at.map(|time| time.timestamp_millis() as f64),
            interval: profile.interval(),
            objects: objects.collect(),
            stated: stated.collect(),
        }
    }
}

/// What became of a sampled object. Captures are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Life {
    /// Bytes that it stands for.
    pub bytes: f64,
    /// The variance that it adds to a total.
    pub variance: f64,
    /// The first capture that has it.
    pub first: usize,
    /// The last one.
    pub last: usize,
}

/// What is known of a site.
#[derive(Debug, Default)]
pub struct Track {
    /// Its sampled objects.
    pub lives: Vec<Life>,
    /// Bytes that files state beside samples, by capture.
    pub stated: Vec<f64>,
}

/// Captures of one session, the earliest first.
#[derive(Debug)]
pub struct History {
    /// Hours since the first capture, by capture.
    pub hours: Vec<f64>,
    /// What each site went through, by site.
    pub tracks: FxHashMap<u32, Track>,
    /// The names of the captures.
    pub names: Vec<String>,
    /// Average bytes between two samples, if samples can be compared.
    pub interval: Option<u32>,
    /// Whether the captures say when they were taken.
    pub is_timed: bool,
}

impl History {
    /// Of captures of one session, in any order.
    pub fn of(mut captures: Vec<Capture>) -> History {
        let is_timed = captures.iter().all(|capture| capture.taken_at.is_some());
        if is_timed {
            let time = |capture: &Capture| capture.taken_at.unwrap_or_default();
            captures.sort_by(|one, other| time(one).total_cmp(&time(other)));
        } else {
            captures.sort_by(|one, other| natord::compare(&one.name, &other.name));
        }
        let is_session = captures.iter().all(|capture| capture.session_id.is_some());
        if is_session {
            // Copies of a file.
            captures
                .dedup_by(|one, other| one.taken_at.is_some() && one.taken_at == other.taken_at);
        }
        let interval = captures.first().and_then(|capture| capture.interval);
        let mut history = History {
            hours: hours_of(&captures, is_timed),
            tracks: FxHashMap::default(),
            names: captures.iter().map(|capture| capture.name.clone()).collect(),
            interval: interval.filter(|_| is_session),
            is_timed,
        };
        history.follow(&captures);
        history
    }

    /// Live bytes of a site by capture.
    pub fn live_bytes(&self, track: &Track) -> Vec<f64> {
        let mut bytes = sums_by_capture(&track.lives, self.hours.len(), |life| life.bytes);
        for (sum, stated) in bytes.iter_mut().zip(&track.stated) {
            *sum += stated;
        }
        bytes
    }

    /// Only what outlives a capture, by pairs of captures that follow one another: objects that both
    /// have. It is what is left without the garbage that each capture finds uncollected.
    pub fn of_pairs(&self) -> History {
        let pair =
            |life: &Life| (life.last > life.first).then(|| Life { last: life.last - 1, ..*life });
        let tracks = self.tracks.iter().map(|(&site, track)| {
            let lives = track.lives.iter().filter_map(pair).collect();
            (site, Track { lives, stated: track.stated.iter().skip(1).copied().collect() })
        });
        History {
            hours: self.hours.iter().skip(1).copied().collect(),
            tracks: tracks.collect(),
            names: self.names.iter().skip(1).cloned().collect(),
            ..*self
        }
    }

    fn follow(&mut self, captures: &[Capture]) {
        let count = captures.len();
        // By ordinal; without a session every object is another one.
        let mut lives: HashMap<u64, (u32, Life)> = HashMap::default();
        for (at, capture) in captures.iter().enumerate() {
            for object in &capture.objects {
                let born = || (object.site, life_of(object.size, capture.interval, at));
                if self.interval.is_some() {
                    lives.entry(object.ordinal).or_insert_with(born).1.last = at;
                } else {
                    let (site, life) = born();
                    self.tracks.entry(site).or_default().lives.push(life);
                }
            }
            for &(site, bytes) in &capture.stated {
                let track = self.tracks.entry(site).or_default();
                track.stated.resize(count, 0.0);
                track.stated[at] += bytes;
            }
        }
        // In one order always: floating-point sums depend on it.
        let mut lives: Vec<(u64, (u32, Life))> = lives.into_iter().collect();
        lives.sort_unstable_by_key(|&(ordinal, _)| ordinal);
        for (_, (site, life)) in lives {
            self.tracks.entry(site).or_default().lives.push(life);
        }
    }
}

fn life_of(size: u64, interval: Option<u32>, at: usize) -> Life {
    let mut estimate = Estimate::default();
    estimate.add(size, interval.unwrap_or(1), 1);
    let bytes = estimate::sample_bytes(size, interval.unwrap_or(1));
    Life { bytes, variance: estimate.bytes.variance, first: at, last: at }
}

/// Sums over the objects that each capture has.
pub fn sums_by_capture(lives: &[Life], captures: usize, value: impl Fn(&Life) -> f64) -> Vec<f64> {
    let mut sums = vec![0.0; captures];
    for life in lives {
        for sum in &mut sums[life.first..=life.last] {
            *sum += value(life);
        }
    }
    sums
}

/// Without times, captures count as an hour apart.
fn hours_of(captures: &[Capture], is_timed: bool) -> Vec<f64> {
    const HOUR_MS: f64 = 3_600_000.0;
    let start = captures.first().and_then(|capture| capture.taken_at).unwrap_or_default();
    let hours = |(at, capture): (usize, &Capture)| match capture.taken_at {
        Some(time) if is_timed => (time - start) / HOUR_MS,
        _ => at as f64,
    };
    captures.iter().enumerate().map(hours).collect()
}
