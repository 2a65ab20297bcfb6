#include "harness/shrink/times.h"

#include <algorithm>
#include <vector>

namespace imroute {
namespace {

// Every time at which something begins, and every length of something, as places to change.
std::vector<DurationNs*> begins(Scenario& s) {
  std::vector<DurationNs*> out;
  for (Fault& f : s.faults) out.push_back(&f.at_ns);
  for (ScriptedMessage& m : s.workload.messages) out.push_back(&m.at_ns);
  for (ScriptedAction& a : s.workload.actions) out.push_back(&a.at_ns);
  return out;
}

std::vector<DurationNs*> lengths(Scenario& s) {
  std::vector<DurationNs*> out;
  for (Fault& f : s.faults) out.push_back(&f.for_ns);
  for (ScriptedAction& a : s.workload.actions) {
    if (a.kind == ActionKind::offline) out.push_back(&a.for_ns);
  }
  std::erase_if(out, [](const DurationNs* length) { return *length == kNever; });
  return out;
}

DurationNs rounded(DurationNs t, DurationNs unit) { return (t + unit / 2) / unit * unit; }

void sort_script(Scenario& s) {
  std::stable_sort(s.faults.begin(), s.faults.end(),
                   [](const Fault& a, const Fault& b) { return a.at_ns < b.at_ns; });
}

// The first changed scenario that fails is taken; `change` makes number i in place.
template <class Change>
bool take(Scenario& s, size_t count, size_t seeds, const FirstFailing& first, Change change) {
  const Scenario whole = s;
  return take_first(s, count, seeds, first,
                    [&](size_t i) {
                      Scenario out = whole;
                      change(out, i);
                      sort_script(out);
                      return out;
                    })
      .has_value();
}

}  // namespace

void shorten(Scenario& s, const FirstFailing& first) {
  const size_t count = lengths(s).size();
  constexpr DurationNs kLeast = 2 * kMillisecond;  // as good as nothing
  static constexpr DurationNs kParts[] = {16, 4, 2};
  for (size_t k = 0; k < count; ++k) {
    bool shorter = true;
    while (shorter && *lengths(s)[k] > kLeast) {
      shorter = take(s, 3, 1, first, [k](Scenario& out, size_t i) {
        DurationNs& length = *lengths(out)[k];
        length = std::max(kMillisecond, rounded(length / kParts[i], kMillisecond));
      });
    }
  }
}

void close_gaps(Scenario& s, const FirstFailing& first) {
  constexpr DurationNs kLeast = 400 * kMillisecond;
  static constexpr DurationNs kParts[] = {8, 2};
  for (int turn = 0; turn < 64; ++turn) {
    std::vector<DurationNs> times{s.warmup_ns, s.duration_ns};
    for (const DurationNs* at : begins(s)) times.push_back(*at);
    std::sort(times.begin(), times.end());
    std::vector<std::pair<DurationNs, DurationNs>> gaps;  // from, how long
    for (size_t i = 0; i + 1 < times.size(); ++i) {
      if (times[i] >= s.warmup_ns && times[i + 1] - times[i] > kLeast) {
        gaps.emplace_back(times[i], times[i + 1] - times[i]);
      }
    }
    std::stable_sort(gaps.begin(), gaps.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    if (gaps.size() > 8) gaps.resize(8);
    const bool closed = take(s, gaps.size() * 2, 4, first, [&](Scenario& out, size_t i) {
      const auto [from, length] = gaps[i / 2];
      const DurationNs by = rounded(length - length / kParts[i % 2], kMillisecond);
      for (DurationNs* at : begins(out)) {
        if (*at > from) *at -= std::min(by, *at - from);
      }
      out.duration_ns -= std::min(by, out.duration_ns - from - kMillisecond);
    });
    if (!closed) return;
  }
}

void round_times(Scenario& s, const FirstFailing& first) {
  constexpr size_t kMostTimes = 100;  // for so many, one by one is worth it
  static constexpr DurationNs kUnits[] = {kSecond, 100 * kMillisecond, 10 * kMillisecond,
                                          kMillisecond};
  const auto round = [](DurationNs* t, DurationNs unit) {
    if (*t % unit != 0) *t = std::max(rounded(*t, unit), unit);
  };
  // The end is rounded up: it stays behind everything.
  const auto longer = [](Scenario& out, DurationNs unit) {
    for (const DurationNs* at : begins(out)) {
      out.duration_ns = std::max(out.duration_ns, *at + kMillisecond);
    }
    out.duration_ns = (out.duration_ns + unit - 1) / unit * unit;
  };
  take(s, 4, 1, first, [&](Scenario& out, size_t i) {
    for (DurationNs* at : begins(out)) round(at, kUnits[i]);
    for (DurationNs* length : lengths(out)) round(length, kUnits[i]);
    longer(out, kUnits[i]);
  });
  if (begins(s).size() > kMostTimes) return;
  const size_t count = begins(s).size() + lengths(s).size() + 1;
  for (size_t k = 0; k < count; ++k) {
    take(s, 4, 1, first, [&](Scenario& out, size_t i) {
      std::vector<DurationNs*> all = begins(out);
      for (DurationNs* length : lengths(out)) all.push_back(length);
      if (k < all.size()) round(all[k], kUnits[i]);
      longer(out, k < all.size() ? kMillisecond : kUnits[i]);
    });
  }
}

}  // namespace imroute
