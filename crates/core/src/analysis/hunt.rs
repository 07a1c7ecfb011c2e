//! A hunt for leaks in profiles that are in memory or in files, read one after the other: little of
//! each is kept.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::Question;
use super::history::Capture;
use super::leaks::{Leaks, leaks};
use super::sites::Sites;
use crate::error::{Error, Result};
use crate::format;
use crate::profile::{Include, Profile};

/// Where a leak is looked for.
#[derive(Clone)]
pub enum Place {
    /// In a profile.
    Memory(Arc<Profile>),
    /// In the profile of a file.
    File(PathBuf),
}

/// What was found.
#[derive(Serialize)]
pub struct Found {
    /// The answer.
    #[serde(flatten)]
    pub leaks: Leaks,
    /// What no leak can be looked for in.
    pub skipped: Vec<Skipped>,
}

/// Mostly a file that could not be read.
#[derive(Serialize)]
pub struct Skipped {
    /// What the user calls it.
    pub path: String,
    /// Why.
    pub failure: Error,
}

/// Looks into places, each with what the user calls it.
pub fn hunt(places: &[(Place, String)], question: &Question) -> Found {
    let mut sites = Sites::new(question.grouping.clone());
    let (mut captures, mut skipped) = (Vec::new(), Vec::new());
    for (place, name) in places {
        let captured = match place {
            Place::Memory(profile) => capture(profile, name, &mut sites),
            Place::File(path) => {
                format::read_file(path).and_then(|profile| capture(&profile, name, &mut sites))
            }
        };
        match captured {
            Ok(captured) => captures.push(captured),
            Err(failure) => skipped.push(Skipped { path: name.clone(), failure }),
        }
    }
    let limit = question.limit.unwrap_or(usize::MAX);
    Found { leaks: leaks(captures, &sites, limit), skipped }
}

fn capture(profile: &Profile, name: &str, sites: &mut Sites) -> Result<Capture> {
    if profile.counted() == Include::Live {
        return Ok(Capture::of(profile, name.to_owned(), sites));
    }
    let why = "it does not tell live objects from collected ones, as with `include: 'allocated'` \
               before Node.js 26";
    Err(Error::InvalidProfile(format!("{name}: {why}")))
}
