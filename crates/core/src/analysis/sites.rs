//! Allocation sites: what the nodes of a call tree are grouped by, the same for several profiles.

use std::iter::successors;
use std::ops::AddAssign;

use foldhash::HashMap;
use indexmap::IndexSet;
use serde::{Deserialize, Serialize};

use crate::profile::{Node, Profile};

/// What makes a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// A function, in whatever context it was called.
    #[default]
    Function,
    /// A script.
    File,
    /// A package in node_modules, Node.js itself, or the application.
    Package,
    /// A function with all its callers.
    Stack,
}

/// How nodes become sites.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Grouping {
    /// What makes a site.
    pub by: By,
    /// Whether what Node.js's and V8's own functions allocate counts for the function of the program
    /// that called them. Those that none called stay what they are.
    pub hide_node_internals: bool,
}

/// A function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// Its name, empty if it has none; of a file or a package nothing.
    pub function_name: String,
    /// Its script; of a package the name of the package.
    pub url: String,
    /// 1-based, 0 if unknown.
    pub line_number: i32,
    /// 1-based, 0 if unknown.
    pub column_number: i32,
}

/// The functions of all profiles that are looked at together, each once.
#[derive(Debug, Default)]
pub struct Frames(IndexSet<Frame>);

impl Frames {
    /// The function of that number.
    pub fn get(&self, number: u32) -> &Frame {
        &self.0[number as usize]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of a function.
    fn number(&mut self, frame: Frame) -> u32 {
        self.0.insert_full(frame).0 as u32
    }

    /// The number of each node's function.
    pub fn of_nodes(&mut self, profile: &Profile) -> Vec<u32> {
        let mut known: HashMap<(u32, u32, i32, i32), u32> = HashMap::default();
        let numbers = profile.nodes.iter().map(|node| {
            let place = (node.name, node.script_name, node.line_number, node.column_number);
            *known.entry(place).or_insert_with(|| self.number(frame_of(profile, node)))
        });
        numbers.collect()
    }
}

/// What follows from a function.
#[derive(Clone, Copy, Debug)]
struct Kind {
    /// Its number in [`Sites::keys`].
    key: u32,
    /// See [`is_program`].
    is_program: bool,
}

/// A site, and how it is reached where it holds most.
#[derive(Clone, Copy, Debug)]
struct Site {
    /// Its number in [`Sites::keys`].
    key: u32,
    /// The way up from the node that holds most.
    way: u32,
    /// What that node holds itself.
    most: f64,
}

/// The sites of all profiles that are looked at together.
#[derive(Debug)]
pub struct Sites {
    grouping: Grouping,
    /// The functions of the nodes.
    frames: Frames,
    /// By function.
    kinds: Vec<Kind>,
    /// What sites are, whoever calls them.
    keys: Frames,
    sites: Vec<Site>,
    /// By the key and, for stacks, the caller's site.
    numbers: HashMap<(u32, u32), u32>,
    ways: Ways,
}

/// The site of no caller, and the way from the root.
const NONE: u32 = u32::MAX;

/// Frames on top of each other that are told, as many as V8 is asked for at most; the pages of flame
/// graphs recurse this deep.
pub const MAX_DEPTH: u32 = 1024;

impl Sites {
    /// None yet.
    pub fn new(grouping: Grouping) -> Sites {
        Sites {
            grouping,
            frames: Frames::default(),
            kinds: Vec::new(),
            keys: Frames::default(),
            sites: Vec::new(),
            numbers: HashMap::default(),
            ways: Ways::default(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sites.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
    }

    /// What the site is.
    pub fn frame(&self, site: u32) -> &Frame {
        self.keys.get(self.sites[site as usize].key)
    }

    /// How it is reached where it holds most, the nearest callers first.
    pub fn callers(&self, site: u32) -> impl Iterator<Item = &Frame> {
        let callers = self.ways.up(self.sites[site as usize].way);
        callers.take(MAX_DEPTH as usize).map(|frame| self.frames.get(frame))
    }

    /// The site of each node of a profile.
    pub fn of_nodes(&mut self, profile: &Profile) -> Vec<u32> {
        let frames = self.frames.of_nodes(profile);
        self.learn_kinds();
        let mut sites: Vec<u32> = Vec::with_capacity(profile.nodes.len());
        let mut is_called: Vec<bool> = Vec::with_capacity(profile.nodes.len());
        // The node that each counts for: itself, or of what is hidden the one that called it.
        let mut shown: Vec<u32> = Vec::with_capacity(profile.nodes.len());
        for (index, node) in profile.nodes.iter().enumerate() {
            let Kind { key, is_program } = self.kinds[frames[index] as usize];
            let by_program = index > 0 && is_called[node.parent as usize];
            is_called.push(is_program || by_program);
            let is_hidden = self.grouping.hide_node_internals && !is_program && by_program;
            shown.push(if is_hidden { shown[node.parent as usize] } else { index as u32 });
            let site = if is_hidden {
                sites[node.parent as usize]
            } else {
                let caller = if index == 0 { NONE } else { sites[node.parent as usize] };
                self.number(key, caller)
            };
            sites.push(site);
        }
        self.keep_heaviest(profile, &frames, &sites, &shown);
        sites
    }

    /// Of the functions that are new: there are far fewer than nodes.
    fn learn_kinds(&mut self) {
        for number in self.kinds.len()..self.frames.len() {
            let frame = self.frames.get(number as u32);
            let is_program = is_program(frame);
            let key = match self.grouping.by {
                By::Function | By::Stack => frame.clone(),
                By::File => Frame { url: frame.url.clone(), ..Frame::default() },
                By::Package => Frame { url: package_of(&frame.url).to_owned(), ..Frame::default() },
            };
            self.kinds.push(Kind { key: self.keys.number(key), is_program });
        }
    }

    fn keep_heaviest(
        &mut self,
        profile: &Profile,
        frames: &[u32],
        of_nodes: &[u32],
        shown: &[u32],
    ) {
        let mut heaviest: Vec<Option<u32>> = vec![None; self.sites.len()];
        for (node, (&site, &bytes)) in of_nodes.iter().zip(&profile.totals().self_sizes).enumerate()
        {
            let known = &mut self.sites[site as usize];
            if bytes > known.most {
                known.most = bytes;
                heaviest[site as usize] = Some(shown[node]);
            }
        }
        let mut known = vec![NONE; profile.nodes.len()];
        for (site, node) in self.sites.iter_mut().zip(heaviest) {
            let Some(node) = node else { continue };
            let caller = profile.nodes[node as usize].parent;
            site.way = self.ways.from(caller, &profile.nodes, frames, &mut known);
        }
    }

    fn number(&mut self, key: u32, caller: u32) -> u32 {
        let caller = if self.grouping.by == By::Stack { caller } else { NONE };
        let new = self.sites.len() as u32;
        let number = *self.numbers.entry((key, caller)).or_insert(new);
        if number == new {
            self.sites.push(Site { key, way: NONE, most: -1.0 });
        }
        number
    }
}

/// Ways up to the root: a function and the rest of the way, which many share. Each on its own would
/// take memory in proportion to the square of the depth.
#[derive(Debug, Default)]
struct Ways(Vec<(u32, u32)>);

impl Ways {
    /// The way from a node of a profile. `known` are those from its nodes, [`NONE`] if there is none yet
    /// and from the root.
    fn from(&mut self, node: u32, nodes: &[Node], frames: &[u32], known: &mut [u32]) -> u32 {
        let mut new = Vec::new();
        let mut at = node as usize;
        while at != 0 && known[at] == NONE {
            new.push(at);
            at = nodes[at].parent as usize;
        }
        let mut way = known[at];
        for at in new.into_iter().rev() {
            self.0.push((frames[at], way));
            way = self.0.len() as u32 - 1;
            known[at] = way;
        }
        way
    }

    /// The functions on the way.
    fn up(&self, way: u32) -> impl Iterator<Item = u32> {
        let step = |way: u32| self.0.get(way as usize);
        successors(step(way), move |&&(_, rest)| step(rest)).map(|&(frame, _)| frame)
    }
}

/// Adds up by site what nodes allocate.
pub struct Tally<'a, T> {
    nodes: &'a [Node],
    of_nodes: &'a [u32],
    /// How many sites there are.
    count: usize,
    /// Whether sites count what they call, too.
    total: bool,
    /// By site, or by node if sites are yet to count what they call.
    sums: Vec<T>,
}

impl<'a, T: AddAssign + Copy + Default> Tally<'a, T> {
    /// For a profile whose nodes belong to these sites, of which there are `count`.
    pub fn new(profile: &'a Profile, of_nodes: &'a [u32], count: usize, total: bool) -> Self {
        let places = if total { of_nodes.len() } else { count };
        Tally { nodes: &profile.nodes, of_nodes, count, total, sums: vec![T::default(); places] }
    }

    /// What to add to that a node allocates.
    pub fn of(&mut self, node: u32) -> &mut T {
        let place = if self.total { node } else { self.of_nodes[node as usize] };
        &mut self.sums[place as usize]
    }

    /// What each site has.
    pub fn by_site(mut self) -> Vec<T> {
        if !self.total {
            return self.sums;
        }
        // Callees come after their callers: backwards, each is complete when it is added.
        for node in (1..self.nodes.len()).rev() {
            let sum = self.sums[node];
            self.sums[self.nodes[node].parent as usize] += sum;
        }
        let mut sites = vec![T::default(); self.count];
        let mut open = OpenCalls::new(self.count);
        for (index, (node, &site)) in self.nodes.iter().zip(self.of_nodes).enumerate() {
            if open.enter(index as u32, node.parent, site) {
                sites[site as usize] += self.sums[index];
            }
        }
        sites
    }
}

/// The calls that lead to a node, on a walk through a tree in pre-order: what calls itself, near or
/// far, counts once.
pub struct OpenCalls {
    /// Nodes and their sites.
    calls: Vec<(u32, u32)>,
    /// How often each site is among them.
    times: Vec<u32>,
}

impl OpenCalls {
    /// At the start of the walk. `count` is the number of sites.
    pub fn new(count: usize) -> OpenCalls {
        OpenCalls { calls: Vec::new(), times: vec![0; count] }
    }

    /// Goes on to the next node: whether its site is not among those that lead to it.
    pub fn enter(&mut self, node: u32, parent: u32, site: u32) -> bool {
        while let Some((_, left)) = self.calls.pop_if(|&mut (last, _)| last != parent) {
            self.times[left as usize] -= 1;
        }
        self.calls.push((node, site));
        self.times[site as usize] += 1;
        self.times[site as usize] == 1
    }
}

fn frame_of(profile: &Profile, node: &Node) -> Frame {
    let text = |index: u32| profile.strings[index as usize].to_utf8().into_owned();
    Frame {
        function_name: text(node.name),
        url: text(node.script_name),
        line_number: node.line_number,
        column_number: node.column_number,
    }
}

/// Whether a function is the program's: neither Node.js's own nor V8's, such as `push`, which have no
/// place.
fn is_program(frame: &Frame) -> bool {
    let is_native = frame.url.is_empty() && frame.line_number == 0;
    !is_native && !is_internal(&frame.url)
}

/// Whether a script is Node.js's own.
pub fn is_internal(url: &str) -> bool {
    url.starts_with("node:")
}

/// The package of a script: what stands after the last `node_modules/`, with its scope.
pub fn package_of(url: &str) -> &str {
    if is_internal(url) {
        return "(node)";
    }
    let Some((_, path)) = url.rsplit_once("node_modules/") else {
        return if url.is_empty() { "(none)" } else { "(app)" };
    };
    let parts = if path.starts_with('@') { 2 } else { 1 };
    path.match_indices('/').nth(parts - 1).map_or(path, |(end, _)| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Call, profile};
    use super::*;

    fn names(grouping: Grouping, calls: &[Call]) -> Vec<String> {
        let mut sites = Sites::new(grouping);
        let profile = profile(calls);
        let of_nodes = sites.of_nodes(&profile);
        of_nodes
            .iter()
            .map(|&site| {
                let Frame { function_name, url, .. } = sites.frame(site);
                format!("{site}:{function_name}@{url}")
            })
            .collect()
    }

    const CALLS: [Call; 5] = [
        Call { caller: 0, name: "handle", url: "/app/a.js", samples: &[] },
        Call { caller: 1, name: "push", url: "node:events", samples: &[] },
        Call { caller: 0, name: "main", url: "/app/a.js", samples: &[] },
        Call { caller: 3, name: "push", url: "node:events", samples: &[] },
        Call { caller: 3, name: "get", url: "/app/node_modules/@scope/x/i.js", samples: &[] },
    ];

    #[test]
    fn groups_by_function_file_package_and_stack() {
        let group = |by| names(Grouping { by, hide_node_internals: false }, &CALLS);
        assert_eq!(group(By::Function)[2], group(By::Function)[4]);
        assert_ne!(group(By::Stack)[2], group(By::Stack)[4]);
        assert_eq!(group(By::File)[1], "1:@/app/a.js");
        assert_eq!(group(By::File)[3], "1:@/app/a.js");
        assert_eq!(
            group(By::Package)[1..],
            ["1:@(app)", "2:@(node)", "1:@(app)", "2:@(node)", "3:@@scope/x"]
        );
    }

    #[test]
    fn hidden_functions_count_for_their_callers() {
        let names = names(Grouping { hide_node_internals: true, ..Grouping::default() }, &CALLS);
        assert_eq!(names[2], names[1]);
        assert_eq!(names[4], names[3]);
    }

    #[test]
    fn v8s_functions_are_hidden_as_well_but_not_those_that_no_program_called() {
        let call = |caller, name, url| Call { caller, name, url, samples: &[] };
        let calls = [
            call(0, "push", ""),
            call(0, "onread", "node:net"),
            call(2, "concat", ""),
            call(2, "handle", "/app/a.js"),
            call(4, "on", "node:events"),
            call(5, "push", ""),
        ];
        let names = names(Grouping { hide_node_internals: true, ..Grouping::default() }, &calls);
        let own: Vec<_> = names[1..4].iter().map(|name| &name[2..]).collect();
        assert_eq!(own, ["push@", "onread@node:net", "concat@"]);
        assert!(names[4..].iter().all(|name| *name == names[4]), "{names:?}");
    }

    #[test]
    fn says_how_a_site_is_reached_where_it_holds_most() {
        let mut sites = Sites::new(Grouping::default());
        let of_nodes = sites.of_nodes(&profile(&CALLS));
        let callers: Vec<_> =
            sites.callers(of_nodes[5]).map(|frame| frame.function_name.as_str()).collect();
        assert_eq!(callers, ["main"]);
    }

    #[test]
    fn a_site_is_not_reached_by_itself_where_what_it_calls_is_hidden() {
        let grouping = Grouping { hide_node_internals: true, ..Grouping::default() };
        let mut sites = Sites::new(grouping);
        let call = |caller, name, url, samples| Call { caller, name, url, samples };
        let calls = [
            call(0, "main", "/app/a.js", &[]),
            call(1, "handle", "/app/a.js", &[]),
            call(2, "on", "node:events", &[]),
            call(3, "push", "", &[(64, 1)]),
        ];
        let of_nodes = sites.of_nodes(&profile(&calls));
        let callers: Vec<_> =
            sites.callers(of_nodes[4]).map(|frame| frame.function_name.as_str()).collect();
        assert_eq!(callers, ["main"]);
    }

    #[test]
    fn packages_are_named_as_npm_does() {
        for (url, package) in [
            ("", "(none)"),
            ("node:fs", "(node)"),
            ("/app/index.js", "(app)"),
            ("file:///app/node_modules/express/lib/a.js", "express"),
            ("/app/node_modules/a/node_modules/@b/c/index.js", "@b/c"),
            ("/app/node_modules/a", "a"),
        ] {
            assert_eq!(package_of(url), package, "{url}");
        }
    }
}
