//! Questions asked of snapshots. Questions and answers are JSON: index.d.ts says what is in them.

use std::path::PathBuf;
use std::sync::Arc;

use napi::bindgen_prelude::AsyncTask;
use napi::{Env, Task};
use napi_derive::napi;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::snapshot::NativeSnapshot;
use super::tasks::{Failure, Outcome, outcome, read_file, settled};
use crate::analysis::history::Capture;
use crate::analysis::leaks::{Leaks, leaks};
use crate::analysis::sites::Sites;
use crate::analysis::{Question, diff, top};
use crate::profile::{Include, Profile};

/// Works an answer out.
pub struct Analyze(Box<dyn FnMut() -> Outcome<String> + Send>);

impl Analyze {
    /// The answer that `work` gives to a question.
    fn task<A: Serialize>(
        question: String,
        mut work: impl FnMut(&Question) -> A + Send + 'static,
    ) -> AsyncTask<Analyze> {
        AsyncTask::new(Analyze(Box::new(move || to_json(&work(&from_json(&question)?)))))
    }
}

impl Task for Analyze {
    type Output = Outcome<String>;
    type JsValue = napi::Either<String, Failure>;

    fn compute(&mut self) -> napi::Result<Outcome<String>> {
        Ok(outcome(|| (self.0)()))
    }

    fn resolve(&mut self, _env: Env, outcome: Outcome<String>) -> napi::Result<Self::JsValue> {
        settled(outcome, Ok)
    }
}

/// lib/options.js checked what it says.
fn from_json<T: DeserializeOwned>(text: &str) -> Outcome<T> {
    serde_json::from_str(text).map_err(|error| Failure::internal(&error))
}

fn to_json<T: Serialize>(value: &T) -> Outcome<String> {
    serde_json::to_string(value).map_err(|error| Failure::internal(&error))
}

#[napi]
impl NativeSnapshot {
    #[napi]
    pub fn top(&self, question: String) -> AsyncTask<Analyze> {
        let profile = self.profile.clone();
        Analyze::task(question, move |question| top::top(&profile, question))
    }

    #[napi]
    pub fn diff(&self, base: &NativeSnapshot, question: String) -> AsyncTask<Analyze> {
        let (base, current) = (base.profile.clone(), self.profile.clone());
        Analyze::task(question, move |question| diff::diff(&base, &current, question))
    }
}

/// What a leak is looked for in.
enum Source {
    Profile(Arc<Profile>),
    File(PathBuf),
}

/// Profiles to look for leaks in. Files are read one after the other: little of each is kept.
#[napi]
#[derive(Default)]
pub struct LeakHunt {
    sources: Vec<(Arc<Source>, String)>,
}

/// What no leak can be looked for in: mostly a file that could not be read.
#[derive(Serialize)]
struct Skipped {
    path: String,
    failure: Failure,
}

#[derive(Serialize)]
struct Found {
    #[serde(flatten)]
    leaks: Leaks,
    skipped: Vec<Skipped>,
}

#[napi]
impl LeakHunt {
    #[napi(constructor)]
    pub fn new() -> LeakHunt {
        LeakHunt::default()
    }

    #[napi]
    pub fn add_snapshot(&mut self, snapshot: &NativeSnapshot, name: String) {
        self.sources.push((Arc::new(Source::Profile(snapshot.profile.clone())), name));
    }

    #[napi]
    pub fn add_file(&mut self, path: String, name: String) {
        self.sources.push((Arc::new(Source::File(path.into())), name));
    }

    #[napi]
    pub fn judge(&self, question: String) -> AsyncTask<Analyze> {
        let sources = self.sources.clone();
        Analyze::task(question, move |question| hunt(&sources, question))
    }
}

fn capture(profile: &Profile, name: &str, sites: &mut Sites) -> Outcome<Capture> {
    if profile.counted() == Include::Live {
        return Ok(Capture::of(profile, name.to_owned(), sites));
    }
    let why = "it does not tell live objects from collected ones, as with `include: 'allocated'` \
               before Node.js 26";
    Err(Failure::invalid_profile(format!("{name}: {why}")))
}

fn hunt(sources: &[(Arc<Source>, String)], question: &Question) -> Found {
    let mut sites = Sites::new(question.grouping.clone());
    let (mut captures, mut skipped) = (Vec::new(), Vec::new());
    for (source, name) in sources {
        let captured = match &**source {
            Source::Profile(profile) => capture(profile, name, &mut sites),
            Source::File(path) => {
                read_file(path).and_then(|profile| capture(&profile, name, &mut sites))
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
