//! Questions asked of snapshots. Questions and answers are JSON: index.d.ts says what is in them.

use heap_profile_core::analysis::answer::to_json;
use heap_profile_core::analysis::hunt::{Place, hunt};
use heap_profile_core::analysis::{Question, diff, top};
use heap_profile_core::error::{self, Error};
use heap_profile_core::profile::Profile;
use napi::bindgen_prelude::AsyncTask;
use napi::{Either, Env, Task};
use napi_derive::napi;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::outcome::{Failure, caught, settled};
use super::snapshot::NativeSnapshot;

/// Works an answer out.
pub struct Analyze(Box<dyn FnMut() -> error::Result<String> + Send>);

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
    type Output = error::Result<String>;
    type JsValue = Either<String, Failure>;

    fn compute(&mut self) -> napi::Result<error::Result<String>> {
        Ok(caught(|| (self.0)()))
    }

    fn resolve(&mut self, _env: Env, answer: error::Result<String>) -> napi::Result<Self::JsValue> {
        settled(answer, Ok)
    }
}

/// lib/options.js checked what it says.
fn from_json<T: DeserializeOwned>(text: &str) -> error::Result<T> {
    serde_json::from_str(text).map_err(Error::internal)
}

#[napi]
impl NativeSnapshot {
    #[napi(ts_return_type = "Promise<string | Failure>")]
    pub fn top(&self, question: String) -> AsyncTask<Analyze> {
        let profile = self.profile();
        Analyze::task(question, move |question| top::top(&profile.only(question.memory), question))
    }

    #[napi(ts_return_type = "Promise<string | Failure>")]
    pub fn diff(&self, base: &NativeSnapshot, question: String) -> AsyncTask<Analyze> {
        let (base, current) = (base.profile(), self.profile());
        Analyze::task(question, move |question| {
            let only = |profile: &Profile| profile.only(question.memory);
            diff::diff(&only(&base), &only(&current), question)
        })
    }
}

/// Profiles to look for leaks in.
#[napi]
#[derive(Default)]
pub struct LeakHunt {
    places: Vec<(Place, String)>,
}

#[napi]
impl LeakHunt {
    #[napi(constructor)]
    pub fn new() -> LeakHunt {
        LeakHunt::default()
    }

    #[napi]
    pub fn add_snapshot(&mut self, snapshot: &NativeSnapshot, name: String) {
        self.places.push((Place::Memory(snapshot.profile()), name));
    }

    #[napi]
    pub fn add_file(&mut self, path: String, name: String) {
        self.places.push((Place::File(path.into()), name));
    }

    #[napi(ts_return_type = "Promise<string | Failure>")]
    pub fn judge(&self, question: String) -> AsyncTask<Analyze> {
        let places = self.places.clone();
        Analyze::task(question, move |question| hunt(&places, question))
    }
}
