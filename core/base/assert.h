// A broken invariant ends the process, in every build: a routing core that goes on with corrupt
// state loses messages silently. The hook lets a driver print what it knows (seed, trace tail)
// before the end.
#pragma once

namespace imroute {

using AssertHook = void (*)(const char* condition, const char* file, int line);

// Installs the hook called once before abort(). REQUIRES: called at start-up, before any step.
void set_assert_hook(AssertHook hook);

[[noreturn]] void assert_failed(const char* condition, const char* file, int line);

}  // namespace imroute

#define IM_ASSERT(condition) \
  ((condition) ? void(0) : ::imroute::assert_failed(#condition, __FILE__, __LINE__))
