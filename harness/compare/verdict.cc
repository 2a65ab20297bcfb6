#include "harness/compare/verdict.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

namespace imroute {
namespace {

// A cell within this factor of the best latency and recovery is as good as the best for a user.
constexpr double kSlack = 1.25;

const char* const kFrames = "frames/per_delivery";
const char* const kP99 = "latency_ms/delivery/p99";
const char* const kP50 = "latency_ms/delivery/p50";
const char* const kRecovery = "recovery/converged_ms";
const char* const kSessions = "balance/sessions/max_over_mean";

std::string number(double value) {
  const int digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  std::string result = text;
  if (digits > 0) result.erase(result.find_last_not_of('0') + 1);
  if (result.back() == '.') result.pop_back();
  return result;
}

std::string whole(double value) {
  std::string digits = std::to_string(std::llround(value));
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string milliseconds(double ms) {
  return ms < 1000 ? number(ms) + " ms" : number(ms / 1000) + " s";
}

std::string name_of(const ComparedCell& cell) {
  if (cell.balancer == "placement") return cell.strategy + " (logins by placement)";
  return cell.strategy + " with " + cell.balancer;
}

double value(const ComparedCell& cell, const char* metric) { return cell.mean(metric).value_or(0); }

// Lowest mean; the first of equals.
const ComparedCell* lowest(const std::vector<const ComparedCell*>& cells, const char* metric) {
  return *std::min_element(cells.begin(), cells.end(),
                           [&](const ComparedCell* a, const ComparedCell* b) {
                             return value(*a, metric) < value(*b, metric);
                           });
}

// Worse by more than both intervals together: then the difference is not just the seeds.
bool clearly_above(const ComparedCell& a, const ComparedCell& b, const char* metric) {
  const auto x = a.metrics.find(metric), y = b.metrics.find(metric);
  if (x == a.metrics.end() || y == b.metrics.end()) return false;
  return x->second.mean - x->second.ci95.value_or(0) > y->second.mean + y->second.ci95.value_or(0);
}

double lost_share(const ComparedCell& cell) {
  const double expected = value(cell, "messages/deliveries_expected");
  return expected > 0 ? 1 - value(cell, "messages/delivered") / expected : 0;
}

// Cheapest in frames among those that held and are within kSlack of the best p99 and recovery
// (recovery differences below a quarter of a second are not felt).
const ComparedCell* choose(const std::vector<const ComparedCell*>& held) {
  const double p99 = value(*lowest(held, kP99), kP99) * kSlack;
  const double recovery = value(*lowest(held, kRecovery), kRecovery) * kSlack + 250;
  std::vector<const ComparedCell*> good;
  for (const ComparedCell* cell : held) {
    if (value(*cell, kP99) <= p99 && value(*cell, kRecovery) <= recovery) good.push_back(cell);
  }
  return lowest(good.empty() ? held : good, kFrames);
}

void say_extremes(const std::vector<const ComparedCell*>& held, const ComparedCell& pick,
                  std::vector<std::string>& out) {
  const ComparedCell& fastest = *lowest(held, kP99);
  if (fastest.strategy != pick.strategy && clearly_above(pick, fastest, kP99)) {
    out.push_back("Fastest at the 99th percentile is **" + name_of(fastest) + "** (" +
                  milliseconds(value(fastest, kP99)) + "), for " + number(value(fastest, kFrames)) +
                  " frames per delivery.");
  }
  const ComparedCell& cheapest = *lowest(held, kFrames);
  if (cheapest.strategy != pick.strategy && clearly_above(pick, cheapest, kFrames)) {
    std::string text = "Cheapest on the network is **" + name_of(cheapest) + "** (" +
                       number(value(cheapest, kFrames)) + " frames per delivery), but its p99 is " +
                       milliseconds(value(cheapest, kP99));
    const double recovery = value(cheapest, kRecovery);
    if (recovery > 0) text += " and it needs " + milliseconds(recovery) + " to recover";
    out.push_back(text + ".");
  }
  const ComparedCell& dearest = **std::max_element(
      held.begin(), held.end(), [](const ComparedCell* a, const ComparedCell* b) {
        return value(*a, kFrames) < value(*b, kFrames);
      });
  const double low = value(cheapest, kFrames), high = value(dearest, kFrames);
  if (low > 0 && high / low >= 1.5) {
    out.push_back("Most frames: **" + dearest.strategy + "** with " + number(high) +
                  " per delivery, " + number(high / low) + " times the cheapest.");
  }
}

// Balancers compared within one strategy: the one whose spread is largest speaks for all.
void say_balancers(const std::vector<const ComparedCell*>& held, std::vector<std::string>& out) {
  std::map<std::string, std::vector<double>> by_balancer;
  for (const ComparedCell* cell : held)
    by_balancer[cell->balancer].push_back(value(*cell, kSessions));
  if (by_balancer.size() < 2) return;
  std::vector<std::pair<double, std::string>> means;
  for (const auto& [name, list] : by_balancer) {
    double sum = 0;
    for (const double v : list) sum += v;
    means.emplace_back(sum / static_cast<double>(list.size()), name);
  }
  std::sort(means.begin(), means.end());
  const auto& [even, best] = means.front();
  const auto& [uneven, worst] = means.back();
  if (uneven <= 0) return;
  const std::string fullest = number(uneven) + " times the mean on its fullest node";
  if (uneven / std::max(even, 1e-9) < 1.05) {
    out.push_back(
        "The balancer hardly matters here: sessions are spread within 5 % of each other.");
  } else {
    out.push_back("**" + best + "** spreads sessions most evenly (" + number(even) +
                  " times the mean on the fullest node), **" + worst + "** least (" + fullest +
                  ").");
  }
}

std::string property_of(const ComparedCell& cell) {
  return cell.first_violation.substr(0, cell.first_violation.find(':'));
}

// A few are named one by one; many are told by what they broke.
void say_failures(const std::vector<const ComparedCell*>& failed, std::vector<std::string>& out) {
  constexpr size_t kNamed = 3;
  if (failed.size() <= kNamed) {
    for (const ComparedCell* cell : failed) {
      std::string text = "Broke a promise: **" + name_of(*cell) + "**, on " +
                         std::to_string(cell->failing_seeds.size()) + " of " +
                         std::to_string(cell->seeds.size()) + " seeds";
      if (!cell->first_violation.empty()) text += " (" + cell->first_violation + ")";
      out.push_back(text + ".");
    }
    return;
  }
  std::map<std::string, std::vector<const ComparedCell*>> by_property;
  for (const ComparedCell* cell : failed) by_property[property_of(*cell)].push_back(cell);
  for (const auto& [property, cells] : by_property) {
    out.push_back("**" + property + "** was broken by " + std::to_string(cells.size()) +
                  " combinations, first by **" + name_of(*cells.front()) + "** (" +
                  cells.front()->first_violation + ").");
  }
}

void say_losses(const std::vector<const ComparedCell*>& cells, bool all,
                std::vector<std::string>& out) {
  const ComparedCell& worst = **std::max_element(
      cells.begin(), cells.end(),
      [](const ComparedCell* a, const ComparedCell* b) { return lost_share(*a) < lost_share(*b); });
  if (lost_share(worst) >= 0.0005) {
    out.push_back("Not everything arrives: **" + name_of(worst) + "** did not deliver " +
                  number(lost_share(worst) * 100) + " % of what was expected.");
    return;
  }
  double lost = 0, duplicates = 0, disorder = 0;
  for (const ComparedCell* cell : cells) {
    lost += value(*cell, "messages/lost");
    duplicates += value(*cell, "messages/visible_duplicates");
    disorder += value(*cell, "messages/order_violations");
  }
  if (lost + duplicates + disorder == 0) {
    out.push_back(
        std::string(all ? "No combination" : "None of the combinations that held") +
        " lost a message, showed one twice or out of order; they differ in what that costs.");
  }
}

}  // namespace

std::vector<Setting> settings_of(const Comparison& comparison) {
  std::vector<Setting> settings;
  for (const ComparedCell& cell : comparison.cells) {
    auto found = std::find_if(settings.begin(), settings.end(), [&](const Setting& s) {
      return s.scenario == cell.scenario && s.axes == cell.axes;
    });
    if (found == settings.end()) {
      settings.push_back({cell.scenario, cell.axes, {}});
      found = settings.end() - 1;
    }
    found->cells.push_back(&cell);
  }
  return settings;
}

std::string describe(const Setting& setting) {
  const auto& facts = setting.cells.front()->facts;
  auto fact = [&](const char* name) {
    const auto found = facts.find(name);
    return found == facts.end() ? 0.0 : found->second;
  };
  auto plural = [](double n, const std::string& noun) {
    return whole(n) + " " + noun + (std::llround(n) == 1 ? "" : "s");
  };
  std::string text = plural(fact("nodes"), "node") + ", " + plural(fact("users"), "user");
  if (fact("groups") > 0) text += ", " + plural(fact("groups"), "group");
  if (fact("relocations_per_user_hour") > 0) {
    text += ", " + number(fact("relocations_per_user_hour")) + " relocations a user and hour";
  }
  if (fact("nemesis") > 0) {
    text += ", faults drawn from the seed";
  } else if (fact("faults") > 0) {
    text += ", " + plural(fact("faults"), "fault");
  }
  return text;
}

PlainVerdict verdict_of(const Setting& setting) {
  PlainVerdict verdict;
  std::vector<const ComparedCell*> held, failed;
  for (const ComparedCell* cell : setting.cells) {
    (cell->failing_seeds.empty() ? held : failed).push_back(cell);
  }
  const std::string place = "For " + describe(setting) + ": ";
  if (held.empty()) {
    verdict.headline = place + "no combination kept its promises on every seed.";
    say_failures(failed, verdict.sentences);
    return verdict;
  }
  verdict.pick = choose(held);
  const ComparedCell& pick = *verdict.pick;
  verdict.headline = place + "pick **" + name_of(pick) + "** — " + number(value(pick, kFrames)) +
                     " frames per delivery, half of the messages within " +
                     milliseconds(value(pick, kP50)) + ", 99 % within " +
                     milliseconds(value(pick, kP99)) + ".";
  say_losses(held, failed.empty(), verdict.sentences);
  say_failures(failed, verdict.sentences);
  say_extremes(held, pick, verdict.sentences);
  say_balancers(held, verdict.sentences);
  const double model = pick.model_frames_per_delivery.value_or(0);
  if (model > 0 && pick.mean(kFrames)) {
    const double off = value(pick, kFrames) / model - 1;
    if (std::abs(off) >= 0.1) {
      verdict.sentences.push_back(
          "It uses " + number(std::abs(off) * 100) + " % " + (off > 0 ? "more" : "fewer") +
          " frames than the cost model expects of a quiet cluster with warm "
          "caches.");
    }
  }
  return verdict;
}

}  // namespace imroute
