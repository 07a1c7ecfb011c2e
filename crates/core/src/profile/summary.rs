//! What V8 says of a node's objects of one size (`AllocationProfile::Allocation`), for profiles
//! that were read from files.

use super::{Allocation, Profile, estimate};

/// The allocations as V8 has them: per node and size, in ascending order of size; and for each node
/// where its own end. Where a file only states a node's bytes, they count as one object.
pub fn of(profile: &Profile) -> (Vec<u32>, Vec<Allocation>) {
    let mut found = of_samples(profile);
    found.extend(profile.stated.iter().filter(|stated| stated.bytes > 0.0).map(|stated| {
        let objects = stated.objects.unwrap_or(1.0).round().max(1.0);
        let size = (stated.bytes / objects).round() as u64;
        (stated.node, Allocation { size, count: objects as u32 })
    }));
    found.sort_by_key(|&(node, allocation)| (node, allocation.size));
    let mut end = 0;
    let ends = (0..profile.nodes.len()).map(|index| {
        end += found[end..].iter().take_while(|(place, _)| *place as usize == index).count();
        end as u32
    });
    (ends.collect(), found.into_iter().map(|(_, allocation)| allocation).collect())
}

/// One for each node and size.
fn of_samples(profile: &Profile) -> Vec<(u32, Allocation)> {
    let Some(interval) = profile.interval() else { return Vec::new() };
    let nodes = profile.totals().sample_nodes.iter();
    let sizes = nodes
        .zip(profile.samples.iter())
        .filter_map(|(node, sample)| Some(((*node)?, sample.size)));
    let mut sizes: Vec<(u32, u64)> = sizes.collect();
    sizes.sort_unstable();
    let same = sizes.chunk_by(|one, other| one == other);
    let summarized = same.map(|same| {
        let (node, size) = same[0];
        let count = estimate::v8_count(size, interval, same.len() as u32);
        (node, Allocation { size, count })
    });
    summarized.collect()
}
