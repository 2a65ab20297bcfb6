// Names of users. A name's id is a function of the name, so every process computes the same and
// none has to be asked; the router keeps the names it has met, to list them and to name ids.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/ids.h"

namespace imroute::cluster {

inline constexpr size_t kMostNameBytes = 64;

// Digits alone, without a zero before them, are an id themselves; of another name it is a
// cryptographic hash, so that nobody finds a name that makes him somebody else. Ids of names have
// bit 62 set and stay below kGroupMark, so the two never meet.
UserId user_id_of(std::string_view name);
// Letters, digits and . _ - @ of any script; nothing that a terminal or a file would take amiss.
bool is_user_name(std::string_view name);

class UserBook {
 public:
  // One name a line, appended to. Throws SystemRefusal when it cannot be.
  explicit UserBook(const std::filesystem::path& file);

  void learn(const std::string& name);
  std::string name_of(UserId id) const;  // empty when not known
  // Names that begin so, in order, at most `most`.
  std::vector<std::string> with_prefix(const std::string& prefix, size_t most) const;

 private:
  static constexpr size_t kMostNames = 10'000'000;
  void remember(const std::string& name);

  std::map<std::string, UserId> by_name_;
  std::unordered_map<uint64_t, std::string> by_id_;
  std::ofstream out_;
};

}  // namespace imroute::cluster
