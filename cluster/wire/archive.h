// Structures to bytes and back by one description each: `fields(archive, structure)` names the
// members in order, Writer appends them, Reader fills them. Integers are LEB128, byte strings and
// lists come after their length. A Reader never reads past its input, checks every count against
// the bytes that are there before it makes room, and after a mistake gives zeros; ask `done()`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "core/base/ids.h"
#include "core/base/inline_vector.h"
#include "core/base/payload.h"
#include "core/wire/codec.h"

namespace imroute::cluster {

class Writer {
 public:
  explicit Writer(ByteBuffer& out) : out_(out) {}

  template <class T>
  void operator()(const T& value) {
    if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
      number(static_cast<uint64_t>(value));
    } else {
      fields(*this, const_cast<T&>(value));  // one description serves both directions
    }
  }
  template <class Tag, class Rep>
  void operator()(const Id<Tag, Rep>& id) {
    number(id.value);
  }
  void operator()(const std::string& text) { bytes(std::as_bytes(std::span(text))); }
  void operator()(const Payload& payload) { bytes(payload.bytes()); }
  template <class T>
  void operator()(const std::vector<T>& list) {
    number(list.size());
    for (const T& item : list) (*this)(item);
  }
  template <class T, uint32_t N>
  void operator()(const InlineVector<T, N>& list) {
    number(list.size());
    for (const T& item : list) (*this)(item);
  }
  // None is not the same as empty.
  template <class T>
  void operator()(const std::shared_ptr<const T>& shared) {
    number(shared != nullptr);
    if (shared != nullptr) (*this)(*shared);
  }
  template <class First, class Second, class... More>
  void operator()(const First& first, const Second& second, const More&... more) {
    (*this)(first);
    (*this)(second);
    ((*this)(more), ...);
  }

 private:
  void number(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<std::byte>(value | 0x80));
    out_.push_back(static_cast<std::byte>(value));
  }
  void bytes(std::span<const std::byte> bytes) {
    number(bytes.size());
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  ByteBuffer& out_;
};

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, BlobPool& pool) : bytes_(bytes), pool_(pool) {}

  // Everything was there, in range, and nothing more.
  bool done() const { return good_ && bytes_.empty(); }
  bool good() const { return good_; }
  void fail() {
    good_ = false;
    bytes_ = {};
  }

  template <class T>
  void operator()(T& value) {
    if constexpr (std::is_enum_v<T>) {  // last_of(T{}) is its greatest value
      const uint64_t got = number();
      if (got > static_cast<uint64_t>(last_of(T{}))) return fail();
      value = static_cast<T>(got);
    } else if constexpr (std::is_same_v<T, bool>) {
      const uint64_t got = number();
      if (got > 1) return fail();
      value = got == 1;
    } else if constexpr (std::is_integral_v<T>) {
      const uint64_t got = number();
      if (got > static_cast<uint64_t>(std::numeric_limits<T>::max())) return fail();
      value = static_cast<T>(got);
    } else {
      fields(*this, value);
    }
  }
  template <class Tag, class Rep>
  void operator()(Id<Tag, Rep>& id) {
    (*this)(id.value);
  }
  void operator()(std::string& text) {
    const std::span<const std::byte> got = take();
    text.assign(reinterpret_cast<const char*>(got.data()), got.size());
  }
  void operator()(Payload& payload) { payload = pool_.copy(take()); }
  template <class T>
  void operator()(std::vector<T>& list) {
    const uint64_t count = number();
    if (count > bytes_.size()) return fail();  // every item takes a byte at least
    list.clear();
    list.reserve(std::min<uint64_t>(count, 1024));
    for (uint64_t i = 0; i < count && good_; ++i) (*this)(list.emplace_back());
  }
  template <class T, uint32_t N>
  void operator()(InlineVector<T, N>& list) {
    const uint64_t count = number();
    if (count > N) return fail();
    for (uint64_t i = 0; i < count && good_; ++i) {
      T item{};
      (*this)(item);
      list.push_back(item);
    }
  }
  template <class T>
  void operator()(std::shared_ptr<const T>& shared) {
    bool there = false;
    (*this)(there);
    if (!there) return;
    auto made = std::make_shared<T>();
    (*this)(*made);
    shared = std::move(made);
  }
  template <class First, class Second, class... More>
  void operator()(First& first, Second& second, More&... more) {
    (*this)(first);
    (*this)(second);
    ((*this)(more), ...);
  }

 private:
  uint64_t number() {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes_.size() && i < 10; ++i) {
      const auto byte = static_cast<uint64_t>(bytes_[i]);
      if (i == 9 && byte > 1) break;
      value |= (byte & 0x7f) << (7 * i);
      if (byte >= 0x80) continue;
      bytes_ = bytes_.subspan(i + 1);
      return value;
    }
    fail();
    return 0;
  }
  std::span<const std::byte> take() {
    const uint64_t size = number();
    if (size > bytes_.size()) {
      fail();
      return {};
    }
    const std::span<const std::byte> got = bytes_.first(static_cast<size_t>(size));
    bytes_ = bytes_.subspan(static_cast<size_t>(size));
    return got;
  }
  std::span<const std::byte> bytes_;
  BlobPool& pool_;
  bool good_ = true;
};

}  // namespace imroute::cluster
