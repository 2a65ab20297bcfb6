// How much each address takes: connections that are open, and logins in the last second. Addresses
// that take nothing are forgotten, so the book is no larger than what is open.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "cluster/net/loop.h"

namespace imroute::cluster {

class AddressBook {
  struct Entry {
    uint32_t seats = 0;
    MonoTime busy_until = 0;  // by the logins so far, each its share of a second
  };
  using Entries = std::unordered_map<std::string, Entry>;  // its items stay where they are

 public:
  // 0: as many as they like.
  AddressBook(uint32_t most_seats, uint32_t logins_per_second)
      : most_seats_(most_seats), logins_per_second_(logins_per_second) {}

  // A connection's place, kept as long as it is open.
  class Seat {
   public:
    Seat(std::shared_ptr<Entries> entries, const std::string& address)
        : entries_(std::move(entries)), item_(*entries_->try_emplace(address).first) {
      ++item_.second.seats;
    }
    ~Seat() {
      const bool last = --item_.second.seats == 0;
      if (last && item_.second.busy_until <= monotonic_now())
        entries_->erase(entries_->find(item_.first));
    }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

    const std::string& address() const { return item_.first; }

   private:
    friend class AddressBook;
    std::shared_ptr<Entries> entries_;
    Entries::value_type& item_;
  };

  // Nothing when that address has all that it may.
  std::shared_ptr<Seat> take_seat(const std::string& address) {
    forget();
    const auto at = entries_->find(address);
    if (most_seats_ != 0 && at != entries_->end() && at->second.seats >= most_seats_) {
      return nullptr;
    }
    return std::make_shared<Seat>(entries_, address);
  }

  // False when its address has had those of this second.
  bool take_login(const Seat& seat) {
    if (logins_per_second_ == 0) return true;
    Entry& entry = seat.item_.second;
    const MonoTime now = monotonic_now();
    const MonoTime after = std::max(entry.busy_until, now) + kSecond / logins_per_second_;
    if (after > now + kSecond) return false;
    entry.busy_until = after;
    return true;
  }

  size_t size() const { return entries_->size(); }

 private:
  // Those that left in the second of their last login.
  void forget() {
    if (entries_->size() < forget_at_) return;
    const MonoTime now = monotonic_now();
    std::erase_if(*entries_, [now](const auto& item) {
      return item.second.seats == 0 && item.second.busy_until <= now;
    });
    forget_at_ = std::max<size_t>(1024, 2 * entries_->size());
  }

  uint32_t most_seats_, logins_per_second_;
  std::shared_ptr<Entries> entries_ = std::make_shared<Entries>();
  size_t forget_at_ = 1024;
};

}  // namespace imroute::cluster
