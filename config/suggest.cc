#include "config/suggest.h"

#include <algorithm>
#include <vector>

namespace imroute {
namespace {

constexpr size_t kLongestWord = 80;

std::string folded(std::string_view word) {
  std::string out;
  for (const char c : word) {
    if (c >= 'A' && c <= 'Z') {
      out.push_back(static_cast<char>(c - 'A' + 'a'));
    } else {
      out.push_back(c == '-' || c == ' ' ? '_' : c);
    }
  }
  return out;
}

}  // namespace

uint32_t edit_distance(std::string_view a, std::string_view b, uint32_t limit) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > limit || b.size() > kLongestWord) return a == b ? 0 : limit + 1;
  // Optimal string alignment, three rows.
  std::vector<uint32_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<uint32_t>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    next[0] = static_cast<uint32_t>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const uint32_t replace = row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      next[j] = std::min({replace, row[j] + 1, next[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        next[j] = std::min(next[j], before[j - 2] + 1);
      }
    }
    before.swap(row);
    row.swap(next);
  }
  return std::min(row[b.size()], limit + 1);
}

std::string nearest(std::string_view word, std::span<const std::string_view> known) {
  if (word.empty() || word.size() > kLongestWord) return {};
  const std::string low = folded(word);
  const auto limit = static_cast<uint32_t>(std::max<size_t>(1, low.size() / 3));
  uint32_t best = limit + 1;
  std::string_view found;
  for (const std::string_view candidate : known) {
    const uint32_t distance = edit_distance(low, folded(candidate), limit);
    // Every letter differs: no likeness at all.
    if (distance < best && distance < std::max(low.size(), candidate.size())) {
      best = distance;
      found = candidate;
    }
  }
  if (!found.empty() || low.size() < 4) return std::string(found);
  for (const std::string_view candidate : known) {  // "robin" for "round_robin"
    if (folded(candidate).find(low) != std::string::npos) return std::string(candidate);
  }
  return {};
}

std::string join_or(std::span<const std::string_view> words) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i != 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

}  // namespace imroute
