#include "core/base/assert.h"

#include <cstdlib>

namespace imroute {
namespace {
AssertHook g_hook = nullptr;
}  // namespace

void set_assert_hook(AssertHook hook) { g_hook = hook; }

void assert_failed(const char* condition, const char* file, int line) {
  if (g_hook != nullptr) g_hook(condition, file, line);
  std::abort();
}

}  // namespace imroute
