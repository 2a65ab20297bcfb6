// A registry of listed nodes as one of them sees it (held.h): whoever has opened may go on, also
// while the holder of the list is out of reach. A renewal is answered here, at once; what the
// holder says to it is heard later, and a session that another life of this node took ends then.
// `on_refused`: each time the holder does not let this node in.
#pragma once

#include <functional>
#include <memory>

#include "cluster/net/loop.h"
#include "cluster/store/store.h"

namespace imroute::cluster {

std::unique_ptr<RegistryStore> without_lease(Loop& loop, std::unique_ptr<RegistryStore> holder,
                                             std::function<void()> on_refused = {});

}  // namespace imroute::cluster
