// One word of a language of ours: how an enum value is spelt and what it means to a user.
#pragma once

#include <cstdint>

namespace imroute {

struct NamedValue {
  const char* name;
  uint8_t value;
  const char* help;
};

}  // namespace imroute
