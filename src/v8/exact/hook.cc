// The hook in V8's sampler. V8's heap has an observer, SamplingHeapProfiler::Observer, whose
// virtual Step(bytes_allocated, soon_object, size) takes a sample now and then. The observer gets a
// copy of its vtable in which Step is ours: it calls V8's, and tells the recorder if that took a
// sample.
//
// A vtable of the Itanium C++ ABI: offset to top, type information, and, where the pointer points
// to, the functions, here D1, D0, Step, GetNextStepSize. locate.rs has verified all of it.
#include "hook.h"

#include <pthread.h>
#include <signal.h>

#include <cstddef>
#include <cstdlib>

namespace {

constexpr size_t kPrefix = 2;
constexpr size_t kFunctions = 4;
constexpr size_t kStep = 2;

// The registers of any function with up to six words, so that they pass through whatever V8 calls.
using Function = uintptr_t (*)(uintptr_t self, uintptr_t, uintptr_t, uintptr_t, uintptr_t,
                               uintptr_t);

}  // namespace

struct hp_hook {
  hp_hook_place place;
  hp_sampled sampled;  // NULL once abandoned
  hp_recorder* recorder;
  pthread_t thread;
  uintptr_t original;  // the observer's own vtable pointer
  Function step;
  struct {
    hp_hook* hook;  // how Step finds us
    uintptr_t prefix[kPrefix];
    uintptr_t functions[kFunctions];
  } table;
};

namespace {

hp_hook* hook_of(uintptr_t observer) {
  const uintptr_t vtable = *reinterpret_cast<const uintptr_t*>(observer);
  return reinterpret_cast<hp_hook* const*>(vtable)[-static_cast<ptrdiff_t>(kPrefix + 1)];
}

// No SIGPROF on this thread for as long as it lives. V8's CPU profilers send one to have the stack
// walked in its handler; both Step and the recording walk it too and may hold a lock then, for
// which the handler would wait for ever.
class NoProfilingSignal {
 public:
  NoProfilingSignal() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGPROF);
    pthread_sigmask(SIG_BLOCK, &signals, &before_);
  }
  ~NoProfilingSignal() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  NoProfilingSignal(const NoProfilingSignal&) = delete;
  NoProfilingSignal& operator=(const NoProfilingSignal&) = delete;

 private:
  sigset_t before_;
};

// V8 counts its samples: Step has taken one if the count is one higher after it. size is its third
// argument after the observer.
uintptr_t step(uintptr_t self, uintptr_t a, uintptr_t b, uintptr_t size, uintptr_t d, uintptr_t e) {
  const NoProfilingSignal no_signal;
  hp_hook* const hook = hook_of(self);
  const volatile uint64_t* last = hook->place.last_sample_id;
  const uint64_t before = *last;
  const uintptr_t result = hook->step(self, a, b, size, d, e);
  const uint64_t after = *last;
  const bool has_sampled = after == before + 1 && pthread_equal(pthread_self(), hook->thread);
  if (has_sampled && hook->sampled != nullptr) {
    const auto frame = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
    hook->sampled(hook->recorder, after, size, frame);
  }
  return result;
}

}  // namespace

hp_hook* hp_hook_install(hp_hook_place place, hp_sampled sampled, hp_recorder* recorder) {
  auto* hook = static_cast<hp_hook*>(std::calloc(1, sizeof(hp_hook)));
  if (hook == nullptr) return nullptr;
  hook->place = place;
  hook->sampled = sampled;
  hook->recorder = recorder;
  hook->thread = pthread_self();
  hook->original = *place.observer;
  const auto* original = reinterpret_cast<const uintptr_t*>(hook->original);
  hook->table.hook = hook;
  for (size_t i = 0; i < kPrefix; i++) hook->table.prefix[i] = (original - kPrefix)[i];
  for (size_t i = 0; i < kFunctions; i++) hook->table.functions[i] = original[i];
  hook->step = reinterpret_cast<Function>(original[kStep]);
  hook->table.functions[kStep] = reinterpret_cast<uintptr_t>(&step);
  __atomic_store_n(place.observer, hp_hook_vtable(hook), __ATOMIC_RELEASE);
  return hook;
}

uintptr_t hp_hook_vtable(const hp_hook* hook) {
  return reinterpret_cast<uintptr_t>(hook->table.functions);
}

void hp_hook_remove(hp_hook* hook) {
  __atomic_store_n(hook->place.observer, hook->original, __ATOMIC_RELEASE);
  std::free(hook);
}

void hp_hook_abandon(hp_hook* hook) { hook->sampled = nullptr; }
