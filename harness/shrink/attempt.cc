#include "harness/shrink/attempt.h"

#include "harness/scenario/writer.h"

namespace imroute {
namespace {

// Its own seed, then 0, 1, 2 ... without it.
uint64_t seed_number(uint64_t own, size_t i) {
  if (i == 0) return own;
  return i <= own ? i - 1 : i;
}

}  // namespace

size_t seeds_for(const Scenario& s) {
  const size_t size = s.workload.messages.size() + 2 * s.topology.users;
  return size > 200 ? 4 : size > 60 ? 16 : 64;
}

std::optional<size_t> take_first(Scenario& s, size_t count, size_t seeds, const FirstFailing& first,
                                 const std::function<Scenario(size_t)>& make) {
  const auto candidate = [&](size_t i) {
    Scenario out = make(i / seeds);
    out.seed = seed_number(s.seed, i % seeds);
    return out;
  };
  const std::optional<size_t> found = first(count * seeds, [&](size_t i) {
    const Scenario one = candidate(i);
    return one == s ? std::string{} : write_scenario_line(one);
  });
  if (!found) return {};
  s = candidate(*found);
  return *found / seeds;
}

}  // namespace imroute
