// Bugs that the core carries on purpose, to test the tests: each sits as `if (IM_PLANTED(name))` at
// the place where the real code does the right thing. In the production build the macro is the
// constant false, so that nothing of it is left, not even the names (tests/lint/planted.py proves
// it); the program imroute_planted is compiled with IMROUTE_PLANTED and asks which bug was chosen
// at run time. What the bugs are is one table, core/base/planted_bugs.h.
#pragma once

#ifdef IMROUTE_PLANTED

#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/planted_bugs.h"

namespace imroute {

#define IM_PLANTED_NAME(name, oracle, what, source, needs) name,
enum class Planted : uint8_t { IM_PLANTED_BUGS(IM_PLANTED_NAME) none };
#undef IM_PLANTED_NAME

struct PlantedBug {
  const char* name;
  const char* oracle;  // Violation::property that must catch it
  const char* what;    // one sentence
  const char* source;  // where bugs of this kind were seen
  const char* needs;   // "/pointer=value ..." it cannot show without; empty = the default swarm
};
std::span<const PlantedBug> planted_bugs();

// False: there is no bug of that name. REQUIRES: no machine has been built yet.
bool choose_planted(std::string_view name);
inline Planted chosen_planted = Planted::none;

}  // namespace imroute

#define IM_PLANTED(name) (::imroute::chosen_planted == ::imroute::Planted::name)

#else

#define IM_PLANTED(name) false

#endif
