//! Takes over from one pprof profile what another one lacks: samples with all that they refer to.

use foldhash::HashMap;

use super::address::address;
use super::proto::{Function, Line, Location, Profile as Proto, Sample};

/// Takes over from one profile what another one has not.
pub struct Import<'a> {
    to: &'a mut Proto,
    from: &'a Proto,
    strings: HashMap<String, i64>,
    /// Ids by address.
    locations: HashMap<u64, u64>,
    /// Ids by name, file and line, in the strings of `to`.
    functions: HashMap<(i64, i64, i64), u64>,
}

impl<'a> Import<'a> {
    pub fn new(to: &'a mut Proto, from: &'a Proto) -> Import<'a> {
        let strings = to.string_table.iter().enumerate();
        let strings = strings.map(|(index, text)| (text.clone(), index as i64)).collect();
        let locations = to.location.iter().map(|one| (one.address, one.id)).collect();
        let functions = to.function.iter().map(|one| (key_of(one), one.id)).collect();
        Import { to, from, strings, locations, functions }
    }

    /// The index of one of the other profile's strings.
    fn string(&mut self, index: i64) -> i64 {
        let from = self.from;
        self.text(&from.string_table[index as usize])
    }

    fn text(&mut self, text: &str) -> i64 {
        if let Some(known) = self.strings.get(text) {
            return *known;
        }
        // The last one has the metadata, and stays the last.
        let new = self.to.string_table.len() - 1;
        self.to.string_table.insert(new, text.to_owned());
        self.strings.insert(text.to_owned(), new as i64);
        new as i64
    }

    /// What the header names.
    pub fn header(&mut self) {
        let mut to = std::mem::take(&mut self.to.sample_type);
        let mut period = self.to.period_type.take();
        for one in to.iter_mut().chain(&mut period) {
            one.r#type = self.string(one.r#type);
            one.unit = self.string(one.unit);
        }
        self.to.sample_type = to;
        self.to.period_type = period;
        self.to.default_sample_type = self.string(self.to.default_sample_type);
    }

    /// One of the other profile's samples.
    pub fn sample(&mut self, sample: &Sample) -> Sample {
        let mut sample = sample.clone();
        for id in &mut sample.location_id {
            *id = self.location(*id);
        }
        for label in &mut sample.label {
            label.key = self.string(label.key);
            label.str = self.string(label.str);
            label.num_unit = self.string(label.num_unit);
        }
        sample
    }

    /// A location that neither of them has.
    pub fn named_location(&mut self, name: &str) -> u64 {
        let id = self.to.function.len() as u64 + 1;
        let (name, address) = (self.text(name), address(name, "", &[]));
        let function = Function { id, name, system_name: name, ..Function::default() };
        self.to.function.push(function);
        let line = vec![Line { function_id: id, ..Line::default() }];
        let mapping_id = self.to.mapping.first().map_or(0, |mapping| mapping.id);
        let id = self.to.location.len() as u64 + 1;
        self.to.location.push(Location { id, mapping_id, address, line });
        id
    }

    fn location(&mut self, id: u64) -> u64 {
        let from = self.from;
        let location = &from.location[id as usize - 1];
        if let Some(known) = self.locations.get(&location.address) {
            return *known;
        }
        let new = self.to.location.len() as u64 + 1;
        let mut copy = Location { id: new, ..location.clone() };
        for line in &mut copy.line {
            line.function_id = self.function(from.function[line.function_id as usize - 1]);
        }
        self.locations.insert(location.address, new);
        self.to.location.push(copy);
        new
    }

    fn function(&mut self, mut function: Function) -> u64 {
        function.name = self.string(function.name);
        function.system_name = function.name;
        function.filename = self.string(function.filename);
        function.id = self.to.function.len() as u64 + 1;
        let known = *self.functions.entry(key_of(&function)).or_insert(function.id);
        if known == function.id {
            self.to.function.push(function);
        }
        known
    }
}

/// What tells functions apart.
fn key_of(function: &Function) -> (i64, i64, i64) {
    (function.name, function.filename, function.start_line)
}
