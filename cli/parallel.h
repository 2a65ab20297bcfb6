// Runs independent jobs on several threads. Each job writes only its own slot of the caller's
// results, so what comes out does not depend on how many threads there are or who was first.
#pragma once

#include <cstddef>
#include <functional>

namespace imroute {

// Calls `job(i)` once for each i in [0, count), on `threads` threads (0 = one a core).
// `progress` is called from the calling thread only, about ten times a second, with the number of
// finished jobs. When `cancelled` answers true no new job starts; returns false then. An exception
// of a job stops the rest and is thrown again here.
bool run_parallel(size_t count, unsigned threads, const std::function<void(size_t)>& job,
                  const std::function<void(size_t)>& progress,
                  const std::function<bool()>& cancelled);

}  // namespace imroute
