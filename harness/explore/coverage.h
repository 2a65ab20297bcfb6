// What an exploration has covered: which fault hit which role in which phase and had an effect, and
// which sites of the core were reached. And what it had to cover: that follows from what the
// scenarios can draw, found by drawing, so that a new fault kind or role becomes a requirement
// without anybody listing it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "harness/explore/record.h"
#include "harness/scenario/scenario.h"

namespace imroute {

class Coverage {
 public:
  // True when the record reached a cell or site that none before had reached.
  bool add(const SeedRecord& record);

  // fault kind -> role/phase -> effective hits
  const std::map<std::string, std::map<std::string, uint64_t>>& cells() const { return cells_; }
  // site -> seeds that reached it
  const std::map<std::string, uint64_t>& sites() const { return sites_; }
  // Effective hits of a kind on a role, in all phases.
  uint64_t hits(const std::string& kind, const std::string& role) const;
  uint64_t records() const { return records_; }

 private:
  std::map<std::string, std::map<std::string, uint64_t>> cells_;
  std::map<std::string, uint64_t> sites_;
  uint64_t records_ = 0;
};

struct FaultCell {
  std::string kind, role;
  friend auto operator<=>(const FaultCell&, const FaultCell&) = default;
};

// What must be covered. Feed it with the scenario of many seeds (as loaded, swarm drawn).
class Requirement {
 public:
  // A draw or a reachable site that at most one scenario in so many has is not required.
  static constexpr uint64_t kRare = 40;

  void add(const Scenario& scenario);
  // Of another scenario file: requirements add up, shares are counted for each file alone.
  void merge(const Requirement& other);

  std::set<FaultCell> cells() const;
  std::set<std::string> sites() const;

 private:
  std::map<FaultCell, uint64_t> drawn_;
  std::map<std::string, uint64_t> reachable_;
  uint64_t samples_ = 0;
  std::set<FaultCell> merged_cells_;
  std::set<std::string> merged_sites_;
};

// "fault crash on router", "site self-fence": required and without a hit, in order.
std::vector<std::string> missing(const Requirement& requirement, const Coverage& coverage);

}  // namespace imroute
