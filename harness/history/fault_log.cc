#include "harness/history/fault_log.h"

#include <algorithm>

#include "harness/result/result_json.h"
#include "harness/scenario/bounds.h"
#include "harness/scenario/names.h"

namespace imroute {
namespace {

bool overloads(FaultKind kind) { return kind == FaultKind::burst || kind == FaultKind::slow; }

}  // namespace

std::string fault_text(const Fault& fault, int64_t since_ns) {
  std::string text(to_string(fault.kind));
  const std::string target = target_text(fault);
  if (!target.empty()) text += " " + target;
  return text + " since " + format_number(static_cast<double>(since_ns) / 1e9) + " s";
}

FaultLog::FaultLog(const Scenario& s, const std::vector<Fault>& plan)
    : started_at_(plan.size(), kNever),
      ended_at_(plan.size(), kNever),
      felt_until_at_end_(plan.size(), 0),
      sync_bound_(imroute::sync_bound(s)),
      convergence_bound_(imroute::convergence_bound(s)) {
  for (const Fault& fault : plan) {
    FaultOutcome& outcome = outcomes_.emplace_back();
    outcome.fault = fault;
    const bool permanent = fault.for_ns >= kNever - fault.at_ns;
    outcome.until_ns = permanent ? s.duration_ns : fault.at_ns + fault.for_ns;
  }
  // Links and first logins at the start take their time too.
  quiet_since_ = std::max(s.warmup_ns, s.sessions.heartbeat_timeout() + s.sessions.backoff_max_ns);
}

void FaultLog::started(int64_t t, size_t index) {
  if (index >= outcomes_.size() || started_at_[index] != kNever) return;
  started_at_[index] = t;
  ++in_force_;
  calm_since_ = quiet_since_ = kNever;
}

void FaultLog::ended(int64_t t, size_t index, bool effective, int64_t late_until) {
  if (index >= outcomes_.size() || ended_at_[index] != kNever) return;
  if (started_at_[index] == kNever) started(t, index);
  ended_at_[index] = t;
  outcomes_[index].until_ns = t;
  outcomes_[index].effective = effective;
  felt_until_ = felt_until_at_end_[index] = std::max(felt_until_, late_until);
  if (--in_force_ > 0) return;
  calm_since_ = t;
  quiet_since_ = std::max(t, felt_until_) + convergence_bound_;
}

std::string FaultLog::cause_between(int64_t from, int64_t to) const {
  for (size_t i = outcomes_.size(); i-- > 0;) {
    if (started_at_[i] <= to && ended_at_[i] >= from && started_at_[i] != kNever) {
      return std::string(to_string(outcomes_[i].fault.kind));
    }
  }
  return "";
}

std::vector<size_t> FaultLog::ended_at(int64_t t) const {
  std::vector<size_t> faults;
  for (size_t i = 0; i < ended_at_.size(); ++i) {
    if (ended_at_[i] == t) faults.push_back(i);
  }
  return faults;
}

std::vector<std::string> FaultLog::in_force() const {
  std::vector<std::string> texts;
  for (size_t i = 0; i < outcomes_.size(); ++i) {
    if (started_at_[i] != kNever && ended_at_[i] == kNever) {
      texts.push_back(fault_text(outcomes_[i].fault, started_at_[i]));
    }
  }
  return texts;
}

bool FaultLog::planned_overload() const {
  return std::any_of(outcomes_.begin(), outcomes_.end(),
                     [](const FaultOutcome& o) { return overloads(o.fault.kind); });
}

std::vector<FaultLog::Calm> FaultLog::calms_after_overload(int64_t end) const {
  std::vector<Calm> calms;
  for (size_t i = 0; i < outcomes_.size(); ++i) {
    if (!overloads(outcomes_[i].fault.kind) || ended_at_[i] == kNever) continue;
    Calm calm{ended_at_[i], end};
    for (size_t j = 0; j < outcomes_.size(); ++j) {
      if (j == i || started_at_[j] == kNever || ended_at_[j] <= calm.from) continue;
      calm.to = std::min(calm.to, started_at_[j]);
    }
    calm.from = std::max(calm.from, felt_until_at_end_[i]);
    if (calm.from < calm.to) calms.push_back(calm);
  }
  return calms;
}

}  // namespace imroute
