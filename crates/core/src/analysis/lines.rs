//! Which lines of sites hold their memory, where the profiles know lines.

use foldhash::HashMap;
use foldhash::fast::RandomState;
use indexmap::IndexSet;
use serde::Serialize;

use super::sites::{Placed, Sites};
use super::tally::Tally;
use crate::profile::Profile;

/// Lines that an answer tells of each site.
const MAX_LINES: usize = 64;

/// A line that allocates.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Its script.
    pub url: String,
    /// 1-based.
    pub line_number: i32,
    /// 1-based, 0 for unknown: V8 tells lines only.
    pub column_number: i32,
    /// Its part of what the site holds, 0 to 1.
    pub share: f64,
}

/// The lines among places of a site that hold so much each, those that hold most first. What is in no known
/// line has its share, too, and is not told.
pub fn lines_of(sites: &Sites, places: impl Iterator<Item = (u32, f64)>) -> Vec<Line> {
    let mut lines: HashMap<(&str, i32), f64> = HashMap::default();
    let mut whole = 0.0;
    for (place, bytes) in places {
        whole += bytes;
        let (frame, line) = sites.place(place);
        if line > 0 && bytes > 0.0 {
            *lines.entry((&frame.url, line)).or_default() += bytes;
        }
    }
    let mut lines: Vec<_> = lines.into_iter().collect();
    lines.sort_by(|(one, bytes), (other, others)| others.total_cmp(bytes).then(one.cmp(other)));
    lines.truncate(MAX_LINES);
    let line = |((url, line_number), bytes): ((&str, i32), f64)| Line {
        url: url.to_owned(),
        line_number,
        column_number: 0,
        share: (bytes / whole).min(1.0),
    };
    lines.into_iter().map(line).collect()
}

/// The places of sites, the same for several profiles.
#[derive(Debug, Default)]
pub struct SitePlaces(IndexSet<(u32, u32), RandomState>);

impl SitePlaces {
    /// The number of each node's, to add up by.
    pub fn of_nodes(&mut self, placed: &Placed) -> Vec<u32> {
        let pairs = placed.sites.iter().zip(&placed.places);
        pairs.map(|(&site, &place)| self.0.insert_full((site, place)).0 as u32).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What each site has in which place, of what each has by number.
    pub fn by_site<T: Copy>(&self, values: &[T]) -> HashMap<u32, Vec<(u32, T)>> {
        let mut found: HashMap<u32, Vec<(u32, T)>> = HashMap::default();
        for (&(site, place), &value) in self.0.iter().zip(values) {
            found.entry(site).or_default().push((place, value));
        }
        found
    }
}

/// Live bytes, as the tally adds them up.
pub fn live_bytes(profile: &Profile, mut tally: Tally<'_, f64>) -> Vec<f64> {
    if profile.interval().is_some() {
        for (sample, node) in profile.samples.iter().zip(&profile.totals().sample_nodes) {
            let Some(node) = node.filter(|_| sample.is_live) else { continue };
            *tally.at(node) += profile.bytes_of(sample);
        }
    }
    for stated in profile.stated.iter() {
        *tally.at(stated.node) += stated.bytes;
    }
    tally.by_site()
}
