#include "core/base/planted.h"

#ifdef IMROUTE_PLANTED

namespace imroute {
namespace {

#define IM_PLANTED_ROW(name, oracle, what, source, needs) {#name, oracle, what, source, needs},
constexpr PlantedBug kBugs[] = {IM_PLANTED_BUGS(IM_PLANTED_ROW)};
#undef IM_PLANTED_ROW

}  // namespace

std::span<const PlantedBug> planted_bugs() { return kBugs; }

bool choose_planted(std::string_view name) {
  for (size_t i = 0; i < std::size(kBugs); ++i) {
    if (name != kBugs[i].name) continue;
    chosen_planted = static_cast<Planted>(i);
    return true;
  }
  return false;
}

}  // namespace imroute

#endif
