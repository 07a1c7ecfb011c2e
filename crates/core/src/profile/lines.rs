//! The call tree by line: of each function in one calling context a node for each of its lines that
//! allocates or calls, where lines are known.

use std::borrow::Cow;
use std::sync::Arc;

use super::tree::pre_order;
use super::{Node, Parts, Profile, Sample, Stated, Thread};

/// A node of a profile, by its index, and a line of its function: 1-based, 0 for unknown.
type Part = (u32, i32);

/// A profile whose nodes have one line each.
#[derive(Debug)]
pub struct ByLine<'a> {
    profile: Cow<'a, Profile>,
    /// By node; none where no line is known.
    lines: Vec<i32>,
}

impl<'a> ByLine<'a> {
    /// The profile itself where it knows no lines. Else its nodes and samples have other ids, V8's summaries
    /// are left out, and so are nodes that neither allocate nor call.
    pub fn of(profile: &'a Profile) -> ByLine<'a> {
        let known = profile.samples.iter().map(|sample| sample.line);
        let known = known.chain(profile.stated.iter().map(|stated| stated.line));
        let mut known = known.chain(profile.nodes.iter().map(|node| node.call_line));
        if known.any(|line| line > 0) {
            return Parted::of(profile).into_profile();
        }
        ByLine { profile: Cow::Borrowed(profile), lines: Vec::new() }
    }

    /// Whether any line is known.
    pub fn knows_lines(&self) -> bool {
        !self.lines.is_empty()
    }

    /// The call tree. What a node's function was called from is in [`ByLine::line`] of its caller.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The line of the node at that index: where its function allocates its own samples and calls its
    /// children; 1-based, 0 for unknown.
    pub fn line(&self, node: usize) -> i32 {
        self.lines.get(node).copied().unwrap_or(0)
    }
}

/// All parts of a profile but the root, which is one and comes before them: by node, then by line, so that the
/// order does not depend on that of the samples.
struct Parted<'a> {
    profile: &'a Profile,
    parts: Vec<Part>,
}

impl<'a> Parted<'a> {
    fn of(profile: &'a Profile) -> Parted<'a> {
        let callers = profile.nodes.iter().skip(1).map(|node| (node.parent, node.call_line));
        let samples = profile.samples.iter().zip(&profile.totals().sample_nodes);
        let allocating = samples.filter_map(|(sample, node)| Some(((*node)?, sample.line)));
        let stated = profile.stated.iter().map(|stated| (stated.node, stated.line));
        let all = callers.chain(allocating).chain(stated);
        let mut parts: Vec<Part> = all.filter(|&(node, _)| node > 0).collect();
        parts.sort_unstable();
        parts.dedup();
        Parted { profile, parts }
    }

    /// Where the part is, counted from 1; 0 is the root.
    fn place(&self, node: u32, line: i32) -> u32 {
        match self.parts.binary_search(&(node, line)) {
            Ok(at) => at as u32 + 1,
            Err(_) => 0,
        }
    }

    fn parents(&self) -> Vec<u32> {
        let callers = self.parts.iter().map(|&(node, _)| {
            let Node { parent, call_line, .. } = self.profile.nodes[node as usize];
            self.place(parent, call_line)
        });
        [0].into_iter().chain(callers).collect()
    }

    fn into_profile(self) -> ByLine<'a> {
        let profile = self.profile;
        let parents = self.parents();
        let (order, ranks) = pre_order(&parents);
        let rank = |node: u32, line: i32| ranks[self.place(node, line) as usize];
        let nodes = (1..).zip(&order).map(|(id, &place)| {
            let (node, _) = self.part(place);
            let parent = ranks[parents[place as usize] as usize];
            Node { id, parent, allocations_end: 0, ..profile.nodes[node as usize].clone() }
        });
        // Ids count the nodes from 1; what has no node keeps none.
        let places = profile.samples.iter().zip(&profile.totals().sample_nodes);
        let samples = places.map(|(sample, node)| {
            let node_id = node.map_or(0, |node| rank(node, sample.line) + 1);
            Sample { node_id, ..*sample }
        });
        let stated = profile.stated.iter();
        let stated =
            stated.map(|stated| Stated { node: rank(stated.node, stated.line), ..*stated });
        // V8 calls a thread's functions from no line; one that called none is left out.
        let threads =
            profile.threads.iter().filter_map(|thread| match self.place(thread.node, 0) {
                0 => None,
                place => Some(Thread { node: ranks[place as usize], ..*thread }),
            });
        let by_line = Profile::new(Parts {
            metadata: profile.metadata.clone(),
            strings: profile.strings.clone(),
            nodes: Arc::new(nodes.collect()),
            samples: Arc::new(samples.collect()),
            stated: Arc::new(stated.collect()),
            threads: Arc::new(threads.collect()),
            allocations: Arc::default(),
            knows_liveness: profile.knows_liveness,
        });
        let lines = order.iter().map(|&place| self.part(place).1).collect();
        ByLine { profile: Cow::Owned(by_line), lines }
    }

    fn part(&self, place: u32) -> Part {
        place.checked_sub(1).map_or((0, 0), |at| self.parts[at as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{profile, sample};
    use super::*;

    /// Of each node: parent, name, line, and the sizes of its samples.
    fn parts(by_line: &ByLine<'_>) -> Vec<(u32, String, i32, Vec<u64>)> {
        let profile = by_line.profile();
        let nodes = profile.nodes.iter().enumerate().map(|(index, node)| {
            let own = profile.samples.iter().filter(|sample| sample.node_id == node.id);
            let name = profile.strings[node.name as usize].to_utf8().into_owned();
            (node.parent, name, by_line.line(index), own.map(|sample| sample.size).collect())
        });
        nodes.collect()
    }

    fn called_from(lines: &[i32], names: &[(u32, u32, &str)]) -> Profile {
        let mut profile = profile(names);
        let nodes = Arc::make_mut(&mut profile.parts_mut().nodes);
        nodes.iter_mut().zip(lines).for_each(|(node, &line)| node.call_line = line);
        profile
    }

    #[test]
    fn a_profile_without_lines_stays_as_it_is() {
        let profile = profile(&[(1, 0, "(root)"), (2, 0, "a")]);
        let by_line = ByLine::of(&profile);
        assert!(matches!(by_line.profile, Cow::Borrowed(_)));
        assert_eq!(by_line.line(1), 0);
    }

    #[test]
    fn each_line_that_allocates_or_calls_is_a_node() {
        let names =
            [(1, 0, "(root)"), (2, 0, "main"), (3, 1, "add"), (4, 1, "add"), (5, 1, "none")];
        let mut profile = called_from(&[0, 0, 20, 21, 20], &names);
        let line = |line, node, size| Sample { line, ..sample(node, size, 1) };
        profile.parts_mut().samples = Arc::new(vec![
            line(8, 3, 16),
            line(9, 3, 24),
            line(8, 4, 32),
            line(20, 2, 40),
            line(8, 3, 48),
            line(3, 1, 56),
            line(3, 77, 64),
        ]);
        profile.parts_mut().stated =
            Arc::new(vec![Stated { node: 2, line: 0, bytes: 5.0, objects: None }]);
        let by_line = ByLine::of(&profile);
        let part = |parent, name: &str, line, sizes: &[u64]| {
            (parent, name.to_owned(), line, sizes.to_vec())
        };
        assert_eq!(
            parts(&by_line),
            [
                part(0, "(root)", 0, &[56]),
                part(0, "main", 20, &[40]),
                part(1, "add", 0, &[]),
                part(1, "add", 8, &[16, 48]),
                part(1, "add", 9, &[24]),
                part(0, "main", 21, &[]),
                part(5, "add", 8, &[32]),
            ]
        );
        assert_eq!(by_line.profile().stated[0].node, 2);
        let [one, other] = [&profile, by_line.profile()].map(Profile::totals);
        assert_eq!(one.dropped_samples, other.dropped_samples);
        assert!((one.live_bytes.unwrap() - other.live_bytes.unwrap()).abs() < 1e-6);
    }

    #[test]
    fn takes_trees_of_any_depth() {
        let names: Vec<_> = (0..200_000).map(|i: u32| (i + 1, i.saturating_sub(1), "f")).collect();
        let profile = called_from(&vec![3; names.len()], &names);
        assert_eq!(ByLine::of(&profile).profile().nodes.len(), names.len() - 1);
    }
}
