// Names of users, or of groups. A name's id is a function of the name, so every process computes
// the same and none has to be asked; the router keeps the names it has met, to list them and to
// name ids.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
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
// Whom the text means: a name, or any id as it is written in answers (of a name, too). Nothing when
// it is neither.
std::optional<UserId> user_addressed(std::string_view text);
// Groups are named like users, among themselves.
ConversationId group_named(std::string_view name);
// Letters, digits and . _ - @ of any script; nothing that a terminal or a file would take amiss,
// nor the number that is another name's id.
bool is_user_name(std::string_view name);

class UserBook {
 public:
  // One name a line, appended to. Throws SystemRefusal when it cannot be.
  explicit UserBook(const std::filesystem::path& file);

  enum class Learnt : uint8_t { new_name, known, not_kept };
  // Not kept: no name, too many names, or it cannot be written now (that is logged).
  Learnt learn(const std::string& name);
  std::string name_of(UserId id) const;  // empty when not known
  size_t size() const { return by_name_.size(); }

  struct Filter {
    std::string prefix;
    std::string contains;
    std::string after;  // only names after this one
    size_t most = 100;
  };
  struct Page {
    std::vector<std::string> names;  // in order
    std::string next;                // there may be more after this name; empty: there are none
  };
  // Looks at a bounded number of names: a page may be short, even empty, and still have a next.
  Page list(const Filter& filter) const;

 private:
  static constexpr size_t kMostNames = 10'000'000;
  void remember(const std::string& name);
  bool append(const std::string& name);

  std::filesystem::path file_;
  std::map<std::string, UserId> by_name_;
  std::unordered_map<uint64_t, std::string> by_id_;
  std::ofstream out_;
  bool failing_ = false;  // and that is logged
};

}  // namespace imroute::cluster
