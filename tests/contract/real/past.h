// How a store loses its tail for real: its files are put aside whenever time passes, and a failover
// brings back those of the latest moment that is old enough.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/model/message.h"

namespace imroute::contract {

class Past {
 public:
  // `files` of `folder` are the store.
  Past(std::filesystem::path folder, std::vector<std::string> files)
      : folder_(std::move(folder)), files_(std::move(files)) {}

  // Puts the files aside, as they are at that moment. Nobody writes meanwhile.
  void keep(int64_t at) {
    const std::filesystem::path aside = folder_ / ("past-" + std::to_string(moments_.size()));
    std::filesystem::create_directory(aside);
    for (const std::string& file : files_) {
      if (std::filesystem::exists(folder_ / file)) copy(folder_ / file, aside / file);
    }
    moments_.push_back({at, aside, appended_.size()});
  }
  // Brings back what was there at `at` (of what was kept, the last that is not later; nothing when
  // there is none). The store is closed meanwhile. Returns what was appended after it.
  std::vector<Entry> back_to(int64_t at) {
    size_t known = 0;
    for (const std::string& file : files_) std::filesystem::remove(folder_ / file);
    for (size_t i = moments_.size(); i-- > 0;) {
      if (moments_[i].at > at) continue;
      for (const std::string& file : files_) {
        if (std::filesystem::exists(moments_[i].aside / file)) {
          copy(moments_[i].aside / file, folder_ / file);
        }
      }
      known = moments_[i].appended;
      break;
    }
    std::vector<Entry> lost(appended_.begin() + static_cast<ptrdiff_t>(known), appended_.end());
    appended_.resize(known);
    return lost;
  }
  void note_append(const Entry& entry, Position at) {
    appended_.push_back(entry);
    appended_.back().position = at;
  }

 private:
  struct Moment {
    int64_t at;
    std::filesystem::path aside;
    size_t appended;
  };
  static void copy(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  }

  std::filesystem::path folder_;
  std::vector<std::string> files_;
  std::vector<Moment> moments_;
  std::vector<Entry> appended_;
};

}  // namespace imroute::contract
