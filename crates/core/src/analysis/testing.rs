//! Profiles with samples, for tests.

use crate::profile::{Node, Parts, Profile, Sample, Strings, estimate, testing};

/// A node under the node of that index (the root is 0, the first call 1), and its samples: size
/// and ordinal.
#[derive(Clone, Copy)]
pub struct Call {
    pub caller: u32,
    pub name: &'static str,
    pub url: &'static str,
    pub samples: &'static [(u64, u64)],
}

pub const INTERVAL: u32 = 4096;

/// A profile at an interval of 4096. Calls must come in pre-order.
pub fn profile(calls: &[Call]) -> Profile {
    let mut strings = Strings::default();
    let node = |id: u32, parent: u32, name: u32, script_name: u32, line_number: i32| Node {
        id,
        parent,
        name,
        script_name,
        script_id: 1,
        start_position: 0,
        line_number,
        column_number: line_number,
        call_line: 0,
        allocations_end: 0,
    };
    let mut nodes = vec![node(1, 0, strings.intern("(root)"), strings.intern(""), 0)];
    let mut samples = Vec::new();
    for (call, id) in calls.iter().zip(2..) {
        let (name, url) = (strings.intern(call.name), strings.intern(call.url));
        // V8's own functions have neither script nor place.
        nodes.push(node(id, call.caller, name, url, i32::from(!call.url.is_empty())));
        samples.extend(call.samples.iter().map(|&(size, ordinal)| sample(id, size, ordinal)));
    }
    let mut metadata = testing::metadata();
    metadata.sample_interval_bytes = Some(INTERVAL);
    Profile::from_file(Parts {
        metadata,
        strings: strings.into_vec().into(),
        nodes: nodes.into(),
        samples: samples.into(),
        knows_liveness: true,
        ..Parts::default()
    })
}

pub fn sample(node_id: u32, size: u64, ordinal: u64) -> Sample {
    let count = estimate::v8_count(size, INTERVAL, 1);
    Sample { size, ordinal, node_id, count, line: 0, is_live: true }
}
