//! A hunt for leaks in profiles that are in memory or in files, read one after the other: little of
//! each is kept.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::Question;
use super::leaks::answer::Leaks;
use super::leaks::{Sessions, leaks};
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
    let (mut sessions, mut skipped) = (Sessions::default(), Vec::new());
    for (place, name) in places {
        let asked = match place {
            Place::Memory(profile) => Ok(profile.only(question.memory)),
            Place::File(path) => {
                format::read_file(path).map(|profile| profile.only(question.memory))
            }
        };
        let added = asked.and_then(|profile| add(&profile, name, &mut sessions, &mut sites));
        if let Err(failure) = added {
            skipped.push(Skipped { path: name.clone(), failure });
        }
    }
    Found { leaks: leaks(sessions, &sites, question.limit()), skipped }
}

fn add(profile: &Profile, name: &str, sessions: &mut Sessions, sites: &mut Sites) -> Result<()> {
    if profile.counted() == Include::Live {
        sessions.add(profile, name.to_owned(), sites);
        return Ok(());
    }
    let why = "it does not tell live objects from collected ones, as with `include: 'allocated'` \
               before Node.js 26";
    Err(Error::InvalidProfile(format!("{name}: {why}")))
}
