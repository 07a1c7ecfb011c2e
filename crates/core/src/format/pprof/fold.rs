//! Profiles for servers that take no more than so many samples and bytes (Pyroscope's limits): the stacks
//! that hold most stay, all others become one.

use std::io;

use prost::Message;
use prost::encoding::message;

use super::SIZE_LABEL;
use super::import::Import;
use super::proto::{Profile as Proto, Sample};
use super::tables::messages;
use super::window::other;
use super::write::{Encoded, SAMPLE_TAG};

/// How large a profile may be.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// 1 at least.
    pub samples: usize,
    /// Before it is compressed.
    pub bytes: usize,
}

/// What became one sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// Stacks that became one sample.
    pub samples: usize,
    /// What they hold.
    pub bytes: i64,
}

/// The function that stands for the stacks that were folded.
const FOLDED: &str = "(smaller sites)";

/// Makes a profile as small as that. Sizes of objects are no longer told apart: those who have such limits
/// drop them.
pub fn fold(encoded: &mut Encoded, limit: Limit) -> io::Result<Folded> {
    let merged = merge_sizes(encoded)?;
    let mut left = limit.samples.max(1);
    loop {
        let (smaller, folded) = keep_largest(&encoded.proto, &merged, left);
        let bytes = smaller.proto.encoded_len() + smaller.samples.len();
        if bytes <= limit.bytes || left == 1 {
            *encoded = smaller;
            return Ok(folded);
        }
        // Names take their part: those of folded stacks go with them.
        let kept = merged.len().min(left);
        left = (kept * limit.bytes / bytes).min(kept.saturating_sub(1)).max(1);
    }
}

/// One sample a stack: those of one follow one another.
fn merge_sizes(encoded: &Encoded) -> io::Result<Vec<Sample>> {
    let size = encoded.proto.string_table.iter().position(|text| text == SIZE_LABEL);
    let mut merged: Vec<Sample> = Vec::new();
    for sample in messages(&encoded.samples, SAMPLE_TAG) {
        let mut sample: Sample = sample.map_err(other)?;
        sample.label.retain(|label| Some(label.key as usize) != size);
        match merged.last_mut() {
            Some(last) if last.location_id == sample.location_id => add(last, &sample),
            _ => merged.push(sample),
        }
    }
    Ok(merged)
}

/// So many samples at most: the largest and, if there are more, one of all others.
fn keep_largest(full: &Proto, merged: &[Sample], count: usize) -> (Encoded, Folded) {
    let weight = |sample: &Sample| sample.value.iter().map(|value| value.unsigned_abs()).max();
    let mut by_weight: Vec<&Sample> = merged.iter().collect();
    by_weight.sort_by_key(|sample| std::cmp::Reverse(weight(sample)));
    let kept = if merged.len() <= count { merged.len() } else { count - 1 };
    let (kept, rest) = by_weight.split_at(kept);
    let (mut proto, mut samples) = (without_names(full), Vec::new());
    let mut import = Import::new(&mut proto, full);
    import.header();
    for sample in kept {
        message::encode(SAMPLE_TAG, &import.sample(sample), &mut samples);
    }
    let mut folded = Folded { samples: rest.len(), bytes: 0 };
    if let Some((first, others)) = rest.split_first() {
        let mut sum = (*first).clone();
        for sample in others {
            add(&mut sum, sample);
        }
        folded.bytes = sum.value.last().copied().unwrap_or(0);
        sum.location_id.clear();
        let mut sum = import.sample(&sum);
        sum.location_id.push(import.named_location(FOLDED));
        message::encode(SAMPLE_TAG, &sum, &mut samples);
    }
    (Encoded { proto, samples }, folded)
}

/// The profile without what samples refer to.
fn without_names(full: &Proto) -> Proto {
    let metadata = full.string_table.last().cloned().unwrap_or_default();
    Proto {
        sample_type: full.sample_type.clone(),
        mapping: full.mapping.clone(),
        string_table: vec![String::new(), metadata],
        location: Vec::new(),
        function: Vec::new(),
        sample: Vec::new(),
        ..*full
    }
}

fn add(sum: &mut Sample, sample: &Sample) {
    for (sum, value) in sum.value.iter_mut().zip(&sample.value) {
        *sum += value;
    }
}
