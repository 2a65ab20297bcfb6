// Directory rows: which device of a user is connected where. One record per user is the unit of
// compare-and-set, so one operation decides login policy and losers. The seeds call node id and
// address brokerId and brokerHost.
#pragma once

#include <cstdint>

#include "core/base/ids.h"
#include "core/base/inline_vector.h"
#include "core/model/limits.h"
#include "core/model/message.h"

namespace imroute {

enum class ConnectState : uint8_t { none = 0, online = 1, offline = 2 };

// Which devices of a user may be online together.
enum class LoginPolicy : uint8_t {
  single,              // one device in all
  one_per_type,        // one device of each ClientType
  mobile_desktop_web,  // one of {mobile, pad}, one of {pc}, one of {web}
  all,                 // any, up to kMaxDevicesPerUser
};

struct DeviceRow {
  uint32_t device = 0;
  uint32_t app = 0;
  uint32_t client_version = 0;
  ClientType client_type = ClientType::mobile;
  ConnectState state = ConnectState::none;
  NodeId node = kNoNode;
  uint64_t incarnation = 0;  // of the node; the row is void once that incarnation's lease ended
  LinkId link;               // connection id at the node
  uint64_t generation = 0;   // rises with every login, survives unregister
};

struct UserRecord {
  UserId user;
  uint64_t version = 0;  // rises with every change of the record
  InlineVector<DeviceRow, kMaxDevicesPerUser> rows;
};

// True when devices of these types may not be online together under `policy`.
bool conflicts(LoginPolicy policy, ClientType a, ClientType b);

}  // namespace imroute
