//! What changed between two profiles, and profiles for those who take no more than so many samples. Works on
//! what [`super::write()`] makes, as those do who get it: samples are told apart by the addresses of their
//! locations and the sizes of their objects.

use std::collections::hash_map::Entry;
use std::io::{self, Write};

use foldhash::HashMap;
use prost::encoding::message;

use super::SIZE_LABEL;
use super::address::address_of_stack;
use super::fold::{Folded, Limit, fold};
use super::import::Import;
use super::proto::{Profile as Proto, Sample};
use super::tables::messages;
use super::write::{Encoded, SAMPLE_TAG, compress, encode};
use crate::profile::Profile;

/// Which values are differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Of all that was allocated: of what is live it is all, as godeltaprof has it.
    Allocated,
    /// All of them, as Go's `?seconds=` has it; what is live may have become less.
    All,
}

/// What is asked of a profile.
#[derive(Default)]
pub struct Window<'a> {
    /// The profile that it starts from, and what of it is subtracted.
    pub since: Option<(&'a Profile, Difference)>,
    /// How large it may be.
    pub limit: Option<Limit>,
    /// Whether tools show first what was allocated, if that is known, as in Go's allocs.
    pub leads_with_allocated: bool,
}

/// Writes a window of a profile, gzipped; what was folded.
pub fn write_window(
    profile: &Profile,
    window: &Window<'_>,
    out: &mut dyn Write,
) -> io::Result<Folded> {
    let mut encoded = encode(profile)?;
    if let Some((base, difference)) = window.since {
        subtract(&mut encoded, base, difference)?;
        let times = (profile.metadata.taken_at, base.metadata.taken_at);
        if let (Some(until), Some(from)) = times {
            let nanos = (until - from).num_nanoseconds();
            encoded.proto.duration_nanos = nanos.unwrap_or(0).max(0);
        }
    }
    if window.leads_with_allocated {
        lead_with(&mut encoded.proto, "alloc_space");
    }
    let folded = match window.limit {
        Some(limit) => fold(&mut encoded, limit)?,
        None => Folded::default(),
    };
    compress(&encoded, out)?;
    Ok(folded)
}

fn lead_with(proto: &mut Proto, name: &str) {
    let mut types = proto.sample_type.iter().map(|one| one.r#type);
    let is_it = |index: &i64| proto.string_table[*index as usize] == name;
    if let Some(index) = types.find(is_it) {
        proto.default_sample_type = index;
    }
}

/// What tells samples apart: the addresses of the stack, and the size of the objects.
type Key = (u64, i64);

fn subtract(encoded: &mut Encoded, base: &Profile, difference: Difference) -> io::Result<()> {
    let base = encode(base)?;
    let is_subtracted = subtracted(&encoded.proto, difference);
    if base.proto.sample_type.len() != is_subtracted.len() {
        return Err(other("the two profiles have other sample types"));
    }
    let base_addresses = Addresses::of(&base.proto);
    let mut before = HashMap::default();
    for sample in messages(&base.samples, SAMPLE_TAG) {
        let sample: Sample = sample.map_err(other)?;
        add(&mut before, base_addresses.key(&sample), sample.value);
    }
    let addresses = Addresses::of(&encoded.proto);
    let mut samples = Vec::new();
    for sample in messages(&encoded.samples, SAMPLE_TAG) {
        let mut sample: Sample = sample.map_err(other)?;
        if let Some(values) = before.remove(&addresses.key(&sample)) {
            for ((value, base), is_subtracted) in
                sample.value.iter_mut().zip(values).zip(&is_subtracted)
            {
                *value -= if *is_subtracted { base } else { 0 };
            }
        }
        keep(&sample, &mut samples);
    }
    encoded.samples = samples;
    if difference == Difference::All {
        add_gone(encoded, &base, &base_addresses, &before)?;
    }
    Ok(())
}

/// Which values are subtracted, by sample type.
fn subtracted(proto: &Proto, difference: Difference) -> Vec<bool> {
    let name = |index: i64| proto.string_table.get(index as usize).map_or("", |name| name);
    let types = proto.sample_type.iter();
    types
        .map(|one| difference == Difference::All || name(one.r#type).starts_with("alloc"))
        .collect()
}

/// Adds, as less than nothing, what was in the base and is gone.
fn add_gone(
    encoded: &mut Encoded,
    base: &Encoded,
    addresses: &Addresses,
    gone: &HashMap<Key, Vec<i64>>,
) -> io::Result<()> {
    let mut import = Import::new(&mut encoded.proto, &base.proto);
    for sample in messages(&base.samples, SAMPLE_TAG) {
        let mut sample: Sample = sample.map_err(other)?;
        if !gone.contains_key(&addresses.key(&sample)) {
            continue;
        }
        for value in &mut sample.value {
            *value = -*value;
        }
        keep(&import.sample(&sample), &mut encoded.samples);
    }
    Ok(())
}

/// Samples of nothing say nothing.
fn keep(sample: &Sample, samples: &mut Vec<u8>) {
    if sample.value.iter().any(|value| *value != 0) {
        message::encode(SAMPLE_TAG, sample, samples);
    }
}

fn add(sums: &mut HashMap<Key, Vec<i64>>, key: Key, values: Vec<i64>) {
    match sums.entry(key) {
        Entry::Vacant(entry) => drop(entry.insert(values)),
        Entry::Occupied(mut entry) => {
            for (sum, value) in entry.get_mut().iter_mut().zip(values) {
                *sum += value;
            }
        }
    }
}

/// The addresses of a profile's locations.
struct Addresses {
    /// By id, which are counted from 1.
    of_locations: Vec<u64>,
    /// The label that has the size.
    size: Option<i64>,
}

impl Addresses {
    fn of(proto: &Proto) -> Addresses {
        let size = proto.string_table.iter().position(|text| text == SIZE_LABEL);
        let of_locations = proto.location.iter().map(|location| location.address).collect();
        Addresses { of_locations, size: size.map(|index| index as i64) }
    }

    fn key(&self, sample: &Sample) -> Key {
        let addresses = sample.location_id.iter().map(|id| self.of_locations[*id as usize - 1]);
        let size = sample.label.iter().find(|label| Some(label.key) == self.size);
        (address_of_stack(addresses), size.map_or(0, |label| label.num))
    }
}

pub(super) fn other(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

#[cfg(test)]
mod tests;
