//! Allocation sites: what the nodes of a call tree are grouped by, the same for several profiles.

use std::sync::Arc;

use foldhash::HashMap;
use serde::{Deserialize, Serialize};

use super::frames::{Caller, Frame, FrameTable, PlaceTable, package_of};
use super::own::is_own;
use super::ways::{NO_WAY, Ways};
use crate::profile::Profile;
use crate::profile::lines::ByLine;

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
    /// A line of a function.
    Line,
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

/// What follows from a function.
#[derive(Clone, Copy, Debug)]
struct Kind {
    /// Its number in [`Sites::keys`].
    key: u32,
    /// See [`Frame::is_program`].
    is_program: bool,
}

/// A site, and how it is reached where it holds most.
#[derive(Clone, Copy, Debug)]
struct Site {
    /// Its number in [`Sites::keys`].
    key: u32,
    /// Whether it has a function of the program's.
    is_program: bool,
    /// The way up from the node that holds most.
    way: u32,
    /// What that node holds itself.
    most: f64,
}

/// The sites of all profiles that are looked at together.
#[derive(Debug)]
pub struct Sites {
    grouping: Grouping,
    /// The functions of the nodes, and lines in them.
    places: PlaceTable,
    /// By function.
    kinds: Vec<Kind>,
    /// What sites are, whoever calls them.
    keys: FrameTable,
    sites: Vec<Site>,
    /// By the key and what else makes a site: for stacks the caller's site, for lines the line.
    numbers: HashMap<(u32, u32), u32>,
    ways: Ways,
    /// The site of all that heap-profile itself allocates.
    own: Option<u32>,
}

/// Of each node of a profile by line.
pub struct Placed {
    /// Its site.
    pub sites: Vec<u32>,
    /// The place in a function that it counts for, see [`Sites::place`].
    pub places: Vec<u32>,
    /// Its own place.
    own: Vec<u32>,
    /// The node that it counts for: itself, or of what is hidden the one that called it.
    shown: Vec<u32>,
    /// The way up from it, where that is known; see [`Ways::from`].
    known: Vec<u32>,
}

/// The site of no caller, where neither that nor a line makes a site.
const NONE: u32 = u32::MAX;

/// What heap-profile's own site is called, where that matters.
const OWN: &str = "(heap-profile)";

/// Callers that an answer tells of each site: as many as V8 keeps unless it is asked for more.
pub const MAX_CALLERS: usize = 64;

impl Sites {
    /// None yet.
    pub fn new(grouping: Grouping) -> Sites {
        Sites {
            grouping,
            places: PlaceTable::default(),
            kinds: Vec::new(),
            keys: FrameTable::default(),
            sites: Vec::new(),
            numbers: HashMap::default(),
            ways: Ways::default(),
            own: None,
        }
    }

    /// Whether each is a function or several, whoever calls it.
    pub fn are_functions(&self) -> bool {
        self.grouping.by != By::Stack
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
    pub fn frame(&self, site: u32) -> &Arc<Frame> {
        self.keys.get(self.sites[site as usize].key)
    }

    /// The site of what heap-profile itself allocates, if that was met.
    pub fn own(&self) -> Option<u32> {
        self.own
    }

    /// Whether a function of the program is it, or is one of its callers as far as they are told.
    pub fn is_program(&self, site: u32) -> bool {
        let Site { is_program, way, .. } = self.sites[site as usize];
        is_program || self.on_way(way).any(|frame| self.kinds[frame as usize].is_program)
    }

    /// How it is reached where it holds most: the nearest callers, the nearest first.
    pub fn callers(&self, site: u32) -> Vec<Caller> {
        let places = self.ways.up(self.sites[site as usize].way).take(MAX_CALLERS);
        let caller = |place| {
            let (frame, call_line_number) = self.place(place);
            Caller { frame: frame.clone(), call_line_number }
        };
        places.map(caller).collect()
    }

    /// The function of a place, and the line; 0 for unknown.
    pub fn place(&self, place: u32) -> (&Arc<Frame>, i32) {
        let (frame, line) = self.places.get(place);
        (self.places.frames.get(frame), line)
    }

    /// Where a way starts.
    pub fn start_of(&self, way: u32) -> Option<u32> {
        self.ways.up(way).next()
    }

    /// The same, with the way up to the root from each node that has samples: the others have
    /// `NO_WAY`.
    pub fn with_ways(&mut self, by_line: &ByLine<'_>) -> (Vec<u32>, Vec<u32>) {
        let Placed { sites, own, shown, mut known, .. } = self.of_nodes(by_line);
        let profile = by_line.profile();
        let mut ways = vec![NO_WAY; profile.nodes.len()];
        for &node in profile.totals().sample_nodes.iter().flatten() {
            let node = node as usize;
            ways[node] = self.ways.from(shown[node], &profile.nodes, &own, &mut known);
        }
        (sites, ways)
    }

    /// Which of the ways lead through the function of the site, by number, and which through each of so many
    /// of the program's functions that call it, the nearest first.
    pub fn families(&self, site: u32, callers: usize) -> Vec<Vec<bool>> {
        let Site { key, way, .. } = self.sites[site as usize];
        let of_program = self.on_way(way).map(|frame| self.kinds[frame as usize]);
        let callers = of_program.filter(|kind| kind.is_program && kind.key != key).take(callers);
        let keys = [key].into_iter().chain(callers.map(|kind| kind.key));
        keys.map(|key| self.ways_through(key)).collect()
    }

    fn ways_through(&self, key: u32) -> Vec<bool> {
        self.ways.through(|place| self.kinds[self.places.get(place).0 as usize].key == key)
    }

    /// The numbers of the functions on a way, as far as answers tell of them, the nearest first.
    pub fn on_way(&self, way: u32) -> impl Iterator<Item = u32> {
        self.ways.up(way).take(MAX_CALLERS).map(|place| self.places.get(place).0)
    }

    /// The function of that number.
    pub fn function(&self, number: u32) -> &Arc<Frame> {
        self.places.frames.get(number)
    }

    /// The site and the place of each node of a profile.
    pub fn of_nodes(&mut self, by_line: &ByLine<'_>) -> Placed {
        let profile = by_line.profile();
        let own = self.places.of_nodes(by_line);
        self.learn_kinds();
        let are_own = self.are_own(profile);
        let mut sites: Vec<u32> = Vec::with_capacity(profile.nodes.len());
        let mut is_called: Vec<bool> = Vec::with_capacity(profile.nodes.len());
        // The node that each counts for: itself, or of what is hidden the one that called it.
        let mut shown: Vec<u32> = Vec::with_capacity(profile.nodes.len());
        for (index, node) in profile.nodes.iter().enumerate() {
            let frame = self.places.get(own[index]).0 as usize;
            let Kind { key, is_program } = self.kinds[frame];
            let by_program = index > 0 && is_called[node.parent as usize];
            // What Node.js and V8 do for it is its own as well.
            let by_own = index > 0 && Some(sites[node.parent as usize]) == self.own;
            let is_own = are_own[frame] || by_own && !is_program;
            is_called.push(is_program || by_program);
            let is_hidden = self.grouping.hide_node_internals && !is_program && by_program;
            shown.push(if is_hidden { shown[node.parent as usize] } else { index as u32 });
            let site = if is_own {
                self.own_site()
            } else if is_hidden {
                sites[node.parent as usize]
            } else {
                let part = match self.grouping.by {
                    By::Stack if index > 0 => sites[node.parent as usize],
                    By::Line => by_line.line(index) as u32,
                    _ => NONE,
                };
                self.number(key, part, is_program)
            };
            sites.push(site);
        }
        let known = self.keep_heaviest(profile, &own, &sites, &shown);
        let places = shown.iter().map(|&node| own[node as usize]).collect();
        Placed { sites, places, own, shown, known }
    }

    /// Whether each function is heap-profile's own, by what the profile says of where it lies.
    fn are_own(&self, profile: &Profile) -> Vec<bool> {
        let directory = profile.metadata.own_directory.as_deref();
        let table = &self.places.frames;
        let frames = (0..table.len()).map(|number| table.get(number as u32));
        frames.map(|frame| is_own(&frame.url, directory)).collect()
    }

    fn own_site(&mut self) -> u32 {
        if let Some(site) = self.own {
            return site;
        }
        let key = self.keys.number(Frame { url: OWN.to_owned(), ..Frame::default() });
        let site = self.number(key, NONE, false);
        self.own = Some(site);
        site
    }

    /// Of the functions that are new: there are far fewer than nodes.
    fn learn_kinds(&mut self) {
        for number in self.kinds.len()..self.places.frames.len() {
            let frame = self.places.frames.get(number as u32);
            let is_program = frame.is_program();
            let key = match self.grouping.by {
                By::Function | By::Stack | By::Line => Frame::clone(frame),
                By::File => Frame { url: frame.url.clone(), ..Frame::default() },
                By::Package => Frame { url: package_of(&frame.url).to_owned(), ..Frame::default() },
            };
            self.kinds.push(Kind { key: self.keys.number(key), is_program });
        }
    }

    /// Of each site the way where it holds most. Returns what is known of ways by then, by node.
    fn keep_heaviest(
        &mut self,
        profile: &Profile,
        places: &[u32],
        of_nodes: &[u32],
        shown: &[u32],
    ) -> Vec<u32> {
        let mut heaviest: Vec<Option<u32>> = vec![None; self.sites.len()];
        for (node, (&site, &bytes)) in of_nodes.iter().zip(&profile.totals().self_sizes).enumerate()
        {
            let known = &mut self.sites[site as usize];
            if bytes > known.most {
                known.most = bytes;
                heaviest[site as usize] = Some(shown[node]);
            }
        }
        let mut known = vec![NO_WAY; profile.nodes.len()];
        for (site, node) in self.sites.iter_mut().zip(heaviest) {
            let Some(node) = node else { continue };
            let caller = profile.nodes[node as usize].parent;
            site.way = self.ways.from(caller, &profile.nodes, places, &mut known);
        }
        known
    }

    fn number(&mut self, key: u32, part: u32, is_program: bool) -> u32 {
        let new = self.sites.len() as u32;
        let number = *self.numbers.entry((key, part)).or_insert(new);
        if number == new {
            self.sites.push(Site { key, is_program, way: NO_WAY, most: -1.0 });
        }
        self.sites[number as usize].is_program |= is_program;
        number
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Call, profile};
    use super::*;

    fn names(grouping: Grouping, calls: &[Call]) -> Vec<String> {
        let mut sites = Sites::new(grouping);
        let profile = profile(calls);
        let of_nodes = sites.of_nodes(&ByLine::of(&profile)).sites;
        of_nodes
            .iter()
            .map(|&site| {
                let Frame { function_name, url, .. } = &**sites.frame(site);
                format!("{site}:{function_name}@{url}")
            })
            .collect()
    }

    fn callers(sites: &Sites, site: u32) -> Vec<String> {
        sites.callers(site).iter().map(|caller| caller.frame.function_name.clone()).collect()
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

    /// `add` allocates in two lines, and is called from one of `main`, which has it `push` from another.
    fn lined() -> Profile {
        let call = |caller, name, url, samples| Call { caller, name, url, samples };
        let mut profile = profile(&[
            call(0, "main", "/app/a.js", &[]),
            call(1, "add", "/app/a.js", &[(64, 1), (64, 2), (64, 3)]),
            call(1, "push", "", &[(64, 4)]),
        ]);
        let parts = profile.parts_mut();
        let nodes = Arc::make_mut(&mut parts.nodes);
        (nodes[2].call_line, nodes[3].call_line) = (20, 21);
        let samples = Arc::make_mut(&mut parts.samples).iter_mut();
        samples.zip([8, 9, 8, 0]).for_each(|(sample, line)| sample.line = line);
        profile
    }

    /// Of each node by line: its site, that one's function, and the place that it counts for.
    fn placed(grouping: Grouping) -> (Sites, Vec<String>) {
        let mut sites = Sites::new(grouping);
        let profile = lined();
        let Placed { sites: of_nodes, places, .. } = sites.of_nodes(&ByLine::of(&profile));
        let texts = of_nodes.iter().zip(&places).map(|(&site, &place)| {
            let (frame, line) = sites.place(place);
            let name = &sites.frame(site).function_name;
            format!("{site} {name} {}:{line}", frame.function_name)
        });
        let texts = texts.collect();
        (sites, texts)
    }

    #[test]
    fn a_site_is_a_function_with_all_its_lines_or_one_of_them() {
        let (sites, of_functions) = placed(Grouping::default());
        let expected = [
            "0 (root) (root):0",
            "1 main main:20",
            "2 add add:8",
            "2 add add:9",
            "1 main main:21",
            "3 push push:0",
        ];
        assert_eq!(of_functions, expected);
        let callers = sites.callers(2);
        assert_eq!((&*callers[0].frame.function_name, callers[0].call_line_number), ("main", 20));
        let (_, of_lines) = placed(Grouping { by: By::Line, ..Grouping::default() });
        let numbers = of_lines.iter().map(|text| &text[..1]).collect::<Vec<_>>();
        assert_eq!(numbers, ["0", "1", "2", "3", "4", "5"]);
        let (_, of_stacks) = placed(Grouping { by: By::Stack, ..Grouping::default() });
        assert_eq!(of_stacks, of_functions);
    }

    #[test]
    fn what_is_hidden_counts_for_the_line_that_called_it() {
        let grouping = Grouping { hide_node_internals: true, ..Grouping::default() };
        assert_eq!(placed(grouping).1[5], "1 main main:21");
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
    fn what_heap_profile_allocates_is_one_site_with_what_node_and_v8_do_for_it() {
        const LIB: &str = "/app/node_modules/heap-profile/lib/snapshot.js";
        let call = |caller, name, url| Call { caller, name, url, samples: &[] };
        let calls = [
            call(0, "listOnTimeout", "node:timers"),
            call(1, "takeSnapshot", LIB),
            call(2, "push", ""),
            call(2, "onWritten", "/app/a.js"),
            call(1, "tick", "/app/a.js"),
        ];
        for hide_node_internals in [false, true] {
            for by in [By::Function, By::File, By::Package, By::Stack] {
                let mut sites = Sites::new(Grouping { by, hide_node_internals });
                let of_nodes = sites.of_nodes(&ByLine::of(&profile(&calls))).sites;
                let own = sites.own().unwrap();
                let are_own: Vec<bool> = of_nodes.iter().map(|&site| site == own).collect();
                assert_eq!(are_own, [false, false, true, true, false, false], "{by:?}");
            }
        }
    }

    #[test]
    fn where_heap_profile_lies_the_profile_tells() {
        let call = |name, url| Call { caller: 0, name, url, samples: &[] };
        let mut profile = profile(&[call("write", "/src/hp/index.js"), call("a", "/src/hp/a.js")]);
        assert_eq!(
            [None, Some("/src/hp".to_owned())].map(|directory| {
                profile.parts_mut().metadata.own_directory = directory;
                let mut sites = Sites::new(Grouping::default());
                let of_nodes = sites.of_nodes(&ByLine::of(&profile)).sites;
                sites.own().map(|own| of_nodes.iter().position(|&site| site == own))
            }),
            [None, Some(Some(1))]
        );
    }

    #[test]
    fn a_site_is_the_programs_if_a_function_of_it_leads_there() {
        let call = |caller, name, url, samples| Call { caller, name, url, samples };
        let calls = [
            call(0, "parserOnHeadersComplete", "node:_http_common", &[(64, 1)][..]),
            call(0, "subscribe", "/app/a.js", &[(64, 2)]),
            call(2, "on", "node:events", &[(64, 3)]),
            call(0, "(V8 API)", "", &[(64, 4)]),
        ];
        for by in [By::Function, By::Stack] {
            let mut sites = Sites::new(Grouping { by, ..Grouping::default() });
            let of_nodes = sites.of_nodes(&ByLine::of(&profile(&calls))).sites;
            let are_program = of_nodes[1..].iter().map(|&site| sites.is_program(site));
            assert_eq!(are_program.collect::<Vec<_>>(), [false, true, true, false], "{by:?}");
        }
        let mut sites = Sites::new(Grouping { by: By::Package, ..Grouping::default() });
        let of_nodes = sites.of_nodes(&ByLine::of(&profile(&calls[..2]))).sites;
        assert_eq!([1, 2].map(|node: usize| sites.is_program(of_nodes[node])), [false, true]);
    }

    #[test]
    fn says_how_a_site_is_reached_where_it_holds_most() {
        let mut sites = Sites::new(Grouping::default());
        let of_nodes = sites.of_nodes(&ByLine::of(&profile(&CALLS))).sites;
        assert_eq!(callers(&sites, of_nodes[5]), ["main"]);
    }

    #[test]
    fn ways_are_kept_once_however_many_profiles_have_them() {
        let mut sites = Sites::new(Grouping::default());
        let calls = [
            Call { caller: 0, name: "main", url: "/app/a.js", samples: &[] },
            Call { caller: 1, name: "handle", url: "/app/a.js", samples: &[] },
            Call { caller: 2, name: "get", url: "/app/a.js", samples: &[(64, 1)] },
        ];
        sites.of_nodes(&ByLine::of(&profile(&calls)));
        let count = sites.ways.len();
        // It holds more and more.
        for samples in [&[(64, 1), (64, 2)][..], &[(64, 1), (64, 2), (64, 3)]] {
            let [main, handle, get] = calls;
            let of_nodes = sites
                .of_nodes(&ByLine::of(&profile(&[main, handle, Call { samples, ..get }])))
                .sites;
            assert_eq!(callers(&sites, of_nodes[3]), ["handle", "main"]);
        }
        assert_eq!(sites.ways.len(), count);
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
        let of_nodes = sites.of_nodes(&ByLine::of(&profile(&calls))).sites;
        assert_eq!(callers(&sites, of_nodes[4]), ["main"]);
    }
}
