// The C ABI between Rust (hook.rs) and the hook in V8's sampler (hook.cc). Nothing throws, and
// nothing allocates in V8's heap.
#ifndef HEAP_PROFILE_HOOK_H_
#define HEAP_PROFILE_HOOK_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hp_hook hp_hook;          // the hook in the sampler of an isolate
typedef struct hp_recorder hp_recorder;  // what records the stacks of the sampled objects

// V8 has just sampled an object that is not initialized yet: nothing may be allocated in V8's heap
// here, nor thrown.
typedef void (*hp_sampled)(hp_recorder* recorder, uint64_t ordinal, uint64_t size, uintptr_t frame);

// Where the hook goes, verified by locate.rs: the observer that V8's sampler has in the heap, and
// the number of the last sample.
typedef struct hp_hook_place {
  uintptr_t* observer;
  const uint64_t* last_sample_id;
} hp_hook_place;

// Gives the observer a copy of its vtable, in which Step is ours; each sample is then told to
// `sampled`. NULL, and nothing done, without memory. `recorder` must stay until the hook is removed
// or abandoned. Only on the isolate's thread.
hp_hook* hp_hook_install(hp_hook_place place, hp_sampled sampled, hp_recorder* recorder);

// The vtable pointer that the observer has while the hook is in.
uintptr_t hp_hook_vtable(const hp_hook* hook);

// Gives the observer its own vtable back and frees the hook. Only if the observer still has ours.
void hp_hook_remove(hp_hook* hook);

// For an observer that is gone or someone else's: nothing of V8's is touched, and the hook tells
// nobody of anything any more. Its few bytes are never freed.
void hp_hook_abandon(hp_hook* hook);

#ifdef __cplusplus
}
#endif

#endif  // HEAP_PROFILE_HOOK_H_
