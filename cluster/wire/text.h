// Bytes as text: base64 (RFC 4648, padded), whether bytes are UTF-8, and what of them may be shown.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace imroute::cluster {

// Nothing when it is not the one base64 of some bytes.
std::optional<std::string> from_base64(std::string_view text);
std::string to_base64(std::string_view bytes);
bool is_utf8(std::string_view bytes);
// For a terminal, whoever they are from: '?' for what would steer it instead of being read, and for
// bytes that are no UTF-8.
std::string printable(std::string_view bytes);

}  // namespace imroute::cluster
