// A frame that goes by value instead of by bytes: it must lose on the way what the codec would
// lose.
#pragma once

#include "core/model/frame.h"

namespace imroute {

// Sets to its zero whatever ends that agreed on `features` do not carry on a frame of this type.
void keep_carried(Frame& frame, uint64_t features);

}  // namespace imroute
