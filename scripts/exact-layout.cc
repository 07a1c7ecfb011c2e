// For scripts/exact-layout.mjs: what only native code can tell of the V8 it runs in.
// start(interval, depth) starts V8's sampler and returns the addresses [isolate, HeapProfiler];
// read(address) returns the word there, or undefined where no memory is. Addresses are BigInts.
#define NAPI_VERSION 8
#include <dlfcn.h>
#include <node_api.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdint>

namespace {

template <typename Function>
Function find(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

napi_value address_of(napi_env env, const void* address) {
  napi_value value;
  napi_create_bigint_uint64(env, reinterpret_cast<uintptr_t>(address), &value);
  return value;
}

napi_value start(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  uint32_t interval = 0;
  int32_t depth = 0;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  napi_get_value_uint32(env, arguments[0], &interval);
  napi_get_value_int32(env, arguments[1], &depth);
  const auto get_isolate = find<void* (*)()>("_ZN2v87Isolate10GetCurrentEv");
  const auto get_profiler = find<void* (*)(void*)>("_ZN2v87Isolate15GetHeapProfilerEv");
  const auto start_sampling = find<bool (*)(void*, uint64_t, int, int)>(
      "_ZN2v812HeapProfiler25StartSamplingHeapProfilerEmiNS0_13SamplingFlagsE");
  if (!get_isolate || !get_profiler || !start_sampling) return nullptr;
  void* const isolate = get_isolate();
  void* const profiler = get_profiler(isolate);
  if (!start_sampling(profiler, interval, depth, 0)) return nullptr;
  napi_value result;
  napi_create_array(env, &result);
  napi_set_element(env, result, 0, address_of(env, isolate));
  napi_set_element(env, result, 1, address_of(env, profiler));
  return result;
}

napi_value read(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  uint64_t address = 0;
  bool lossless = false;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  napi_get_value_bigint_uint64(env, argument, &address, &lossless);
  uint64_t word = 0;
  iovec to{&word, sizeof word};
  iovec from{reinterpret_cast<void*>(address), sizeof word};
  if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != sizeof word) return nullptr;
  napi_value result;
  napi_create_bigint_uint64(env, word, &result);
  return result;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "start", NAPI_AUTO_LENGTH, start, nullptr, &function);
  napi_set_named_property(env, exports, "start", function);
  napi_create_function(env, "read", NAPI_AUTO_LENGTH, read, nullptr, &function);
  napi_set_named_property(env, exports, "read", function);
  return exports;
}
