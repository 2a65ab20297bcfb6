#include "harness/shrink/reduce.h"

#include <algorithm>

#include "harness/shrink/settings.h"
#include "harness/shrink/times.h"

namespace imroute {
namespace {

void cut_end(Scenario& s, const FirstFailing& first) {
  constexpr size_t kSteps = 16;
  const DurationNs from = s.warmup_ns, span = s.duration_ns - s.warmup_ns;
  take_first(s, kSteps - 1, 1, first, [&](size_t i) {
    const auto steps = static_cast<DurationNs>(kSteps), step = static_cast<DurationNs>(i + 1);
    return cut_at(s, from + span * step / steps);
  });
}

void drop_liveness(Scenario& s, const FirstFailing& first) {
  if (s.liveness.for_ns == 0) return;
  take_first(s, 1, 1, first, [&](size_t) {
    Scenario out = s;
    out.liveness = {};
    return out;
  });
}

}  // namespace

void minimise(Scenario& s, const Part& part, size_t least, const FirstFailing& first) {
  size_t chunk = std::max<size_t>(part.count(s), 1);
  for (;;) {
    bool removed = false;
    size_t at = 0;
    while (part.count(s) > least && at < part.count(s)) {
      const size_t have = part.count(s), size = std::min(chunk, have - least);
      const size_t places = (have - at + size - 1) / size;
      const size_t seeds = part.renumbers ? seeds_for(s) : 1;
      const Scenario whole = s;
      const std::optional<size_t> place = take_first(s, places, seeds, first, [&](size_t i) {
        const size_t from = at + i * size;
        return part.without(whole, from, std::min(from + size, have));
      });
      if (!place) break;
      at += *place * size;  // what stood before it is needed
      removed = true;
    }
    if (chunk > 1) {
      chunk = (chunk + 1) / 2;
    } else if (!removed) {
      return;
    }
  }
}

Scenario reduce(Scenario s, const FirstFailing& first, const std::function<bool()>& stop,
                const std::function<void(const Scenario&)>& progress) {
  struct Step {
    const Part* part;
    size_t least;
  };
  const Step steps[] = {{&kFaultPart, 0},  {&kUserPart, 2},   {&kMessagePart, 0},
                        {&kActionPart, 0}, {&kGroupPart, 0},  {&kMemberPart, 0},
                        {&kNodePart, 1},   {&kRouterPart, 1}, {&kDevicePart, 1}};
  for (;;) {
    const Scenario before = s;
    drop_liveness(s, first);
    cut_end(s, first);
    for (const Step& step : steps) {
      if (stop()) return s;
      minimise(s, *step.part, step.least, first);
      progress(s);
    }
    shorten(s, first);
    close_gaps(s, first);
    if (stop()) return s;
    simplify_settings(s, first);
    round_times(s, first);
    progress(s);
    if (s == before) return s;
  }
}

}  // namespace imroute
